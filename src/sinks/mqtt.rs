//! Results to the topics of an MQTT broker. Written is what the broker has acknowledged.
//!
//! All parcels of a write are on their way at once. After a loss those that were not acknowledged are published again:
//! a subscriber may see a result twice, and tells by the topic's `{camera}` and `{id}`.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Name, Parcel, Sink, SinkConfig};
use crate::board::Board;
use crate::context::Context;
use crate::delivery::over;
use crate::mistake::Mistake;
use crate::mqtt::{self, Event, Handle, Link, Login, Purpose, Version};
use crate::template::Template;
use crate::units::Time;

/// A broker that hangs up so often over one and the same result will never take it. MQTT 3.1.1 has no other way to say so.
const HANG_UPS: usize = 10;

/// What a packet has besides topic and payload, and a little more.
const ENVELOPE: usize = 64;

/// How long a broker is asked what it takes.
const ASKING: Duration = Duration::from_secs(3);

/// Publishes on their way at most under QoS 2: before MQTT 5 a broker does not tell its limit, and mosquitto, which
/// takes 20, drops who sends more.
const EXACTLY_ONCE: usize = 16;

/// How often a publisher that waits looks whether its job is still there.
const GLANCE: Duration = Duration::from_secs(1);

const FIELDS: &[&str] = &["camera", "id", "number", "job", "date"];

/// Publishes results to an MQTT broker. Of a view, each row that changes is a retained message: `{camera}` is the view's name
/// and `{id}` the row's key, its parts joined by `/`; where a row is gone, its topic is empty again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// The broker: `mqtt://localhost:1883`, or `mqtts://user:password@host:8883` with TLS. User and password are
    /// written as they are, without percent signs.
    url: String,
    /// The topic of a result, with `{camera}`, `{id}`, `{number}`, `{job}`, `{date}` and expressions:
    /// `results/{camera}/{size(detections)}`. In `[dead]` it has `{reason}` and no expressions.
    topic: String,
    /// 1: a result arrives at least once. 2: once on a connection that holds.
    #[serde(default = "qos")]
    qos: u8,
    /// Whether the broker keeps the last result of each topic for those who subscribe later.
    #[serde(default)]
    retain: bool,
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
        Login::new(crate::mqtt_given!(self), "sink", context)
    }

    fn template(&self, context: &Context) -> Result<Template, Mistake> {
        let topic = Template::read(&self.topic, FIELDS, context, "topic")?;
        if self.topic.is_empty() || topic.texts().any(|text| text.contains(['+', '#'])) {
            let what = "a topic to publish to is not empty and has no `+` or `#`: write \"results/{camera}/{id}\"";
            return Err(Mistake::at("topic", what));
        }
        Ok(topic)
    }
}

impl SinkConfig for Mqtt {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.login(context)?;
        self.template(context)?;
        match self.qos {
            1 | 2 => Ok(()),
            0 => Err(Mistake::at(
                "qos",
                "a sink needs `qos = 1` or 2: under QoS 0 nobody learns whether a result arrived",
            )),
            qos => Err(Mistake::at("qos", format!("`qos` is 1 or 2, not {qos}"))),
        }
    }

    fn describe(&self) -> String {
        let broker = mqtt::Address::parse(&self.url).map(|address| address.to_string()).unwrap_or_default();
        format!("MQTT {broker}, topic {}, QoS {}", self.topic, self.qos)
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        Ok(vec![Name { field: "topic", template: self.template(context)?, replaces: false }])
    }

    fn preflight(&self, context: &Context, largest: usize) -> Option<Mistake> {
        let login = self.login(context).ok()?;
        let address = login.address.to_string();
        let client_id = format!("vigie-{}-{}-asks", context.job, context.part);
        let ask = async {
            let mut link = Link::new(login, &client_id, Purpose::Give, context.post("mqtt")).ok()?;
            match tokio::time::timeout(ASKING, link.next()).await.ok()? {
                Event::Connected { largest, .. } => Some(largest),
                _ => None,
            }
        };
        let takes = context.runtime.block_on(ask)?;
        (takes < largest + ENVELOPE).then(|| Mistake::at("url", too_small(&address, takes, largest)))
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        let names = parcel.names(&context.job);
        Ok(format!("mqtt:{}", self.template(context)?.fill(&names)))
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let client_id = format!("vigie-{}-{}-w{}", context.job, context.part, context.worker);
        let link = Link::new(self.login(context)?, &client_id, Purpose::Give, context.post("mqtt"))?;
        let handle = link.handle();
        let (sender, events) = channel();
        let events = Arc::new(Mutex::new(events));
        let task = context.runtime.spawn(tell(link, sender, events.clone()));
        Ok(Box::new(Publisher {
            topic: self.template(context)?,
            job: context.job.clone(),
            twice: self.qos == 2,
            retain: self.retain,
            handle,
            events,
            up: None,
            board: context.board.clone(),
            task,
        }))
    }
}

