//! What workers tell each other of their progress, as timely logs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use timely::logging::TimelyProgressEventBuilder;

use crate::job::{self, Pace};

/// The messages that two workers send, the first with a source of so many frames as fast as they go.
pub fn messages(frames: u64) -> u64 {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let workers = timely::execute(timely::Config::process(2), move |worker| {
        let counted = counted.clone();
        let mut log = worker.log_register().expect("a worker has one");
        log.insert::<TimelyProgressEventBuilder<operators::Epoch>, _>("timely/progress/u64", move |_, events| {
            let sends = events.iter().flat_map(|events| events.iter()).filter(|(_, event)| event.is_send).count();
            counted.fetch_add(sends as u64, Relaxed);
        });
        drop(log);
        let frames = (worker.index() == 0).then_some(frames);
        let running = job::install(worker, frames, Pace::AtOnce, Arc::default());
        while !running.done.done() {
            worker.step_or_park(None);
        }
    });
    workers.expect("two threads").join().into_iter().for_each(|worker| worker.expect("no worker panics"));
    sent.load(Relaxed)
}
