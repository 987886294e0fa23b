//! What should have become of a job that commands were given for, while processes die.

use std::collections::BTreeSet;

/// A job as it should be. The number is that of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody knows it.
    Absent,
    /// It takes frames in.
    Running(u64),
    /// It does not, until it is resumed.
    Paused(u64),
    /// It is being drained, or that is done.
    Ending(u64),
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Submit(u64),
    Update(u64),
    Cancel,
    Pause,
    Resume,
    Restart,
    Drain,
}

impl State {
    /// What a command may lead to: whether it is done, and how the job is then.
    pub fn after(self, deed: Deed) -> Vec<(bool, State)> {
        use Deed::{Cancel, Drain, Pause, Restart, Resume, Submit, Update};
        use State::{Absent, Ending, Paused, Running};
        let same = |is: bool| vec![(is, self)];
        match (self, deed) {
            (Absent, Submit(text)) => vec![(true, Running(text))],
            // A process that asks its leader twice, as the first answer was lost, can't tell its own cancel from another's.
            (Absent, Cancel) => vec![(true, Absent), (false, Absent)],
            (Absent, _) => same(false),
            (_, Cancel) => vec![(true, Absent)],
            (Running(old) | Paused(old), Submit(new)) => same(old == new),
            (Running(_), Update(text)) => vec![(true, Running(text))],
            (Paused(_), Update(text)) => vec![(true, Paused(text))],
            (Running(text), Pause) => vec![(true, Paused(text))],
            (Paused(text), Resume) | (Running(text) | Paused(text), Restart) => vec![(true, Running(text))],
            (Running(_), Resume) | (Paused(_), Pause) | (Ending(_), Drain) => same(true),
            (Running(text) | Paused(text), Drain) => vec![(true, Ending(text))],
            // Whether it has ended already, only the cluster knows.
            (Ending(_), Submit(text) | Update(text)) | (Ending(text), Restart) => {
                vec![(true, Running(text)), (false, self)]
            }
            (Ending(_), Pause | Resume) => same(false),
        }
    }

    /// Whether a process may show it so: its state, and the text that it has.
    pub fn shows_as(self, state: &str, text: u64) -> bool {
        match self {
            Self::Absent => state.is_empty(),
            Self::Running(own) => state == "running" && own == text,
            Self::Paused(own) => state == "paused" && own == text,
            Self::Ending(own) => state == "drained" && own == text,
        }
    }
}

/// All that a job may be, as far as the answers have told.
#[derive(Clone, Debug)]
pub struct Model(BTreeSet<State>);

impl Model {
    /// Of a job that was never there.
    pub fn new() -> Self {
        Self([State::Absent].into())
    }

    /// Takes in how a command was answered: it was done, it was refused, or nobody answered.
    ///
    /// # Errors
    /// No state that the job may have been in leads to that answer.
    pub fn take(&mut self, deed: Deed, answer: Option<bool>) -> Result<(), String> {
        let after = self.0.iter().flat_map(|state| state.after(deed));
        let fits = |(done, state): (bool, State)| answer.is_none_or(|answer| answer == done).then_some(state);
        let mut next: BTreeSet<_> = after.filter_map(fits).collect();
        if answer.is_none() {
            next.extend(&self.0);
        }
        if next.is_empty() {
            return Err(format!("{deed:?} was answered with {answer:?}, of a job that is {:?}", self.0));
        }
        self.0 = next;
        Ok(())
    }

    /// Whether a process may show it so.
    pub fn allows(&self, state: &str, text: u64) -> bool {
        self.0.iter().any(|one| one.shows_as(state, text))
    }
}

/// Catches a model that takes every answer.
#[test]
fn the_model_knows_what_can_not_be() {
    let mut model = Model::new();
    assert!(model.clone().take(Deed::Pause, Some(true)).is_err(), "there is no such job");
    model.take(Deed::Submit(1), None).expect("nobody answered");
    assert!(model.allows("running", 1) && model.allows("", 0), "it is there or not");
    model.take(Deed::Pause, Some(true)).expect("then it is there");
    assert!(model.allows("paused", 1) && !model.allows("running", 1) && !model.allows("paused", 2));
    assert!(model.clone().take(Deed::Submit(2), Some(true)).is_err(), "it has another text");
    model.take(Deed::Drain, Some(true)).expect("it can be drained");
    model.take(Deed::Submit(2), Some(true)).expect("it has been by now");
    assert!(model.allows("running", 2) && !model.allows("drained", 1));
}
