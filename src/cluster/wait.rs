//! Waiting for the others: for how long, and what is said meanwhile and at the end.

use std::time::{Duration, Instant};

use tracing::info;

use super::config::Peer;
use super::handshake::Refusal;

/// How long nobody hears that a process is waited for: most come at once.
const QUIET: Duration = Duration::from_secs(1);

/// What lasts while processes meet again and again: the time, and what went wrong with whom.
pub(super) struct Wait {
    begun: Instant,
    patience: Duration,
    said: bool,
    /// What went wrong with each, last.
    pub trouble: Vec<Option<String>>,
}

impl Wait {
    pub fn new(patience: Duration, processes: usize) -> Self {
        Self { begun: Instant::now(), patience, said: false, trouble: vec![None; processes] }
    }

    /// Says once who is waited for, and at the end of the patience makes it an error.
    pub fn check(&mut self, missing: impl Fn() -> Vec<Peer>) -> Result<(), Refusal> {
        let waited = self.begun.elapsed();
        if waited >= self.patience {
            return Err(Refusal::Missing(self.sentence(&missing())));
        }
        if waited >= QUIET && !self.said {
            self.said = true;
            let names: Vec<_> = missing().iter().map(Peer::to_string).collect();
            info!("waiting for {}", names.join(", "));
        }
        Ok(())
    }

    fn sentence(&self, missing: &[Peer]) -> String {
        let seconds = self.patience.as_secs_f32();
        let Some(first) = missing.first() else {
            return format!("the other processes were not complete within {seconds} s: look at what they say");
        };
        let names: Vec<_> = missing.iter().map(Peer::to_string).collect();
        let (names, index) = (names.join(" and "), first.index);
        let trouble = self.trouble[index].as_ref().map(|why| format!("; the last try said: {why}")).unwrap_or_default();
        format!("{names} did not come within {seconds} s: start it with -p {index}{trouble}")
    }
}
