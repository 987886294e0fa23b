//! How often one thing is asked, and how long the pauses between are.

use std::time::Duration;

/// A pause is not longer than this, whatever the number of attempts.
const LONGEST: Duration = Duration::from_secs(5);

/// A service that says how long to wait is believed up to this.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is asked again.
    Again,
    /// Often enough: the service is away.
    Away,
    /// The service answers others and, often enough, not this one: it is not the service.
    Theirs,
}

/// The failures of one thing that is asked.
#[derive(Clone, Debug)]
pub struct Patience {
    retries: u32,
    /// Whether it is asked for as long as the service is away.
    endless: bool,
    failures: u32,
    /// Failures between which the service had answered others.
    alone: u32,
    /// How often the service had answered others, at the last failure.
    seen: Option<u64>,
}

impl Patience {
    /// For one that is asked once and `retries` times again; `endless`, where that counts only while others are answered.
    pub fn new(retries: u32, endless: bool) -> Self {
        Self { retries, endless, failures: 0, alone: 0, seen: None }
    }

    /// It was asked in vain; by now the service has given so many `answers` to others.
    pub fn failed(&mut self, answers: u64) -> Next {
        self.failures += 1;
        self.alone += u32::from(self.seen.is_some_and(|seen| answers > seen));
        self.seen = Some(answers);
        match self.endless {
            true if self.alone > self.retries => Next::Theirs,
            false if self.failures > self.retries => Next::Away,
            _ => Next::Again,
        }
    }

    /// How long to wait now: `first`, doubling at each failure; between half of it and all of it, as the `dice` (0 to 1) say,
    /// so that those who failed together do not come again together. Not less than the service `asked` for.
    pub fn pause(&self, first: Duration, dice: f64, asked: Option<Duration>) -> Duration {
        let doubled = first.saturating_mul(1_u32.checked_shl(self.failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let own = doubled.min(LONGEST.max(first)).mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0);
        own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
    }
}

/// A number from 0 to 1 that nobody knows before.
pub fn dice() -> f64 {
    let mut bytes = [0; 4];
    // Without any randomness all come again at the same time, which is no more than a pity.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches one attempt too many or too few.
    #[test]
    fn it_ends_after_so_many_retries() {
        let mut patience = Patience::new(2, false);
        assert_eq!([0, 0, 0].map(|answers| patience.failed(answers)), [Next::Again, Next::Again, Next::Away]);
        assert_eq!(Patience::new(0, false).failed(7), Next::Away);
    }

    /// Catches a service that is away and taken for a picture that it does not like, and the other way round.
    #[test]
    fn the_endless_end_only_where_others_are_answered() {
        let mut away = Patience::new(1, true);
        assert!((0..1000).all(|_| away.failed(40) == Next::Again));
        let mut alone = Patience::new(1, true);
        assert_eq!(
            [3, 4, 4, 9].map(|answers| alone.failed(answers)),
            [Next::Again, Next::Again, Next::Again, Next::Theirs]
        );
    }

    /// Catches pauses that do not grow, overflow, or fall short of what the service asked for.
    #[test]
    fn pauses_grow_to_a_limit() {
        let first = Duration::from_millis(200);
        let mut patience = Patience::new(0, true);
        let mut pauses = Vec::new();
        for _ in 0..80 {
            patience.failed(0);
            assert_eq!(patience.pause(first, 0.0, None) * 2, patience.pause(first, 1.0, None));
            pauses.push(patience.pause(first, 1.0, None).as_millis());
        }
        assert_eq!(pauses[..6], [200, 400, 800, 1600, 3200, 5000]);
        assert_eq!(pauses[79], 5000);
        let asked = |seconds| patience.pause(first, 0.0, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!((asked(30), asked(9999)), (30, 60));
        assert!((0.0..=1.0).contains(&dice()));
    }
}
