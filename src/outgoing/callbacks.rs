//! Answers that services bring by themselves, each to an address of its own.
//!
//! The last part of the address is 128 random bits, and all that a service has to show: it is known from the moment a step
//! expects an answer until the step has it, or has waited for long enough, and it is good for one answer. What is looked up
//! is its hash, so that the time of a look-up tells nothing about it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use blake3::Hash;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::tasks::task::fresh_id;

/// Where callbacks come in; the secret follows.
pub const PATH: &str = "/api/v1/callbacks";

/// Answers that a process expects at most at the same time.
pub const MOST: usize = 10_000;

/// Addresses that are no longer good, and known as such.
const REMEMBERED: usize = 10_000;

/// The answers that the steps of one process expect. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Callbacks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    home: OnceLock<Home>,
    book: Mutex<Book>,
}

/// Where a process answers HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// `http://host:port`.
    pub address: String,
    /// Which process of its cluster it is, from 0.
    pub process: usize,
}

#[derive(Debug, Default)]
struct Book {
    expected: HashMap<Hash, Open>,
    /// The oldest first.
    gone: VecDeque<Hash>,
    counts: BTreeMap<&'static str, u64>,
}

/// An answer that is expected.
#[derive(Debug)]
struct Open {
    /// Who waits for it; nobody, while somebody brings it.
    tell: Option<oneshot::Sender<Brought>>,
    most: usize,
}

/// What was brought; or that it was larger than it may be.
pub type Brought = Result<Bytes, TooLarge>;

/// An answer of more than so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge(pub usize);

/// Why nobody waits for what is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// There was never such an address, or long ago.
    Unknown,
    /// It was there: the answer has come already, or comes too late.
    Gone,
}

impl Callbacks {
    /// This process answers HTTP there. What was said first holds.
    pub fn listen(&self, home: Home) {
        let _ = self.0.home.set(home);
    }

    /// Where this process answers HTTP, if it does.
    pub fn home(&self) -> Option<&Home> {
        self.0.home.get()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects an answer of `most` bytes or less, until what is returned goes.
    ///
    /// # Errors
    /// In words: too many are expected already, or this machine has no random numbers.
    pub fn expect(&self, most: usize) -> Result<Expected, String> {
        let id = fresh_id().map_err(|error| format!("this machine has no random numbers: {error}"))?;
        let (tell, coming) = oneshot::channel();
        let hash = blake3::hash(id.as_bytes());
        let mut book = self.book();
        if book.expected.len() >= MOST {
            return Err(format!("this process waits for {MOST} callbacks already, and for no more at the same time"));
        }
        book.expected.insert(hash, Open { tell: Some(tell), most });
        drop(book);
        Ok(Expected { id, hash, coming, of: self.clone() })
    }

    /// Takes the place of whoever brings an answer to the address that ends with `id`.
    ///
    /// # Errors
    /// Nobody waits for it.
    pub fn claim(&self, id: &str) -> Result<Claim, Missed> {
        let hash = blake3::hash(id.as_bytes());
        let mut book = self.book();
        let open = book.expected.get_mut(&hash).and_then(|open| Some((open.tell.take()?, open.most)));
        match open {
            Some((tell, most)) => Ok(Claim { most, hash, tell: Some(tell), of: self.clone() }),
            None if book.expected.contains_key(&hash) || book.gone.contains(&hash) => {
                book.count("late");
                Err(Missed::Gone)
            }
            None => {
                book.count("unknown");
                Err(Missed::Unknown)
            }
        }
    }

    /// How many are expected now.
    pub fn expected(&self) -> usize {
        self.book().expected.len()
    }

    /// What is counted, in Prometheus' (OpenMetrics) text format.
    pub fn page(&self) -> String {
        let mut page = "# HELP vigie_callbacks Callbacks of services, by what became of them: taken, too_large, late, \
                        unknown.\n# TYPE vigie_callbacks counter\n"
            .to_owned();
        for (outcome, count) in &self.book().counts {
            writeln!(page, "vigie_callbacks_total{{outcome=\"{outcome}\"}} {count}").expect("a string takes all");
        }
        page + "# EOF\n"
    }
}

impl Book {
    fn count(&mut self, outcome: &'static str) {
        *self.counts.entry(outcome).or_default() += 1;
    }

