//! Where each frame of a load is, from when it was to be sent until all that it led to is durable.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use operators::{Camera, Frame, FrameId, UnixMillis};

use super::rows::{FILTERED, RESULT, Row, rounded};
use crate::account::End;
use crate::witness::Witness;

/// The frames of a load. It looks on in the process that runs the job, so that one clock measures all.
#[derive(Debug)]
pub struct Ledger {
    began: (Instant, SystemTime),
    books: Mutex<Books>,
    bell: Condvar,
}

#[derive(Debug)]
struct Books {
    under_way: HashMap<(Camera, FrameId), Sent>,
    done: Vec<Row>,
    /// Frames that ended and are none of the load's.
    others: u64,
    /// When a frame ended last, whoever's.
    latest: Instant,
    /// Whether the job has ended.
    over: bool,
}

/// A frame that was sent, or is about to be.
#[derive(Debug)]
struct Sent {
    intended: Instant,
    stages: Vec<(&'static str, Duration)>,
    /// When the steps were done with it.
    worked: Option<Instant>,
}

impl Default for Ledger {
    fn default() -> Self {
        let now = Instant::now();
        let (under_way, done) = Default::default();
        let books = Books { under_way, done, others: 0, latest: now, over: false };
        Self { began: (now, SystemTime::now()), books: Mutex::new(books), bell: Condvar::new() }
    }
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A moment on the wall clock.
    pub fn wall(&self, at: Instant) -> UnixMillis {
        let (began, wall) = self.began;
        (wall + at.saturating_duration_since(began)).into()
    }

    /// A frame is to be sent at that moment, which may have passed.
    pub fn intend(&self, frame: &Frame, at: Instant) {
        let sent = Sent { intended: at, stages: Vec::new(), worked: None };
        self.books().under_way.insert((frame.camera.clone(), frame.id.clone()), sent);
    }

