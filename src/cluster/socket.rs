//! Sockets as a cluster needs them: bound to the right address, and quick to notice a loss.

use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::Peer;
use crate::mistake::Mistake;

/// How long one try to connect may take.
const TRY: Duration = Duration::from_secs(1);

/// Silence on a link after which the other side is asked whether it is there; how often; how many times.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(2), Duration::from_secs(1), 2);

/// How long what was sent may go without being taken by the other machine.
pub(crate) const USER_TIMEOUT: Duration = Duration::from_secs(4);

/// Binds the first address that the name stands for. Not any of them: `localhost` is two addresses, and a
/// second process must not find the other one free.
pub(crate) fn listen(me: &Peer) -> Result<TcpListener, Mistake> {
    let Peer { index, address } = me;
    let resolved = address.to_socket_addrs().map_err(|error| {
        Mistake::new(format!("{me}: the name can't be resolved ({error}): correct the address in cluster.toml"))
    })?;
    let mut not_here = None;
    for address in resolved {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(|error| Mistake::new(error.to_string()))?;
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => not_here = Some(error),
            // A machine without IPv6.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => not_here = Some(error),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let what = format!("{address} is in use: is another process running with -p {index}?");
                return Err(Mistake::new(what));
            }
            Err(error) => return Err(Mistake::new(format!("{me} can't listen on its address: {error}"))),
        }
    }
    let why = not_here.map_or_else(|| "the name stands for no address".into(), |error| error.to_string());
    Err(Mistake::new(format!("{address} is no address of this machine, which runs -p {index} ({why})")))
}

/// Connects to the first of the name's addresses that answers.
pub(crate) fn dial(address: &str, user_timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name stands for no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TRY) {
            // On one machine a socket can meet itself, where nobody listens yet.
            Ok(stream) if stream.local_addr()? == stream.peer_addr()? => {}
            Ok(stream) => return tune(&stream, user_timeout).map(|()| stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Makes a link notice within seconds that the other machine is gone.
pub(crate) fn tune(stream: &TcpStream, user_timeout: Duration) -> io::Result<()> {
    let (time, interval, retries) = KEEPALIVE;
    let socket = SockRef::from(stream);
    stream.set_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(user_timeout))?;
    Ok(())
}
