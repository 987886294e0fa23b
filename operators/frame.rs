//! What a camera sent, as it travels from worker to worker.
//!
//! A [`Frame`] is meta data and compressed bytes: cheap to move, and moved once, by the exchange before
//! [`batch`](crate::batch). Its container, [`FrameBatch`], counts **bytes** for its capacity (timely's
//! default counts records, which for pictures means messages of tens of megabytes), writes a payload
//! once and reads it without a copy.
//!
//! What it gives up: a payload read from another process is a view into timely's receive slab of 1 MiB
//! and keeps that slab alive. Small payloads are copied out, so that a parked frame never pins more
//! than sixteen times its own size.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use timely::Accountable;
use timely::bytes::arc::Bytes as Slab;
use timely::container::{DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::ContainerBytes;

use crate::Headers;

/// The name of the camera that took a frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Camera(Arc<str>);

/// What names a frame for ever, within its job and camera: the same when a broker sends it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(Arc<str>);

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(name: T) -> Self {
                Self(name.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
name!(Camera);
name!(FrameId);

/// A frame's place in its source's stream, counted from 0. It routes the frame, and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number(pub u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a frame was admitted, and where it is accounted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The index of the worker in the whole cluster.
    pub worker: usize,
    /// The index of the source in its job.
    pub source: usize,
}

/// A moment on the wall clock, in milliseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The moment of the call.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The time from this moment until now; zero where the clock went back.
    pub fn elapsed(self) -> Duration {
        Duration::from_millis(Self::now().0.saturating_sub(self.0))
    }
}

impl From<SystemTime> for UnixMillis {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_millis() as u64)
    }
}

impl From<UnixMillis> for SystemTime {
    fn from(UnixMillis(ms): UnixMillis) -> Self {
        UNIX_EPOCH + Duration::from_millis(ms)
    }
}

/// What a parameter of a task is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Setting {
    /// `text`
    Text(String),
    /// `number`
    Number(f64),
    /// `bool`
    Bool(bool),
}

/// What a task says, by the name of the parameter.
pub type Settings = BTreeMap<String, Setting>;

/// What a camera sent: who, which, when, and the compressed bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// Who took it.
    pub camera: Camera,
    /// Where it goes: see [`Number`].
    pub number: Number,
    /// What it is called: see [`FrameId`].
    pub id: FrameId,
    /// When it was taken, if the camera says so.
    pub captured_at: Option<UnixMillis>,
    /// When it reached a source.
    pub received_at: UnixMillis,
    /// Who admitted it; written by [`ingest`](crate::ingest::ingest).
    pub origin: Origin,
    /// What its source found wrong with it. Such a frame goes the way of all frames, to a dead letter.
    pub flaw: Option<Flaw>,
    /// What whoever sent it said along with it, if it is a task: somebody waits for what becomes of it.
    pub task: Option<Arc<Settings>>,
    /// What its message says beside the picture, if it says anything.
    pub headers: Option<Arc<Headers>>,
    /// Where it holds no picture, but says what is true of the frame of that camera and id: that.
    pub truth: Option<Arc<str>>,
    /// The picture as it came, or the whole message where `flaw` says that it holds no picture.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Frame {
    /// A frame that has just been received, and of which nothing more is known.
    pub fn new(camera: Camera, number: Number, id: FrameId, bytes: Bytes) -> Self {
        Self {
            camera,
            number,
            id,
            captured_at: None,
            received_at: UnixMillis::now(),
            origin: Origin::default(),
            flaw: None,
            task: None,
            headers: None,
            truth: None,
            bytes,
        }
    }
}

/// Why something became a dead letter instead of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No bytes at all.
    Empty,
    /// A message in none of the known formats, or with a wrong field.
    BadMessage,
    /// Not a picture of a known format, or broken inside.
    Undecodable,
    /// A picture that ends before its end.
    Truncated,
    /// More bytes than the job takes.
    TooManyBytes,
    /// More pixels than the job takes: read from the header, nothing was decoded.
    TooManyPixels,
    /// The model did not take it.
    ModelFailed,
    /// The service that was asked about it did not take it, or gave no answer that can be used.
    ServiceFailed,
    /// The code panicked over it: a mistake in the program, not in the frame.
    Panicked,
    /// An expression of the job came to nothing over it.
    ExpressionFailed,
    /// A sink will never take it, however often it is asked.
    Refused,
    /// More bytes than a sink takes.
    TooLarge,
}

impl Reason {
    /// Every reason, in the order of the enum.
    pub const ALL: [Reason; 12] = [
        Reason::Empty,
        Reason::BadMessage,
        Reason::Undecodable,
        Reason::Truncated,
        Reason::TooManyBytes,
        Reason::TooManyPixels,
        Reason::ModelFailed,
        Reason::ServiceFailed,
        Reason::Panicked,
        Reason::ExpressionFailed,
        Reason::Refused,
        Reason::TooLarge,
    ];

