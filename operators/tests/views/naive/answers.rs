//! The answers to each question, over the frames that it is asked of.

use std::collections::{BTreeMap, BTreeSet};

use operators::views::{AccuracyRows, Cell, Fact, LatencyRows, Over, Question, TopOf};

use super::{Frame, Naive, Table, millis, sort_by_time};

impl Naive {
    /// The table.
    pub fn rows(&self) -> Table {
        match self.definition.question {
            Question::Count { classes } => self.count(classes),
            Question::Occupancy { frames } => self.occupancy(frames),
            Question::Accuracy { rows } => self.accuracy(rows),
            Question::Latency { rows } => self.latency(rows),
            Question::Seen => self.seen(),
            Question::Gaps => self.gaps(),
            Question::Top { most, of } => self.top(most, of),
        }
    }

    fn count(&self, classes: bool) -> Table {
        let groups = self.group(|frame| match classes {
            true => {
                let found = frame.fact().found.iter();
                found.map(|(class, count)| (self.key(frame.fact(), &[class]), *count)).collect()
            }
            false => vec![(self.key(frame.fact(), &[]), frame.found())],
        });
        table(groups, |counts| vec![whole(counts.len()), counts.iter().sum::<i64>().into()])
    }

    fn occupancy(&self, most: usize) -> Table {
        table(self.by_key(), |mut frames| {
            sort_by_time(&mut frames);
            let first = most.min(frames.len());
            let medians: Vec<(i64, u64)> = (first..=frames.len())
                .map(|end| {
                    let mut counts: Vec<i64> = frames[end - first..end].iter().map(|frame| frame.found()).collect();
                    counts.sort_unstable();
                    (counts[(counts.len() - 1) / 2], frames[end - 1].fact().at.0)
                })
                .collect();
            let (now, _) = medians[medians.len() - 1];
            let change = medians.windows(2).rev().find(|pair| pair[0].0 != pair[1].0);
            let (before, since) = match change {
                Some(pair) => (pair[0].0.into(), whole(pair[1].1 as usize)),
                None => (Cell::Empty, Cell::Empty),
            };
            vec![now.into(), before, since]
        })
    }

    fn accuracy(&self, rows: AccuracyRows) -> Table {
        fn label(frame: &Frame) -> Option<&str> {
            frame.fact().found.first().map(|(label, _)| &**label)
        }
        let groups = self.group(|frame| {
            let key = match (rows, frame.truth(), label(frame)) {
                (AccuracyRows::Total, ..) => self.key(frame.fact(), &[]),
                (_, None, _) => return vec![],
                (AccuracyRows::Class, Some(truth), _) => self.key(frame.fact(), &[truth]),
                (AccuracyRows::Confusion, Some(truth), Some(label)) => self.key(frame.fact(), &[truth, label]),
                (AccuracyRows::Confusion, Some(truth), None) => {
                    [self.key(frame.fact(), &[truth]), vec![Cell::Empty]].concat()
                }
            };
            vec![(key, frame)]
        });
        table(groups, |frames| {
            let known: Vec<_> = frames.iter().filter(|frame| frame.truth().is_some()).collect();
            let correct = known.iter().filter(|frame| label(frame) == frame.truth()).count();
            let share = match known.len() {
                0 => Cell::Empty,
                total => Cell::from(correct as f64 / total as f64),
            };
            let (total, unknown) = (whole(known.len()), whole(frames.len() - known.len()));
            match rows {
                AccuracyRows::Total => vec![total, whole(correct), share, unknown],
                AccuracyRows::Class => vec![total, whole(correct), share],
                AccuracyRows::Confusion => vec![total],
            }
        })
    }

    fn latency(&self, rows: LatencyRows) -> Table {
        let groups = self.group(|frame| {
            let stages = frame.fact().found.iter();
            let cut = |(stage, micros): &(std::sync::Arc<str>, i64)| {
                let key = self.key(frame.fact(), &[stage]);
                match rows {
                    LatencyRows::Stages => (key, *micros as f64 / 1000.0),
                    LatencyRows::Buckets => ([key, vec![Cell::from(up_to(*micros))]].concat(), 0.0),
                }
            };
            stages.map(cut).collect()
        });
        table(groups, |mut times| {
            times.sort_unstable_by(f64::total_cmp);
            let percentile = |share: f64| Cell::from(times[(times.len() as f64 * share).ceil() as usize - 1]);
            let count = whole(times.len());
            match rows {
                LatencyRows::Stages => {
                    vec![count, percentile(0.5), percentile(0.95), percentile(0.99), percentile(1.0)]
                }
                LatencyRows::Buckets => vec![count],
            }
        })
    }

