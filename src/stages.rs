//! How long frames spend in each stage of a job, how many wait for it, and how busy that keeps its workers.
//!
//! A stage is a thread of work (`steps`, `sink.NAME`, `dead`), in front of which frames wait, or a part of the steps
//! (decode, infer, …), in front of which none do.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use operators::Load;
use serde::{Deserialize, Serialize};

use crate::api::Stage;

/// Over how long it is looked at what happens now.
const LATELY: Duration = Duration::from_secs(5);

/// Frames that went through a stage, the time that they spent there, and those that wait for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// The stage's name.
    pub stage: String,
    /// Frames.
    pub frames: u64,
    /// Seconds of all of them together.
    pub seconds: f64,
    /// Frames that wait.
    #[serde(default)]
    pub queue: u64,
}

/// The threads of work of a job on this process. They go when the job is installed anew.
#[derive(Debug, Default)]
pub struct Loads(Mutex<Vec<(String, Weak<Load>)>>);

impl Loads {
    /// For one thread more of that stage.
    pub fn add(&self, stage: &str) -> Arc<Load> {
        let load = Arc::new(Load::default());
        let mut loads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loads.retain(|(_, load)| load.strong_count() > 0);
        loads.push((stage.to_owned(), Arc::downgrade(&load)));
        load
    }

    /// The stages that have done something or have something to do, each with all its threads.
    pub fn now(&self) -> Vec<Spent> {
        let mut rows: Vec<Spent> = Vec::new();
        for (stage, load) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(load) = load.upgrade() else { continue };
            let ((frames, time), queue) = (load.done(), load.waiting());
            let at = rows.iter().position(|row| row.stage == *stage).unwrap_or_else(|| {
                rows.push(Spent { stage: stage.clone(), ..Spent::default() });
                rows.len() - 1
            });
            rows[at].frames += frames;
            rows[at].seconds += time.as_secs_f64();
            rows[at].queue += queue;
        }
        rows.retain(|row| row.frames + row.queue > 0);
        rows
    }
}

/// What was spent since the start, stage by stage, in the order in which a frame meets them.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Vec<(&'static str, u64, Duration)>>);

impl Tally {
    /// A frame has spent `time` in `stage`.
    pub fn add(&self, stage: &'static str, time: Duration) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rows.iter_mut().find(|row| row.0 == stage) {
            Some((_, frames, sum)) => (*frames, *sum) = (*frames + 1, *sum + time),
            None => rows.push((stage, 1, time)),
        }
    }

    /// All that was added.
    pub fn so_far(&self) -> Vec<Spent> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = |(stage, frames, sum): &(&'static str, u64, Duration)| Spent {
            stage: (*stage).to_owned(),
            frames: *frames,
            seconds: sum.as_secs_f64(),
            queue: 0,
        };
        rows.iter().map(spent).collect()
    }
}

/// What was spent in the last seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lately {
    /// How many seconds these are.
    pub seconds: f64,
    /// What was spent in them.
    pub spent: Vec<Spent>,
}

impl Lately {
    /// Frames a second through a stage.
    pub fn rate(&self, stage: &str) -> f64 {
        let frames = self.spent.iter().find(|spent| spent.stage == stage).map_or(0, |spent| spent.frames);
        if self.seconds > 0.0 { frames as f64 / self.seconds } else { 0.0 }
    }
}

/// What was found in the last seconds, to take it away from what is found now.
#[derive(Debug, Default)]
pub struct Looks(VecDeque<(Instant, Vec<Spent>)>);

