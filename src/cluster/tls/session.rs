//! What is encrypted on one connection. It does no I/O of its own: it is given what to read from or to write to, which may
//! block or not.
//!
//! One thread may read while another writes: who waits for the network keeps nobody from decrypting or encrypting.

use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use rustls::Connection;

/// What is read at once: one record and its overhead.
const CHUNK: usize = 17 << 10;

/// One connection's keys, and what is on its way.
pub struct Session {
    connection: Mutex<Connection>,
    /// Held by whoever reads, also while nothing comes.
    incoming: Mutex<Incoming>,
    /// What is encrypted and not sent. Held by whoever writes, so that records go out in the order in which they were made.
    outgoing: Mutex<Vec<u8>>,
}

/// What came and is not decrypted.
struct Incoming {
    bytes: Box<[u8]>,
    left: Range<usize>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Certificates were shown and seen.
    pub fn new(connection: Connection) -> Self {
        let incoming = Incoming { bytes: vec![0; CHUNK].into(), left: 0..0 };
        let (connection, incoming) = (Mutex::new(connection), Mutex::new(incoming));
        Self { connection, incoming, outgoing: Mutex::default() }
    }

    /// Reads what was encrypted in what comes. An end without a goodbye is an end: what is said here has its own.
    pub fn read(&self, from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
        let mut incoming = lock(&self.incoming);
        loop {
            match self.decrypt(&mut incoming, into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if !incoming.fill(from)? {
                return Ok(0);
            }
        }
    }

    fn decrypt(&self, incoming: &mut Incoming, into: &mut [u8]) -> io::Result<usize> {
        let mut connection = lock(&self.connection);
        loop {
            match connection.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !incoming.left.is_empty() => {
                    incoming.feed(&mut connection)?;
                }
                done => return done,
            }
        }
    }

    /// Encrypts, and sends as much as is taken; the rest goes out first next time.
    pub fn write(&self, to: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
        let mut outgoing = lock(&self.outgoing);
        send(&mut outgoing, to)?;
        let written = self.encrypt(&mut outgoing, |connection| connection.writer().write(bytes))?;
        match send(&mut outgoing, to) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    /// Sends all that is encrypted.
    pub fn flush(&self, to: &mut impl Write) -> io::Result<()> {
        send(&mut lock(&self.outgoing), to)
    }

    /// Says that nothing more comes from here.
    pub fn goodbye(&self, to: &mut impl Write) -> io::Result<()> {
        let mut outgoing = lock(&self.outgoing);
        self.encrypt(&mut outgoing, |connection| {
            connection.send_close_notify();
            Ok(())
        })?;
        send(&mut outgoing, to)
    }

    fn encrypt<T>(&self, into: &mut Vec<u8>, say: impl FnOnce(&mut Connection) -> io::Result<T>) -> io::Result<T> {
        let mut connection = lock(&self.connection);
        let said = say(&mut connection)?;
        while connection.wants_write() {
            connection.write_tls(into)?;
        }
        Ok(said)
    }
}

impl Incoming {
    /// Takes in what comes; whether anything did.
    fn fill(&mut self, from: &mut impl Read) -> io::Result<bool> {
        self.left = 0..from.read(&mut self.bytes)?;
        Ok(!self.left.is_empty())
    }

    fn feed(&mut self, connection: &mut Connection) -> io::Result<()> {
        self.left.start += connection.read_tls(&mut &self.bytes[self.left.clone()])?;
        connection.process_new_packets().map(drop).map_err(broken)
    }
}

fn send(outgoing: &mut Vec<u8>, to: &mut impl Write) -> io::Result<()> {
    let mut sent = 0;
    let result = loop {
        match outgoing.get(sent..).filter(|rest| !rest.is_empty()).map(|rest| to.write(rest)) {
            None => break Ok(()),
            Some(Ok(0)) => break Err(io::ErrorKind::WriteZero.into()),
            Some(Ok(written)) => sent += written,
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(error)) => break Err(error),
        }
    };
    outgoing.drain(..sent);
    result
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds a part of a session")
}

/// The error as one of the connection; [`words::fault`](super::words::fault) finds it again.
pub(super) fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
