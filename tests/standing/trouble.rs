//! Trouble for a cluster of three: processes that are killed, stopped and ended, by dice.

use std::time::{Duration, Instant};

use super::Standing;

/// Random numbers: SplitMix64, the same on every machine.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// A time of so many milliseconds.
    pub fn time(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

/// How a process goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `kill -9`.
    Killed,
    /// It stands still, and goes on.
    Stopped,
    /// It is asked to end.
    Ended,
}

/// A process that is away, and when it comes back.
struct Away {
    index: usize,
    way: Way,
    until: Instant,
}

/// What befalls the processes of a cluster.
pub struct Trouble<'a> {
    pub cluster: &'a mut Standing,
    pub dice: Dice,
    away: Vec<Away>,
    next: Instant,
    begun: Instant,
}

impl<'a> Trouble<'a> {
    /// None yet.
    pub fn new(cluster: &'a mut Standing, dice: Dice) -> Self {
        let begun = Instant::now();
        Self { cluster, dice, away: Vec::new(), next: begun, begun }
    }

    /// Does what is due now.
    pub fn turn(&mut self) {
        let now = Instant::now();
        while let Some(place) = self.away.iter().position(|away| away.until <= now) {
            let away = self.away.remove(place);
            self.back(&away);
        }
        if self.next <= now {
            // A majority stays, but for one in ten times.
            let most = if self.dice.below(10) == 0 { 2 } else { 1 };
            if self.away.len() < most {
                self.strike();
            }
            self.next = Instant::now() + self.dice.time(300, 4_000);
        }
    }

    /// Brings everyone back.
    pub fn heal(&mut self) {
        for away in std::mem::take(&mut self.away) {
            self.back(&away);
        }
    }

    fn tell(&self, what: &str, index: usize) {
        println!("{:7.2} s: process {index} {what}", self.begun.elapsed().as_secs_f64());
    }

    fn strike(&mut self) {
        let here: Vec<_> = (0..3).filter(|index| self.away.iter().all(|away| away.index != *index)).collect();
        let index = here[self.dice.below(here.len() as u64) as usize];
        let (way, pause) = match self.dice.below(3) {
            0 => (Way::Killed, self.dice.time(100, 2_000)),
            1 => (Way::Stopped, self.dice.time(1_000, 5_000)),
            _ => (Way::Ended, self.dice.time(100, 1_000)),
        };
        self.tell(&format!("is {way:?} for {pause:?}"), index);
        match way {
            Way::Killed => self.cluster.kill(index),
            Way::Stopped => self.cluster.signal(index, "STOP"),
            Way::Ended => {
                self.cluster.signal(index, "TERM");
                let code = self.cluster.end(index);
                assert_eq!(code, Some(0), "a clean end of process {index}\n{}", self.cluster.said());
            }
        }
        self.away.push(Away { index, way, until: Instant::now() + pause });
    }

    fn back(&mut self, away: &Away) {
        self.tell("comes back", away.index);
        match away.way {
            Way::Stopped => self.cluster.signal(away.index, "CONT"),
            Way::Killed | Way::Ended => self.cluster.bring(away.index),
        }
    }
}