/// Tells what happens on the link, for ever. While nobody writes nothing is on its way, and of the connection its last state is
/// all that counts: else what is told would pile up in front of a sink that has nothing to write.
async fn tell(mut link: Link, sender: Sender<Event>, events: Arc<Mutex<Receiver<Event>>>) {
    loop {
        let event = link.next().await;
        if matches!(event, Event::Connected { .. } | Event::Lost)
            && let Ok(unheard) = events.try_lock()
        {
            unheard.try_iter().for_each(drop);
        }
        // There is somebody to hear it as long as this holds the other end.
        let _ = sender.send(event);
    }
}

fn too_small(address: &str, takes: usize, largest: usize) -> String {
    let wanted = largest + ENVELOPE;
    format!(
        "a result may have {largest} bytes, and the MQTT broker at {address} takes packets of {takes}: set its \
         `max_packet_size` (mosquitto) or `mqtt.max_packet_size_authenticated` (RabbitMQ) to {wanted}, lower \
         `max_frame_bytes` of [limits], or name a sink for what is too large with `overflow`"
    )
}

/// What is known of the connection that is up.
#[derive(Clone, Copy)]
struct Up {
    generation: u64,
    inflight: usize,
    largest: usize,
}

struct Publisher {
    topic: Template,
    job: String,
    twice: bool,
    retain: bool,
    handle: Handle,
    /// What happened on the link; locked while something is written.
    events: Arc<Mutex<Receiver<Event>>>,
    up: Option<Up>,
    board: Board,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Which of the publishes on their way is which: they get their packet ids in their order.
#[derive(Debug, Default)]
struct OnTheWay {
    unnamed: VecDeque<usize>,
    named: HashMap<u16, usize>,
}

impl OnTheWay {
    fn is_empty(&self) -> bool {
        self.unnamed.is_empty() && self.named.is_empty()
    }

    /// The next of them is called `pkid`.
    fn name(&mut self, pkid: u16) {
        if let Some(index) = self.unnamed.pop_front() {
            self.named.insert(pkid, index);
        }
    }
}

type Verdict = Option<Result<(), Flaw>>;

impl Publisher {
    /// Puts as many on their way as the broker takes at a time; those that it never will get their verdict.
    ///
    /// The next ones follow when all these are acknowledged: rumqttc's packet ids go round, and one that is reused too
    /// early takes the place of another message.
    fn publish(&self, up: Up, hang_ups: usize, parcels: &[Parcel], verdicts: &mut [Verdict]) -> OnTheWay {
        let mut way = OnTheWay::default();
        // After a hang-up each goes alone, until one is taken: so it shows which of them it was about.
        let most = if hang_ups > 0 { 1 } else { up.inflight };
        for (index, parcel) in parcels.iter().enumerate() {
            if verdicts[index].is_some() {
                continue;
            }
            match self.put(up, parcel) {
                Ok(()) => way.unnamed.push_back(index),
                Err(flaw) => verdicts[index] = Some(Err(flaw)),
            }
            if way.unnamed.len() >= most {
                break;
            }
        }
        way
    }

