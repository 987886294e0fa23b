//! Control links: one to each process, on which everything is said but data.
//!
//! A link is a task. When it ends, for whatever reason and even with its runtime, its [`Place`] tells the protocol and
//! becomes free for the next one: so of one process, an end is always heard before a new beginning.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::drive::Input;
use super::frame::{Frame, Head};
use super::membership::Event;
use super::message::Message;
use super::shared::Shared;
use crate::cluster::Wire;

/// One place a process.
pub(super) struct Links {
    slots: Mutex<Vec<Option<Slot>>>,
    freed: Condvar,
}

/// A link, or one that is about to be.
struct Slot {
    /// The machine that the other process is on.
    from: IpAddr,
    /// What is put here is sent. Unbounded: a process that takes nothing is closed for its silence.
    out: Option<UnboundedSender<Bytes>>,
    /// Ends it at once.
    close: Arc<Notify>,
}

impl Links {
    pub fn new(processes: usize) -> Self {
        Self { slots: Mutex::new((0..processes).map(|_| None).collect()), freed: Condvar::new() }
    }

    /// Sends to `peer`; whether there is a link.
    pub fn send(&self, peer: usize, frame: Bytes) -> bool {
        let slots = self.slots();
        let out = slots.get(peer).and_then(Option::as_ref).and_then(|slot| slot.out.as_ref());
        out.is_some_and(|out| out.send(frame).is_ok())
    }

    /// Ends the link at once, whatever is still to be sent.
    pub fn close(&self, peer: usize) {
        if let Some(slot) = &self.slots()[peer] {
            slot.close.notify_one();
        }
    }

    /// Ends all links once what is to be sent is sent, and waits for that, but not long.
    pub fn leave(&self, patience: Duration) {
        self.slots().iter_mut().flatten().for_each(|slot| slot.out = None);
        let busy = |slots: &mut Vec<Option<Slot>>| slots.iter().any(Option::is_some);
        let waited = self.freed.wait_timeout_while(self.slots(), patience, busy);
        let (slots, _) = waited.expect("nothing panics while it holds the links");
        slots.iter().flatten().for_each(|slot| slot.close.notify_one());
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Option<Slot>>> {
        self.slots.lock().expect("nothing panics while it holds the links")
    }
}

/// The right to be the link to a process. Dropped, the next one may have it.
pub(super) struct Place {
    shared: Arc<Shared>,
    peer: usize,
    close: Arc<Notify>,
    up: bool,
    why: String,
}

impl Place {
    /// Takes the place of `peer`, which is on the machine `from`.
    ///
    /// # Errors
    /// The machine that the process in that place is on.
    pub fn take(shared: &Arc<Shared>, peer: usize, from: IpAddr) -> Result<Place, IpAddr> {
        let mut slots = shared.links.slots();
        if let Some(slot) = &slots[peer] {
            return Err(slot.from);
        }
        let (close, why) = (Arc::new(Notify::new()), "the connection was given up".into());
        slots[peer] = Some(Slot { from, out: None, close: close.clone() });
        Ok(Place { shared: shared.clone(), peer, close, up: false, why })
    }

    /// Makes it a link: from here on, `wire` is heard.
    pub fn open(mut self, wire: Wire) -> io::Result<JoinHandle<()>> {
        let (shared, peer) = (self.shared.clone(), self.peer);
        let _context = shared.runtime.enter();
        let (reader, writer) = wire.into_halves()?;
        let (out, queue) = unbounded_channel();
        if let Some(slot) = &mut shared.links.slots()[peer] {
            slot.out = Some(out);
        }
        shared.troubles.clear(peer);
        shared.tell(Input::Event(Event::Up(peer)));
        self.up = true;
        Ok(shared.runtime.spawn(async move {
            let why = tokio::select! {
                why = listen(&self.shared, peer, reader) => why,
                why = speak(queue, writer) => why,
                () = self.close.notified() => "it was given up".into(),
            };
            self.end(why);
        }))
    }

    fn end(mut self, why: String) {
        self.why = why;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (shared, peer) = (&self.shared, self.peer);
        if self.up {
            shared.tell(Input::Event(Event::Down(peer, std::mem::take(&mut self.why))));
            shared.questions.lost(peer);
        }
        shared.links.slots()[peer] = None;
        shared.links.freed.notify_all();
    }
}

/// Takes in what comes, until nothing does any more; why.
async fn listen(shared: &Arc<Shared>, peer: usize, mut reader: impl AsyncRead + Unpin) -> String {
    loop {
        match Frame::read(&mut reader).await {
            Ok(Frame { head: Head::Goodbye, .. }) => return "it has left".into(),
            Ok(frame) => take(shared, peer, frame),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return "the connection was closed".into(),
            Err(error) => return error.to_string(),
        }
    }
}

/// Sends what is queued, until this process leaves or nothing is taken any more; why.
async fn speak(mut queue: UnboundedReceiver<Bytes>, mut writer: impl AsyncWrite + Unpin) -> String {
    while let Some(frame) = queue.recv().await {
        let sent = async {
            writer.write_all(&frame).await?;
            writer.flush().await
        };
        if let Err(error) = sent.await {
            return error.to_string();
        }
    }
    let _ = writer.shutdown().await;
    "this process has left".into()
}

fn take(shared: &Arc<Shared>, peer: usize, frame: Frame) {
    let Frame { head, body } = frame;
    match head {
        Head::Protocol(message) => {
            if let Message::Beat(_) = message {
                shared.seen().statuses.insert(peer, body.to_vec());
            }
            shared.tell(Input::Event(Event::Heard(peer, message)));
        }
        Head::Ask(number) => answer(shared.clone(), peer, number, body),
        Head::Answer(number) => shared.questions.answer(peer, number, body),
        Head::Goodbye => {}
    }
}

/// Answers on a task of its own: the link goes on meanwhile.
fn answer(shared: Arc<Shared>, peer: usize, number: u64, question: Bytes) {
    shared.runtime.clone().spawn(async move {
        let body = shared.host.answer(peer, question).await;
        match (Frame { head: Head::Answer(number), body }).encode() {
            Ok(frame) => {
                shared.links.send(peer, frame);
            }
            Err(why) => tracing::warn!("an answer to process {peer} was not sent: {why}"),
        }
    });
}
