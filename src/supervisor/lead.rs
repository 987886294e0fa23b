//! What the leader has all processes do: prepare, install, drain, let go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::question::{Answer, Question, answer, pack};
use super::working::Working;
use super::{Inner, Process};
use crate::api::{Command, JobStatus, Level, Problem, Reply, Submission};
use crate::command::{Command as Order, Ticket};
use crate::job::Job;
use crate::roster::{Change, Entry, Roster, Wanted, When};

/// How long the parts of a job may take to open: its model, above all.
pub(super) const OPENING: Duration = Duration::from_secs(60);

/// How long a process may take to answer what is answered at once.
pub(super) const ANSWERING: Duration = Duration::from_secs(3);

/// How long a job may take to end when it is drained with all others.
const DRAINING: Duration = Duration::from_secs(60);

/// The leader with the workers that it leads.
pub(super) struct Lead {
    pub process: Arc<Process>,
    pub working: Working,
}

impl Lead {
    /// Whether these are still the workers of this process, and are to go on, and all their members are there.
    pub fn is_current(&self, inner: &Inner) -> bool {
        let generation = self.working.generation();
        self.working.is_of(inner) && !self.working.is_stopping() && self.process.mesh().works_in(generation)
    }

    /// A command that changes one job.
    pub async fn change(&self, command: Command) -> Result<Reply, Problem> {
        let (name, mut roster) = (self.name(&command)?, self.draft());
        let change = plan(&mut roster, &name, command, self.process.when())?;
        let wants_it = roster.jobs.get(&name).filter(|entry| entry.wanted == Wanted::Running);
        let ready = match (change, wants_it) {
            (Change::Install | Change::Resume, Some(entry)) => Some(self.prepare(entry).await?),
            _ => None,
        };
        // While a model was loaded, another leader may have made a newer list.
        if !self.is_current(&self.process.inner()) {
            return Err(Problem::unavailable("the processes have formed a new generation meanwhile: try again"));
        }
        self.process.adopt(roster);
        self.spread().await;
        match change {
            Change::Unchanged | Change::Recorded => {}
            // What was paused may still be ending.
            Change::Install | Change::Remove | Change::Resume => self.remove(&name).await,
            Change::Drain | Change::Pause => self.drain(&name).await,
        }
        if let Some(ticket) = ready {
            self.install(&name, ticket);
            self.process.clone().advise(name.clone());
        }
        Ok(self.reply(&name).await)
    }

    /// The job that a command is about.
    fn name(&self, command: &Command) -> Result<String, Problem> {
        Ok(match command {
            Command::Submit(submission) => named(submission)?,
            Command::Update(name, _) | Command::Cancel(name) | Command::Drain(name) | Command::Pause(name) => {
                name.clone()
            }
            Command::Resume(name) | Command::Restart(name) => name.clone(),
            _ => return Err(Problem::bug("a command about no job")),
        })
    }