    /// The reason as it stands in file names and metrics: `too-many-pixels`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::BadMessage => "bad-message",
            Reason::Undecodable => "undecodable",
            Reason::Truncated => "truncated",
            Reason::TooManyBytes => "too-many-bytes",
            Reason::TooManyPixels => "too-many-pixels",
            Reason::ModelFailed => "model-failed",
            Reason::ServiceFailed => "service-failed",
            Reason::Panicked => "panicked",
            Reason::ExpressionFailed => "expression-failed",
            Reason::Refused => "refused",
            Reason::TooLarge => "too-large",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a frame: the reason to count by, and the words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// The kind of thing that went wrong.
    pub reason: Reason,
    /// What exactly, in one sentence.
    pub detail: String,
}

impl Flaw {
    /// A flaw in words.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// A frame that led to no result: it travels on to the dead letters, its bytes kept.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The frame as it came.
    pub frame: Frame,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Frames in one message between workers.
///
/// On the wire: the number of frames, then for each a head (lengths as two `u64`, the meta data in
/// bincode, padded to 8) and its payload (padded to 8).
///
/// ```
/// use operators::{Frame, FrameBatch};
/// use timely::container::{PushInto, SizableContainer};
///
/// let frame = |bytes: usize| Frame { received_at: Default::default(), ..Frame::new("door".into(), Default::default(), "1".into(), vec![0; bytes].into()) };
/// let mut batch = FrameBatch::default();
/// batch.push_into(frame(600_000));
/// assert!(!batch.at_capacity());
/// batch.push_into(frame(600_000));
/// assert!(batch.at_capacity(), "capacity is a number of bytes");
/// ```
#[derive(Clone, Debug, Default)]
pub struct FrameBatch {
    frames: Vec<Frame>,
    bytes: usize,
}

impl FrameBatch {
    /// A message is sent when its payloads reach this many bytes: the size of timely's slabs.
    const TARGET: usize = 1 << 20;
    /// … or this many frames, which is where tiny pictures stop gaining from company.
    const MOST: usize = 1024;
    /// Payloads under this are copied out of the slab instead of pinning it.
    const COPIED: usize = Self::TARGET / 16;
}

impl Accountable for FrameBatch {
    fn record_count(&self) -> i64 {
        self.frames.len() as i64
    }
}

impl DrainContainer for FrameBatch {
    type Item<'a> = Frame;
    type DrainIter<'a> = std::vec::Drain<'a, Frame>;
    fn drain(&mut self) -> Self::DrainIter<'_> {
        self.bytes = 0;
        self.frames.drain(..)
    }
}

impl SizableContainer for FrameBatch {
    fn at_capacity(&self) -> bool {
        self.bytes >= Self::TARGET || self.frames.len() >= Self::MOST
    }
    fn ensure_capacity(&mut self, stash: &mut Option<Self>) {
        if self.frames.capacity() == 0
            && let Some(stash) = stash.take()
        {
            *self = stash;
            self.drain();
        }
    }
}

impl PushInto<Frame> for FrameBatch {
    fn push_into(&mut self, frame: Frame) {
        self.bytes += frame.bytes.len();
        self.frames.push(frame);
    }
}

/// Keeps a received slab alive for as long as one of its payloads is.
struct View(Slab);

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The next multiple of 8: timely's messages stay aligned.
fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

fn write_padded<W: Write>(writer: &mut W, bytes: &[u8]) {
    writer.write_all(bytes).expect("timely's buffers take all that was announced");
    let padding = padded(bytes.len()) - bytes.len();
    writer.write_all(&[0; 8][..padding]).expect("timely's buffers take all that was announced");
}

fn read_length(slab: &mut Slab) -> usize {
    let bytes = slab.extract_to(8);
    u64::from_le_bytes(bytes[..].try_into().expect("eight bytes")) as usize
}

fn head_length(frame: &Frame) -> usize {
    bincode::serialized_size(frame).expect("meta data has a size") as usize
}

impl ContainerBytes for FrameBatch {
    fn length_in_bytes(&self) -> usize {
        let frame = |frame: &Frame| 16 + padded(head_length(frame)) + padded(frame.bytes.len());
        8 + self.frames.iter().map(frame).sum::<usize>()
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        write_padded(writer, &(self.frames.len() as u64).to_le_bytes());
        for frame in &self.frames {
            let head = bincode::serialize(frame).expect("meta data can be written");
            write_padded(writer, &(head.len() as u64).to_le_bytes());
            write_padded(writer, &(frame.bytes.len() as u64).to_le_bytes());
            write_padded(writer, &head);
            write_padded(writer, &frame.bytes);
        }
    }

    fn from_bytes(mut slab: Slab) -> Self {
        let count = read_length(&mut slab);
        let mut batch = Self::default();
        for _ in 0..count {
            let head = read_length(&mut slab);
            let length = read_length(&mut slab);
            let meta = slab.extract_to(padded(head));
            let mut payload = slab.extract_to(padded(length));
            let mut frame: Frame = bincode::deserialize(&meta[..head]).expect("a peer of the same build wrote it");
            frame.bytes = match length < Self::COPIED {
                true => Bytes::copy_from_slice(&payload[..length]),
                false => Bytes::from_owner(View(payload.extract_to(length))),
            };
            batch.push_into(frame);
        }
        batch
    }
}
