//! A connection that knows how it ended.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use timely::communication::allocator::zero_copy::stream::Stream;

use super::wire::Wire;
use super::{Guard, Lost, Peer};

/// A link to another process, as timely's threads hold it.
///
/// *Reading*, an end is a loss only if timely's thread panics over it: after the other side's goodbye it is
/// how a link should end. So an end is remembered, and told to the guard when the link is dropped in a panic.
///
/// *Writing* never fails: a loss is told to the guard, and what comes after it goes nowhere. Timely's send
/// thread would panic, and poison the queue into which a worker may just be pushing from inside a session;
/// the session flushes when it is dropped, panics again, and that aborts the process.
#[derive(Debug)]
pub(super) struct Link {
    stream: Wire,
    peer: Peer,
    guard: Guard,
    /// How the stream ended, once it has.
    ending: Option<String>,
}

impl Link {
    pub(super) fn new(stream: Wire, peer: Peer, guard: Guard) -> Self {
        Self { stream, peer, guard, ending: None }
    }

    fn lost(&self, why: String) {
        self.guard.fail(Lost::Peer { peer: self.peer.clone(), why });
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.ending.get_or_insert_with(|| "the connection was closed".into());
                    return Ok(0);
                }
                Ok(read) => return Ok(read),
                // A signal is no loss, though timely takes it for one.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ending.get_or_insert_with(|| error.to_string());
                    return Err(error);
                }
            }
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.guard.failed() {
            return Ok(bytes.len());
        }
        match self.stream.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.lost(error.to_string());
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Link {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Link::new(self.stream.try_clone()?, self.peer.clone(), self.guard.clone()))
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    /// Says goodbye, unless something failed: then the guard closes the link when it is time.
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if !self.guard.failed()
            && let Err(error) = self.stream.shutdown(how)
        {
            self.lost(error.to_string());
        }
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let (true, Some(why)) = (thread::panicking(), self.ending.take()) {
            self.lost(why);
        }
    }
}
