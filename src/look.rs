//! `vigie model FILE`: what a model is, why Vigie thinks so, what it costs, and what to write in a job.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use crate::allowed::Allowed;
use crate::engine::{Feed, Model, Port};
use crate::models::describer::{self, Ask};
use crate::models::form::{Asked, Form};
use crate::models::letterbox::Letterbox;
use crate::models::reading::Reading;
use crate::models::recognise::{self, Opinion};
use crate::models::values::{self, Says};
use crate::models::{self, Describer, Detector, Sight, trial};
use crate::usage;

/// Runs that are timed, after one that is not.
const RUNS: usize = 5;

/// How many classes are shown.
const SHOWN: usize = 10;

/// `vigie model`.
#[derive(Debug, Args)]
pub struct Look {
    /// The model's file, or its name under VIGIE_MODELS or in models/.
    pub file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What is known of a model.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The file's name.
    pub model: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its inputs, as name and shape.
    pub inputs: Vec<String>,
    /// Its outputs, as name and shape.
    pub outputs: Vec<String>,
    /// Its family. Where it finds nothing and is none of the known ones: `classifier` or `attributes`. Absent where nobody
    /// knows.
    pub family: Option<String>,
    /// What speaks for it, or why it is not known.
    pub why: String,
    /// Every family that claims it, the likeliest first.
    pub families: Vec<Row>,
    /// How it wants its picture.
    pub input: Option<Form>,
    /// How many classes it tells apart.
    pub classes: usize,
    /// The first of them.
    pub names: Vec<String>,
    /// Milliseconds a run on one thread, the median of five.
    pub milliseconds: Option<f64>,
    /// What this process grew by when it loaded and ran it, in MiB.
    pub memory_mib: Option<f64>,
    /// What to write in a job.
    pub write: Vec<String>,
}

/// A family and how likely it is.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub family: String,
    /// How likely, 0 to 1, after a trial.
    pub score: f32,
    /// What speaks for it.
    pub why: String,
    /// Why it is out of the question, if it is.
    pub refused: Option<String>,
}

impl Look {
    /// Looks at the model and says what it is.
    ///
    /// # Errors
    /// One sentence, where the file is no model.
    pub fn run(&self) -> anyhow::Result<()> {
        let found = look(&self.path()?).map_err(anyhow::Error::msg)?;
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&found)?),
            false => print!("{}", found.told()),
        }
        Ok(())
    }

    fn path(&self) -> anyhow::Result<PathBuf> {
        if self.file.is_file() {
            return Ok(self.file.clone());
        }
        models::find(&self.file.to_string_lossy(), Path::new(""), &Allowed::default()).map_err(anyhow::Error::msg)
    }
}

/// Looks at a model's file.
///
/// # Errors
/// One sentence, where it is no model.
pub fn look(path: &Path) -> Result<Findings, String> {
    let before = resident();
    let model = Model::load(path)?;
    let list = |ports: &[Port]| ports.iter().map(Port::to_string).collect();
    let mut found = Findings {
        model: model.tag.name.to_string(),
        sha256: model.tag.sha256.to_string(),
        inputs: list(&model.signature.inputs),
        outputs: list(&model.signature.outputs),
        family: None,
        why: String::new(),
        families: Vec::new(),
        input: None,
        classes: 0,
        names: Vec::new(),
        milliseconds: None,
        memory_mib: None,
        write: Vec::new(),
    };
    match Sight::of(&model, &Asked::default()) {
        Ok(sight) => found.understand(&sight)?,
        Err(why) => found.why = why,
    }
    found.memory_mib = before.zip(resident()).map(|(before, after)| (after - before).max(0.0));
    Ok(found)
}

impl Findings {
    fn understand(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let opinions = recognise::opinions(sight.model, &Asked::default())?;
        self.families = opinions.iter().map(Row::of).collect();
        match (recognise::detector(sight.model, &Default::default()), values::recognise(sight)) {
            (Ok(detector), _) => self.detects(sight, &detector, opinions),
            (Err(_), Some(says)) if opinions.is_empty() => self.says(sight, says),
            (Err(why), _) => {
                self.why = why;
                let sound = opinions.iter().filter(|opinion| opinion.verdict.is_ok()).take(2);
                self.write = sound.flat_map(|one| lines(&self.model, one.family, &one.claim.form)).collect();
            }
        }
        Ok(())
    }

    fn detects(&mut self, sight: &Sight<'_>, detector: &Detector, opinions: Vec<Opinion>) {
        let labels = detector.labels(sight.model);
        self.family = Some(detector.family.to_owned());
        self.why = opinions.into_iter().next().map(|first| first.claim.why).unwrap_or_default();
        self.input = Some(*detector.form());
        (self.classes, self.names) = (labels.len(), labels.iter().take(SHOWN).map(ToString::to_string).collect());
        self.milliseconds = milliseconds(sight, detector.feed().clone(), detector.form());
        self.write = vec!["kind = \"detect\"".to_owned(), format!("model = \"{}\"", self.model)];
        if sight.is_dynamic() {
            let [width, height] = detector.form().size;
            self.write.push(format!("input = {{ size = [{width}, {height}] }}"));
        }
    }

