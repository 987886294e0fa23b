//! What travels on a control link: a length, what it is as JSON, and bytes that only the ends understand.
//!
//! ```text
//!  length of the rest: u32 │ length of the head: u32 │ head: JSON │ body
//! ```

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::message::Message;

/// The longest frame. One that says it is longer closes its link.
const LIMIT: usize = 64 << 20;

/// What a frame is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Head {
    /// The protocol of generations. The body of a beat is the sender's status, that of a promise and of a begin the list
    /// of jobs.
    Protocol(Message),
    /// The body is a question, which has this number.
    Ask(u64),
    /// The body is the answer to the question of this number.
    Answer(u64),
    /// The sender ends in good order.
    Goodbye,
}

/// One message and what travels beside it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub head: Head,
    pub body: Bytes,
}

impl Frame {
    /// A message of the protocol, with `status` beside it if it is a beat.
    pub fn of(message: Message, status: &Bytes) -> Self {
        let body = match &message {
            Message::Beat(_) => status.clone(),
            Message::Promise { roster, .. } | Message::Begin { roster, .. } => roster.clone(),
            Message::Propose { .. } | Message::Refuse { .. } => Bytes::new(),
        };
        Self { head: Head::Protocol(message), body }
    }

    /// The frame as it is sent.
    ///
    /// # Errors
    /// It is longer than a link takes.
    pub fn encode(&self) -> Result<Bytes, String> {
        let head = serde_json::to_vec(&self.head).map_err(|error| error.to_string())?;
        let length = 4 + head.len() + self.body.len();
        if length > LIMIT {
            return Err(too_long(length));
        }
        let mut bytes = BytesMut::with_capacity(4 + length);
        bytes.put_u32(length as u32);
        bytes.put_u32(head.len() as u32);
        bytes.put_slice(&head);
        bytes.put_slice(&self.body);
        Ok(bytes.freeze())
    }

    /// Reads the next frame.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
        let length = stream.read_u32().await? as usize;
        if length > LIMIT {
            return Err(wrong(too_long(length)));
        }
        let mut bytes = BytesMut::new();
        // Space grows with what comes, not with what was announced.
        let read = (&mut *stream).take(length as u64).read_to_end_of(&mut bytes).await?;
        match read == length {
            true => Frame::parse(bytes.freeze()).map_err(wrong),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn parse(mut bytes: Bytes) -> Result<Frame, String> {
        let short = || "a frame of it ends too soon".to_string();
        let head_length = bytes.split_to(4.min(bytes.len()));
        let head_length = u32::from_be_bytes(head_length[..].try_into().map_err(|_| short())?) as usize;
        if head_length > bytes.len() {
            return Err(short());
        }
        let head = bytes.split_to(head_length);
        let mut head =
            serde_json::from_slice(&head).map_err(|error| format!("a frame of it can't be read: {error}"))?;
        if let Head::Protocol(Message::Promise { roster, .. } | Message::Begin { roster, .. }) = &mut head {
            *roster = bytes.clone();
        }
        Ok(Frame { head, body: bytes })
    }
}

/// Reads all there is into a buffer that grows.
trait ReadToEnd {
    async fn read_to_end_of(self, bytes: &mut BytesMut) -> io::Result<usize>;
}

impl<R: AsyncRead + Unpin> ReadToEnd for R {
    async fn read_to_end_of(mut self, bytes: &mut BytesMut) -> io::Result<usize> {
        while self.read_buf(bytes).await? > 0 {}
        Ok(bytes.len())
    }
}

fn too_long(length: usize) -> String {
    format!("a frame of {length} bytes is longer than the {LIMIT} that a link takes")
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mesh::message::GenerationId;

    fn read(mut bytes: &[u8]) -> io::Result<Frame> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(Frame::read(&mut bytes))
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let id = GenerationId { number: 7, leader: 1 };
        let begin = Message::Begin { id, members: vec![1, 2], version: 3, roster: Bytes::from_static(b"jobs") };
        let goodbye = Frame { head: Head::Goodbye, body: Bytes::new() };
        let ask = Frame { head: Head::Ask(5), body: Bytes::from_static(&[0, 255]) };
        for frame in [Frame::of(begin, &Bytes::new()), goodbye, ask] {
            assert_eq!(read(&frame.encode().unwrap()).unwrap(), frame);
        }
    }

    /// Catches a length that is believed: memory for it, or an endless wait.
    #[test]
    fn what_is_too_long_is_named() {
        let long = Frame { head: Head::Ask(1), body: vec![0; LIMIT].into() };
        assert!(long.encode().unwrap_err().contains("longer than"));
        assert!(read(&u32::MAX.to_be_bytes()).unwrap_err().to_string().contains("longer than"));
        assert_eq!(read(&[3, 0, 0, 0, 1]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        /// Catches bytes of a peer that make a process panic.
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Frame::parse(bytes.clone().into());
            let framed = [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat();
            let _ = read(&framed);
        }
    }
}
