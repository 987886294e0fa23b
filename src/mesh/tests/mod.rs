//! The protocol by itself, over a network that is a model.

mod chance;
mod every;
mod steps;
mod world;

use std::time::Duration;

use super::membership::Config;

const DEAD_AFTER: Duration = Duration::from_secs(3);

fn config(me: usize, processes: usize, quorum: usize) -> Config {
    Config {
        me,
        processes,
        quorum,
        dead_after: DEAD_AFTER,
        beat: Duration::from_millis(250),
        gather: Duration::from_millis(200),
        pause: Duration::from_millis(100),
        promised: 0,
    }
}
