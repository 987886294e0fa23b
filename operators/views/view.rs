//! One view: what it remembers, and the differences that it tells its dataflow.
//!
//! Of several facts about one frame the greatest counts, and a frame joins its truth, in a plain map, and not in the
//! dataflow: the view must know anyway what a frame weighed, to take it away when it is corrected or leaves the window. So
//! differential dataflow gets exactly the differences, and what it holds are sums: its size is that of the table, however
//! many frames there were.

use differential_dataflow::input::InputSession;
use serde::{Deserialize, Serialize};

use super::ask::{Item, Key, Pass, Weight};
use super::frames::{Frames, Slot};
use super::known::{Known, Name};
use super::last::Last;
use super::measure::Measure;
use super::past::{Past, negative};
use super::waiting::Waiting;
use super::window::{Clock, Window};
use super::{Definition, Fact, Truth};
use crate::UnixMillis;

/// Differences, on their way into the dataflow.
pub(super) type Input = InputSession<Pass, (Key, Item), Weight>;

/// One view.
pub(super) struct View {
    definition: Definition,
    measure: Measure,
    clock: Clock,
    frames: Frames,
    last: Last,
    waiting: Waiting,
    past: Past,
    late: u64,
    input: Input,
}

/// All that a view knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedView {
    clock: Clock,
    frames: Vec<Known>,
    waiting: Vec<Truth>,
    past: Past,
    late: u64,
}

impl View {
    pub fn new(definition: &Definition, input: Input) -> Self {
        Self {
            definition: definition.clone(),
            measure: Measure::new(definition),
            clock: Clock::default(),
            frames: Frames::default(),
            last: Last::default(),
            waiting: Waiting::default(),
            past: Past::default(),
            late: 0,
            input,
        }
    }

    /// How many frames it remembers.
    pub fn remembered(&self) -> usize {
        self.frames.len()
    }

    /// How many facts came too late.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Takes in a fact.
    pub fn fact(&mut self, fact: Fact) {
        let known = Known::from(fact);
        let name = known.name();
        match self.clock.late(known.fact.at, self.measure.window) && !self.frames.contains(&name) {
            true => self.too_late(&known.fact),
            false => self.learn(known),
        }
    }

    /// Takes in a truth.
    pub fn truth(&mut self, truth: Truth) {
        let name = (truth.camera.clone(), truth.id.clone());
        match self.take_out(&name) {
            Some(mut known) => {
                known.tell(truth.version, truth.label);
                self.put_in(name, known);
            }
            None => self.waiting.add(truth),
        }
    }

    /// Time goes on to `now`: all that was told, and all that time brings with it, is in the dataflow before pass `next`.
    pub fn pass(&mut self, now: UnixMillis, next: Pass) {
        let before = self.clock;
        self.clock.advance(now, &self.definition, self.measure.window);
        self.leave(before.since);
        self.settle(before.settled);
        self.forget();
        self.choose();
        self.input.advance_to(next);
        self.input.flush();
    }

    /// All that it knows.
    pub fn save(&self) -> SavedView {
        SavedView {
            clock: self.clock,
            frames: self.frames.iter().cloned().collect(),
            waiting: self.waiting.iter().collect(),
            past: self.past.clone(),
            late: self.late,
        }
    }

    /// Begins with what was saved.
    pub fn restore(&mut self, saved: SavedView) {
        self.clock = saved.clock;
        self.late = saved.late;
        self.take_past(saved.past);
        saved.frames.into_iter().for_each(|known| self.learn(known));
        saved.waiting.into_iter().for_each(|truth| self.truth(truth));
    }

    /// Takes in what another one knows, and forgets what the other one has forgotten.
    ///
    /// The sums of forgotten frames cannot be put together, since nobody knows any more which frames they are of. So those
    /// count that go further; what the other side remembers beyond that comes to it frame by frame.
    pub fn merge(&mut self, saved: SavedView) {
        self.clock.join(&saved.clock);
        self.late = self.late.max(saved.late);
        if (saved.clock.forgotten, saved.past.count) > (self.clock.forgotten, self.past.count) {
            self.clock.forgotten = saved.clock.forgotten;
            self.give_up_past();
            self.take_past(saved.past);
        }
        let remembered = saved.frames.into_iter().filter(|known| known.fact.at >= self.clock.forgotten);
        remembered.collect::<Vec<_>>().into_iter().for_each(|known| self.learn(known));
        saved.waiting.into_iter().for_each(|truth| self.truth(truth));
    }
}

/// What happens to a frame.
impl View {
    /// Adds to what is known of a frame.
    fn learn(&mut self, mut known: Known) {
        let name = known.name();
        self.clock.heard(known.fact.at);
        match self.take_out(&name) {
            Some(before) => known.absorb(before),
            None => self.waiting.take(&name).into_iter().for_each(|(version, label)| known.tell(version, label)),
        }
        self.put_in(name, known);
    }

    fn put_in(&mut self, name: Name, mut known: Known) {
        known.settled = known.fact.at < self.clock.settled;
        let weighs = match self.measure.window {
            Window::Last(_) => self.last.insert(&known.fact),
            _ => known.fact.at >= self.clock.since,
        };
        if weighs {
            weigh(&self.measure, &mut self.input, &known, 1);
        }
        self.frames.insert(name, Slot { known, weighs });
    }

