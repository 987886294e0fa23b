//! HTTPS: who calls is heard once TLS is there, and who never comes to that keeps nobody waiting.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::problem::PROBLEM_JSON;
use crate::cluster::tls::HELLO;

/// How long a caller may take for its part of TLS.
const PATIENCE: Duration = Duration::from_secs(10);

/// Callers whose TLS is being made at the same time; the rest wait.
const MOST: usize = 256;

/// The pause after the machine gave no socket.
const PAUSE: Duration = Duration::from_millis(100);

/// Who has called, and speaks TLS.
pub(super) struct Secure {
    callers: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Secure {
    /// Hears callers on the runtime that this is called in, until it is dropped.
    pub fn new(listener: TcpListener, address: SocketAddr, config: Arc<ServerConfig>) -> Self {
        let (sender, callers) = channel(1);
        tokio::spawn(hear(listener, config.into(), sender));
        Self { callers, address }
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.callers.recv().await {
            Some(caller) => caller,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn hear(listener: TcpListener, tls: TlsAcceptor, callers: Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let heard = Arc::new(Semaphore::new(MOST));
    while !callers.is_closed() {
        let Ok(permit) = heard.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = callers.closed() => return,
        };
        let Ok((tcp, from)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let (tls, callers) = (tls.clone(), callers.clone());
        tokio::spawn(async move {
            let shaken = timeout(PATIENCE, shake(tls, tcp)).await;
            drop(permit);
            if let Ok(Some(stream)) = shaken {
                let _ = callers.send((stream, from)).await;
            }
        });
    }
}

/// TLS with a caller; one that speaks plain HTTP is told so.
async fn shake(tls: TlsAcceptor, mut tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    match tcp.peek(&mut first).await {
        Ok(1) if first[0] == HELLO => tls.accept(tcp).await.ok(),
        Ok(1) => {
            let _ = tcp.write_all(plain().as_bytes()).await;
            let _ = tcp.shutdown().await;
            // What was still coming would otherwise make the system take back the answer.
            let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            None
        }
        _ => None,
    }
}

/// What a caller hears that speaks plain HTTP.
fn plain() -> String {
    let detail = "this is HTTPS: ask with https://, and trust the `ca` of [tls] in cluster.toml (--ca for vigie)";
    let body =
        format!("{{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"{detail}\"}}\n");
    let length = body.len();
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: {PROBLEM_JSON}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
