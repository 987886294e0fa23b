//! Processes, the links between them and the workers of each, with what must never be.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::mesh::membership::{Action, Config, Event, Membership, Phase};
use crate::mesh::message::{GenerationId, Message};

/// What is on its way to a process, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    Up,
    Message(Message),
    Down,
}

/// The workers of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Workers {
    Off,
    On(GenerationId, Vec<usize>),
    /// They were told to stop, and still work.
    Ending(GenerationId, Vec<usize>),
    /// They had just ended by themselves when they were told to stop.
    Told,
}

impl Workers {
    pub fn working(&self) -> Option<(GenerationId, &[usize])> {
        match self {
            Workers::Off | Workers::Told => None,
            Workers::On(id, members) | Workers::Ending(id, members) => Some((*id, members)),
        }
    }
}

/// All there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// None where a process is down.
    pub machines: Vec<Option<Rc<Membership>>>,
    pub workers: Vec<Workers>,
    /// `[to][from]`
    pub queues: Vec<Vec<VecDeque<Item>>>,
    /// Whether links between two can't come about, by the lower one and the higher one.
    pub cut: Vec<Vec<bool>>,
    /// Whether a process was started anew, and so has forgotten what it promised.
    pub forgot: Vec<bool>,
    /// Whose workers are just ending by themselves.
    ending: Option<usize>,
    /// A beat that was not read yet is replaced by one right behind it.
    pub newest_beats_only: bool,
}

impl World {
    pub fn new(processes: usize, config: impl Fn(usize) -> Config) -> Self {
        Self {
            machines: (0..processes).map(|me| Some(Rc::new(Membership::new(config(me))))).collect(),
            workers: vec![Workers::Off; processes],
            queues: vec![vec![VecDeque::new(); processes]; processes],
            cut: vec![vec![false; processes]; processes],
            forgot: vec![false; processes],
            ending: None,
            newest_beats_only: false,
        }
    }

    pub fn processes(&self) -> usize {
        self.machines.len()
    }

    pub fn alive(&self) -> Vec<usize> {
        (0..self.processes()).filter(|process| self.machines[*process].is_some()).collect()
    }

    /// Lets a process take in what happens, and does what it says. Panics where that must never be.
    pub fn step(&mut self, process: usize, now: Duration, event: Event) {
        let Some(machine) = &mut self.machines[process] else { return };
        let before = (machine.promised(), machine.begun);
        let actions = Rc::make_mut(machine).step(now, event);
        assert!((machine.promised(), machine.begun) >= before, "a generation of process {process} became less");
        for action in actions {
            self.act(process, now, action);
        }
    }

    fn act(&mut self, me: usize, now: Duration, action: Action) {
        match action {
            Action::Send(to, message) => self.push(to, me, Item::Message(message)),
            Action::Promise { to, id } => {
                let promise = Message::Promise { id, version: 0, roster: Bytes::new() };
                match to == me {
                    true => self.step(me, now, Event::Heard(me, promise)),
                    false => self.push(to, me, Item::Message(promise)),
                }
            }
            Action::Stop(_) => match std::mem::replace(&mut self.workers[me], Workers::Off) {
                Workers::On(id, members) => self.workers[me] = Workers::Ending(id, members),
                Workers::Off if self.ending == Some(me) => self.workers[me] = Workers::Told,
                other => panic!("process {me} was told to stop, but its workers are {other:?}"),
            },
            Action::Begin { id, members, .. } => {
                self.check_begin(me, id, &members);
                self.workers[me] = Workers::On(id, members);
            }
            Action::Close(peer, _) => {
                self.queues[me][peer].clear();
                self.push(peer, me, Item::Down);
            }
        }
    }

    /// What must hold whenever a process begins.
    fn check_begin(&self, me: usize, id: GenerationId, members: &[usize]) {
        assert_eq!(self.workers[me], Workers::Off, "process {me} begins twice");
        for member in members {
            let Some(machine) = &self.machines[*member] else { continue };
            let promised = machine.promised() >= id || self.forgot[*member];
            assert!(promised, "process {me} begins {id:?}, which process {member} did not promise");
            let older = self.workers[*member].working().filter(|(works, _)| *works < id);
            assert!(older.is_none(), "process {me} begins {id:?}, but process {member} works in {older:?}");
        }
    }

