//! Whether there is room for one task more: how many come in, wait and are at work.

use std::time::Instant;

use super::{Rules, Tasks};

/// What tasks take while they come in and until they have ended.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Tasks that are taken and not acknowledged, and their bytes.
    waiting: (usize, u64),
    /// Bytes that are being sent.
    receiving: u64,
    /// Of the rate: what may come at once, and when that was so.
    pace: Option<(f64, Instant)>,
}

/// Why there is no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// In words.
    pub why: String,
    /// After how many seconds there may be some.
    pub retry_after: u64,
}

impl Busy {
    fn new(why: String, retry_after: f64) -> Self {
        Self { why, retry_after: retry_after.ceil().clamp(1.0, 3600.0) as u64 }
    }
}

impl Load {
    pub fn begin(&mut self, waiting: (usize, u64)) {
        self.waiting = waiting;
    }

    fn take(&mut self, rules: &Rules, bytes: u64, now: Instant) -> Result<(), Busy> {
        let (count, held) = self.waiting;
        if count >= rules.queue {
            let why = format!("{count} tasks of this job wait already, as many as `queue` allows: send them slower");
            return Err(Busy::new(why, 1.0));
        }
        if count > 0 && held + bytes > rules.queue_bytes {
            let why = format!(
                "the tasks of this job that wait have {held} bytes, and `queue_bytes` is {}",
                rules.queue_bytes
            );
            return Err(Busy::new(why + ": send them slower", 1.0));
        }
        if self.receiving > 0 && self.receiving + bytes > rules.receiving {
            let why = "too much is being sent at the same time: send less at once, and say its length".to_owned();
            return Err(Busy::new(why, 1.0));
        }
        self.keep_pace(rules, now)?;
        self.waiting = (count + 1, held + bytes);
        self.receiving += bytes;
        Ok(())
    }

    /// A bucket that fills at the rate, and holds what comes in a second.
    fn keep_pace(&mut self, rules: &Rules, now: Instant) -> Result<(), Busy> {
        let Some(rate) = rules.rate else { return Ok(()) };
        let most = rate.max(1.0);
        let (had, then) = self.pace.unwrap_or((most, now));
        let has = (had + rate * (now - then).as_secs_f64()).min(most);
        if has < 1.0 {
            self.pace = Some((has, now));
            let why =
                format!("more than {rate} tasks a second come in, which is the `rate` of this job: send them slower");
            return Err(Busy::new(why, (1.0 - has) / rate));
        }
        self.pace = Some((has - 1.0, now));
        Ok(())
    }

    fn leave(&mut self, count: usize, bytes: u64) {
        let (all, held) = self.waiting;
        self.waiting = (all.saturating_sub(count), held.saturating_sub(bytes));
    }
}

/// Room for one task: until it is dropped, or the task fills it and is acknowledged.
#[derive(Debug)]
pub struct Room {
    tasks: Tasks,
    bytes: u64,
    filled: Option<u64>,
}

impl Tasks {
    /// Room for a task that is sent in so many bytes.
    ///
    /// # Errors
    /// There is none now.
    pub fn room(&self, rules: &Rules, bytes: u64) -> Result<Room, Busy> {
        self.book().load.take(rules, bytes, Instant::now())?;
        Ok(Room { tasks: self.clone(), bytes, filled: None })
    }

    /// So many tasks with so many bytes are acknowledged.
    pub fn make_room(&self, count: usize, bytes: u64) {
        self.book().load.leave(count, bytes);
    }
}

impl Room {
    /// The task is durable, and keeps its own size until it is acknowledged.
    pub fn fill(mut self, bytes: u64) {
        self.filled = Some(bytes);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut book = self.tasks.book();
        book.load.receiving = book.load.receiving.saturating_sub(self.bytes);
        match self.filled {
            Some(bytes) => book.load.leave(0, self.bytes.saturating_sub(bytes)),
            None => book.load.leave(1, self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn rules() -> Rules {
        let (terms, keep) = Default::default();
        Rules { terms, queue: 3, queue_bytes: 100, rate: None, keep, keep_bytes: 0, largest: 50, receiving: 60 }
    }

    /// Catches a limit that is none, and room that is lost when a task goes.
    #[test]
    fn there_is_room_for_as_much_as_the_job_says() {
        let (tasks, rules) = (Tasks::new("a"), rules());
        let why = |bytes| tasks.room(&rules, bytes).expect_err("no room").why;
        let first = tasks.room(&rules, 50).expect("room");
        assert!(why(20).contains("sent at the same time"));
        first.fill(30);
        let second = tasks.room(&rules, 50).expect("it takes only 30 bytes");
        assert!(why(30).contains("queue_bytes"));
        drop(second);
        let rest: Vec<_> = (0..2).map(|_| tasks.room(&rules, 1).expect("room")).collect();
        assert!(why(1).contains("`queue`"));
        tasks.make_room(1, 30);
        drop((rest, tasks.room(&rules, 40).expect("one has ended")));
        assert_eq!(tasks.book().load.waiting, (0, 0));
        assert_eq!(tasks.book().load.receiving, 0);
    }

    /// Catches a rate that lets more through, or less, and a time to wait that is too short.
    #[test]
    fn a_rate_is_kept_and_says_when_to_come_again() {
        let (rules, start) = (Rules { rate: Some(0.5), queue: 99, ..rules() }, Instant::now());
        let mut load = Load::default();
        let mut ask =
            |seconds| load.take(&rules, 0, start + Duration::from_secs(seconds)).map_err(|busy| busy.retry_after);
        assert_eq!((ask(0), ask(0), ask(1), ask(2), ask(2)), (Ok(()), Err(2), Err(1), Ok(()), Err(2)));
        assert_eq!((ask(60), ask(60)), (Ok(()), Err(2)));
    }
}
