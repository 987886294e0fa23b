//! Trouble for a cluster of three: processes that are killed, stopped, ended, cut off and restarted in turn, by dice.

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

/// Says what happens now, since the trouble began.
pub fn tell(begun: Instant, what: &str) {
    println!("{:7.2} s: {what}", begun.elapsed().as_secs_f64());
}

/// How a process goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `kill -9`.
    Killed,
    /// It is asked to end.
    Ended,
    /// It stands still, and goes on.
    Stopped,
    /// No packet reaches it or leaves it: where the processes have networks of their own.
    Cut,
}

/// A process that is away, and when it comes back.
struct Away {
    index: usize,
    way: Way,
    until: Instant,
}

/// What befalls the processes of a cluster.
pub struct Trouble<'a> {
    cluster: &'a mut Standing,
    dice: Dice,
    away: Vec<Away>,
    next: Instant,
    begun: Instant,
}

impl<'a> Trouble<'a> {
    /// None yet.
    pub fn new(cluster: &'a mut Standing, dice: Dice, begun: Instant) -> Self {
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
            match self.dice.below(20) {
                0 => self.roll(),
                1 | 2 if self.away.len() < 2 => self.strike(),
                _ if self.away.is_empty() => self.strike(),
                _ => {}
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
        tell(self.begun, &format!("process {index} {what}"));
    }

    /// A rolling restart: each ends and starts again when all are there.
    fn roll(&mut self) {
        self.heal();
        tell(self.begun, "a rolling restart");
        self.cluster.await_members(&[0, 1, 2]);
        for index in 0..3 {
            self.end(index);
            self.cluster.bring(index);
            self.cluster.await_members(&[0, 1, 2]);
        }
        tell(self.begun, "the rolling restart is over");
    }

    fn strike(&mut self) {
        let here: Vec<_> = (0..3).filter(|index| self.away.iter().all(|away| away.index != *index)).collect();
        let index = here[self.dice.below(here.len() as u64) as usize];
        let ways = if self.cluster.net().is_some() { 4 } else { 3 };
        let (way, pause) = match self.dice.below(ways) {
            0 => (Way::Killed, self.dice.time(100, 2_000)),
            1 => (Way::Ended, self.dice.time(100, 1_000)),
            2 => (Way::Stopped, self.dice.time(1_000, 10_000)),
            _ => (Way::Cut, self.dice.time(1_000, 10_000)),
        };
        self.tell(&format!("is {way:?} for {pause:?}"), index);
        match way {
            Way::Killed => self.cluster.kill(index),
            Way::Ended => self.end(index),
            Way::Stopped => self.cluster.signal(index, "STOP"),
            Way::Cut => self.cluster.net().expect("there are networks").cut(index),
        }
        self.away.push(Away { index, way, until: Instant::now() + pause });
    }

    fn end(&mut self, index: usize) {
        self.cluster.await_word(index);
        self.cluster.signal(index, "TERM");
        let code = self.cluster.end(index);
        assert_eq!(code, Some(0), "a clean end of process {index}\n{}", self.cluster.said());
    }

    fn back(&mut self, away: &Away) {
        self.tell("comes back", away.index);
        match away.way {
            Way::Killed | Way::Ended => self.cluster.bring(away.index),
            Way::Stopped => self.cluster.signal(away.index, "CONT"),
            Way::Cut => self.cluster.net().expect("there are networks").mend(away.index),
        }
    }
}
