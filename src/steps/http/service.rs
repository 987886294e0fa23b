//! One service, as all workers of a process ask it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use operators::{Flaw, Reason};
use reqwest::StatusCode;
use tokio::sync::Semaphore;

use super::poll::Poll;
use super::{Away, Http};
use crate::board::{Board, Post};
use crate::context::Context;
use crate::outgoing::callbacks::{Expected, TooLarge};
use crate::outgoing::client::too_large;
use crate::outgoing::guard::place;
use crate::outgoing::patience::dice;
use crate::outgoing::{Answer, Breaker, Client, Leave, Next, Patience, Request, Trouble};

/// Who waits looks this often whether the service is back, or the job gone.
const LOOK: Duration = Duration::from_millis(100);

/// A service, and what is known of it.
#[derive(Debug)]
pub(super) struct Service {
    client: Client,
    poll: Option<Poll>,
    /// How long a callback is waited for.
    timeout: Duration,
    retries: u32,
    pause: Duration,
    open_for: Duration,
    away: Away,
    /// Whether somebody is asked for as long as it is away.
    endless: bool,
    places: Semaphore,
    health: Mutex<Health>,
    post: Post,
    board: Board,
}

/// Whether it can be asked.
#[derive(Debug)]
struct Health {
    breaker: Breaker,
    /// What went wrong last, in words.
    last: String,
}

/// Why there is no answer for a picture.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is the picture, the answer, or the job.
    Flaw(Flaw),
    /// The service is away, in words.
    Away(String),
}

/// Why one attempt led to nothing.
enum Vain {
    /// Nobody asks for so long.
    Closed(Duration),
    Trouble(Trouble),
}

impl Service {
    /// The service that `config` names, asked by `client`.
    pub fn new(client: Client, config: &Http, context: &Context) -> Self {
        let breaker = Breaker::new(config.open_after, config.open_for.0);
        Self {
            client,
            poll: config.poll.clone(),
            timeout: config.timeout.0,
            retries: config.retries,
            pause: config.pause.0,
            open_for: config.open_for.0,
            away: config.away,
            // Who tries a job wants to know, and not to wait.
            endless: config.away == Away::Wait && !context.is_rehearsed(),
            places: Semaphore::new(config.at_once),
            health: Mutex::new(Health { breaker, last: String::new() }),
            post: context.post("http"),
            board: context.board.clone(),
        }
    }

    /// Whether it tells of itself on that board.
    pub fn is_of(&self, board: &Board) -> bool {
        self.board.is(board)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody wants to know any more.
    pub async fn over(&self) {
        while !self.post.is_over() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Asks until there is an answer, or none to be had; the answer may be one that is `expected` to be brought.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ask(&self, request: &Request, mut expected: Option<&mut Expected>) -> Result<Answer, Failure> {
        let flaw = |what: String| Failure::Flaw(Flaw::new(Reason::ServiceFailed, what));
        let mut patience = Patience::new(self.retries, self.endless);
        loop {
            let (why, asked) = match self.attempt(request, expected.as_deref_mut()).await {
                Ok(answer) => return Ok(answer),
                Err(Vain::Closed(left)) if self.endless => {
                    tokio::time::sleep(left.min(LOOK)).await;
                    continue;
                }
                Err(Vain::Closed(_)) => return Err(Failure::Away(self.health().last.clone())),
                Err(Vain::Trouble(Trouble::Lasting(what))) => return Err(flaw(what)),
                Err(Vain::Trouble(Trouble::Passing(why, asked))) => (why, asked),
            };
            let answers = self.health().breaker.answers();
            match patience.failed(answers) {
                Next::Again => tokio::time::sleep(patience.pause(self.pause, dice(), asked)).await,
                Next::Away => return Err(Failure::Away(why)),
                Next::Theirs => {
                    return Err(flaw(format!("{why}, again and again, and others were answered meanwhile")));
                }
            }
        }
    }

    /// Asks once, when there is a place.
    async fn attempt(&self, request: &Request, expected: Option<&mut Expected>) -> Result<Answer, Vain> {
        let _place = self.places.acquire().await.expect("places are never closed");
        if let Leave::Wait(left) = self.health().breaker.leave(Instant::now()) {
            return Err(Vain::Closed(left));
        }
        let asked = match self.client.ask(request).await {
            Ok(first) => match (&self.poll, expected) {
                (Some(poll), _) => poll.wait(&self.client, request, first).await,
                (None, Some(expected)) => self.called_back(first, expected).await,
                (None, None) => Ok(first),
            },
            Err(trouble) => Err(trouble),
        };
        self.note(&asked);
        asked.map_err(Vain::Trouble)
    }

    /// What a service brings that does not answer at once.
    async fn called_back(&self, first: Answer, expected: &mut Expected) -> Result<Answer, Trouble> {
        if first.status == StatusCode::OK {
            return Ok(first);
        }
        match tokio::time::timeout(self.timeout, expected.brought()).await {
            Ok(Ok(body)) => Ok(Answer { body, ..first }),
            Ok(Err(TooLarge(most))) => Err(too_large(&first.url, most)),
            Err(_) => {
                let limit = humantime::format_duration(self.timeout);
                Err(Trouble::Passing(format!("{} did not call back within {limit}", place(&first.url)), None))
            }
        }
    }

    /// Notes how a request has ended, where others can see it.
    fn note(&self, asked: &Result<Answer, Trouble>) {
        let outcome = match asked {
            Ok(_) => "answered",
            Err(Trouble::Lasting(_)) => "refused",
            Err(Trouble::Passing(..)) => "failed",
        };
        self.post.count(outcome);
        let mut health = self.health();
        match asked {
            Err(Trouble::Passing(why, _)) => {
                health.breaker.failed(Instant::now());
                health.last.clone_from(why);
                if health.breaker.is_open() {
                    self.tell(why);
                }
            }
            // Whoever says no is there.
            Ok(_) | Err(Trouble::Lasting(_)) => {
                health.breaker.answered();
                self.post.tell_goes_on();
            }
        }
    }

    /// Tells that the service is away, and what that means for the pictures.
    fn tell(&self, why: &str) {
        let meanwhile = match self.away {
            Away::Wait if self.endless => return self.post.tell_waits(why, self.open_for),
            Away::Wait => "a job would wait for it",
            Away::Skip => "pictures go on without it",
            Away::Dead => "frames are dead letters until it is back",
        };
        if self.post.waits(&format!("{why}; {meanwhile}"), self.open_for) {
            tracing::warn!("{}: {why}; {meanwhile}", self.post.part());
        }
    }
}