    /// How the job is, once all processes have told what they made of the command; they tell it several times a second.
    async fn reply(&self, name: &str) -> Reply {
        let until = Instant::now() + ANSWERING;
        loop {
            let status = self.process.jobs().into_iter().find(|job| job.name == name);
            let Some(status) = status else { return Reply::Done };
            let settled = status.state != "starting" && (status.state != "running" || status.workers > 0);
            if settled || Instant::now() > until {
                return Reply::Job(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The roster, to be changed. A leader that stood still, and does not know yet that there is a newer generation, makes
    /// versions that are older than those of that one's leader.
    fn draft(&self) -> Roster {
        let mut roster = self.process.inner().roster.clone();
        roster.enter(self.working.generation().number);
        roster
    }

    /// Changes the roster of this process.
    pub fn record(&self, change: impl FnOnce(&mut Roster) -> Result<Change, Problem>) -> Result<Change, Problem> {
        let mut roster = self.draft();
        let change = change(&mut roster)?;
        self.process.adopt(roster);
        Ok(change)
    }

    /// Hands the roster to all members.
    pub async fn spread(&self) {
        let roster = self.process.inner().roster.clone();
        self.ask_all(&Question::Roster(roster), ANSWERING).await;
    }

    /// Asks every member, this process too: their indexes and answers.
    async fn ask_all(&self, question: &Question, patience: Duration) -> Vec<(usize, Answer)> {
        let (mesh, packed) = (self.process.mesh(), pack(question));
        let ask = |member: &usize| {
            let (member, packed) = (*member, packed.clone());
            async move { (member, answer(mesh.ask(member, packed, patience).await)) }
        };
        join_all(self.working.generation().members.iter().map(ask)).await
    }

    /// Opens a job's parts on every process.
    async fn prepare(&self, entry: &Entry) -> Result<Ticket, Problem> {
        let ticket = self.process.inner().next_ticket();
        let generation = self.working.generation().number;
        let question = Question::Prepare { generation, ticket, entry: entry.clone() };
        let answers = self.ask_all(&question, OPENING).await;
        let refused = answers.into_iter().find_map(|(process, answer)| match answer {
            Answer::Done => None,
            Answer::No(why) => Some((process, Problem::wrong(why))),
            Answer::NotNow(why) => Some((process, Problem::unavailable(why))),
            _ => Some((process, Problem::bug("it answers something else"))),
        });
        let Some((process, problem)) = refused else { return Ok(ticket) };
        self.ask_all(&Question::Discard(ticket), ANSWERING).await;
        Err(match self.working.place().processes {
            1 => problem,
            _ => Problem { detail: format!("{}: {}", self.process.cluster.peer(process), problem.detail), ..problem },
        })
    }

    fn install(&self, name: &str, ticket: Ticket) {
        self.process.inner().tickets.insert(name.to_owned(), ticket);
        self.process.inner().refused.remove(name);
        self.working.order(Order::Install(ticket));
    }

    /// Lets go of a job, and waits until all workers have: two installations of a job never overlap.
    pub async fn remove(&self, name: &str) {
        let Some(ticket) = self.process.inner().tickets.remove(name) else { return };
        self.working.order(Order::Cancel(ticket));
        self.ask_all(&Question::Gone(ticket), ANSWERING).await;
    }

    async fn drain(&self, name: &str) {
        let ticket = self.process.inner().tickets.get(name).copied();
        match ticket {
            Some(ticket) => self.working.order(Order::Drain(ticket)),
            None => self.nothing_to_drain(name).await,
        }
    }

    /// A job that is drained while nothing of it runs has ended.
    async fn nothing_to_drain(&self, name: &str) {
        let when = self.process.when();
        let _ = self.record(|roster| match roster.job(name)?.wanted {
            Wanted::Draining => roster.done(name, when),
            _ => Ok(Change::Unchanged),
        });
        self.spread().await;
    }

    /// Whether a job that has ended here has ended because there are no more frames, as far as every process knows.
    pub async fn is_finished(&self, ticket: Ticket) -> bool {
        let answers = self.ask_all(&Question::Gone(ticket), DRAINING).await;
        answers.iter().all(|(_, answer)| matches!(answer, Answer::Done))
    }

    /// Installs a job of the roster on the workers of a new generation.
    pub async fn bring_back(&self, entry: &Entry) {
        match entry.wanted {
            Wanted::Running => match self.prepare(entry).await {
                Ok(ticket) => {
                    // A command that waited longer than this generation took to begin has installed it already.
                    self.remove(&entry.name).await;
                    self.install(&entry.name, ticket);
                }
                Err(problem) => self.refuse(&entry.name, problem.detail),
            },
            Wanted::Draining => self.nothing_to_drain(&entry.name).await,
            _ => {}
        }
    }

    /// A job of the roster can't be installed. Where the generation is over, the next one will tell.
    fn refuse(&self, name: &str, why: String) {
        let mut inner = self.process.inner();
        if self.is_current(&inner) {
            inner.refused.insert(name.to_owned(), why.clone());
            drop(inner);
            self.process.events.tell(Level::Error, Some(name), format!("it can't run: {why}"));
        }
    }

    pub async fn drain_all(&self) -> Result<Reply, Problem> {
        let when = self.process.when();
        let mut roster = self.draft();
        let names = roster.drain_all(when);
        self.process.adopt(roster);
        self.spread().await;
        for name in &names {
            self.drain(name).await;
        }
        let tickets: Vec<_> = self.process.inner().tickets.values().copied().collect();
        for ticket in tickets {
            self.ask_all(&Question::Gone(ticket), DRAINING).await;
        }
        Ok(Reply::Jobs(self.drained(&names)))
    }

    /// The jobs of these names, which have all ended.
    fn drained(&self, names: &[String]) -> Vec<JobStatus> {
        self.process.jobs().into_iter().filter(|job| names.contains(&job.name)).collect()
    }
}

/// What a submission calls its job.
fn named(submission: &Submission) -> Result<String, Problem> {
    let path = std::path::Path::new(&submission.folder).join(&submission.file);
    Job::parse(&submission.text, &path).map(|job| job.name).map_err(Problem::wrong)
}

/// What a command makes of the roster.
fn plan(roster: &mut Roster, name: &str, command: Command, when: When) -> Result<Change, Problem> {
    match command {
        Command::Submit(submission) => roster.submit(name, &submission, when),
        Command::Update(_, submission) => roster.update(name, &named(&submission)?, &submission, when),
        Command::Cancel(_) => roster.cancel(name),
        Command::Drain(_) => roster.drain(name, when),
        Command::Pause(_) => roster.pause(name, when),
        Command::Resume(_) => roster.resume(name, when),
        Command::Restart(_) => roster.restart(name, when),
        _ => Err(Problem::bug("a command about no job")),
    }
}

impl Working {
    /// Whether these are the workers of this process now.
    pub(super) fn is_of(&self, inner: &Inner) -> bool {
        inner.working.as_ref().is_some_and(|now| now.generation() == self.generation())
    }
}

impl Inner {
    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }
}
