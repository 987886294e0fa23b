//! What processes ask each other over the mesh.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::api::{Command, Problem, Reply, TaskAnswer, TaskQuestion};
use crate::command::Ticket;
use crate::roster::{Entry, Roster};

/// A question, or an order that is answered when it is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Question {
    /// To the leader: do what somebody asked another process for.
    Command(Command),
    /// From the leader: open this job's parts and lay them ready under the ticket.
    Prepare {
        /// The generation that it is for.
        generation: u64,
        /// Under what they lie.
        ticket: Ticket,
        /// The job.
        entry: Entry,
    },
    /// From the leader: clear away what was laid ready.
    Discard(Ticket),
    /// From the leader: answer when no worker of yours has it installed any more.
    Gone(Ticket),
    /// From the leader: this is the roster now.
    Roster(Roster),
    /// What do you know of this task?
    Task(TaskQuestion),
    /// What do you count? As Prometheus' text.
    Metrics,
    /// To the leader: a job's source has stopped with an error, or a panic ended the workers with that job as the last installed.
    Trouble {
        /// The job.
        job: String,
        /// What happened.
        reason: String,
        /// Which installation of it; `None` where all workers ended with it.
        ticket: Option<Ticket>,
    },
    /// End.
    Stop,
}

/// What a process answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// It can't be done, and why.
    No(String),
    /// It can't be done now, and why: the process is gone, or its workers are not those of who asks, whose generation is
    /// over or about to be.
    NotNow(String),
    /// What came of a command.
    Reply(Box<Result<Reply, Problem>>),
    /// What is known of a task.
    Task(Option<Box<TaskAnswer>>),
    /// Text.
    Text(String),
}

impl From<Result<(), String>> for Answer {
    fn from(done: Result<(), String>) -> Self {
        done.map_or_else(Answer::No, |()| Answer::Done)
    }
}

/// As it travels.
pub fn pack<T: Serialize>(message: &T) -> Bytes {
    serde_json::to_vec(message).expect("texts and numbers are JSON").into()
}

/// What came; an answer that can't be read is a `No`, one that did not come a `NotNow`.
pub fn answer(bytes: Result<Bytes, String>) -> Answer {
    let unread = |error| Answer::No(format!("its answer can't be read: {error}"));
    bytes.map_or_else(Answer::NotNow, |bytes| serde_json::from_slice(&bytes).unwrap_or_else(unread))
}
