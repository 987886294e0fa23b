//! A connection to another process, encrypted or not. Clones are the same connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::Connection;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tls::session::Session;

/// A connection that blocks.
#[derive(Debug)]
pub struct Wire {
    tcp: TcpStream,
    session: Option<Arc<Session>>,
}

/// What is read from a wire that does not block, and what is written to it: all of that has to be flushed.
pub(crate) type Halves = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

impl From<TcpStream> for Wire {
    fn from(tcp: TcpStream) -> Self {
        Self { tcp, session: None }
    }
}

impl Wire {
    /// One that is encrypted.
    pub(super) fn secure(tcp: TcpStream, connection: Connection) -> Self {
        Self { tcp, session: Some(Session::new(connection).into()) }
    }

    /// Another handle of it.
    ///
    /// # Errors
    /// The machine gives none.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { tcp: self.tcp.try_clone()?, session: self.session.clone() })
    }

    /// Who is at its other end.
    ///
    /// # Errors
    /// Nobody is any more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    /// How long a read waits at most.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.tcp.set_read_timeout(time)
    }

    /// Whether to wait in reads and writes.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.tcp.set_nonblocking(nonblocking)
    }

    /// Ends one direction, or, at once and whatever others do with it, both.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if let (Some(session), Shutdown::Write) = (&self.session, how) {
            session.goodbye(&mut &self.tcp)?;
        }
        self.tcp.shutdown(how)
    }

    /// The same connection for tasks: it does not block from here on.
    ///
    /// # Errors
    /// The connection is broken.
    pub(crate) fn into_halves(self) -> io::Result<Halves> {
        self.tcp.set_read_timeout(None)?;
        self.tcp.set_nonblocking(true)?;
        let tcp = tokio::net::TcpStream::from_std(self.tcp)?;
        Ok(match self.session {
            None => {
                let (reader, writer) = tcp.into_split();
                (Box::new(reader), Box::new(writer))
            }
            Some(session) => {
                let (reader, writer) = tokio::io::split(Secure { tcp, session });
                (Box::new(reader), Box::new(writer))
            }
        })
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.read(&mut &self.tcp, buffer),
            None => self.tcp.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.session {
            Some(session) => session.write(&mut &self.tcp, bytes),
            None => self.tcp.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.session {
            Some(session) => session.flush(&mut &self.tcp),
            None => Ok(()),
        }
    }
}

/// An encrypted connection for tasks.
struct Secure {
    tcp: tokio::net::TcpStream,
    session: Arc<Session>,
}

/// Reads and writes what can be read and written now.
struct Now<'a>(&'a tokio::net::TcpStream);

impl Read for Now<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Secure {
    /// Writes again and again, until that does not have to wait any more.
    fn poll<T>(
        &self,
        context: &mut Context<'_>,
        write: impl Fn(&Session, &mut Now<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match write(&self.session, &mut Now(&self.tcp)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.tcp.poll_write_ready(context))?,
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncRead for Secure {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.session.read(&mut Now(&self.tcp), buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.tcp.poll_read_ready(context))?,
                done => return Poll::Ready(done.map(|read| buffer.advance(read))),
            }
        }
    }
}

impl AsyncWrite for Secure {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(context, |session, now| session.write(now, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, |session, now| session.flush(now))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll(context, |session, now| session.goodbye(now)))?;
        Poll::Ready(SockRef::from(&self.tcp).shutdown(Shutdown::Write))
    }
}