    /// The address is no longer good.
    fn forget(&mut self, hash: &Hash) {
        if self.expected.remove(hash).is_some() {
            if self.gone.len() >= REMEMBERED {
                self.gone.pop_front();
            }
            self.gone.push_back(*hash);
        }
    }
}

/// An answer that is expected for as long as this is there.
#[derive(Debug)]
pub struct Expected {
    id: String,
    hash: Hash,
    coming: oneshot::Receiver<Brought>,
    of: Callbacks,
}

impl Expected {
    /// The address for the service, where `base` leads to this process. It is a secret.
    pub fn url(&self, base: &str) -> String {
        format!("{base}{PATH}/{}", self.id)
    }

    /// Waits for the answer. It comes once.
    pub async fn brought(&mut self) -> Brought {
        match (&mut self.coming).await {
            Ok(brought) => brought,
            // Taken before, or lost: nothing will come any more, and who waits has a limit of its own.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.of.book().forget(&self.hash);
    }
}

/// Somebody brings an answer. Where that breaks off, it may be brought again.
#[derive(Debug)]
pub struct Claim {
    /// Its bytes at most.
    pub most: usize,
    hash: Hash,
    tell: Option<oneshot::Sender<Brought>>,
    of: Callbacks,
}

impl Claim {
    /// Hands it over: the address is no longer good.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub fn bring(mut self, brought: Brought) -> Result<(), Missed> {
        let tell = self.tell.take().expect("it is taken here alone");
        let taken = if brought.is_ok() { "taken" } else { "too_large" };
        // Counted first: who is told goes on at once.
        let mut book = self.of.book();
        let told = tell.send(brought).map_err(|_| Missed::Gone);
        book.count(if told.is_ok() { taken } else { "late" });
        book.forget(&self.hash);
        told
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(tell) = self.tell.take() else { return };
        if let Some(open) = self.of.book().expected.get_mut(&self.hash) {
            open.tell = Some(tell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(expected: &Expected) -> String {
        let url = expected.url("http://here:1");
        let id = url.strip_prefix("http://here:1/api/v1/callbacks/").expect("its address");
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        id.to_owned()
    }

    /// Catches an address that is good twice, one that outlives who waits, and one that anybody could guess from another.
    #[tokio::test]
    async fn an_address_is_good_once_and_for_a_while() {
        let callbacks = Callbacks::default();
        let (mut first, second) = (callbacks.expect(9).expect("room"), callbacks.expect(9).expect("room"));
        let (one, two) = (id_of(&first), id_of(&second));
        assert_ne!(one, two);
        assert_eq!(callbacks.claim("nobody").err(), Some(Missed::Unknown));
        let claim = callbacks.claim(&one).expect("it is expected");
        assert_eq!(callbacks.claim(&one).err(), Some(Missed::Gone), "while another one brings it");
        drop(claim);
        let claim = callbacks.claim(&one).expect("that one broke off");
        assert_eq!(claim.most, 9);
        claim.bring(Ok("hello".into())).expect("it is waited for");
        assert_eq!(first.brought().await, Ok(Bytes::from("hello")));
        assert_eq!(callbacks.claim(&one).err(), Some(Missed::Gone));
        let claim = callbacks.claim(&two).expect("it is expected");
        drop(second);
        assert_eq!(claim.bring(Ok(Bytes::new())), Err(Missed::Gone), "nobody waits any more");
        assert_eq!(callbacks.claim(&two).err(), Some(Missed::Gone));
        drop(first);
        assert_eq!(callbacks.expected(), 0);
        let page = callbacks.page();
        for line in ["{outcome=\"taken\"} 1", "{outcome=\"late\"} 4", "{outcome=\"unknown\"} 1"] {
            assert!(page.contains(line), "{page}");
        }
    }

    /// Catches addresses that fill the memory, open or gone.
    #[test]
    fn there_is_a_most_of_all() {
        let callbacks = Callbacks::default();
        let all: Vec<_> = (0..MOST).map(|_| callbacks.expect(1).expect("room")).collect();
        assert!(callbacks.expect(1).expect_err("too many").contains("10000"));
        drop(all);
        drop((0..9).map(|_| callbacks.expect(1).expect("room again")).collect::<Vec<_>>());
        assert_eq!(callbacks.book().gone.len(), REMEMBERED);
    }
}
