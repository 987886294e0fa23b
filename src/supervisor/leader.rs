//! What the leader does: one command after the other, each on all processes or on none.
//!
//! A job is prepared on every process (its parts are opened), then the roster has it, then the workers install it. What
//! is only prepared can be cleared away again; what stands in the roster is installed by the next generation, should this
//! one end in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use operators::UnixMillis;

use super::Process;
use super::lead::{ANSWERING, Lead, OPENING};
use super::question::{Answer, Question, answer, pack};
use super::working::Working;
use crate::api::{Command, Level, Problem, Reply};
use crate::command::Ticket;
use crate::roster::{Change, Wanted, When};

/// How long a command waits for a generation that can do it.
const REFORMING: Duration = Duration::from_secs(10);

/// How long a generation works until nobody is blamed any more for the one before.
const STEADY: Duration = Duration::from_secs(30);

/// How long a job is watched by itself that may have brought down a generation.
const PROBATION: Duration = Duration::from_millis(500);

impl Process {
    /// Does a command, or has the leader do it; waits a little where there is none just now.
    ///
    /// # Errors
    /// What is wrong with it, or why nobody can do it.
    pub async fn command(self: &Arc<Self>, command: Command) -> Result<Reply, Problem> {
        if command.only_looks() {
            return self.look(command).await;
        }
        if command == Command::Stop {
            return Ok(self.stop_all().await);
        }
        let (until, mut again) = (Instant::now() + REFORMING, false);
        let known = self.knows(&command);
        loop {
            let asked = self.mesh().view().generation.is_some();
            match self.try_command(&command).await {
                // The try before may have done it, and its answer was lost.
                Some(Err(problem)) if again && known && problem.status == 404 => return Ok(Reply::Done),
                Some(done) => return done,
                None => again |= asked,
            }
            if Instant::now() > until {
                let waits = self.mesh().view().waits;
                let forming = "the processes are just forming a new generation: try again";
                return Err(Problem::unavailable(if waits.is_empty() { forming } else { &waits }));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether it is to cancel a job that this process knows.
    fn knows(&self, command: &Command) -> bool {
        matches!(command, Command::Cancel(name) if self.inner().roster.jobs.contains_key(name))
    }

    /// `None` where there is no leader, or it can't be asked.
    async fn try_command(self: &Arc<Self>, command: &Command) -> Option<Result<Reply, Problem>> {
        let leader = *self.mesh().view().generation?.members.first()?;
        if leader == self.index() {
            return self.lead(command.clone()).await;
        }
        let question = pack(&Question::Command(command.clone()));
        match answer(self.mesh().ask(leader, question, OPENING).await) {
            Answer::Reply(reply) => Some(*reply),
            _ => None,
        }
    }

    /// Does a command, as the leader; `None` where this process does not lead, or no longer when it is done, or no longer
    /// all members: the next generation may have begun without what the command changed, and is asked for it again.
    pub(super) async fn lead(self: &Arc<Self>, command: Command) -> Option<Result<Reply, Problem>> {
        let _turn = self.turn.lock().await;
        let working = self.inner().working.clone().filter(|working| working.place().process == 0)?;
        let lead = Lead { process: self.clone(), working };
        let done = match command {
            Command::DrainAll => lead.drain_all().await,
            command => lead.change(command).await,
        };
        let not_now = matches!(&done, Err(problem) if problem.status == 503);
        (lead.is_current(&self.inner()) && !not_now).then_some(done)
    }

    /// Installs what the roster has, on the workers of a new generation.
    pub(super) async fn install_all(self: Arc<Self>, working: Working) {
        let _turn = self.turn.lock().await;
        let lead = Lead { process: self.clone(), working };
        let mut entries: Vec<_> = self.inner().roster.jobs.values().cloned().collect();
        // Those that may have brought down a generation come last and one by one, so that it shows which of them it was.
        entries.sort_by_key(|entry| entry.failures);
        for entry in entries {
            if entry.failures > 0 {
                tokio::time::sleep(PROBATION).await;
            }
            lead.bring_back(&entry).await;
        }
        tokio::spawn(self.clone().steady(lead.working.clone()));
    }

    /// Ends all processes that are there, this one last. It needs no leader.
    async fn stop_all(&self) -> Reply {
        let (mesh, stop) = (self.mesh(), pack(&Question::Stop));
        let others = mesh.view().present.into_iter().filter(|index| *index != self.index());
        let asked = others.map(|process| {
            let stop = stop.clone();
            async move { mesh.ask(process, stop, ANSWERING).await }
        });
        join_all(asked).await;
        self.end();
        Reply::Done
    }

    /// A generation has worked for a while: what its jobs brought down before counts no more.
    async fn steady(self: Arc<Self>, working: Working) {
        tokio::time::sleep(STEADY).await;
        let _turn = self.turn.lock().await;
        if !working.is_of(&self.inner()) {
            return;
        }
        let mut roster = self.inner().roster.clone();
        let stumbled = roster.jobs.values().filter(|entry| entry.failures > 0).map(|entry| entry.name.clone());
        for name in stumbled.collect::<Vec<_>>() {
            let _ = roster.steady(&name);
        }
        self.adopt(roster);
    }

    /// What the roster says when something happens now.
    pub(super) fn when(&self) -> When {
        let generation = self.mesh().view().generation.map_or(0, |generation| generation.number);
        When { at: UnixMillis::now().0, generation }
    }

    /// A job has ended on this process, the leader: it is done, unless it ended because the workers are about to stop.
    pub(super) async fn ended(self: Arc<Self>, working: Working, ticket: Ticket, name: String) {
        let lead = Lead { process: self.clone(), working };
        // Before its turn: others' sources may take their time to say goodbye, and no command is to wait for that.
        let finished = lead.is_finished(ticket).await;
        let _turn = self.turn.lock().await;
        let is_it = self.inner().tickets.get(&name) == Some(&ticket);
        if !is_it || !finished {
            return;
        }
        self.inner().tickets.remove(&name);
        let when = self.when();
        let _ = lead.record(|roster| match roster.job(&name)?.wanted {
            Wanted::Paused => Ok(Change::Unchanged),
            _ => roster.done(&name, when),
        });
        lead.spread().await;
    }

    /// Asks the servers of a job's sinks what they take, and tells what is to be done about it.
    pub(super) fn advise(self: Arc<Self>, name: String) {
        let entry = self.inner().roster.jobs.get(&name).cloned();
        let Some(job) = entry.and_then(|entry| entry.job().ok()) else { return };
        tokio::task::spawn_blocking(move || {
            for mistake in job.preflight(&self.io) {
                self.tell(Level::Warn, Some(&name), job.tell("too large", &mistake));
            }
        });
    }

    /// A job has failed, in the installation with that ticket, or brought down a generation. Of what was installed anew since, it says
    /// nothing.
    pub(super) async fn troubled(self: Arc<Self>, name: String, reason: String, ticket: Option<Ticket>) {
        let _turn = self.turn.lock().await;
        let now = self.inner().tickets.get(&name).copied();
        if ticket.zip(now).is_some_and(|(then, now)| then != now) {
            return;
        }
        let Some(working) = self.inner().working.clone().filter(|working| working.place().process == 0) else { return };
        let (lead, when) = (Lead { process: self.clone(), working }, self.when());
        let change = lead.record(|roster| match ticket {
            None => roster.stumbled(&name, &reason, when),
            Some(_) => roster.failed(&name, &reason, when),
        });
        if change == Ok(Change::Remove) {
            lead.remove(&name).await;
        }
        lead.spread().await;
    }
}
