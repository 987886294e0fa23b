//! Threads for I/O.

use tokio::runtime::Runtime;

use crate::mistake::Mistake;

/// Two threads of that name for clients and servers.
///
/// # Errors
/// In words, where the machine gives none.
pub fn threads(name: &str) -> Result<Runtime, Mistake> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).thread_name(name).enable_all().build();
    built.map_err(|error| Mistake::new(format!("this machine gives no threads for I/O: {error}")))
}
