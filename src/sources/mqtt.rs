//! Frames from the topics of an MQTT broker, acknowledged when all that they led to is durable.
//!
//! Two tasks: one polls the connection and never waits for anything but room, the other fills the mailbox and
//! acknowledges. A message that was not acknowledged when its connection went comes again: it is forgotten here.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use operators::{Flaw, Frame, Headers, Reason};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::{Notify, mpsc};

use super::ledger::Ledger;
use super::message::{self, Otherwise, Told};
use super::{Holds, Inlet, Receipt, Source, SourceConfig};
use crate::board::Post;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::mqtt::{self, Event, Handle, Link, Login, Purpose, Token, Version};
use crate::template::Template;
use crate::units::Time;

const FIELDS: &[&str] = &["camera", "number", "id"];

/// How long the last acknowledgements may take to leave.
const GOODBYE: Duration = Duration::from_secs(5);

/// Takes frames from an MQTT broker: JPEG, PNG, base64 text, or JSON with a picture in it. User properties of a message (MQTT 5) go
/// with its frame: `headers` in expressions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// The broker: `mqtt://localhost:1883`, or `mqtts://user:password@host:8883` with TLS. User and password are
    /// written as they are, without percent signs.
    url: String,
    /// The topic, with `{camera}`, `{number}` and `{id}` where a topic says them: `cameras/{camera}/frames`. `+` and
    /// `#` match anything.
    topic: String,
    /// What its messages hold: `pictures`; or `truth`, JSON `{"camera": "door", "id": "7", "label": "cat"}`: what is true of a
    /// picture that comes by another source, before it or after it. Camera and id may also stand where those of pictures may.
    #[serde(default)]
    holds: Holds,
    /// 1: every frame comes at least once. 2: once, as far as the broker can tell. 0: frames may be lost.
    #[serde(default = "qos")]
    qos: u8,
    /// The name by which the broker keeps this source's session: `vigie-JOB-PART` without it. No two clients of a
    /// broker may have the same.
    #[serde(default)]
    client_id: Option<String>,
    /// The version of MQTT: `"3.1.1"` or `"5"`.
    #[serde(default)]
    version: Version,
    /// The certificate of the broker's CA (PEM), relative to the job file. Without it, the system's CAs.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// This client's certificate (PEM).
    #[serde(default)]
    cert: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(default)]
    key: Option<PathBuf>,
    /// The user's name.
    #[serde(default)]
    user: Option<String>,
    /// The user's password.
    #[serde(default)]
    password: Option<String>,
    /// How often a silent connection is tested.
    #[serde(default = "mqtt::keep_alive")]
    keep_alive: Time,
}

fn qos() -> u8 {
    1
}

impl Mqtt {
    fn login(&self, context: &Context) -> Result<Login, Mistake> {
        Login::new(crate::mqtt_given!(self), "source", context)
    }

    fn template(&self) -> Result<Template, Mistake> {
        let topic = Template::parse(&self.topic, FIELDS).map_err(|what| Mistake::at("topic", what))?;
        if !rumqttc::valid_filter(&topic.filter()) {
            let what = format!("\"{}\" is no MQTT topic: `+` fills a level, `#` is the last level", self.topic);
            return Err(Mistake::at("topic", what));
        }
        Ok(topic)
    }
}

