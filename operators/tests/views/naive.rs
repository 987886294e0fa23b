//! What a view has to say, computed from scratch from all that it was ever told: slow, and simple to follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operators::UnixMillis;
use operators::views::{Cell, Definition, Fact, Over, Question, Truth};

mod answers;

pub type Table = BTreeMap<Vec<Cell>, Vec<Cell>>;

/// All that was told of a frame while it was remembered.
#[derive(Clone, Default)]
struct Frame {
    facts: Vec<Fact>,
    truths: Vec<Truth>,
    forgotten: bool,
}

impl Frame {
    fn fact(&self) -> &Fact {
        self.facts.iter().max().expect("a frame has a fact")
    }

    fn truth(&self) -> Option<&str> {
        let told = self.truths.iter().max_by_key(|truth| (truth.version, truth.label.clone()));
        told.map(|truth| &*truth.label).or(self.fact().truth.as_deref())
    }

    fn versions(&self) -> BTreeSet<UnixMillis> {
        self.facts.iter().map(|fact| fact.version).collect()
    }

    fn found(&self) -> i64 {
        self.fact().found.iter().map(|(_, count)| count).sum()
    }
}

pub struct Naive {
    definition: Definition,
    frames: Vec<Frame>,
    waiting: Vec<Truth>,
    /// Facts that were too late, while their window still had rows.
    late: Vec<Fact>,
    pub late_count: u64,
    now: u64,
    newest: u64,
    time: u64,
    forgotten: u64,
}

fn millis(span: Duration) -> u64 {
    span.as_millis() as u64
}

impl Naive {
    pub fn new(definition: &Definition) -> Self {
        Self {
            definition: definition.clone(),
            frames: Vec::new(),
            waiting: Vec::new(),
            late: Vec::new(),
            late_count: 0,
            now: 0,
            newest: 0,
            time: 0,
            forgotten: 0,
        }
    }

    fn remembered(&mut self, camera: &str, id: &str) -> Option<&mut Frame> {
        let named = |frame: &&mut Frame| frame.fact().camera.as_str() == camera && frame.fact().id.as_str() == id;
        self.frames.iter_mut().filter(|frame| !frame.forgotten).find(named)
    }

    pub fn fact(&mut self, fact: Fact) {
        let (camera, id) = (fact.camera.clone(), fact.id.clone());
        let late = self.is_late(fact.at.0);
        let newest = self.newest.max(fact.at.0);
        match self.remembered(camera.as_str(), id.as_str()) {
            Some(frame) => frame.facts.push(fact),
            None if late => {
                self.late_count += 1;
                if fact.at.0 >= self.since() {
                    self.late.push(fact);
                }
                return;
            }
            None => {
                let named = |truth: &Truth| truth.camera == camera && truth.id == id;
                let truths = self.waiting.extract_if(.., |truth| named(truth)).collect();
                self.frames.push(Frame { facts: vec![fact], truths, forgotten: false });
            }
        }
        self.newest = newest;
    }

    pub fn truth(&mut self, truth: Truth) {
        match self.remembered(truth.camera.as_str(), truth.id.as_str()) {
            Some(frame) => frame.truths.push(truth),
            None => self.waiting.push(truth),
        }
    }

    fn is_late(&self, at: u64) -> bool {
        let closed = match self.definition.over {
            Over::Tumbling { every, .. } if self.looks_back().is_none() => {
                let end = (at / millis(every) + 1) * millis(every);
                end + millis(self.definition.lateness) <= self.time
            }
            _ => false,
        };
        closed || at < self.forgotten
    }

    /// Frames before this are in no window.
    fn since(&self) -> u64 {
        match self.definition.over {
            _ if self.looks_back().is_some() => 0,
            Over::Sliding(span) => (self.now + 1).saturating_sub(millis(span)),
            Over::Tumbling { every, keep } => {
                (self.time / millis(every) + 1).saturating_sub(keep as u64) * millis(every)
            }
            _ => 0,
        }
    }

    /// How many frames of each camera count.
    fn looks_back(&self) -> Option<usize> {
        match (&self.definition.question, self.definition.over) {
            (Question::Occupancy { .. }, _) => Some(600),
            (_, Over::Last) => Some(1),
            _ => None,
        }
    }

