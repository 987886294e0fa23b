//! The thread that drives the protocol: it takes in what happens, and does what [`Membership`] says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::AbortHandle;
use tracing::{error, info};

use super::frame::{Frame, Head};
use super::gather::{Gathering, gather};
use super::membership::{Action, Event, Membership};
use super::message::{GenerationId, Message};
use super::shared::Shared;
use super::{Generation, Order};
use crate::cluster::Meeting;

/// How long the last words to the others may take.
const GOODBYE: Duration = Duration::from_millis(300);

/// What happens.
pub(super) enum Input {
    /// On the links.
    Event(Event),
    /// The data links of a generation are there, or why not.
    Gathered(GenerationId, Result<Meeting, String>),
    /// The supervisor has stopped the workers.
    Stopped,
    /// The supervisor has started them.
    Started,
    /// They have ended by themselves.
    Ended(String),
    /// What this process says of itself has changed.
    Speak,
    /// This process leaves; whoever waits for that is told.
    Leave(Option<Sender<()>>),
}

/// What the supervisor has of a generation.
enum Work {
    /// Nothing.
    Nothing,
    /// Its members connect: the supervisor does not know of it yet.
    Gathering { id: GenerationId, members: Vec<usize>, roster: Option<(u64, Bytes)>, _gathering: Gathering },
    /// It was told to begin.
    Given(GenerationId),
    /// It was told to stop.
    Stopping,
}

/// The thread's state.
pub(super) struct Drive {
    shared: Arc<Shared>,
    membership: Membership,
    inputs: Receiver<Input>,
    orders: Sender<Order>,
    begun: Instant,
    work: Work,
    /// What follows from what was done, still to be taken in.
    next: VecDeque<Event>,
}

impl Drive {
    pub fn new(shared: Arc<Shared>, membership: Membership, inputs: Receiver<Input>, orders: Sender<Order>) -> Self {
        let (begun, work, next) = (Instant::now(), Work::Nothing, VecDeque::new());
        Self { shared, membership, inputs, orders, begun, work, next }
    }