    fn take_out(&mut self, name: &Name) -> Option<Known> {
        let Slot { known, weighs } = self.frames.remove(name)?;
        self.last.remove(&known.fact);
        if weighs {
            weigh(&self.measure, &mut self.input, &known, -1);
        }
        Some(known)
    }

    /// A frame comes into the window, or leaves it.
    fn turn(&mut self, name: &Name, is_in: bool) {
        let Some(slot) = self.frames.get_mut(name).filter(|slot| slot.weighs != is_in) else { return };
        slot.weighs = is_in;
        weigh(&self.measure, &mut self.input, &slot.known, if is_in { 1 } else { -1 });
    }

    /// Forgets a frame. What it weighed stays where it is a part of a sum.
    fn let_go(&mut self, name: Name) {
        if self.measure.settles() {
            self.settle_one(&name);
        }
        match self.measure.window.sums() {
            true => self.remember_weight(&name),
            false => drop(self.take_out(&name)),
        }
    }

    fn remember_weight(&mut self, name: &Name) {
        let slot = self.frames.remove(name).expect("who forgets a frame has looked it up");
        if slot.weighs {
            self.past.count += 1;
            self.measure.weigh(&slot.known, |key, item, weight| self.past.add(key, item, weight));
        }
    }

    /// Counts a fact that is not taken.
    fn too_late(&mut self, fact: &Fact) {
        self.late += 1;
        if self.measure.window.sums() && fact.at >= self.clock.since {
            self.past.count += 1;
            self.measure.weigh_late(fact, |key, item, weight| {
                self.input.update((key.clone(), item.clone()), weight);
                self.past.add(key, item, weight);
            });
        }
    }
}

/// What time brings with it.
impl View {
    /// Takes out what is in no window any more, since it was last seen to.
    fn leave(&mut self, before: UnixMillis) {
        for name in self.frames.between(before, self.clock.since) {
            self.turn(&name, false);
        }
        self.drop_windows();
    }

    fn drop_windows(&mut self) {
        if let Some(first) = self.measure.window.cell(self.clock.since) {
            let gone = self.past.drop_windows(&first);
            self.update(gone, -1);
        }
    }

    /// Frames that have become older than the view's lateness.
    fn settle(&mut self, before: UnixMillis) {
        let aged = match self.measure.settles() {
            true => self.frames.between(before, self.clock.settled),
            false => Vec::new(),
        };
        for name in aged {
            self.settle_one(&name);
        }
    }

    /// From now on a frame weighs what an old one does.
    fn settle_one(&mut self, name: &Name) {
        let Some(slot) = self.frames.get_mut(name).filter(|slot| !slot.known.settled) else { return };
        if slot.weighs {
            weigh(&self.measure, &mut self.input, &slot.known, -1);
        }
        slot.known.settled = true;
        if slot.weighs {
            weigh(&self.measure, &mut self.input, &slot.known, 1);
        }
    }

    fn forget(&mut self) {
        let most = self.definition.remember.frames;
        let before = self.frames.len();
        while let Some((at, name)) = self.frames.oldest()
            && (at < self.clock.forgotten || self.frames.len() > most)
        {
            // All of one moment are forgotten together, so that what is late can be told by its time.
            self.clock.forgotten = self.clock.forgotten.max(UnixMillis(at.0.saturating_add(1)));
            self.let_go(name);
        }
        self.waiting.forget(self.clock.patience(&self.definition), most);
        if self.frames.len() < before {
            let folded = self.past.fold(&*self.measure.ask);
            self.update(folded, 1);
        }
    }

    fn choose(&mut self) {
        if let Window::Last(most) = self.measure.window {
            for (name, is_in) in self.last.choose(most) {
                self.turn(&name, is_in);
            }
        }
    }

    /// Forgets all that is forgotten already anyway, and what was known of it.
    fn give_up_past(&mut self) {
        while let Some((at, name)) = self.frames.oldest()
            && at < self.clock.forgotten
        {
            self.take_out(&name);
        }
        let given_up = std::mem::take(&mut self.past);
        self.update(given_up.iter().map(|(key, item, weight)| (key.clone(), item.clone(), weight)).collect(), -1);
    }

    fn take_past(&mut self, past: Past) {
        self.past = past;
        let sums = self.past.iter().map(|(key, item, weight)| (key.clone(), item.clone(), weight)).collect();
        self.update(sums, 1);
        self.drop_windows();
    }

    fn update(&mut self, weights: Vec<(Key, Item, Weight)>, sign: i8) {
        for (key, item, weight) in weights {
            self.input.update((key, item), signed(weight, sign));
        }
    }
}

/// Tells the dataflow what a frame weighs (1), or that it does not weigh it any more (-1).
fn weigh(measure: &Measure, input: &mut Input, known: &Known, sign: i8) {
    measure.weigh(known, |key, item, weight| input.update((key, item), signed(weight, sign)));
}

fn signed(weight: Weight, sign: i8) -> Weight {
    match sign {
        -1 => negative(weight),
        _ => weight,
    }
}