    fn says(&mut self, sight: &Sight<'_>, says: Says) {
        self.write = vec!["kind = \"describe\"".to_owned(), format!("model = \"{}\"", self.model)];
        self.family = Some(says.name().to_owned());
        match Describer::of(sight.model, &Ask::default()) {
            Ok(describer) => self.describes(sight, &describer),
            Err(mistake) => {
                let form = describer::plain(sight);
                let feed = Feed { picture: sight.picture, sample: form.sample(), others: Vec::new() };
                (self.why, self.milliseconds) = (mistake.what, milliseconds(sight, feed, &form));
            }
        }
    }

    fn describes(&mut self, sight: &Sight<'_>, describer: &Describer) {
        let told = |(name, reading): &(String, Reading)| match reading.meaning.classes() {
            [] => format!("{name} is a number"),
            classes => format!("{name} is one of {} classes", classes.len()),
        };
        self.family = Some(describer.family.to_owned());
        self.why = describer.readings.iter().map(told).collect::<Vec<_>>().join(", ");
        self.input = Some(describer.form);
        let labels: Vec<_> = describer.readings.iter().flat_map(|(_, reading)| reading.meaning.classes()).collect();
        self.classes = labels.len();
        self.names = labels.iter().take(SHOWN).map(ToString::to_string).collect();
        self.milliseconds = milliseconds(sight, describer.feed(), &describer.form);
    }

    /// The findings for people.
    fn told(&self) -> String {
        let mut rows = vec![
            ("model", format!("{} ({})", self.model, &self.sha256[..12])),
            ("inputs", self.inputs.join(", ")),
            ("outputs", self.outputs.join(", ")),
            ("family", format!("{}: {}", self.family.as_deref().unwrap_or("unknown"), self.why)),
        ];
        let others = self.families.iter().map(|row| {
            let refused = row.refused.as_deref().map(|why| format!(", refused: {why}")).unwrap_or_default();
            ("", format!("{:.2} {}: {}{refused}", row.score, row.family, row.why))
        });
        rows.extend(others);
        rows.extend(self.input.map(|form| ("input", form.line().trim_start_matches("input = ").to_owned())));
        if self.classes > 0 {
            let more = if self.classes > self.names.len() { " …" } else { "" };
            let names = if self.names.is_empty() { "without names".to_owned() } else { self.names.join(", ") + more };
            rows.push(("classes", format!("{}: {names}", self.classes)));
        }
        rows.extend(self.milliseconds.map(|time| ("time", format!("{time:.1} ms a run on one thread"))));
        rows.extend(self.memory_mib.map(|size| ("memory", format!("{size:.0} MiB"))));
        let row = |(name, what): (&str, String)| format!("{name:<8}  {what}\n");
        let mut text: String = rows.into_iter().map(row).collect();
        if !self.write.is_empty() {
            text += &format!("\nIn a job:\n\n  {}\n", self.write.join("\n  "));
        }
        text
    }
}

impl Row {
    fn of(opinion: &Opinion) -> Self {
        let refused = opinion.verdict.as_ref().err().cloned();
        Self { family: opinion.family.to_owned(), score: opinion.score(), why: opinion.claim.why.clone(), refused }
    }
}

/// What to write in a job for a model whose family has to be said.
fn lines(model: &str, family: &str, form: &Form) -> [String; 4] {
    let step = ["kind = \"detect\"".to_owned(), format!("model = \"{model}\"")];
    let [kind, model] = step;
    [kind, model, format!("family = \"{family}\""), format!("{}\n", form.line())]
}

/// Milliseconds a run, the median of some.
fn milliseconds(sight: &Sight<'_>, feed: Feed, form: &Form) -> Option<f64> {
    let mut session = sight.model.session_of(feed).ok()?;
    let (pixels, mut letterbox) = (trial::picture(), Letterbox::new(*form));
    let mut time = || {
        let mut start = Instant::now();
        let fill = |_: usize, input: &mut [f32]| {
            letterbox.put(&pixels, input);
            start = Instant::now();
        };
        session.run(1, fill, |_, _| ()).ok()?;
        Some(start.elapsed().as_secs_f64() * 1000.0)
    };
    time()?;
    let mut times = (0..RUNS).map(|_| time()).collect::<Option<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);
    Some(times[RUNS / 2])
}

/// What this process holds in memory, in MiB, where the system says so.
fn resident() -> Option<f64> {
    usage::resident().map(|bytes| bytes as f64 / (1 << 20) as f64)
}
