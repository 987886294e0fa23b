//! A way to a port that can be blocked, so that nobody hears of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::port;

/// Hands on what comes to a port, until it swallows it.
pub struct Forwarder {
    pub port: u16,
    pub hole: Arc<AtomicBool>,
}

impl Forwarder {
    pub fn start(to: String) -> Self {
        let port = port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let hole = Arc::new(AtomicBool::new(false));
        let black = hole.clone();
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(&to) else { continue };
                for (from, to) in [(here.try_clone(), there.try_clone()), (Ok(there), Ok(here))] {
                    let (from, to, black) = (from.expect("a socket"), to.expect("a socket"), black.clone());
                    thread::spawn(move || pump(from, to, &black));
                }
            }
        });
        Self { port, hole }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, hole: &AtomicBool) {
    let mut buffer = [0; 4096];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        // Not even an end comes through.
        while hole.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(10));
        }
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            let _ = to.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}
