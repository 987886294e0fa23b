//! MQTT, in either version of the protocol: where a broker is and how it knows us ([`Login`]), and a connection to it that
//! never gives up ([`Link`]).

mod link;
mod login;
mod protocol;

pub use link::{Event, Handle, Link, Purpose, Token};
pub use login::{Address, Given, Login, Version, keep_alive};
pub use protocol::INFLIGHT;