impl SourceConfig for Mqtt {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.login(context)?;
        self.template()?;
        if self.qos > 2 {
            return Err(Mistake::at("qos", format!("`qos` is 0, 1 or 2, not {}", self.qos)));
        }
        if self.client_id.as_ref().is_some_and(|id| id.is_empty() || id.starts_with(' ')) {
            return Err(Mistake::at(
                "client_id",
                "`client_id` is empty or begins with a space: give the session a name",
            ));
        }
        Ok(())
    }

    fn warnings(&self, context: &Context) -> Vec<Mistake> {
        let mut warnings = Vec::new();
        if self.qos == 0 {
            let what = "QoS 0 has no redelivery: frames are lost while Vigie is away; use `qos = 1` to keep them";
            warnings.push(Mistake::at("qos", what));
        }
        if context.window.frames < context.batch {
            warnings.push(Mistake::new(format!(
                "the window of {} frames is smaller than a batch of {}: every batch waits for its timeout",
                context.window.frames, context.batch
            )));
        }
        warnings
    }

    fn describe(&self) -> String {
        let filter = self.template().map_or_else(|_| self.topic.clone(), |topic| topic.filter());
        let broker = mqtt::Address::parse(&self.url).map(|address| address.to_string()).unwrap_or_default();
        format!("MQTT {broker}, topic {filter}, QoS {}{}", self.qos, self.holds.told())
    }

    fn holds(&self) -> Holds {
        self.holds
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Source>> {
        let topic = self.template()?;
        let purpose = Purpose::Take {
            filter: topic.filter(),
            qos: self.qos,
            window: context.window.frames.clamp(1, u16::MAX.into()) as u16,
        };
        let default_id = || format!("vigie-{}-{}", context.job, context.part);
        let client_id = self.client_id.clone().unwrap_or_else(default_id);
        let (part, max_frame_bytes) = (context.part.clone(), context.max_frame_bytes);
        let reader = Reader { topic, part, holds: self.holds, max_frame_bytes };
        let most_held = context.window.bytes.max(1 << 20);
        Ok(Box::new(Running {
            post: context.post("mqtt"),
            login: self.login(context)?,
            client_id,
            purpose,
            reader,
            most_held,
            runtime: context.runtime.clone(),
        }))
    }
}

/// Makes a frame of a message.
struct Reader {
    topic: Template,
    /// The camera of a message that names none.
    part: String,
    holds: Holds,
    max_frame_bytes: usize,
}

impl Reader {
    /// The `arrival`-th message as a frame. What is wrong with it is its flaw.
    fn frame(&self, topic: &str, payload: Bytes, headers: Headers, arrival: u64) -> Frame {
        let otherwise = Otherwise { camera: self.part.clone(), number: arrival, id: None };
        let Some(captured) = self.topic.capture(topic) else {
            // A session outlives its job: it may bring what an older job file asked for.
            let what = format!("the topic {topic} is not of this job: end its session");
            let foreign = Err(Flaw::new(Reason::BadMessage, what));
            return message::frame(foreign, payload, Told::default(), otherwise, self.max_frame_bytes);
        };
        self.holds.frame(payload, Told { headers, ..captured.into() }, otherwise, self.max_frame_bytes)
    }
}

/// What a message takes beside its payload: also empty ones fill the memory.
const OVERHEAD: usize = 256;

struct Message {
    generation: u64,
    topic: String,
    payload: Bytes,
    headers: Headers,
    token: Option<Token>,
}

impl Message {
    /// How much memory it takes.
    fn bytes(&self) -> usize {
        self.payload.len() + self.headers.bytes() + OVERHEAD
    }
}

/// Messages between the two tasks, counted in bytes.
#[derive(Default)]
struct Held {
    bytes: AtomicUsize,
    room: Notify,
}

impl Held {
    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.room.notify_one();
    }
}

struct Running {
    post: Post,
    login: Login,
    client_id: String,
    purpose: Purpose,
    reader: Reader,
    most_held: usize,
    runtime: tokio::runtime::Handle,
}

impl Source for Running {
    fn run(self: Box<Self>, inlet: Inlet) -> anyhow::Result<()> {
        let link = Link::new(self.login, &self.client_id, self.purpose, self.post)?;
        let handle = link.handle();
        let (sender, arrivals) = mpsc::unbounded_channel();
        let held = Arc::new(Held::default());
        let mut polling = self.runtime.spawn(poll(link, sender, held.clone(), self.most_held));
        let feeder = Feeder {
            reader: self.reader,
            arrivals,
            held,
            handle: handle.clone(),
            ledger: Ledger::default(),
            arrived: 0,
        };
        self.runtime.block_on(async {
            // Either way the session stays: what is not acknowledged comes again.
            let ended = feeder.run(inlet).await;
            if polling.is_finished() {
                anyhow::bail!(
                    "the connection to the MQTT broker ended by a mistake in the program: start the job again"
                );
            }
            if ended.is_some() && handle.generation() != 0 {
                handle.disconnect();
                let _ = tokio::time::timeout(GOODBYE, &mut polling).await;
            }
            polling.abort();
            Ok(())
        })
    }
}