    fn put(&self, up: Up, parcel: &Parcel) -> Result<(), Flaw> {
        let names = parcel.names(&self.job);
        let topic = self.topic.fill(&names);
        let size = parcel.body.len();
        if size + topic.len() + ENVELOPE > up.largest {
            let what = format!("a result of {size} bytes is more than the MQTT broker takes: {} bytes", up.largest);
            return Err(Flaw::new(Reason::TooLarge, what));
        }
        // A row is kept for those who come later; one that is gone is an empty body, which is kept for nobody.
        let retain = self.retain || parcel.row.is_some();
        let put = self.handle.publish(up.generation, &topic, self.twice, retain, &parcel.body);
        put.map_err(|what| Flaw::new(Reason::Refused, what))
    }

    /// Learns from an event what it says about the connection, and about what is on its way.
    fn hear(&mut self, event: Event, way: &mut OnTheWay, verdicts: &mut [Verdict]) {
        match event {
            Event::Connected { generation, inflight, largest } => {
                let inflight = if self.twice { inflight.min(EXACTLY_ONCE) } else { inflight };
                self.up = Some(Up { generation, inflight, largest });
                *way = OnTheWay::default();
            }
            Event::Lost | Event::Ended => {
                self.up = None;
                *way = OnTheWay::default();
            }
            Event::Sent(pkid) => way.name(pkid),
            Event::Acked { pkid, refusal } => {
                if let Some(index) = way.named.remove(&pkid) {
                    let refused = |what| Flaw::new(Reason::Refused, format!("the MQTT broker refused it: {what}"));
                    verdicts[index] = Some(refusal.map_or(Ok(()), |what| Err(refused(what))));
                }
            }
            Event::Message { .. } => {}
        }
    }
}

/// The first that has no verdict is the one that went alone.
fn refuse_first(verdicts: &mut [Verdict]) {
    let what = format!("the MQTT broker hung up {HANG_UPS} times over it: it may be larger than the broker takes");
    if let Some(verdict) = verdicts.iter_mut().find(|verdict| verdict.is_none()) {
        *verdict = Some(Err(Flaw::new(Reason::TooLarge, what)));
    }
}

impl Sink for Publisher {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let mut verdicts = vec![None; parcels.len()];
        let mut way = OnTheWay::default();
        let mut hang_ups = 0;
        let events = self.events.clone();
        let events = events.lock().unwrap_or_else(PoisonError::into_inner);
        // What happened since the last write.
        while let Ok(event) = events.try_recv() {
            self.hear(event, &mut way, &mut verdicts);
        }
        loop {
            if way.is_empty()
                && let Some(up) = self.up
            {
                way = self.publish(up, hang_ups, parcels, &mut verdicts);
            }
            if verdicts.iter().all(Option::is_some) {
                return verdicts.into_iter().flatten().collect();
            }
            match events.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Timeout) if self.board.is_over() => return vec![Err(over()); parcels.len()],
                Err(RecvTimeoutError::Timeout) => {}
                Ok(event) => {
                    hang_ups = match event {
                        Event::Lost if !way.is_empty() => hang_ups + 1,
                        Event::Acked { .. } => 0,
                        _ => hang_ups,
                    };
                    self.hear(event, &mut way, &mut verdicts);
                    if hang_ups >= HANG_UPS {
                        hang_ups = 0;
                        refuse_first(&mut verdicts);
                    }
                }
                // The runtime is gone, and the process goes with it: nothing that is open may seem written.
                Err(RecvTimeoutError::Disconnected) => std::thread::park(),
            }
        }
    }

    fn most(&self, _: &Parcel) -> Option<usize> {
        // A topic is 64 kB at most, and never is; what is left out here is found out when it is published.
        self.up.map(|up| up.largest.saturating_sub(ENVELOPE + 1024))
    }

    fn place(&self, parcel: &Parcel) -> String {
        let names = parcel.names(&self.job);
        format!("mqtt:{}", self.topic.fill(&names))
    }
}