impl Looks {
    /// What was spent lately, where so much was spent until `now`.
    pub fn look(&mut self, now: Instant, spent: Vec<Spent>) -> Lately {
        if self.0.back().is_none_or(|(at, _)| now - *at > LATELY / 20) {
            self.0.push_back((now, spent.clone()));
        }
        while self.0.len() > 2 && self.0.front().is_some_and(|(at, _)| now - *at > LATELY) {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else { return Lately::default() };
        let since_then = |spent: Spent| {
            let before = before.iter().find(|known| known.stage == spent.stage).cloned().unwrap_or_default();
            Spent {
                frames: spent.frames.saturating_sub(before.frames),
                // A job that is installed anew counts its threads from zero.
                seconds: (spent.seconds - before.seconds).max(0.0),
                ..spent
            }
        };
        Lately { seconds: (now - *since).as_secs_f64(), spent: spent.into_iter().map(since_then).collect() }
    }
}

/// The stages of a job, from what each of its processes tells, with the number of its workers.
pub fn together<'a>(told: impl Iterator<Item = (usize, &'a Lately)> + Clone) -> Vec<Stage> {
    let mut names: Vec<&str> = Vec::new();
    for spent in told.clone().flat_map(|(_, lately)| &lately.spent) {
        if !names.contains(&spent.stage.as_str()) {
            names.push(&spent.stage);
        }
    }
    let time: f64 = told.clone().map(|(workers, lately)| workers as f64 * lately.seconds).sum();
    let stage = |name: &str| {
        let rows = told.clone().flat_map(|(_, lately)| &lately.spent).filter(|spent| spent.stage == name);
        let sum = |(frames, sum, queue), row: &Spent| (frames + row.frames, sum + row.seconds, queue + row.queue);
        let (frames, seconds, queue) = rows.fold((0, 0.0, 0), sum);
        Stage {
            name: name.to_owned(),
            busy: if time > 0.0 { (seconds / time).clamp(0.0, 1.0) } else { 0.0 },
            mean_ms: if frames > 0 { seconds * 1e3 / frames as f64 } else { 0.0 },
            queue,
        }
    };
    names.into_iter().map(stage).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches threads of one stage that are not added up, and those of a job's former life that still count.
    #[test]
    fn threads_of_a_stage_are_added_up_while_they_are_there() {
        use operators::{Epoch, Offload, Work};
        use timely::dataflow::operators::ToStream;
        struct Nothing;
        impl Work<u64> for Nothing {
            type Done = ();
            fn work(&mut self, items: Vec<u64>) -> Vec<()> {
                vec![(); items.len()]
            }
            fn panicked(&mut self, items: Vec<u64>, _: &str) -> Vec<()> {
                vec![(); items.len()]
            }
        }
        let loads = Loads::default();
        let ([one, two], idle) = ([(); 2].map(|()| loads.add("steps")), loads.add("dead"));
        for load in [one.clone(), two.clone()] {
            timely::execute_directly(move |worker| {
                worker.dataflow::<Epoch, _, _>(|scope| {
                    _ = (0..3).to_stream(scope).container::<Vec<_>>().offload("steps", 1, load, Nothing);
                });
            });
        }
        let now = loads.now();
        assert_eq!((now.len(), now[0].stage.as_str(), now[0].frames, now[0].queue), (1, "steps", 6, 0), "{now:?}");
        drop((one, two, idle));
        // The threads of work end a moment after their dataflows.
        while !loads.now().is_empty() {
            std::thread::yield_now();
        }
    }

    /// Catches shares of the time since the start, of all workers taken for one, and of a process that does nothing.
    #[test]
    fn busy_is_a_share_of_the_last_seconds_of_all_workers() {
        let (tally, mut looks, start) = (Tally::default(), Looks::default(), Instant::now());
        let mut look = |tally: &Tally, seconds| looks.look(start + Duration::from_secs(seconds), tally.so_far());
        let work = |count| (0..count).for_each(|_| tally.add("infer", Duration::from_millis(100)));
        tally.add("decode", Duration::from_millis(10));
        work(50);
        assert_eq!(look(&tally, 0).spent[1].frames, 0);
        for second in 1..=8 {
            work(4);
            look(&tally, second);
        }
        let lately = look(&tally, 8);
        let (idle, told) = (Lately { seconds: lately.seconds, spent: vec![] }, lately);
        let stages = together([(1, &told), (1, &idle)].into_iter());
        let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["decode", "infer"], "in the order of their work");
        assert_eq!((stages[0].busy, stages[0].mean_ms), (0.0, 0.0), "it did nothing lately");
        assert!((stages[1].busy - 0.2).abs() < 0.001, "0.4 s a second of two workers: {stages:?}");
        assert!((stages[1].mean_ms - 100.0).abs() < 0.001, "{stages:?}");
        assert_eq!(together([].into_iter()), vec![]);
    }
}
