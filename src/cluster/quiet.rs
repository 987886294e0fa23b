//! One sentence for one loss, not one panic message a thread.
//!
//! Timely ends its threads by panics when a peer is gone. The cause is in the [`Guard`], and is said once
//! by whoever called [`run`](super::run); the messages of panics that only follow from it are dropped.
//! Every other panic is printed as ever.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::thread;

use super::Guard;

/// How timely's panics begin that follow from a lost link or a stopped worker.
const FOLLOWING: [&str; 5] = [
    "timely communication error:",
    "MergeQueue poisoned.",
    "Failed to receive MergeQueue",
    "failed to send MergeQueue",
    "Failed to send MergeQueue",
];

thread_local! {
    /// Whose worker this thread is.
    static WATCHED: RefCell<Option<Guard>> = const { RefCell::new(None) };
    /// Whether this thread catches what it panics with, and knows better.
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Installs the hook, once a process. It hands on to the hook that was there.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_noise(info) {
                before(info);
            }
        }));
    });
}

/// This thread is a worker of `guard`: once that has failed, its panics follow from the failure.
pub(super) fn watched_by(guard: &Guard) {
    WATCHED.set(Some(guard.clone()));
}

/// Runs `body`, which joins timely's threads, with no word about panics on this thread.
pub(super) fn here<T>(body: impl FnOnce() -> T) -> T {
    HERE.set(true);
    let result = body();
    HERE.set(false);
    result
}

/// What a panic said, if it said it in text.
pub(super) fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// Whether a panic of one of timely's threads only passes on what another has met.
pub(super) fn follows_a_loss(message: &str) -> bool {
    FOLLOWING.iter().any(|start| message.starts_with(start))
}

fn is_noise(info: &PanicHookInfo<'_>) -> bool {
    let timely = thread::current().name().is_some_and(|name| name.starts_with("timely:"));
    let follows = || message(info.payload()).is_some_and(follows_a_loss);
    let failed = || WATCHED.with_borrow(|guard| guard.as_ref().is_some_and(Guard::failed));
    HERE.get() || (timely && (follows() || failed()))
}
