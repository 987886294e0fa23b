//! A way to a port that can be blocked, so that nobody hears of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::port;

/// Hands on what comes to a port, until it swallows it.
pub struct Forwarder {
    pub port: u16,
    pub hole: Arc<AtomicBool>,
    /// All that came, in both directions.
    pub seen: Seen,
}

type Seen = Arc<Mutex<Vec<u8>>>;

impl Forwarder {
    pub fn start(to: String) -> Self {
        let port = port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let hole = Arc::new(AtomicBool::new(false));
        let seen = Seen::default();
        let (black, all) = (hole.clone(), seen.clone());
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(&to) else { continue };
                for (from, to) in [(here.try_clone(), there.try_clone()), (Ok(there), Ok(here))] {
                    let (from, to) = (from.expect("a socket"), to.expect("a socket"));
                    let (black, all) = (black.clone(), all.clone());
                    thread::spawn(move || pump(from, to, &black, &all));
                }
            }
        });
        Self { port, hole, seen }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, hole: &AtomicBool, seen: &Seen) {
    let mut buffer = [0; 4096];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        seen.lock().expect("nothing panics while it holds that").extend_from_slice(&buffer[..read]);
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
