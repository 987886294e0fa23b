//! Random graphs, held against an interpreter that follows each record on its own.

use std::collections::BTreeSet;

use operators::{Number, Reason};
use proptest::prelude::*;
use serde_json::Value;

use self::naive::{End, naive};
use super::*;
use crate::paint::Rect;
use crate::picture::Piece;
use crate::picture::tests::found;
use crate::steps::{Faulted, OnFault, Verdict};

mod images;
mod naive;
mod views;

/// What a step of a random graph does to the number that a record carries.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Add(i64),
    /// Lets those go that are `1` modulo this.
    Filter(i64),
    /// Has a fault over those that are `2` modulo this.
    Fault(i64),
    /// Odd numbers go one way, even ones the other.
    Branch,
    /// None, one or two pieces.
    Each(OnFault),
    Collect,
}

/// A random graph that is sound.
#[derive(Clone, Debug, Default)]
struct Graph {
    steps: Vec<(Kind, Vec<Input>)>,
    nests: Vec<Nest>,
    sinks: Vec<Vec<Input>>,
}

/// The deepest nest.
const DEEPEST: usize = 5;

impl Graph {
    /// A graph from random numbers: of each step what it does, and which of the ways that there are it takes.
    fn of(steps: &[(u8, u8, [u8; 3])], sinks: &[[u8; 2]]) -> Self {
        let mut graph = Self::default();
        let mut ways = vec![(Input::Source(0), Nest::new())];
        for (kind, number, from) in steps {
            // The last ways are taken more often: graphs get deep.
            let (_, nest) = ways[ways.len() - 1 - usize::from(from[0]) % ways.len().min(4)].clone();
            let alike: Vec<_> = ways.iter().filter(|(_, other)| *other == nest).map(|(input, _)| *input).collect();
            let mut inputs: Vec<_> = from.iter().map(|at| alike[usize::from(*at) % alike.len()]).collect();
            inputs.sort_unstable();
            inputs.dedup();
            graph.add(kind_of(*kind, *number, nest.len()), inputs, nest, &mut ways);
        }
        let sink = |from: &[u8; 2]| from.map(|at| ways[usize::from(at) % ways.len()].0).to_vec();
        graph.sinks = sinks.iter().map(sink).collect();
        graph
    }

    fn add(&mut self, kind: Kind, inputs: Vec<Input>, mut nest: Nest, ways: &mut Vec<(Input, Nest)>) {
        let index = self.steps.len();
        match kind {
            Kind::Each(_) => nest.push(index),
            Kind::Collect => _ = nest.pop(),
            Kind::Branch => ways.push((Input::Else(index), nest.clone())),
            _ => {}
        }
        ways.push((Input::Step(index), nest.clone()));
        self.steps.push((kind, inputs));
        self.nests.push(nest);
    }

    fn takers(&self, at: Input) -> Vec<usize> {
        (0..self.steps.len()).filter(|step| self.steps[*step].1.contains(&at)).collect()
    }

    /// The `collect` steps that pieces of the step `each` come to from `step`.
    fn collects(&self, step: usize, each: usize) -> BTreeSet<usize> {
        let (mut found, mut behind) = (BTreeSet::new(), vec![step]);
        while let Some(at) = behind.pop() {
            for taker in [Input::Step(at), Input::Else(at)].into_iter().flat_map(|way| self.takers(way)) {
                let closes =
                    matches!(self.steps[taker].0, Kind::Collect) && self.nests[taker].len() + 1 == self.depth(each);
                match closes {
                    true => _ = found.insert(taker),
                    false => behind.push(taker),
                }
            }
        }
        found
    }

    fn depth(&self, each: usize) -> usize {
        self.nests[each].len()
    }

