//! A model at work: pictures in, numbers out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Output;
use super::engines::{Raw, Runner};
use super::pace::{Pace, Way};

/// A model at work for one worker.
#[derive(Debug)]
pub struct Session {
    runner: Box<dyn Runner>,
    /// How many frames the model takes at once; `None` for any number.
    batch: Option<usize>,
    pace: Arc<Pace>,
    /// The ways in which this session has run a batch: the first run of each prepares the engine, and says nothing.
    seasoned: Vec<(Way, usize)>,
}

impl Session {
    /// A session over a model; `batch` is how many frames it takes at once, `None` for any number.
    pub(super) fn new(runner: Box<dyn Runner>, batch: Option<usize>, pace: Arc<Pace>) -> Self {
        Self { runner, batch, pace, seasoned: Vec::new() }
    }

    /// Runs the model over `count` frames: `fill` writes the input of each, `read` gets its outputs.
    ///
    /// A model of a fixed batch is run as often as that takes, its last input padded with what stood there before. One that
    /// takes any number is run as it was found to be faster.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
        mut read: impl FnMut(usize, &[Output<'_>]),
    ) -> Result<(), String> {
        let way = self.pace.way(count);
        let group = self.batch.unwrap_or(if way == Way::Together { count } else { 1 }).max(1);
        let mut spent = Duration::ZERO;
        for first in (0..count).step_by(group) {
            let frames = group.min(count - first);
            spent += self.run_once(group, frames, |at, to| fill(first + at, to), |at, from| read(first + at, from))?;
        }
        if self.batch.is_none() && count > 1 {
            self.tell(way, count, spent);
        }
        Ok(())
    }

    /// A batch took so long that way.
    fn tell(&mut self, way: Way, count: usize, spent: Duration) {
        match self.seasoned.contains(&(way, count)) {
            true => self.pace.tell(way, count, spent),
            false => self.seasoned.push((way, count)),
        }
    }

    /// Runs the model over a group of frames; how long the engine took.
    fn run_once(
        &mut self,
        group: usize,
        frames: usize,
        mut fill: impl FnMut(usize, &mut [f32]),
        mut read: impl FnMut(usize, &[Output<'_>]),
    ) -> Result<Duration, String> {
        let input = self.runner.input(group)?;
        let sample = input.len() / group;
        input.chunks_mut(sample).take(frames).enumerate().for_each(|(at, input)| fill(at, input));
        let (start, mut spent) = (Instant::now(), Duration::ZERO);
        let mut stacked = false;
        let done = self.runner.run(&mut |raws| {
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
            self.pace.stacks();
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
