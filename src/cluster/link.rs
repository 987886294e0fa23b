//! A connection that knows how it ended.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use timely::communication::allocator::zero_copy::stream::Stream;

use super::{Guard, Lost, Peer};

/// A link to another process, as timely's threads hold it.
///
/// An end is a loss only if timely's thread panics over it: after the other side's goodbye it is how a
/// link should end. So an end is remembered, and told to the guard when the link is dropped in a panic.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    peer: Peer,
    guard: Guard,
    /// How the stream ended, once it has.
    ending: Option<String>,
}

impl Link {
    pub(super) fn new(stream: TcpStream, peer: Peer, guard: Guard) -> Self {
        Self { stream, peer, guard, ending: None }
    }

    fn ends<T>(&mut self, error: io::Error) -> io::Result<T> {
        if error.kind() != io::ErrorKind::Interrupted {
            self.ending.get_or_insert_with(|| error.to_string());
        }
        Err(error)
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
                Err(error) => return self.ends(error),
            }
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes).or_else(|error| self.ends(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().or_else(|error| self.ends(error))
    }
}

impl Stream for Link {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Link::new(self.stream.try_clone()?, self.peer.clone(), self.guard.clone()))
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let (true, Some(why)) = (thread::panicking(), self.ending.take()) {
            self.guard.fail(Lost::Peer { peer: self.peer.clone(), why });
        }
    }
}