    /// What must hold in every moment: no small generation, and no two whole ones.
    pub fn check(&self, quorum: usize, splits: bool) {
        let mut whole = Vec::new();
        for process in 0..self.processes() {
            let Some((id, members)) = self.workers[process].working() else { continue };
            assert!(members.len() >= quorum, "process {process} works in {members:?}, which is too few");
            assert!(members.contains(&process), "process {process} works in {members:?}");
            let all =
                members.iter().all(|member| self.workers[*member].working().is_some_and(|(other, _)| other == id));
            if all && !whole.contains(&id) {
                whole.push(id);
            }
        }
        assert!(splits || whole.len() <= 1, "two generations work: {whole:?}");
    }

    fn push(&mut self, to: usize, from: usize, item: Item) {
        if self.machines[to].is_none() {
            return;
        }
        let queue = &mut self.queues[to][from];
        let beat = |item: &Item| matches!(item, Item::Message(Message::Beat(_)));
        if self.newest_beats_only && beat(&item) && queue.back().is_some_and(beat) {
            queue.pop_back();
        }
        queue.push_back(item);
    }

    pub fn has_link(&self, me: usize, peer: usize) -> bool {
        self.machines[me].as_ref().is_some_and(|machine| machine.peers.is_up(peer))
    }

    /// Whether a link between two could come about now.
    pub fn can_connect(&self, one: usize, other: usize) -> bool {
        let idle = |to: usize, from: usize| {
            self.machines[to].is_some() && !self.has_link(to, from) && self.queues[to][from].is_empty()
        };
        !self.cut[one.min(other)][one.max(other)] && idle(one, other) && idle(other, one)
    }

    pub fn connect(&mut self, one: usize, other: usize) {
        self.push(one, other, Item::Up);
        self.push(other, one, Item::Up);
    }

    /// Delivers what comes first from `from` to `to`.
    pub fn deliver(&mut self, to: usize, from: usize, now: Duration) {
        let event = match self.queues[to][from].pop_front() {
            None => return,
            Some(Item::Up) => Event::Up(from),
            Some(Item::Message(message)) => Event::Heard(from, message),
            Some(Item::Down) => Event::Down(from, "the connection was closed".into()),
        };
        self.step(to, now, event);
    }

    /// Breaks the link between two, so that both hear of it.
    pub fn hang_up(&mut self, one: usize, other: usize) {
        self.push(one, other, Item::Down);
        self.push(other, one, Item::Down);
    }

    pub fn crash(&mut self, process: usize) {
        self.machines[process] = None;
        self.workers[process] = Workers::Off;
        for other in 0..self.processes() {
            self.queues[process][other].clear();
            if other != process {
                self.push(other, process, Item::Down);
            }
        }
    }

    pub fn restart(&mut self, process: usize, config: Config) {
        self.machines[process] = Some(Rc::new(Membership::new(config)));
        self.forgot[process] = true;
    }

    /// The workers of a process have stopped, as they were told.
    pub fn stopped(&mut self, process: usize, now: Duration) {
        self.workers[process] = Workers::Off;
        self.step(process, now, Event::Stopped);
    }

    /// The workers of a process end by themselves.
    pub fn ended(&mut self, process: usize, now: Duration) {
        if let Workers::On(id, _) = self.workers[process].clone() {
            self.workers[process] = Workers::Off;
            self.ending = Some(process);
            self.step(process, now, Event::Ended(id, "a panic".into()));
            self.ending = None;
        }
    }

    /// The one generation that these work in, which has exactly them; an error says what is instead.
    pub fn together(&self, processes: &[usize]) -> Result<GenerationId, String> {
        let mut found = None;
        for process in processes {
            let Workers::On(id, members) = &self.workers[*process] else {
                return Err(format!("process {process} is {:?}", self.machines[*process].as_ref().map(|m| m.phase())));
            };
            if members != processes || *found.get_or_insert(*id) != *id {
                return Err(format!("process {process} works in {id:?} of {members:?}"));
            }
            let phase = self.machines[*process].as_ref().map(|machine| machine.phase());
            assert!(matches!(phase, Some(Phase::Working { id: works, .. }) if works == id), "{phase:?}");
        }
        found.ok_or_else(|| "there is nobody".into())
    }
}