/// Polls until the link ends. Stops reading while more than `most` bytes wait, and then the broker is pushed back.
async fn poll(mut link: Link, sender: mpsc::UnboundedSender<Message>, held: Arc<Held>, most: usize) {
    loop {
        match link.next().await {
            Event::Message { generation, topic, payload, headers, token } => {
                let message = Message { generation, topic, payload, headers, token };
                held.bytes.fetch_add(message.bytes(), Ordering::AcqRel);
                // An error: nobody feeds any more, and only the last acknowledgements are to be sent.
                let _ = sender.send(message);
                while held.bytes.load(Ordering::Acquire) > most && !sender.is_closed() {
                    tokio::select! {
                        () = held.room.notified() => {}
                        () = sender.closed() => {}
                    }
                }
            }
            Event::Ended => return,
            Event::Lost if sender.is_closed() => return,
            _ => {}
        }
    }
}

/// Waits for the bell, and not for that alone: one that rings before it is hung up is not heard.
async fn heard(news: &Notify) {
    let _ = tokio::time::timeout(Duration::from_secs(1), news.notified()).await;
}

struct Feeder {
    reader: Reader,
    arrivals: mpsc::UnboundedReceiver<Message>,
    held: Arc<Held>,
    handle: Handle,
    ledger: Ledger<(u64, Option<Token>)>,
    arrived: u64,
}

impl Feeder {
    /// Feeds the mailbox until the job closes, then waits for the receipts that are out. `None`: nobody listens any
    /// more.
    async fn run(mut self, inlet: Inlet) -> Option<()> {
        let news = Arc::new(Notify::new());
        let bell = news.clone();
        inlet.on_news(move || bell.notify_one());
        let mut waiting = None;
        while !inlet.is_closing() {
            while let Some(receipt) = inlet.receipt().ok()? {
                self.acknowledge(receipt);
            }
            if let Some((frame, receipt)) = waiting.take() {
                waiting = inlet.try_send(frame, receipt).ok()?;
            }
            tokio::select! {
                () = heard(&news) => {}
                message = self.arrivals.recv(), if waiting.is_none() => waiting = Some(self.read(message?)),
            }
        }
        // What came and was not sent is not acknowledged: it comes again.
        self.arrivals.close();
        let receipts = inlet.finish();
        loop {
            match receipts.receipt() {
                Ok(Some(receipt)) => self.acknowledge(receipt),
                Ok(None) => heard(&news).await,
                Err(_) => return Some(()),
            }
        }
    }

    /// The message as a frame. It counts also where its connection is gone: a broker that lost its session will not
    /// send it again, and from one that does, the second is written over the first.
    fn read(&mut self, message: Message) -> (Frame, Receipt) {
        self.held.release(message.bytes());
        let frame = self.reader.frame(&message.topic, message.payload, message.headers, self.arrived);
        self.arrived += 1;
        (frame, self.ledger.note((message.generation, message.token)))
    }

    fn acknowledge(&mut self, receipt: Receipt) {
        if let Some((generation, Some(token))) = self.ledger.settle(receipt) {
            self.handle.ack(generation, token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mqtt(toml: &str) -> Mqtt {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_wrong_topic_is_found_before_the_broker_drops_the_connection() {
        assert!(mqtt("url = 'mqtt://a'\ntopic = 'cameras/{camera}/#'").template().is_ok());
        let wrong = mqtt("url = 'mqtt://a'\ntopic = 'cameras/#/x'").template().unwrap_err();
        assert_eq!(wrong.field, Some("topic"));
    }
}