    fn plan(&self) -> Plan {
        let node = |(index, (kind, inputs)): (usize, &(Kind, Vec<Input>))| {
            let work = match *kind {
                Kind::Branch => Work::Branch(Box::new(Odd)),
                Kind::Each(on_fault) => Work::Each(Box::new(Halves), on_fault),
                Kind::Collect => Work::Collect(Box::new(Sum)),
                kind => Work::line(kind),
            };
            Node { name: index.to_string(), work, enough: Enough::All, inputs: inputs.clone() }
        };
        let taps = self.sinks.iter().enumerate();
        let taps = taps.map(|(sink, inputs)| Tap {
            sink,
            inputs: inputs.clone(),
            write: Write::Report,
            sayings: Default::default(),
        });
        let taps = taps.collect();
        let wishes = Wishes { taps, ears: Vec::new(), job: "random".into(), limits: Limits::default(), truth: None };
        Plan::new(self.steps.iter().enumerate().map(node).collect(), wishes, Arc::new(Metrics::new("random")))
    }
}

fn kind_of(kind: u8, number: u8, depth: usize) -> Kind {
    let modulus = i64::from(number % 7) + 3;
    match kind % 12 {
        0 | 1 => Kind::Add(modulus),
        2 => Kind::Filter(modulus),
        3 => Kind::Fault(modulus * 2),
        4 | 5 => Kind::Branch,
        6..=8 if depth < DEEPEST => {
            Kind::Each([OnFault::Keep, OnFault::Keep, OnFault::Drop, OnFault::Fail][usize::from(number % 4)])
        }
        9..=11 if depth > 0 => Kind::Collect,
        _ => Kind::Add(1),
    }
}

// What both sides do with numbers.

fn is_odd(number: i64) -> bool {
    number % 2 != 0
}

fn halves(number: i64) -> impl Iterator<Item = i64> {
    (0..number.rem_euclid(3)).map(move |index| number / 2 + index * 5)
}

/// Of pieces by their index, and of how many that had a fault.
fn sum(whole: i64, pieces: impl Iterator<Item = (usize, i64)>, faults: usize) -> i64 {
    let weighed = pieces.map(|(index, number)| number.wrapping_mul(index as i64 + 11));
    let all = weighed.fold(whole.wrapping_mul(31), i64::wrapping_add).wrapping_add(faults as i64 * 1009);
    all.rem_euclid(100_003)
}

// The steps of the plan.

fn number(picture: &Picture) -> i64 {
    picture.values.get("n").and_then(Value::as_i64).unwrap_or(picture.frame.number.0 as i64)
}

fn set(picture: &mut Picture, number: i64) {
    picture.values.insert("n".to_owned(), number.into());
}

impl crate::steps::Each for Kind {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let number = number(picture);
        match *self {
            Kind::Add(more) => set(picture, number + more),
            Kind::Filter(modulus) => return Ok(Verdict::of(number % modulus != 1)),
            Kind::Fault(modulus) if number % modulus == 2 => return Err(Flaw::new(Reason::ModelFailed, "no")),
            _ => {}
        }
        Ok(Verdict::GoesOn)
    }
}

struct Odd;

impl Choose for Odd {
    fn choose(&mut self, picture: &mut Picture) -> Result<bool, Flaw> {
        Ok(is_odd(number(picture)))
    }
}

struct Halves;

impl Cut for Halves {
    fn cut(&mut self, picture: &mut Picture) -> Result<Vec<Picture>, Flaw> {
        let cut = |(index, half): (usize, i64)| {
            let id = format!("{}.{index}", picture.frame.id).into();
            let mut piece = Picture::new(Frame { id, ..picture.frame.clone() });
            let found = found("half", 1.0);
            piece.piece = Some(Piece { of: "halves".into(), index, found, area: Rect::sized(0, 0, 1, 1) });
            set(&mut piece, half);
            piece
        };
        Ok(halves(number(picture)).enumerate().map(cut).collect())
    }
}

struct Sum;

impl Join for Sum {
    fn join(&mut self, whole: &mut Picture, _: &str, pieces: Vec<Picture>, faulted: Vec<Faulted>) -> Result<(), Flaw> {
        let index = |picture: &Picture| picture.piece.as_ref().expect("only pieces are collected").index;
        let all = sum(number(whole), pieces.iter().map(|piece| (index(piece), number(piece))), faulted.len());
        set(whole, all);
        Ok(())
    }
}

