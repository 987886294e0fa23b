//! What is said when something was not done, and the code to exit with.

use std::io;

use crate::api::Problem;
use crate::cluster::{EXIT_MISSING, EXIT_MISTAKE};
use crate::mistake::{Mistake, Mistakes};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For a person; empty where nothing is to be said.
    pub said: String,
    /// 2: what was asked is wrong. 69: nobody can do it now. 1: anything else.
    pub code: u8,
}

impl Failure {
    /// The code of what is nobody's mistake: a connection that broke, a terminal that is none.
    pub const BROKEN: u8 = 1;

    /// Something that is nobody's mistake.
    pub fn other(what: impl std::fmt::Display) -> Self {
        Self { said: format!("error: {what}"), code: Self::BROKEN }
    }

    /// No process of the cluster can be reached.
    pub fn nobody(places: &[String]) -> Self {
        let places = places.join(", ");
        let said =
            format!("error: no process answers at {places}: start one with `vigie worker`, or name one with --at");
        Self { said, code: EXIT_MISSING as u8 }
    }

    /// The output can't be written; nothing is said to a reader that has gone.
    pub fn of_output(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { said: String::new(), code: 0 },
            _ => Self::other(format!("the output can't be written: {error}")),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match problem.status {
            400..500 => EXIT_MISTAKE,
            503 => EXIT_MISSING,
            _ => Self::BROKEN.into(),
        };
        // The mistakes of a job file say so themselves.
        let said = match problem.detail.starts_with("error: ") {
            true => problem.detail,
            false => format!("error: {problem}"),
        };
        Self { said, code: code as u8 }
    }
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        Self { said: format!("error: {mistake}"), code: EXIT_MISTAKE as u8 }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self { said: mistakes.to_string(), code: EXIT_MISTAKE as u8 }
    }
}
