//! What a service answers as somebody wrote it down, for jobs that are tried without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use reqwest::StatusCode;

/// That a job is tried (`vigie try`): nobody waits for a service that is away, and some services are only played.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// The answers of the services that are played, by the step that asks.
    pub scripts: BTreeMap<String, Script>,
}

/// The answers of one service in their order; the last one is given again and again. Clones are at the same place in it.
#[derive(Clone, Debug)]
pub struct Script(Arc<Lines>);

#[derive(Debug)]
struct Lines {
    all: Vec<Line>,
    next: AtomicUsize,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its status.
    pub status: StatusCode,
    /// All that it says.
    pub body: Bytes,
}

impl Script {
    /// A script of those answers; nothing where there is none.
    pub fn new(all: Vec<Line>) -> Option<Self> {
        (!all.is_empty()).then(|| Self(Arc::new(Lines { all, next: AtomicUsize::new(0) })))
    }

    /// The next answer.
    pub fn next(&self) -> Line {
        let Lines { all, next } = &*self.0;
        // Who asks after the last one stays there.
        let place = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| Some((at + 1).min(all.len())));
        let place = place.unwrap_or_else(|at| at).min(all.len() - 1);
        all[place].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches answers in another order, and a script that has an end.
    #[test]
    fn the_last_answer_is_repeated() {
        let line = |status: u16| Line { status: StatusCode::from_u16(status).expect("a status"), body: Bytes::new() };
        let script = Script::new([503, 200, 404].map(line).to_vec()).expect("three lines");
        let told: Vec<_> = (0..5).map(|_| script.clone().next().status.as_u16()).collect();
        assert_eq!(told, [503, 200, 404, 404, 404]);
        assert!(Script::new(Vec::new()).is_none());
    }
}