    pub fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.time = self.time.max(self.newest.min(self.now));
        let span = millis(self.definition.remember.span);
        let longest = match self.definition.over {
            Over::Sliding(sliding) if self.looks_back().is_none() => span.max(millis(sliding)),
            _ => span,
        };
        self.forgotten = self.forgotten.max(self.time.saturating_sub(longest));
        let mut times: Vec<u64> = self.frames.iter().filter(|f| !f.forgotten).map(|f| f.fact().at.0).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.retain(|&at| at >= self.forgotten);
        if let Some(first_out) = times.get(self.definition.remember.frames) {
            self.forgotten = self.forgotten.max(first_out + 1);
        }
        let forgotten = self.forgotten;
        self.frames.iter_mut().for_each(|frame| frame.forgotten |= frame.fact().at.0 < forgotten);
        self.forget_truths(self.now.saturating_sub(span));
    }

    fn forget_truths(&mut self, before: u64) {
        let mut latest = BTreeMap::new();
        for truth in self.waiting.drain(..) {
            let name = (truth.camera.clone(), truth.id.clone());
            let place = latest.entry(name).or_insert_with(|| truth.clone());
            if (truth.version, &truth.label) > (place.version, &place.label) {
                *place = truth;
            }
        }
        self.waiting = latest.into_values().filter(|truth| truth.version.0 >= before).collect();
        self.waiting.sort_by_key(|truth| (truth.version, truth.camera.clone(), truth.id.clone()));
        let too_many = self.waiting.len().saturating_sub(self.definition.remember.frames);
        self.waiting.drain(..too_many);
    }

    /// The frames that the question is asked of.
    fn asked(&self) -> Vec<&Frame> {
        let Some(most) = self.looks_back() else {
            let since = self.since();
            let sums = !matches!(self.definition.over, Over::Sliding(_));
            let asked = |frame: &&Frame| frame.fact().at.0 >= since && (sums || !frame.forgotten);
            return self.frames.iter().filter(asked).collect();
        };
        let mut cameras: BTreeMap<&str, Vec<&Frame>> = BTreeMap::new();
        for frame in self.frames.iter().filter(|frame| !frame.forgotten) {
            cameras.entry(frame.fact().camera.as_str()).or_default().push(frame);
        }
        let last = |mut frames: Vec<_>| {
            sort_by_time(&mut frames);
            frames.split_off(frames.len().saturating_sub(most))
        };
        cameras.into_values().flat_map(last).collect()
    }

    fn key(&self, fact: &Fact, more: &[&str]) -> Vec<Cell> {
        let window = match self.definition.over {
            Over::Tumbling { every, .. } if self.looks_back().is_none() => {
                Some(Cell::from((fact.at.0 - fact.at.0 % millis(every)) as i64))
            }
            _ => None,
        };
        let by_camera = self.definition.by.iter().any(|name| name == "camera");
        let of_cameras = matches!(self.definition.question, Question::Gaps | Question::Occupancy { .. });
        let camera = (of_cameras && !by_camera).then(|| Cell::from(fact.camera.as_str()));
        let more = more.iter().map(|&cell| Cell::from(cell));
        window.into_iter().chain(camera).chain(fact.by.iter().cloned()).chain(more).collect()
    }

    fn group<'a, T>(&'a self, cut: impl Fn(&'a Frame) -> Vec<(Vec<Cell>, T)>) -> BTreeMap<Vec<Cell>, Vec<T>> {
        let mut groups: BTreeMap<_, Vec<T>> = BTreeMap::new();
        for (key, part) in self.asked().into_iter().flat_map(cut) {
            groups.entry(key).or_default().push(part);
        }
        groups
    }

    fn by_key(&self) -> BTreeMap<Vec<Cell>, Vec<&Frame>> {
        self.group(|frame| vec![(self.key(frame.fact(), &[]), frame)])
    }
}

fn sort_by_time(frames: &mut [&Frame]) {
    frames.sort_by_key(|frame| (frame.fact().at, frame.fact().id.clone()));
}
