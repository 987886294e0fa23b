//! What a process answers when others ask.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Process;
use super::question::{Answer, Question, pack};
use super::working::Working;
use crate::command::Ticket;
use crate::mesh::Host;
use crate::opening::open;
use crate::roster::Entry;

/// How long the workers of a process may begin after the leader's.
const BEGINNING: Duration = Duration::from_secs(5);

impl Process {
    /// What others ask.
    async fn answer(self: Arc<Self>, question: Question) -> Answer {
        match question {
            Question::Command(command) => match self.lead(command).await {
                Some(reply) => Answer::Reply(Box::new(reply)),
                None => Answer::No("this process does not lead".to_owned()),
            },
            Question::Prepare { generation, ticket, entry } => {
                blocking(move || match self.of_generation(generation) {
                    Some(working) => self.prepare(&working, ticket, &entry).into(),
                    None => Answer::NotNow("its workers are of another generation".to_owned()),
                })
                .await
            }
            Question::Discard(ticket) => {
                self.inner().working.iter().for_each(|working| working.discard(ticket));
                Answer::Done
            }
            Question::Gone(ticket) => blocking(move || self.gone(ticket).into()).await,
            Question::Roster(roster) => {
                blocking(move || {
                    self.adopt(roster);
                    Answer::Done
                })
                .await
            }
            Question::Task(question) => Answer::Task(self.task(&question).await.map(Box::new)),
            Question::Metrics => Answer::Text(self.page()),
            Question::Trouble { job, reason, ticket } => {
                self.control.spawn(self.clone().troubled(job, reason, ticket));
                Answer::Done
            }
            Question::Stop => {
                self.end();
                Answer::Done
            }
        }
    }

    /// Opens a job's parts for the workers of this process, and lays them ready.
    fn prepare(&self, working: &Working, ticket: Ticket, entry: &Entry) -> Result<(), String> {
        let mut job = entry.job().map_err(|mistakes| mistakes.to_string())?;
        job.allowed = self.allowed.clone();
        job.hosts = self.hosts.clone();
        job.services.callbacks = self.callbacks.clone();
        job.state = Some(self.state.clone());
        job.check(&self.io).map_err(|mistakes| mistakes.to_string())?;
        let metrics = self.metrics(&entry.name);
        let parts = open(&job, working.place(), &self.io, &metrics).map_err(|error| format!("{error:#}"))?;
        working.lay(ticket, &entry.name, metrics, parts);
        Ok(())
    }

    /// The workers of that generation: they may be a moment later than the leader's.
    fn of_generation(&self, number: u64) -> Option<Working> {
        let until = Instant::now() + BEGINNING;
        loop {
            let working = self.inner().working.clone();
            match working.filter(|working| working.generation().number >= number) {
                Some(working) => return Some(working).filter(|working| working.generation().number == number),
                None if Instant::now() > until => return None,
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Waits until no worker here has it installed; an error where they are about to stop.
    fn gone(&self, ticket: Ticket) -> Result<(), String> {
        let Some(working) = self.inner().working.clone() else { return Err("its workers have stopped".to_owned()) };
        match working.await_gone(ticket, Duration::from_secs(60)) && !working.is_stopping() {
            true => Ok(()),
            false => Err("its workers are about to stop".to_owned()),
        }
    }
}

/// Work that may take its time, on a thread where it may.
async fn blocking(work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Answer::No(format!("a mistake in Vigie: {error}")))
}

/// What the mesh asks of this process.
pub(super) struct Door(pub(super) Arc<Process>);

impl Host for Door {
    fn roster(&self) -> (u64, Bytes) {
        let inner = self.0.inner();
        (inner.roster.version, pack(&inner.roster))
    }

    fn status(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0.told()).expect("texts and numbers are JSON")
    }

    fn answer(&self, _: usize, question: Bytes) -> std::pin::Pin<Box<dyn Future<Output = Bytes> + Send>> {
        let process = self.0.clone();
        Box::pin(async move {
            let answer = match serde_json::from_slice(&question) {
                Ok(question) => process.answer(question).await,
                Err(error) => Answer::No(format!("the question can't be read: {error}")),
            };
            pack(&answer)
        })
    }
}
