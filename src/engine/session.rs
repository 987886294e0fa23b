//! A model at work: pictures in, numbers out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Output;
use super::calm::Calm;
use super::engines::{Raw, Runner};
use super::pace::{Manner, Pace, Way};

/// A model at work for one worker.
#[derive(Debug)]
pub struct Session {
    runner: Box<dyn Runner>,
    /// How many frames the model takes at once; `None` for any number.
    batch: Option<usize>,
    rhythm: Arc<Rhythm>,
    /// The ways in which this session has run a batch: the first run of each prepares the engine, and says nothing.
    seasoned: Vec<(Way, usize)>,
}

/// What is known of how a model is best run, by all its workers.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    calm: Calm,
    /// Of batches that follow one another.
    busy: Pace,
    /// Of batches that are alone.
    alone: Pace,
}

impl Rhythm {
    fn pace(&self, is_alone: bool) -> &Pace {
        if is_alone { &self.alone } else { &self.busy }
    }

    /// How the model is run, and why: as is `usual`, or as was found out.
    pub(super) fn manner(&self, usual: Option<Manner>) -> Manner {
        let unknown = || Manner::new("once a frame", "not measured yet: the first batches of two and more tell");
        let mut manner = usual.or_else(|| self.busy.manner()).unwrap_or_else(unknown);
        if let Some(Manner { runs, why }) = self.alone.manner() {
            manner.why += &format!("; where nothing else is at work {runs}: {why}");
        }
        manner
    }
}

impl Session {
    /// A session over a model; `batch` is how many frames it takes at once, `None` for any number.
    pub(super) fn new(runner: Box<dyn Runner>, batch: Option<usize>, rhythm: Arc<Rhythm>) -> Self {
        Self { runner, batch, rhythm, seasoned: Vec::new() }
    }

    /// Runs the model over `count` frames: `fill` writes the input of each, `read` gets its outputs.
    ///
    /// A model of a fixed batch is run as often as that takes, its last input padded with what stood there before. One that
    /// takes any number is run as it was found to be faster. A batch that is alone has all cores.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
        mut read: impl FnMut(usize, &[Output<'_>]),
    ) -> Result<(), String> {
        let rhythm = self.rhythm.clone();
        let turn = rhythm.calm.begin();
        let ways = Way::all(self.batch.is_none() && count > 1, turn.is_alone && self.can_be_wide());
        let way = rhythm.pace(turn.is_alone).way(count, &ways);
        let group = self.batch.unwrap_or(if way.together { count } else { 1 }).max(1);
        let mut spent = Duration::ZERO;
        for first in (0..count).step_by(group) {
            let frames = group.min(count - first);
            let once = (group, frames, way.wide);
            spent += self.run_once(once, |at, to| fill(first + at, to), |at, from| read(first + at, from))?;
        }
        match self.seasoned.contains(&(way, count)) {
            true => rhythm.pace(turn.is_alone).tell(way, &ways, count, spent),
            false => self.seasoned.push((way, count)),
        }
        Ok(())
    }

    /// Whether all cores are there for a batch that is alone, and not known to be no faster.
    fn can_be_wide(&mut self) -> bool {
        if self.rhythm.alone.is_narrow() {
            self.runner.stay_narrow();
            return false;
        }
        self.runner.can_be_wide()
    }

    /// Runs the model over a group, of which so many are frames; how long the engine took.
    fn run_once(
        &mut self,
        (group, frames, wide): (usize, usize, bool),
        mut fill: impl FnMut(usize, &mut [f32]),
        mut read: impl FnMut(usize, &[Output<'_>]),
    ) -> Result<Duration, String> {
        let input = self.runner.input(group)?;
        let sample = input.len() / group;
        input.chunks_mut(sample).take(frames).enumerate().for_each(|(at, input)| fill(at, input));
        let (start, mut spent) = (Instant::now(), Duration::ZERO);
        let mut stacked = false;
        let done = self.runner.run(wide, &mut |raws| {
            spent = start.elapsed();
            let odd = raws.iter().find(|raw| group > 1 && raw.lead != Some(group as i64));
            if let Some(Raw { name, .. }) = odd {
                stacked = true;
                return Err(format!("its output {name} is not one for each of {group} frames"));
            }
            (0..frames).for_each(|at| read(at, &slices(raws, at, group)));
            Ok(())
        });
        if stacked && self.batch.is_none() {
            // From now on it gets its frames one by one.
            self.rhythm.busy.stacks();
            self.rhythm.alone.stacks();
        }
        done.map(|()| spent)
    }
}

/// What of the outputs is of one frame of a group.
fn slices<'a>(raws: &'a [Raw<'_>], at: usize, group: usize) -> Vec<Output<'a>> {
    let slice = |raw: &'a Raw<'_>| {
        let size = raw.data.len() / group;
        Output { name: raw.name, data: &raw.data[at * size..][..size] }
    };
    raws.iter().map(slice).collect()
}