    fn seen(&self) -> Table {
        let mut groups = self.by_key();
        let late = |key: &Vec<Cell>| {
            let sums = !matches!(self.definition.over, Over::Sliding(_)) && self.looks_back().is_none();
            let of_key = |fact: &&Fact| sums && fact.at.0 >= self.since() && self.key(fact, &[]) == *key;
            self.late.iter().filter(of_key).count()
        };
        for fact in &self.late {
            groups.entry(self.key(fact, &[])).or_default();
        }
        let row = |key: &Vec<Cell>, frames: Vec<&Frame>| {
            let again: usize = frames.iter().map(|frame| frame.versions().len() - 1).sum();
            let seconds = || frames.iter().map(|frame| frame.fact().at.0 / 1000 * 1000);
            let second = |at: Option<u64>| at.map_or(Cell::Empty, |at| whole(at as usize));
            let counts = [whole(frames.len()), whole(again), whole(late(key))];
            counts
                .into_iter()
                .chain([second(seconds().min()), second(seconds().max()), named(&frames)])
                .collect::<Vec<_>>()
        };
        let rows = groups.into_iter().map(|(key, frames)| (key.clone(), row(&key, frames)));
        rows.filter(|(_, row)| row[..3] != [0, 0, 0].map(Cell::from)).collect()
    }

    fn gaps(&self) -> Table {
        let settled = (self.time + 1).saturating_sub(millis(self.definition.lateness));
        table(self.by_key(), |frames| {
            let numbers: BTreeSet<u64> = frames.iter().map(|frame| frame.fact().number.0).collect();
            let old = frames.iter().filter(|frame| frame.forgotten || frame.fact().at.0 < settled);
            let old = old.map(|frame| frame.fact().number.0).max();
            let (first, last) = (*numbers.first().expect("some"), *numbers.last().expect("some"));
            let absent = (first..last).filter(|number| !numbers.contains(number));
            let (lost, missing): (Vec<u64>, Vec<u64>) = absent.partition(|&number| Some(number) < old);
            let slow = |frame: &&&Frame| {
                let came = frame.versions().first().expect("some").0;
                came > frame.fact().at.0 + millis(self.definition.lateness)
            };
            let late = frames.iter().filter(slow).count();
            let counts = [(last - first + 1) as usize, numbers.len(), late, missing.len(), lost.len()];
            counts.map(whole).into_iter().chain([ranges(&lost)]).collect()
        })
    }

    fn top(&self, most: usize, of: TopOf) -> Table {
        let mut windows: BTreeMap<Vec<Cell>, Vec<(i64, Vec<Cell>)>> = BTreeMap::new();
        for (key, frames) in self.by_key() {
            let count = match of {
                TopOf::Frames => frames.len() as i64,
                TopOf::Found => frames.iter().map(|frame| frame.found()).sum(),
            };
            let (window, key) = key.split_at(key.len() - self.definition.by.len());
            windows.entry(window.to_vec()).or_default().push((-count, key.to_vec()));
        }
        let ranked = windows.into_iter().flat_map(|(window, mut keys)| {
            keys.retain(|(count, _)| *count != 0);
            keys.sort();
            keys.into_iter().take(most).enumerate().map(move |(rank, (count, key))| {
                ([&window[..], &[whole(rank + 1)]].concat(), [key, vec![Cell::from(-count)]].concat())
            })
        });
        ranked.collect()
    }
}

fn table<T>(groups: BTreeMap<Vec<Cell>, Vec<T>>, row: impl Fn(Vec<T>) -> Vec<Cell>) -> Table {
    groups.into_iter().map(|(key, parts)| (key, row(parts))).collect()
}

fn whole(count: usize) -> Cell {
    Cell::from(count as i64)
}

/// Where the bucket of a time ends, in milliseconds.
fn up_to(micros: i64) -> f64 {
    let mut width = 1;
    while micros / width >= 128 {
        width *= 2;
    }
    ((micros / width + 1) * width) as f64 / 1000.0
}

/// The last five frames that came again.
fn named(frames: &[&Frame]) -> Cell {
    let again = frames.iter().filter(|frame| frame.versions().len() > 1).map(|frame| frame.fact());
    let mut names: Vec<_> = again.map(|fact| (fact.at, format!("{}/{}", fact.camera, fact.id))).collect();
    names.sort();
    let names: Vec<String> = names.split_off(names.len().saturating_sub(5)).into_iter().map(|(_, name)| name).collect();
    match names.is_empty() {
        true => Cell::Empty,
        false => Cell::from(names.join(", ").as_str()),
    }
}

fn ranges(lost: &[u64]) -> Cell {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in lost {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let words = runs.iter().map(|&(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    let words: Vec<String> = words.collect();
    match &words[words.len().saturating_sub(5)..] {
        [] => Cell::Empty,
        words => Cell::from(words.join(", ").as_str()),
    }
}
