//! Kafka, by librdkafka: where its brokers are and how they know us ([`Login`]), and what a client hears ([`Ear`]).

mod ear;
mod login;
mod topics;
mod words;

pub use ear::{Ear, Report};
pub use login::{Given, Login, Mechanism};
pub use topics::{create, legal, topic_limit, topics};
pub use words::unmade;
