//! Contenders take turns, round by round, so that what else a machine does falls on all of them.

use crate::bench::Bench;
use crate::contender::Contender;

/// What each did, one entry a round.
pub struct Turns<T>(Vec<(Contender, Vec<T>)>);

impl<T> Turns<T> {
    /// Lets each of them take its turn in each round. Who fails is out, and the table says why.
    pub fn take(
        bench: &Bench,
        lane: &str,
        contenders: impl IntoIterator<Item = Contender>,
        rounds: usize,
        measure: impl FnMut(&Contender) -> anyhow::Result<T>,
    ) -> Self {
        let wanted = contenders.into_iter().filter(|contender| bench.flags.takes(contender));
        let mut turns = Self(wanted.map(|contender| (contender, Vec::new())).collect());
        turns.go_on(bench, lane, |_| true, rounds, measure);
        turns
    }

    /// Lets those that `who` names take more turns.
    pub fn go_on(
        &mut self,
        bench: &Bench,
        lane: &str,
        who: impl Fn(&Contender) -> bool,
        rounds: usize,
        mut measure: impl FnMut(&Contender) -> anyhow::Result<T>,
    ) {
        for round in 1..=rounds {
            self.0.retain_mut(|(contender, done)| {
                if !who(contender) {
                    return true;
                }
                eprintln!("lane {lane}, round {round} of {rounds}: {}", contender.name);
                let measured = measure(contender);
                let failed = measured.map(|what| done.push(what)).err();
                if let Some(error) = &failed {
                    bench.fails(lane, contender, error);
                }
                failed.is_none()
            });
        }
    }

    /// Who is left.
    pub fn contenders(&self) -> impl Iterator<Item = &Contender> {
        self.0.iter().map(|(contender, _)| contender)
    }

    /// What one of them did; nothing where it took no part.
    pub fn of(&self, name: &str) -> &[T] {
        self.0.iter().find(|(contender, _)| contender.name == name).map_or(&[], |(_, done)| done)
    }

    /// A figure of one of them, each round.
    pub fn values(&self, name: &str, figure: impl Fn(&T) -> f64) -> Vec<f64> {
        self.of(name).iter().map(figure).collect()
    }

    /// How many times the figure of `other` that of `name` is, each round.
    pub fn ratios(&self, name: &str, other: &str, figure: impl Fn(&T) -> f64) -> Vec<f64> {
        let both = self.of(name).iter().zip(self.of(other));
        both.map(|(this, other)| figure(this) / figure(other)).collect()
    }
}
