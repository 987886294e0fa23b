//! Asking other people's services by HTTP, so that a job reaches those that it may ask and nothing else.
//!
//! [`Hosts`] says who may be asked, [`Guard`] holds every address to it, and [`Client`] asks. [`Breaker`] and [`Patience`] are
//! plain state: they know no clock and no socket.

pub mod breaker;
pub mod client;
pub mod guard;
pub mod hosts;
pub mod patience;
pub mod reach;

pub use breaker::{Breaker, Leave};
pub use client::{Answer, Client, Request, Trouble};
pub use guard::{Guard, Lookup, Refusal};
pub use hosts::Hosts;
pub use patience::{Next, Patience};