fn written(parcels: &[(usize, Parcel)]) -> Vec<(usize, String, i64)> {
    let one = |(sink, parcel): &(usize, Parcel)| {
        let report: Value = serde_json::from_slice(&parcel.body).expect("a report");
        assert_eq!(report["id"], parcel.frame.id.to_string());
        let number = report["values"]["n"].as_i64().unwrap_or(report["number"].as_i64().expect("a number"));
        (*sink, parcel.frame.id.to_string(), number)
    };
    let mut all: Vec<_> = parcels.iter().map(one).collect();
    all.sort_unstable();
    all
}

fn end(outcome: &Outcome) -> (String, End) {
    match outcome {
        Outcome::Result(frame, parcels, _) => (frame.id.to_string(), (Ok(None), written(parcels))),
        Outcome::Filtered(step, frame, parcels, _) => (frame.id.to_string(), (Ok(Some(*step)), written(parcels))),
        Outcome::Dead(fault) => (fault.frame.id.to_string(), (Err(()), Vec::new())),
    }
}

fn frame(number: u64) -> Frame {
    let picture = crate::picture::tests::picture(bytes::Bytes::new());
    Frame { number: Number(number), id: number.to_string().into(), ..picture.frame }
}

fn graphs() -> impl Strategy<Value = Graph> {
    let steps = prop::collection::vec(any::<(u8, u8, [u8; 3])>(), 1..18);
    let sinks = prop::collection::vec(any::<[u8; 2]>(), 1..6);
    (steps, sinks).prop_map(|(steps, sinks)| Graph::of(&steps, &sinks))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Catches a record that is lost, doubled, or takes another way; a `collect` that answers not once; a fault that takes
    /// too much with it; and a frame without an end.
    #[test]
    fn a_graph_does_what_following_each_record_does(graph in graphs(), frames in prop::collection::btree_set(0_u64..400, 1..4)) {
        let mut plan = graph.plan();
        let outcomes = plan.run(frames.iter().copied().map(frame).collect());
        prop_assert_eq!(outcomes.len(), frames.len());
        for (outcome, id) in outcomes.iter().zip(&frames) {
            let (name, end) = end(outcome);
            prop_assert_eq!(&name, &id.to_string());
            prop_assert_eq!(end, naive(&graph, *id), "frame {}", id);
        }
    }
}

/// Catches what is true of a picture taken for a picture: decoded, written, or without an end.
#[test]
fn what_is_true_of_a_picture_passes_the_steps_by() {
    let truth = Frame { truth: Some("cat".into()), ..frame(7) };
    let graph = Graph::of(&[(0, 0, [0; 3]); 4], &[[0; 2]; 3]);
    let outcomes = graph.plan().run(vec![truth]);
    assert!(
        matches!(&outcomes[..], [Outcome::Result(frame, parcels, None)] if frame.truth.is_some() && parcels.is_empty())
    );
}

/// Catches a generator of graphs that never gets to what is hard.
#[test]
fn random_graphs_are_deep_and_have_faults() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut deepest, mut collected, mut kept, mut dead, mut filtered, mut pieces) = (0, 0, 0, 0, 0, 0);
    for id in 0..2000 {
        let graph = graphs().new_tree(&mut runner).expect("a graph").current();
        let ways = graph.plan().ways;
        let each = |(kind, _): &&(Kind, Vec<Input>)| matches!(kind, Kind::Each(OnFault::Keep));
        deepest = deepest.max(graph.nests.iter().map(Vec::len).max().unwrap_or_default());
        collected += usize::from(ways.closes.iter().flatten().any(|each| graph.nests[*each].len() >= 2));
        kept += graph.steps.iter().filter(each).count();
        match naive(&graph, id) {
            (Err(()), _) => dead += 1,
            (Ok(Some(_)), _) => filtered += 1,
            (Ok(None), written) => pieces += usize::from(written.iter().any(|(_, id, _)| id.contains('.'))),
        }
    }
    let reached = [deepest, collected, kept, dead, filtered, pieces];
    let wanted = [DEEPEST, 100, 500, 50, 10, 300];
    assert!(reached.iter().zip(wanted).all(|(reached, wanted)| *reached >= wanted), "{reached:?} of {wanted:?}");
}
