//! Updates on their way to the server, until each has its verdict.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use operators::Flaw;
use tokio::sync::{Mutex, Semaphore};

use super::pack::{Commands, Update, command, removal};
use super::server::{Server, patience};
use super::verdict::{Fault, all_done, judge};
use crate::board::Post;
use crate::delivery::{Trouble, insist};

/// Commands that are under way at the same time: the driver opens ten connections.
const AT_ONCE: usize = 8;

/// How often a race is run again before it is none.
const ROUNDS: usize = 10;

/// What becomes of parcels, each by its place.
pub type Verdicts = Vec<(usize, Result<(), Flaw>)>;

/// Writes what is packed.
pub struct Writer {
    server: Arc<Server>,
    post: Post,
    room: Semaphore,
}

/// What is still to be written to one collection, and what is decided.
#[derive(Default)]
struct Work {
    commands: VecDeque<Vec<Update>>,
    verdicts: Verdicts,
    /// Answers since one that got anywhere.
    rounds: usize,
}

impl Writer {
    /// A writer that reaches for nothing yet; it tells at `post` what it waits for.
    pub fn new(server: Arc<Server>, post: Post) -> Self {
        Self { server, post, room: Semaphore::new(AT_ONCE) }
    }

    /// Writes commands to a collection, one after the other, until every parcel has its verdict.
    pub async fn write(&self, collection: &str, commands: Commands) -> Verdicts {
        let _seat = self.room.acquire().await;
        let work = Mutex::new(Work { commands: commands.into(), ..Work::default() });
        let written = insist(&self.post, || self.attempt(collection, &work)).await;
        let mut work = work.into_inner();
        if let Err(flaw) = written {
            work.give_up(&flaw);
        }
        work.verdicts
    }

    /// Removes documents, until none of them is there any more.
    ///
    /// # Errors
    /// Why that will never be.
    pub async fn remove(&self, collection: &str, ids: &[String]) -> Result<(), Flaw> {
        let place = format!("{}.{collection}", self.server.name());
        let attempt = || async {
            let command = removal(collection, ids, patience(0) - Duration::from_secs(1));
            let answer = self.server.run(command, &place).await.and_then(|answer| all_done(&answer, &place));
            answer.map_err(|fault| match fault {
                Fault::Lasting(flaw) => Trouble::Lasting(flaw),
                other => Trouble::Passing(other.words()),
            })
        };
        insist(&self.post, attempt).await
    }

    /// Goes on where the last attempt stopped, as far as it gets.
    async fn attempt(&self, collection: &str, work: &Mutex<Work>) -> Result<(), Trouble> {
        let mut work = work.lock().await;
        while let Some(updates) = work.commands.front() {
            match self.send(collection, updates).await {
                Ok(faults) => work.settle(faults)?,
                Err(Fault::Passing(reason)) => return Err(Trouble::Passing(reason)),
                Err(Fault::Lasting(flaw)) => work.blame(&flaw),
                Err(Fault::Race(flaw)) if work.is_going_round() => work.blame(&flaw),
                Err(Fault::Race(_)) => {}
                Err(Fault::Stopped) => work.split(),
            }
        }
        Ok(())
    }

    async fn send(&self, collection: &str, updates: &[Update]) -> Result<Vec<Option<Fault>>, Fault> {
        let bytes = updates.iter().map(|update| update.statement.as_bytes().len()).sum();
        // The server gives up first, so that it can say why.
        let patience = patience(bytes) - Duration::from_secs(1);
        let place = format!("{}.{collection}", self.server.name());
        let answer = self.server.run(command(collection, updates, patience), &place).await?;
        judge(&answer, updates.len(), &place)
    }
}

impl Work {
    /// Takes the answer to the first command: what is not done stands first again.
    fn settle(&mut self, faults: Vec<Option<Fault>>) -> Result<(), Trouble> {
        let updates = self.commands.pop_front().unwrap_or_default();
        let no_race = self.is_going_round();
        let (mut left, mut passing) = (Vec::new(), None);
        for (update, fault) in updates.into_iter().zip(faults) {
            match fault {
                None => self.judged(&update, &Ok(())),
                Some(Fault::Lasting(flaw)) => self.judged(&update, &Err(flaw)),
                Some(Fault::Race(flaw)) if no_race => self.judged(&update, &Err(flaw)),
                Some(Fault::Race(_) | Fault::Stopped) => left.push(update),
                Some(Fault::Passing(reason)) => {
                    left.push(update);
                    passing = Some(reason);
                }
            }
        }
        if !left.is_empty() {
            self.commands.push_front(left);
        }
        match passing {
            None => Ok(()),
            Some(reason) => {
                // What waits for something else is no race.
                self.rounds = 0;
                Err(Trouble::Passing(reason))
            }
        }
    }

