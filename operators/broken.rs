//! Mistakes that are made on purpose, for the tests that must find them. They are there with the feature `broken` alone.

/// Whether this build makes the mistake of that name: `early-ack`, `latest-time`, `enqueue-ack`, `latest-commit`; or
/// `panic` (of a worker, over a frame of the camera `yard-0`) and `version` (it takes itself for another).
/// `VIGIE_BROKEN` says which one.
pub fn makes(mistake: &str) -> bool {
    cfg!(feature = "broken") && std::env::var("VIGIE_BROKEN").is_ok_and(|made| made == mistake)
}
