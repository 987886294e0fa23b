//! `vigie model FILE`: what a model is, why Vigie thinks so, what it costs, and what to write in a job.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::allowed::Allowed;
use crate::codec::Pixels;
use crate::engine::{Feed, Model, Port, Session};
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

/// Frames of a batch that is tried, how many are needed until it is known how they are best run, and how long it may take.
const BATCH: usize = 3;
const BATCHES: usize = 12;
const TRYING: Duration = Duration::from_millis(500);

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
    /// What runs it: `ONNX Runtime` or `tract`.
    pub engine: String,
    /// How its batches are run here, as a trial of a batch of three on one thread shows, and why. Absent where it was not run.
    pub runs: Option<String>,
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
        engine: model.engine.to_string(),
        runs: None,
        milliseconds: None,
        memory_mib: None,
        write: Vec::new(),
    };
    let fed = match Sight::of(&model, &Asked::default()) {
        Ok(sight) => found.understand(&sight)?,
        Err(why) => {
            found.why = why;
            None
        }
    };
    let at_work = fed.and_then(|(feed, form)| Some((model.session_of(feed).ok()?, form)));
    let mut at_work = at_work.map(|(session, form)| Trial::new(session, form));
    found.milliseconds = at_work.as_mut().and_then(Trial::milliseconds);
    found.memory_mib = before.zip(resident()).map(|(before, after)| (after - before).max(0.0));
    if let Some(trial) = at_work.as_mut().filter(|_| model.is_measured()) {
        trial.batches();
    }
    found.runs = at_work.is_some().then(|| model.manner()).map(|manner| format!("{}: {}", manner.runs, manner.why));
    Ok(found)
}

impl Findings {
    /// Finds out what it is, and how it is fed.
    fn understand(&mut self, sight: &Sight<'_>) -> Result<Option<(Feed, Form)>, String> {
        let opinions = recognise::opinions(sight.model, &Asked::default())?;
        self.families = opinions.iter().map(Row::of).collect();
        match (recognise::detector(sight.model, &Default::default()), values::recognise(sight)) {
            (Ok(detector), _) => return Ok(Some(self.detects(sight, &detector, opinions))),
            (Err(_), Some(says)) if opinions.is_empty() => return Ok(Some(self.says(sight, says))),
            (Err(why), _) => {
                self.why = why;
                let sound = opinions.iter().filter(|opinion| opinion.verdict.is_ok()).take(2);
                self.write = sound.flat_map(|one| lines(&self.model, one.family, &one.claim.form)).collect();
            }
        }
        Ok(None)
    }

    fn detects(&mut self, sight: &Sight<'_>, detector: &Detector, opinions: Vec<Opinion>) -> (Feed, Form) {
        let labels = detector.labels(sight.model);
        self.family = Some(detector.family.to_owned());
        self.why = opinions.into_iter().next().map(|first| first.claim.why).unwrap_or_default();
        self.input = Some(*detector.form());
        (self.classes, self.names) = (labels.len(), labels.iter().take(SHOWN).map(ToString::to_string).collect());
        self.write = vec!["kind = \"detect\"".to_owned(), format!("model = \"{}\"", self.model)];
        if sight.is_dynamic() {
            let [width, height] = detector.form().size;
            self.write.push(format!("input = {{ size = [{width}, {height}] }}"));
        }
        (detector.feed().clone(), *detector.form())
    }

    fn says(&mut self, sight: &Sight<'_>, says: Says) -> (Feed, Form) {
        self.write = vec!["kind = \"describe\"".to_owned(), format!("model = \"{}\"", self.model)];
        self.family = Some(says.name().to_owned());
        match Describer::of(sight.model, &Ask::default()) {
            Ok(describer) => self.describes(&describer),
            Err(mistake) => {
                let form = describer::plain(sight);
                self.why = mistake.what;
                (Feed { picture: sight.picture, sample: form.sample(), others: Vec::new() }, form)
            }
        }
    }

    fn describes(&mut self, describer: &Describer) -> (Feed, Form) {
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
        (describer.feed(), describer.form)
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
        rows.push(("engine", self.engine.clone()));
        rows.extend(self.runs.clone().map(|runs| ("runs", runs)));
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

/// A model at work, on a picture made for it.
struct Trial {
    session: Session,
    letterbox: Letterbox,
    pixels: Pixels,
}

impl Trial {
    fn new(session: Session, form: Form) -> Self {
        Self { session, letterbox: Letterbox::new(form), pixels: trial::picture() }
    }

    /// Milliseconds a run, the median of some.
    fn milliseconds(&mut self) -> Option<f64> {
        self.run(1)?;
        let mut times = (0..RUNS).map(|_| self.run(1)).collect::<Option<Vec<_>>>()?;
        times.sort();
        Some(times[RUNS / 2].as_secs_f64() * 1000.0)
    }

    /// Runs batches, until it is known how they are best run or it has taken long enough.
    fn batches(&mut self) {
        let start = Instant::now();
        let goes_on = |trial: &mut Self| start.elapsed() < TRYING && trial.run(BATCH).is_some();
        (0..BATCHES).take_while(|_| goes_on(self)).for_each(drop);
    }

    /// Runs a batch; how long that took since the last picture was put in.
    fn run(&mut self, frames: usize) -> Option<Duration> {
        let Self { session, letterbox, pixels } = self;
        let mut start = Instant::now();
        let fill = |_: usize, input: &mut [f32]| {
            letterbox.put(&*pixels, input);
            start = Instant::now();
        };
        session.run(frames, fill, |_, _| ()).ok()?;
        Some(start.elapsed())
    }
}

/// What this process holds in memory, in MiB, where the system says so.
fn resident() -> Option<f64> {
    usage::resident().map(|bytes| bytes as f64 / (1 << 20) as f64)
}
