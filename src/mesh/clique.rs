//! The most processes of which all are connected with all.

/// How many sets are looked at before the best so far is good enough. A network would have to be broken in very odd ways.
const MOST_LOOKS: usize = 10_000;

/// The largest set that holds `first` and some of `others` (given in order), in which each is `connected` with each; of
/// several, the one that comes first in order.
pub fn largest(first: usize, others: &[usize], connected: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let others: Vec<_> = others.iter().copied().filter(|other| connected(first, *other)).collect();
    let mut search = Search { connected, best: vec![first], looks: 0 };
    search.grow(&mut vec![first], &others);
    search.best
}

struct Search<C> {
    connected: C,
    best: Vec<usize>,
    looks: usize,
}

impl<C: Fn(usize, usize) -> bool> Search<C> {
    /// Tries each way to add to `set` from `others`, all of which are connected with all of it.
    fn grow(&mut self, set: &mut Vec<usize>, others: &[usize]) {
        self.looks += 1;
        if set.len() > self.best.len() {
            self.best.clone_from(set);
        }
        for (place, next) in others.iter().enumerate() {
            let hopeless = set.len() + others.len() - place <= self.best.len();
            if hopeless || self.looks > MOST_LOOKS {
                return;
            }
            let left = |other: &usize| (self.connected)(*next, *other);
            let rest: Vec<_> = others[place + 1..].iter().copied().filter(left).collect();
            set.push(*next);
            self.grow(set, &rest);
            set.pop();
        }
    }
}
