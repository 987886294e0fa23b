//! Trying again until it is done.

use std::time::Duration;

use operators::{Flaw, Reason};

use crate::board::Post;

/// How long a failed attempt waits at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why something could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What passes: a server that is away, a full disk, a missing right that an operator can give. In words.
    Passing(String),
    /// What does not: a name or a size that will never be taken.
    Lasting(Flaw),
}

/// The pauses between attempts: 100 ms, doubling up to 5 s.
#[derive(Clone, Copy, Debug)]
pub struct Pauses(Duration);

impl Pauses {
    /// The first pause.
    pub const FIRST: Duration = FIRST_PAUSE;
}

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Iterator for Pauses {
    type Item = Duration;
    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = LONGEST_PAUSE.min(pause * 2);
        Some(pause)
    }
}

/// What is said of something that nobody waits for any more: its frame is not acknowledged, and comes again.
pub fn over() -> Flaw {
    Flaw::new(Reason::Refused, "its job is not installed any more")
}

/// Tries until it is done or will never be, or its job is not installed any more. What passes stands on the board, and is told once.
///
/// # Errors
/// What will never be written, and why.
pub async fn insist<T, F>(post: &Post, mut attempt: impl FnMut() -> F) -> Result<T, Flaw>
where
    F: Future<Output = Result<T, Trouble>>,
{
    let mut pauses = Pauses::default();
    loop {
        match attempt().await {
            Ok(done) => {
                post.tell_goes_on();
                return Ok(done);
            }
            Err(Trouble::Lasting(flaw)) => return Err(flaw),
            Err(Trouble::Passing(_)) if post.is_over() => return Err(over()),
            Err(Trouble::Passing(reason)) => {
                let pause = pauses.next().expect("they never end");
                post.tell_waits(&reason, pause);
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;

    #[tokio::test]
    async fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let board = Board::default();
        let post = Post::new(&board, "store", 0, "mongodb");
        let mut troubles = vec![Trouble::Passing("reset".into()), Trouble::Passing("refused".into())];
        let attempt = || std::future::ready(troubles.pop().map_or(Ok(7), Err));
        assert_eq!(insist(&post, attempt).await, Ok(7));
        assert!(board.waits().is_empty());
        let flaw = Flaw::new(Reason::Refused, "no");
        let refused = insist::<(), _>(&post, || std::future::ready(Err(Trouble::Lasting(flaw.clone())))).await;
        assert_eq!(refused, Err(flaw));
        assert_eq!(Pauses::default().take(8).last(), Some(LONGEST_PAUSE));
    }
}