    /// Waits until all frames have ended, or none has for so long, or the job is over.
    pub fn wait(&self, patience: Duration) {
        let start = Instant::now();
        let mut books = self.books();
        while !books.under_way.is_empty() && !books.over {
            let quiet = books.latest.max(start).elapsed();
            let Some(left) = patience.checked_sub(quiet) else { return };
            let left = left.max(Duration::from_millis(1));
            books = self.bell.wait_timeout(books, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The frames that have ended, and how many have not: those are forgotten, and count as others' should they still come.
    pub fn take(&self) -> (Vec<Row>, usize) {
        let mut books = self.books();
        let lost = books.under_way.drain().count();
        (std::mem::take(&mut books.done), lost)
    }

    /// How many frames ended that are none of the load's.
    pub fn others(&self) -> u64 {
        self.books().others
    }

    /// How long no frame has ended.
    pub fn quiet(&self) -> Duration {
        self.books().latest.elapsed()
    }

    /// The job has ended: nothing is waited for any more.
    pub fn close(&self) {
        self.books().over = true;
        self.bell.notify_all();
    }

    /// Whether the job has ended.
    pub fn is_over(&self) -> bool {
        self.books().over
    }

    fn row(&self, frame: &Frame, end: End, sent: Sent, now: Instant) -> Row {
        let intended_at = self.wall(sent.intended);
        let total = milliseconds(now.saturating_duration_since(sent.intended));
        // When it was received is known to the millisecond.
        let arrive = (frame.received_at.0.saturating_sub(intended_at.0) as f64).min(total);
        let write = sent.worked.map_or(0.0, |worked| milliseconds(now.saturating_duration_since(worked)));
        Row {
            camera: frame.camera.to_string(),
            id: frame.id.to_string(),
            intended_at,
            received_at: frame.received_at,
            done_at: self.wall(now),
            end: match end {
                End::Result => RESULT.to_owned(),
                End::Filtered(_) => FILTERED.to_owned(),
                End::Dead(reason) => reason.as_str().to_owned(),
            },
            stages: stages(arrive, &sent.stages, write, total),
            total_ms: total,
        }
    }
}

/// All stages in the order in which a frame meets them. What is left of its time, it waited: for its batch, for its turn.
fn stages(arrive: f64, steps: &[(&'static str, Duration)], write: f64, total: f64) -> Vec<(String, f64)> {
    let mut worked: Vec<(String, f64)> = Vec::new();
    for (stage, time) in steps {
        match worked.iter_mut().find(|(known, _)| known == stage) {
            Some((_, ms)) => *ms = rounded(*ms + milliseconds(*time)),
            None => worked.push(((*stage).to_owned(), milliseconds(*time))),
        }
    }
    let known = arrive + write + worked.iter().map(|(_, ms)| ms).sum::<f64>();
    let mut all = vec![("arrive".to_owned(), arrive), ("wait".to_owned(), rounded((total - known).max(0.0)))];
    all.extend(worked);
    all.push(("write".to_owned(), write));
    all
}

fn milliseconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1e3)
}

impl Witness for Ledger {
    fn worked(&self, frame: &Frame, timings: &[(&'static str, Duration)]) {
        if let Some(sent) = self.books().under_way.get_mut(&(frame.camera.clone(), frame.id.clone())) {
            sent.stages.extend(timings);
            sent.worked = Some(Instant::now());
        }
    }

    fn ended(&self, frame: &Frame, end: End) {
        let now = Instant::now();
        let mut books = self.books();
        books.latest = now;
        match books.under_way.remove(&(frame.camera.clone(), frame.id.clone())) {
            Some(sent) => {
                let row = self.row(frame, end, sent, now);
                books.done.push(row);
            }
            None => books.others += 1,
        }
        drop(books);
        self.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use operators::Reason;

    use super::*;
    use crate::picture::tests::picture;

    fn frame(id: &str) -> Frame {
        Frame { id: id.into(), received_at: UnixMillis::now(), ..picture("frame".into()).frame }
    }

    /// Catches a time that counts from when a frame was sent or received, in place of when it was to be sent: a stall of the
    /// sender would be hidden.
    #[test]
    fn a_time_counts_from_when_the_frame_was_to_be_sent() {
        let ledger = Ledger::default();
        let ago = Duration::from_millis(250);
        let Some(intended) = Instant::now().checked_sub(ago) else { return };
        let frame = frame("1");
        ledger.intend(&frame, intended);
        ledger.worked(&frame, &[("decode", Duration::from_millis(3)), ("infer", Duration::from_millis(4))]);
        ledger.worked(&frame, &[("infer", Duration::from_millis(5))]);
        ledger.ended(&frame, End::Result);
        let (rows, lost) = ledger.take();
        let row = &rows[0];
        assert!((rows.len(), lost) == (1, 0) && row.total_ms >= 250.0 && row.counts(), "{row:?}");
        let names: Vec<_> = row.stages.iter().map(|(stage, _)| stage.as_str()).collect();
        assert_eq!(names, ["arrive", "wait", "decode", "infer", "write"]);
        assert_eq!((row.stage("decode"), row.stage("infer")), (Some(3.0), Some(9.0)), "what ran twice is added up");
        let sum: f64 = row.stages.iter().map(|(_, ms)| ms).sum();
        assert!(sum >= row.total_ms - 0.01, "nothing is missing: {row:?}");
    }

    /// Catches a frame that never comes and is waited for as long as others come, one that counts after it was given up,
    /// and a dead letter that counts as an answer.
    #[test]
    fn what_does_not_come_is_lost() {
        let ledger = Ledger::default();
        let (never, broken) = (frame("1"), frame("2"));
        ledger.intend(&never, Instant::now());
        ledger.intend(&broken, Instant::now());
        ledger.ended(&broken, End::Dead(Reason::Truncated));
        ledger.ended(&frame("of another camera"), End::Result);
        ledger.wait(Duration::from_millis(5));
        let (rows, lost) = ledger.take();
        assert_eq!((rows.len(), lost, ledger.others()), (1, 1, 1));
        assert!(rows[0].end == "truncated" && !rows[0].counts());
        ledger.ended(&never, End::Result);
        assert_eq!((ledger.take(), ledger.others()), ((Vec::new(), 0), 2));
    }

    /// Catches a wait that goes on when the job has ended.
    #[test]
    fn nothing_is_waited_for_when_the_job_is_over() {
        let ledger = Ledger::default();
        ledger.intend(&frame("1"), Instant::now());
        ledger.close();
        ledger.wait(Duration::from_secs(3600));
        assert!(ledger.is_over());
    }
}
