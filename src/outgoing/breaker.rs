//! The circuit breaker of a service: after failures in a row nobody asks it for a while, and then one request finds out
//! whether it is back.

use std::time::{Duration, Instant};

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It goes.
    Go,
    /// Nobody asks for so long.
    Wait(Duration),
}

/// What is known of a service.
#[derive(Debug)]
pub struct Breaker {
    /// So many failures in a row open it.
    after: u32,
    /// For so long.
    pause: Duration,
    state: State,
    answers: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Requests go; so many have failed in a row.
    Closed(u32),
    /// Nobody asks until then.
    Open(Instant),
    /// One request is on its way to find out; where nothing is heard of it until then, another one goes.
    Probing(Instant),
}

impl Breaker {
    /// Closed.
    pub fn new(after: u32, pause: Duration) -> Self {
        Self { after: after.max(1), pause, state: State::Closed(0), answers: 0 }
    }

    /// Whether a request may go now.
    pub fn leave(&mut self, now: Instant) -> Leave {
        match self.state {
            State::Closed(_) => Leave::Go,
            State::Open(until) | State::Probing(until) if now < until => Leave::Wait(until - now),
            State::Open(_) | State::Probing(_) => {
                self.state = State::Probing(now + self.pause);
                Leave::Go
            }
        }
    }

    /// The service has answered.
    pub fn answered(&mut self) {
        self.answers += 1;
        self.state = State::Closed(0);
    }

    /// It has not.
    pub fn failed(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed(failures) if failures + 1 < self.after => State::Closed(failures + 1),
            State::Closed(_) | State::Probing(_) => State::Open(now + self.pause),
            // This one left before the others found out.
            open @ State::Open(_) => open,
        };
    }

    /// Whether nobody asks, but for the one who finds out.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed(_))
    }

    /// How often the service has answered.
    pub fn answers(&self) -> u64 {
        self.answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAUSE: Duration = Duration::from_secs(5);

    /// Catches a breaker that opens too early or never, one that lets several find out, and one that stays open.
    #[test]
    fn it_opens_probes_and_closes() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..2 {
            breaker.failed(start);
            assert_eq!(breaker.leave(start), Leave::Go);
        }
        breaker.answered();
        for _ in 0..3 {
            assert!(!breaker.is_open(), "an answer between them begins anew");
            breaker.failed(start);
        }
        assert_eq!(breaker.leave(at(1)), Leave::Wait(Duration::from_secs(4)));
        breaker.failed(at(4));
        assert_eq!(breaker.leave(at(5)), Leave::Go, "one that left earlier does not prolong it");
        assert_eq!(breaker.leave(at(6)), Leave::Wait(Duration::from_secs(4)), "one finds out for all");
        breaker.failed(at(6));
        assert_eq!(breaker.leave(at(10)), Leave::Wait(Duration::from_secs(1)));
        assert_eq!(breaker.leave(at(11)), Leave::Go);
        assert_eq!(breaker.leave(at(16)), Leave::Go, "nothing was heard of it");
        breaker.answered();
        assert_eq!((breaker.leave(at(16)), breaker.is_open()), (Leave::Go, false));
    }

    proptest! {
        /// Catches a state from which nobody ever asks again.
        #[test]
        fn it_never_stays_open(steps in proptest::collection::vec((0..3_u8, 0..9_u64), 0..60), after in 1..5_u32) {
            let mut breaker = Breaker::new(after, PAUSE);
            let mut now = Instant::now();
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                match what {
                    0 => breaker.answered(),
                    1 => breaker.failed(now),
                    _ => drop(breaker.leave(now)),
                }
                if let Leave::Wait(left) = breaker.leave(now) {
                    prop_assert!(left <= PAUSE && breaker.is_open());
                }
            }
            prop_assert_eq!(breaker.leave(now + PAUSE), Leave::Go);
        }
    }
}
