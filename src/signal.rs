//! ^C and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks this process to end. From the moment that it is there, nobody ends the process in its place.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Begins to listen. It takes a runtime around it.
    pub fn listen() -> Self {
        let signal = |kind| signal(kind).expect("the signals that end a process can be handled");
        Self { terminate: signal(SignalKind::terminate()), interrupt: signal(SignalKind::interrupt()) }
    }

    /// Waits until someone asks this process to end, once more if it was asked before.
    pub async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits until someone asks this process to end.
pub async fn stop() {
    Stop::listen().heard().await;
}