    /// Goes on until this process leaves.
    pub fn run(mut self) {
        self.step(Event::Tick);
        let done = loop {
            let wait = self.membership.due().saturating_sub(self.begun.elapsed());
            match self.inputs.recv_timeout(wait) {
                Ok(Input::Leave(done)) => break done,
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => self.step(Event::Tick),
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        self.leave();
        done.map(|done| done.send(()));
    }

    fn leave(&mut self) {
        let shared = &self.shared;
        self.work = Work::Nothing;
        *shared.gatherer() = None;
        shared.seen().stop();
        shared.tasks().drain(..).for_each(|task: AbortHandle| task.abort());
        if let Ok(goodbye) = (Frame { head: Head::Goodbye, body: Bytes::new() }).encode() {
            for peer in 0..shared.cluster.processes() {
                shared.links.send(peer, goodbye.clone());
            }
        }
        shared.links.leave(GOODBYE);
    }

    fn take(&mut self, input: Input) {
        match (input, &self.work) {
            (Input::Event(event), _) => self.step(event),
            (Input::Speak, _) => {
                self.membership.speak();
                self.step(Event::Tick);
            }
            (Input::Gathered(id, met), Work::Gathering { id: wanted, .. }) if id == *wanted => self.gathered(id, met),
            (Input::Stopped, Work::Stopping) => {
                self.work = Work::Nothing;
                self.step(Event::Stopped);
            }
            (Input::Started, Work::Given(_)) => self.shared.seen().started(),
            (Input::Ended(why), Work::Given(id)) => self.ended(*id, why),
            // Late words of a generation that is over.
            _ => {}
        }
    }

    /// The workers, or what was to become their links, ended by themselves.
    fn ended(&mut self, id: GenerationId, why: String) {
        info!("generation {} ended: {why}", id.number);
        self.work = Work::Nothing;
        let mut seen = self.shared.seen();
        seen.stop();
        seen.ended = Some(why.clone());
        drop(seen);
        self.step(Event::Ended(id, why));
    }

    fn gathered(&mut self, id: GenerationId, met: Result<Meeting, String>) {
        *self.shared.gatherer() = None;
        let work = std::mem::replace(&mut self.work, Work::Nothing);
        match (met, work) {
            (Ok(meeting), Work::Gathering { members, roster, .. }) => {
                let generation = Generation { number: id.number, members };
                self.shared.seen().begin(generation.clone());
                self.work = Work::Given(id);
                self.order(Order::Begin { generation, meeting, roster });
            }
            (Ok(_), _) => {}
            (Err(why), _) => self.ended(id, why),
        }
    }

    /// Takes in an event and all that follows from it.
    fn step(&mut self, event: Event) {
        self.next.push_back(event);
        while let Some(event) = self.next.pop_front() {
            self.log(&event);
            let actions = self.membership.step(self.begun.elapsed(), event);
            let beats = |action: &Action| matches!(action, Action::Send(_, Message::Beat(_)));
            // Asked once for all whom it is sent to.
            let status = if actions.iter().any(beats) { self.shared.host.status().into() } else { Bytes::new() };
            actions.into_iter().for_each(|action| self.act(action, &status));
        }
        self.show();
    }

    fn log(&self, event: &Event) {
        let name = |peer: usize| self.shared.cluster.peer(peer);
        match event {
            Event::Up(peer) => info!("{} is here", name(*peer)),
            Event::Down(peer, why) if self.membership.present().contains(peer) => {
                info!("{} is gone: {why}", name(*peer));
            }
            _ => {}
        }
    }

    fn act(&mut self, action: Action, status: &Bytes) {
        match action {
            Action::Send(to, message) => self.send(to, message, status),
            Action::Promise { to, id } => {
                let (version, roster) = self.shared.host.roster();
                let promise = Message::Promise { id, version, roster };
                match to == self.shared.me() {
                    true => self.next.push_back(Event::Heard(to, promise)),
                    false => self.send(to, promise, status),
                }
            }
            Action::Stop(reason) => self.stop(reason),
            Action::Begin { id, members, version, roster } => {
                let known = version > 0 || !roster.is_empty();
                let _gathering = gather(&self.shared, id, &members);
                let roster = known.then_some((version, roster));
                self.work = Work::Gathering { id, members, roster, _gathering };
            }
            Action::Close(peer, why) => {
                info!("{} is given up: {why}", self.shared.cluster.peer(peer));
                self.shared.links.close(peer);
            }
        }
    }

    fn send(&self, to: usize, message: Message, status: &Bytes) {
        match Frame::of(message, status).encode() {
            Ok(frame) => {
                // Where there is no link any more, its end is on its way here.
                self.shared.links.send(to, frame);
            }
            Err(why) => error!("{} was not told: {why}", self.shared.cluster.peer(to)),
        }
    }

    fn stop(&mut self, reason: String) {
        self.shared.seen().stop();
        match std::mem::replace(&mut self.work, Work::Stopping) {
            Work::Given(id) => {
                info!("the workers of generation {} stop: {reason}", id.number);
                self.order(Order::Stop { reason });
            }
            // The supervisor has no workers: they were never given to it, or have just ended.
            Work::Gathering { .. } | Work::Nothing => {
                *self.shared.gatherer() = None;
                self.work = Work::Nothing;
                self.next.push_back(Event::Stopped);
            }
            Work::Stopping => {}
        }
    }

    /// A supervisor that takes no orders is gone, and this process with it.
    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            self.shared.tell(Input::Leave(None));
        }
    }

    /// Keeps what the view is made of.
    fn show(&self) {
        let membership = &self.membership;
        let mut seen = self.shared.seen();
        seen.present = membership.present();
        let present = seen.present.clone();
        seen.statuses.retain(|peer, _| present.contains(peer));
        seen.phase = Some(membership.phase().clone());
        seen.follows = membership.follows();
        seen.awaited = membership.awaited();
        seen.promised = membership.promised().number;
    }
}
