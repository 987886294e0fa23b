//! Asking other people's services by HTTP, so that a job reaches those that it may ask and nothing else.
//!
//! [`Hosts`] says who may be asked, [`Guard`] holds every address to it, and [`Client`] asks. [`Breaker`] and [`Patience`] are
//! plain state: they know no clock and no socket. [`Callbacks`] are the answers that services bring by themselves, and a
//! [`Script`] is what a service would say, for jobs that are tried without it.

pub mod breaker;
pub mod callbacks;
pub mod client;
pub mod guard;
pub mod hosts;
pub mod patience;
pub mod reach;
pub mod script;

pub use breaker::{Breaker, Leave};
pub use callbacks::{Callbacks, Home};
pub use client::{Answer, Client, Request, Trouble};
pub use guard::{Guard, Lookup, Refusal};
pub use hosts::Hosts;
pub use patience::{Next, Patience};
pub use script::{Rehearsal, Script};

/// What the parts of a job have of the process around them to ask services.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Where services bring what they answer later.
    pub callbacks: Callbacks,
    /// That the job is only tried, if it is.
    pub rehearsal: Option<Rehearsal>,
}
