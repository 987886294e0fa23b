//! Workers that stop, begin and end: what the mesh orders, and what they tell.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;

use super::question::Question;
use super::working::{News, Working};
use super::{Process, give_up};
use crate::api::Level;
use crate::cluster::{Lost, Meeting};
use crate::mesh::{Generation, Order};
use crate::opening::Place;
use crate::roster::Roster;

/// How long after a data link breaks a process may hear why.
const HEARING: Duration = Duration::from_millis(300);

impl Process {
    /// Does what the mesh orders, until the process is to end.
    pub(super) fn obey(self: &Arc<Self>, orders: &Receiver<Order>) {
        while !self.ending.load(Ordering::Acquire) {
            match orders.recv_timeout(Duration::from_millis(50)) {
                Ok(Order::Stop { reason }) => self.stop(&reason),
                Ok(Order::Begin { generation, meeting, roster }) => self.begin(generation, meeting, roster),
                Err(_) => {}
            }
        }
        let working = self.inner().working.clone();
        working.into_iter().for_each(|working| working.stop("this process ends", false));
    }

    /// Stops the workers: at once where a member is lost; otherwise what is in flight may end.
    fn stop(&self, reason: &str) {
        let working = self.inner().working.clone();
        if let Some(working) = working {
            self.events.tell(Level::Info, None, format!("the workers stop: {reason}"));
            let present = self.mesh().view().present;
            let lost =
                working.generation().members.iter().any(|member| !present.contains(member) && *member != self.index());
            working.stop(reason, lost);
        }
        self.mesh().stopped();
    }

    /// Starts the workers of a generation; where this process leads it, also the jobs.
    fn begin(self: &Arc<Self>, generation: Generation, meeting: Meeting, roster: Option<(u64, Bytes)>) {
        if let Some(roster) = roster.and_then(|(_, bytes)| serde_json::from_slice::<Roster>(&bytes).ok()) {
            self.adopt(roster);
        }
        let Generation { number, members } = &generation;
        self.tell(
            Level::Info,
            None,
            format!("generation {number}: processes {members:?} of {}", self.cluster.processes()),
        );
        let rank = members.iter().position(|member| *member == self.index()).expect("it is a member");
        let place = Place { process: rank, processes: members.len(), threads: self.cluster.threads };
        let process = self.clone();
        let hear = move |working: &Working, news| process.hear(working, news);
        let stuck = |lost: &Lost| give_up(&lost.to_string());
        let mut inner = self.inner();
        inner.tickets.clear();
        inner.refused.clear();
        let trouble = inner.trouble.take();
        let working = Working::start(generation, meeting, place, stuck, hear);
        inner.working = Some(working.clone());
        drop(inner);
        self.mesh().started();
        if rank == 0 {
            self.control.spawn(self.clone().install_all(working.clone()));
        }
        if let Some((job, reason)) = trouble {
            self.to_leader(&working, Question::Trouble { job, reason, ticket: None });
        }
    }

    /// What the workers tell.
    fn hear(self: &Arc<Self>, working: &Working, news: News) {
        match news {
            // Who submitted it waits to hear that.
            News::Installed => self.mesh().speak(),
            News::Ended(ticket, name) if working.place().process == 0 => {
                self.control.spawn(self.clone().ended(working.clone(), ticket, name));
            }
            News::Ended(..) => {}
            News::Failed(ticket, job, reason) => {
                self.tell(Level::Error, Some(&job), reason.clone());
                self.to_leader(working, Question::Trouble { job, reason, ticket: Some(ticket) });
            }
            News::Over(how, newest) => self.over(working, how, newest),
        }
    }

    /// The workers have ended.
    fn over(&self, working: &Working, how: Result<(), Lost>, newest: Option<String>) {
        // Most often another process has only heard a little earlier that all are to stop.
        if matches!(how, Err(Lost::Peer { .. })) {
            working.await_stop(HEARING);
        }
        let mut inner = self.inner();
        if let (Err(Lost::Panic { what, .. }), Some(job)) = (&how, newest) {
            inner.trouble = Some((job, what.clone()));
        }
        // Those of the next generation may have begun: whoever waited for the end of these has not waited for this.
        if working.is_of(&inner) {
            inner.working = None;
        }
        drop(inner);
        if !working.is_stopping() {
            let why = match how {
                Ok(()) => "they had nothing to do".to_owned(),
                Err(Lost::Peer { peer, why }) => format!("{peer} is gone: {why}"),
                Err(lost) => lost.to_string(),
            };
            self.tell(Level::Warn, None, format!("the workers ended: {why}"));
            self.mesh().ended(why);
        }
    }
}
