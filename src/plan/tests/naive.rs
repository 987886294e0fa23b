//! An interpreter that follows each record on its own.

use std::collections::BTreeSet;

use super::{Graph, Kind, halves, is_odd, sum};
use crate::plan::Input;
use crate::steps::OnFault;

/// A record as the interpreter sees it.
#[derive(Clone, Debug)]
struct Record {
    id: String,
    number: i64,
    /// The steps that cut it, each with what a fault means, and the index of the piece.
    within: Vec<(usize, OnFault, usize)>,
}

/// What comes to a `collect`: the index and number of a piece, or a fault.
type Arrival = (usize, Option<(usize, i64)>);

/// One frame, followed record by record.
struct Naive<'g> {
    graph: &'g Graph,
    written: Vec<(usize, String, i64)>,
    dead: bool,
    arrived: bool,
    filtered: BTreeSet<usize>,
}

impl Naive<'_> {
    fn out(&mut self, at: Input, record: Record) -> Vec<Arrival> {
        for (sink, inputs) in self.graph.sinks.iter().enumerate() {
            if inputs.contains(&at) {
                self.written.push((sink, record.id.clone(), record.number));
            }
        }
        let takers = self.graph.takers(at);
        self.arrived |= takers.is_empty() && record.within.is_empty();
        takers.into_iter().flat_map(|step| self.step(step, record.clone())).collect()
    }

    fn step(&mut self, step: usize, record: Record) -> Vec<Arrival> {
        let number = record.number;
        match self.graph.steps[step].0 {
            Kind::Add(more) => self.out(Input::Step(step), Record { number: number + more, ..record }),
            Kind::Filter(modulus) if number % modulus == 1 => self.let_go(step, &record),
            Kind::Fault(modulus) if number % modulus == 2 => self.fault(step, &record),
            Kind::Filter(_) | Kind::Fault(_) => self.out(Input::Step(step), record),
            Kind::Branch => self.branch(step, record),
            Kind::Each(on_fault) => self.each(step, on_fault, record),
            Kind::Collect => vec![(step, Some((record.within.last().expect("a piece").2, number)))],
        }
    }

    fn let_go(&mut self, step: usize, record: &Record) -> Vec<Arrival> {
        if record.within.is_empty() {
            self.filtered.insert(step);
        }
        Vec::new()
    }

    fn fault(&mut self, step: usize, record: &Record) -> Vec<Arrival> {
        match record.within.last() {
            Some((_, OnFault::Drop, _)) => Vec::new(),
            Some((each, OnFault::Keep, _)) => {
                self.graph.collects(step, *each).into_iter().map(|collect| (collect, None)).collect()
            }
            None | Some((_, OnFault::Fail, _)) => {
                self.dead = true;
                Vec::new()
            }
        }
    }

    fn branch(&mut self, step: usize, record: Record) -> Vec<Arrival> {
        let way = if is_odd(record.number) { Input::Step(step) } else { Input::Else(step) };
        let is_wanted = self.graph.sinks.iter().any(|inputs| inputs.contains(&way));
        match is_wanted || !self.graph.takers(way).is_empty() {
            true => self.out(way, record),
            false => self.let_go(step, &record),
        }
    }

    fn each(&mut self, step: usize, on_fault: OnFault, record: Record) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for (index, number) in halves(record.number).enumerate() {
            let within = [&record.within[..], &[(step, on_fault, index)]].concat();
            let piece = Record { id: format!("{}.{index}", record.id), number, within };
            arrivals.extend(self.out(Input::Step(step), piece));
        }
        let collects = self.graph.collects(step, step);
        self.arrived |= collects.is_empty() && record.within.is_empty();
        let mut on = Vec::new();
        for collect in collects {
            let here = || arrivals.iter().filter(|(at, _)| *at == collect).map(|(_, arrival)| *arrival);
            let faults = here().filter(Option::is_none).count();
            let number = sum(record.number, here().flatten(), faults);
            on.extend(self.out(Input::Step(collect), Record { number, ..record.clone() }));
        }
        on
    }
}

/// How a frame ended, and what is written for it: sink, name, number.
pub type End = (Result<Option<usize>, ()>, Vec<(usize, String, i64)>);

/// What becomes of a frame, by this.
pub fn naive(graph: &Graph, id: u64) -> End {
    let (written, filtered) = Default::default();
    let mut naive = Naive { graph, written, dead: false, arrived: false, filtered };
    naive.out(Input::Source(0), Record { id: id.to_string(), number: id as i64, within: Vec::new() });
    naive.written.sort_unstable();
    match (naive.dead, naive.arrived) {
        (true, _) => (Err(()), Vec::new()),
        (false, true) => (Ok(None), naive.written),
        (false, false) => (Ok(naive.filtered.first().copied()), naive.written),
    }
}
