//! What happened, for people: started, degraded, waiting. Not frames.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use operators::UnixMillis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::clock;

/// How many events are kept.
pub const KEPT: usize = 1000;

/// How many may be under way to a listener that is slow.
const UNDER_WAY: usize = 256;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It went as it should.
    Info,
    /// It goes on, and somebody should look.
    Warn,
    /// It does not go on.
    Error,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When: RFC 3339.
    pub at: String,
    /// The index of the process that it happened at.
    pub process: usize,
    /// The job that it is about; null where it is about the cluster.
    pub job: Option<String>,
    /// How much it matters.
    pub level: Level,
    /// What happened, in words.
    pub text: String,
}

/// The events of a process: the last of them, and whoever listens.
#[derive(Clone, Debug)]
pub struct Events {
    process: usize,
    last: Arc<Mutex<VecDeque<Event>>>,
    live: broadcast::Sender<Event>,
}

impl Events {
    /// No event yet; this is the process of that index.
    pub fn new(process: usize) -> Self {
        Self { process, last: Arc::default(), live: broadcast::channel(UNDER_WAY).0 }
    }

    /// Tells what happened here, now.
    pub fn tell(&self, level: Level, job: Option<&str>, text: impl Into<String>) {
        let at = clock::rfc3339(UnixMillis::now());
        self.take_in(Event { at, process: self.process, job: job.map(str::to_owned), level, text: text.into() });
    }

    /// Tells what happened to a job at another time.
    pub fn recall(&self, at: UnixMillis, level: Level, job: &str, text: String) {
        self.take_in(Event { at: clock::rfc3339(at), process: self.process, job: Some(job.to_owned()), level, text });
    }

    /// Takes in what another process told.
    pub fn take_in(&self, event: Event) {
        let mut last = self.last();
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(event.clone());
        // Under the lock, so that who begins to listen misses nothing and hears nothing twice.
        let _ = self.live.send(event);
    }

    /// The last `most` events, of one job if one is named, and all that come from here on, of all jobs.
    pub fn listen(&self, job: Option<&str>, most: usize) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let last = self.last();
        let mut found: Vec<_> = last.iter().rev().filter(|event| event.is_of(job)).take(most).cloned().collect();
        found.reverse();
        (found, self.live.subscribe())
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    /// Whether it is about that job; every event is about none.
    pub fn is_of(&self, job: Option<&str>) -> bool {
        job.is_none() || self.job.as_deref() == job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a ring that grows, one that forgets the newest, and events of another job.
    #[test]
    fn the_last_events_are_kept_by_job() {
        let events = Events::new(1);
        for count in 0..KEPT + 5 {
            let job = if count % 2 == 0 { "even" } else { "odd" };
            events.tell(Level::Info, Some(job), count.to_string());
        }
        let (last, _) = events.listen(None, usize::MAX);
        assert_eq!((last.len(), last[0].text.as_str()), (KEPT, "5"));
        let (last, mut live) = events.listen(Some("odd"), 2);
        assert_eq!(last.iter().map(|event| event.text.as_str()).collect::<Vec<_>>(), ["1001", "1003"]);
        events.tell(Level::Warn, None, "later");
        assert_eq!(live.try_recv().map(|event| (event.text, event.process)), Ok(("later".into(), 1)));
    }
}