    /// Whether the last answers got nowhere.
    fn is_going_round(&mut self) -> bool {
        self.rounds += 1;
        self.rounds >= ROUNDS
    }

    /// The first command was refused as a whole. Only an update that stands alone is to blame.
    fn blame(&mut self, flaw: &Flaw) {
        match self.commands.front().map(Vec::len) {
            Some(1) => {
                let updates = self.commands.pop_front().unwrap_or_default();
                updates.iter().for_each(|update| self.judged(update, &Err(flaw.clone())));
            }
            _ => self.split(),
        }
    }

    /// Makes the first command one for each of its updates.
    fn split(&mut self) {
        for update in self.commands.pop_front().unwrap_or_default().into_iter().rev() {
            self.commands.push_front(vec![update]);
        }
    }

    fn give_up(&mut self, flaw: &Flaw) {
        for updates in std::mem::take(&mut self.commands) {
            updates.iter().for_each(|update| self.judged(update, &Err(flaw.clone())));
        }
    }

    fn judged(&mut self, update: &Update, verdict: &Result<(), Flaw>) {
        self.rounds = 0;
        self.verdicts.extend(update.parcels.iter().map(|place| (*place, verdict.clone())));
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;
    use operators::Reason;

    use super::*;

    fn work(updates: std::ops::Range<usize>) -> Work {
        let update = |place| Update { statement: RawDocumentBuf::new(), parcels: vec![place, place + 10] };
        Work { commands: [updates.map(update).collect()].into(), ..Work::default() }
    }

    fn left(work: &Work) -> Vec<usize> {
        work.commands.iter().flatten().map(|update| update.parcels[0]).collect()
    }

    /// Catches an update that was not done and is counted as done, or sent again though it was.
    #[test]
    fn only_what_was_not_done_is_sent_again() {
        let mut work = work(0..4);
        let flaw = Flaw::new(Reason::TooLarge, "large");
        let race = || Some(Fault::Race(Flaw::new(Reason::Refused, "twice")));
        let faults = vec![None, Some(Fault::Passing("p".into())), Some(Fault::Lasting(flaw.clone())), race()];
        assert_eq!(work.settle(faults), Err(Trouble::Passing("p".into())));
        assert_eq!(left(&work), [1, 3]);
        assert_eq!(work.verdicts, [(0, Ok(())), (10, Ok(())), (2, Err(flaw.clone())), (12, Err(flaw.clone()))]);
        assert_eq!(work.settle(vec![None, race()]), Ok(()), "at once again");
        assert_eq!(work.settle(vec![None]), Ok(()));
        assert_eq!((left(&work), work.verdicts.len()), (vec![], 8));
    }

    #[test]
    fn one_bad_update_does_not_spoil_its_command() {
        let mut work = work(0..3);
        let flaw = Flaw::new(Reason::Refused, "no");
        work.blame(&flaw);
        assert_eq!((left(&work), work.commands.len(), work.verdicts.len()), (vec![0, 1, 2], 3, 0));
        work.blame(&flaw);
        assert_eq!((left(&work), &work.verdicts[0]), (vec![1, 2], &(0, Err(flaw.clone()))));
        work.give_up(&flaw);
        assert_eq!((left(&work), work.verdicts.len()), (vec![], 6));
    }

    /// Catches a document that another index refuses and that is tried for ever, with all behind it.
    #[test]
    fn a_race_without_end_is_none() {
        let mut work = work(0..2);
        let flaw = Flaw::new(Reason::Refused, "twice");
        let race = || Some(Fault::Race(flaw.clone()));
        assert_eq!(work.settle(vec![race(), None]), Ok(()));
        for _ in 0..ROUNDS {
            assert_eq!(left(&work), [0]);
            assert_eq!(work.settle(vec![race()]), Ok(()));
        }
        assert_eq!((left(&work), &work.verdicts[2]), (vec![], &(0, Err(flaw.clone()))));
    }
}
