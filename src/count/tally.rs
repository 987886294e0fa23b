//! The table of what reports say.

use std::collections::BTreeMap;
use std::fmt;

use operators::UnixMillis;
use operators::views::{Engine, Fact, Told};

use crate::clock;
use crate::job::ViewPart;
use crate::mistake::Mistake;
use crate::report::Report;
use crate::sinks::Stored;
use crate::views::seed::Seed;
use crate::views::sheet::Sheet;
use crate::views::{Found, Key, Table, Teller, definition};

/// Facts that are told before the engine works: what it remembers is bounded, and what it was told is not.
const AT_ONCE: usize = 10_000;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Reports of the job.
    pub reports: usize,
    /// What is something else.
    pub others: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counted from {} reports", self.reports)?;
        match self.others {
            0 => Ok(()),
            others => write!(f, "; {others} more are no reports of this job"),
        }
    }
}

/// The view's table of all reports of the job `job` in `stored`: as it is at `now`, or else as it was when the last of
/// them was made.
///
/// # Errors
/// Reports do not tell what the view is about, or they can't be read.
pub fn tally(view: &ViewPart, job: &str, stored: Stored, now: Option<UnixMillis>) -> anyhow::Result<(Sheet, Tally)> {
    told_by_reports(view)?;
    let teller = Teller::new(view.config.as_ref(), None);
    let (mut facts, mut tally, mut last) = (Vec::new(), Tally::default(), UnixMillis(0));
    for body in stored {
        for told in reports(&body?, job) {
            let Some((fact, made)) = told.as_ref().and_then(|report| fact(&teller, report)) else {
                tally.others += 1;
                continue;
            };
            (tally.reports, last) = (tally.reports + 1, last.max(made));
            facts.push(fact);
        }
    }
    // As they came in the job itself, as far as that is known: what came too late there comes too late here.
    facts.sort_unstable_by(|a: &Fact, b| (a.version, &a.camera, &a.id).cmp(&(b.version, &b.camera, &b.id)));
    let now = now.unwrap_or(last);
    Ok((Sheet::from(&table(view, facts, now)), tally))
}

/// The reports in a text: one, or one a line. Nothing stands for what is none of this job.
fn reports(body: &[u8], job: &str) -> Vec<Option<Report>> {
    let read = serde_json::Deserializer::from_slice(body).into_iter::<Report>();
    read.map(|report| report.ok().filter(|report| report.job == job)).collect()
}

/// What the view is told of a report, and when it was made.
fn fact(teller: &Teller, report: &Report) -> Option<(Fact, UnixMillis)> {
    let made = clock::parse(&report.done_at)?;
    Some((teller.fact(&Seed::of_report(report)?, made), made))
}

fn table(view: &ViewPart, facts: Vec<Fact>, now: UnixMillis) -> Table {
    let asked = definition(&view.name, view.config.as_ref());
    let columns = asked.columns();
    let mut engine = Engine::new(&[asked]);
    let mut untold = 0;
    for fact in facts {
        let came = fact.version;
        engine.tell(Told::Fact(0, fact));
        untold += 1;
        if untold == AT_ONCE {
            engine.pass(came);
            untold = 0;
        }
    }
    engine.pass(now);
    let rows: BTreeMap<_, _> = engine.rows(0);
    Table { name: view.name.clone(), kind: view.config.kind().to_owned(), columns, epoch: now.0, rows }
}

/// Whether reports tell what the view is about.
fn told_by_reports(view: &ViewPart) -> Result<(), Mistake> {
    let untold =
        |what: String| Err(Mistake::new(format!("the view `{}` can't be counted from reports: {what}", view.name)));
    if view.config.found() == Found::Dead {
        return untold("dead letters have none".to_owned());
    }
    if view.config.truth().is_some() {
        return untold("they tell the truth of the job alone: write its `truth` at the top of the job file".to_owned());
    }
    match view.config.terms().by.iter().find(|key| matches!(key, Key::Header(_))) {
        Some(key) => untold(format!("they do not tell the headers of messages, as `{key}`")),
        None => Ok(()),
    }
}
