//! Results on their way to Kafka: put, reported, judged, and put again where that may help.

use std::collections::HashMap;
use std::time::Duration;

use operators::{Flaw, Reason, UnixMillis};
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{FromClientConfig as _, FromClientConfigAndContext as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use tokio::runtime::Handle;

use super::ENVELOPE;
use crate::clock;
use crate::context::Context;
use crate::delivery::over;
use crate::kafka::{self, Ear};
use crate::sinks::{Parcel, Sink};
use crate::template::Template;

/// How long one look at the reports waits.
const POLL: Duration = Duration::from_millis(100);

/// A producer, and what it has to know of its topics.
pub struct Publisher {
    topic: Template,
    job: String,
    producer: ThreadedProducer<Ear>,
    admin: AdminClient<DefaultClientContext>,
    /// What a new producer is made of, when one has given up.
    config: ClientConfig,
    context: Context,
    /// The largest message of each topic that is known to be there.
    limits: HashMap<String, usize>,
    /// Each goes alone: several together were more than their topic takes, though each is less.
    alone: bool,
    runtime: Handle,
}

type Verdict = Option<Result<(), Flaw>>;

impl Publisher {
    /// A publisher whose clients are made of these settings. Topics are met when something is written to them.
    ///
    /// # Errors
    /// A client that can't be made, with why.
    pub fn open(
        topic: Template,
        config: ClientConfig,
        admin: &ClientConfig,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let ear = Ear::new(context.post("kafka"));
        let unmade = |error| kafka::unmade(&context.part, &error);
        Ok(Self {
            topic,
            job: context.job.clone(),
            producer: ThreadedProducer::from_config_and_context(&config, ear).map_err(unmade)?,
            admin: AdminClient::from_config(admin).map_err(unmade)?,
            config,
            context: context.clone(),
            limits: HashMap::new(),
            alone: false,
            runtime: context.runtime.clone(),
        })
    }

    fn topic(&self, parcel: &Parcel) -> String {
        kafka::legal(&self.topic.fill(&parcel.names(&self.job)))
    }

    /// Makes a topic that is not there, and learns how large its messages may be.
    fn meet(&mut self, topic: &str) -> KafkaResult<usize> {
        if let Some(limit) = self.limits.get(topic) {
            return Ok(*limit);
        }
        let limit = self.runtime.block_on(async {
            kafka::create(&self.admin, topic).await?;
            Ok::<_, KafkaError>(kafka::topic_limit(&self.admin, Some(topic)).await.unwrap_or(usize::MAX))
        })?;
        self.limits.insert(topic.to_owned(), limit);
        Ok(limit)
    }

    /// Puts all on their way that are open, in their order.
    fn put_open(&mut self, parcels: &[Parcel], states: &mut [State]) {
        for (index, parcel) in parcels.iter().enumerate() {
            if self.alone && states.iter().any(|state| matches!(state, State::OnTheWay { .. })) {
                return;
            }
            if states[index] != State::Open {
                continue;
            }
            match self.put(index, parcel) {
                Some(None) => states[index] = State::OnTheWay { alone: self.alone },
                Some(Some(verdict)) => states[index] = State::Judged(verdict),
                // Those behind it wait with it: a camera's results keep their order.
                None => return,
            }
        }
    }

    /// Puts a parcel on its way; `None` where it has to be put again later.
    fn put(&mut self, index: usize, parcel: &Parcel) -> Option<Verdict> {
        let topic = self.topic(parcel);
        let limit = match self.meet(&topic) {
            Ok(limit) => limit,
            Err(error) => return self.unmet(&topic, &error, parcel),
        };
        if !fits(parcel, limit) {
            return Some(Some(Err(too_large(&topic, parcel.body.len(), limit))));
        }
        let mut record = BaseRecord::with_opaque_to(&topic, Box::new(index)).key(key(parcel));
        if !parcel.is_gone() {
            record = record.payload(&parcel.body[..]);
        }
        record = record.headers(headers(parcel, &self.job));
        // Kafka 4 refuses what claims to come from the future, and all that travels with it; the header has it anyway.
        if let Some(captured_at) = parcel.frame.captured_at.filter(|at| *at <= UnixMillis::now()) {
            record = record.timestamp(captured_at.0 as i64);
        }
        match self.producer.send(record) {
            Ok(()) if operators::broken::makes("enqueue-ack") => Some(Some(Ok(()))),
            Ok(()) => Some(None),
            Err((error, _)) => self.judge(&topic, &error, parcel).map(|flaw| Some(Err(flaw))),
        }
    }

    /// The verdict on a parcel whose topic is not known and can't be made; `None` where that may pass.
    fn unmet(&mut self, topic: &str, error: &KafkaError, parcel: &Parcel) -> Option<Verdict> {
        let flaw = self.judge(topic, error, parcel);
        if flaw.is_none() {
            self.producer.context().failed(&format!("the topic {topic} is not known, and can't be made"), error);
            std::thread::sleep(POLL);
        }
        flaw.map(|flaw| Some(Err(flaw)))
    }

    /// The flaw, where an error is one that does not pass.
    fn judge(&mut self, topic: &str, error: &KafkaError, parcel: &Parcel) -> Option<Flaw> {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code()?;
        match code {
            Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
                Some(too_large(topic, parcel.body.len(), self.limits.get(topic).copied().unwrap_or_default()))
            }
            Code::MessageBatchTooLarge => {
                let bytes = parcel.body.len();
                let what = format!("{bytes} bytes are more than a segment of the topic {topic}: raise `segment.bytes`");
                Some(Flaw::new(Reason::TooLarge, what))
            }
            Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
                let what = format!("the user may not write to the topic {topic}, or not make it: {code}");
                Some(Flaw::new(Reason::Refused, what))
            }
            Code::InvalidTopic | Code::PolicyViolation | Code::InvalidRecord | Code::InvalidTimestamp => {
                Some(Flaw::new(Reason::Refused, format!("Kafka refused it for the topic {topic}: {code}")))
            }
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                // It was deleted: it is made again.
                self.limits.remove(topic);
                None
            }
            _ => None,
        }
    }

    /// Waits for reports and takes those that came; those that are to be sent again are open again.
    fn hear(&mut self, parcels: &[Parcel], states: &mut [State]) {
        let on_the_way = |state: &&State| matches!(state, State::OnTheWay { .. });
        let wanted = states.iter().filter(on_the_way).count().max(1);
        let reports = self.producer.context().reports(wanted, POLL);
        if reports.iter().any(|(_, report)| report.is_ok()) {
            self.producer.context().all_is_well();
        }
        let mut failed = None;
        for (index, report) in reports {
            let State::OnTheWay { alone } = states[index] else { continue };
            let (parcel, topic) = (&parcels[index], self.topic(&parcels[index]));
            states[index] = match report {
                Ok(()) => State::Judged(Ok(())),
                Err(error) if !alone && self.is_by_company(&topic, &error, parcel) => State::Open,
                Err(error) => match self.judge(&topic, &error, parcel) {
                    Some(flaw) => State::Judged(Err(flaw)),
                    None => {
                        failed = Some((topic, error));
                        State::Open
                    }
                },
            };
        }
        if let Some((topic, error)) = failed {
            self.producer.context().failed(&format!("the topic {topic} does not take it"), &error);
            std::thread::sleep(POLL);
        }
    }

    /// Whether it is too large with what travels with it, and not by itself: then each goes alone. Limits are those of all records
    /// that go to a partition together, and librdkafka, which puts them together, knows none of them.
    fn is_by_company(&mut self, topic: &str, error: &KafkaError, parcel: &Parcel) -> bool {
        use RDKafkaErrorCode::{MessageBatchTooLarge, MessageSizeTooLarge};
        let is_too_large = matches!(error.rdkafka_error_code(), Some(MessageBatchTooLarge | MessageSizeTooLarge));
        let is = is_too_large && fits(parcel, self.limits.get(topic).copied().unwrap_or(usize::MAX));
        self.alone |= is;
        is
    }

    /// A producer that has given up is replaced. Its broker lost track of it, and what was on its way is sent again; or it may
    /// not write at all, and nothing of this will ever be written.
    fn renew(&mut self, parcels: &[Parcel], states: &mut [State]) {
        let Some((code, _)) = self.producer.client().fatal_error() else { return };
        let Ok(new) = ThreadedProducer::from_config_and_context(&self.config, Ear::new(self.context.post("kafka")))
        else {
            return;
        };
        self.producer = new;
        for (parcel, state) in parcels.iter().zip(states).filter(|(_, state)| !matches!(state, State::Judged(_))) {
            let flaw = self.judge(&self.topic(parcel), &KafkaError::Global(code), parcel);
            *state = flaw.map_or(State::Open, |flaw| State::Judged(Err(flaw)));
        }
        if code != RDKafkaErrorCode::ClusterAuthorizationFailed {
            tracing::warn!("{}: the Kafka producer gave up ({code}): it is replaced", self.context.part);
        }
    }
}

/// How far a parcel is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Open,
    OnTheWay { alone: bool },
    Judged(Result<(), Flaw>),
}

/// What a compacted topic keeps is the last word on each key: a row's own, or nothing where it is gone.
fn key(parcel: &Parcel) -> &str {
    if parcel.row.is_some() { parcel.frame.id.as_str() } else { parcel.frame.camera.as_str() }
}

/// Whether a topic takes it by itself.
fn fits(parcel: &Parcel, limit: usize) -> bool {
    parcel.body.len().saturating_add(ENVELOPE + key(parcel).len()) <= limit
}

fn too_large(topic: &str, bytes: usize, limit: usize) -> Flaw {
    let what = format!("{bytes} bytes are more than the topic {topic} takes: `max.message.bytes` is {limit}");
    Flaw::new(Reason::TooLarge, what)
}

fn headers(parcel: &Parcel, job: &str) -> OwnedHeaders {
    let frame = &parcel.frame;
    if parcel.row.is_some() {
        let all = [("view", frame.camera.as_str()), ("job", job), ("content-type", parcel.media)];
        let insert = |headers: OwnedHeaders, (key, value)| headers.insert(Header { key, value: Some(value) });
        return all.into_iter().fold(OwnedHeaders::new(), insert);
    }
    let (number, captured_at) = (frame.number.to_string(), frame.captured_at.map(clock::rfc3339));
    let reason = parcel.reason.map(|reason| reason.as_str());
    let all = [
        ("camera", Some(frame.camera.as_str())),
        ("id", Some(frame.id.as_str())),
        ("number", Some(&number)),
        ("job", Some(job)),
        ("captured_at", captured_at.as_deref()),
        ("content-type", Some(parcel.media)),
        ("reason", reason),
        ("detail", parcel.detail.as_deref()),
    ];
    let known = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
    known.fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

impl Sink for Publisher {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let mut states = vec![State::Open; parcels.len()];
        self.producer.context().all_is_well();
        self.alone = false;
        loop {
            self.put_open(parcels, &mut states);
            self.hear(parcels, &mut states);
            self.renew(parcels, &mut states);
            if states.iter().all(|state| matches!(state, State::Judged(_))) {
                let verdict = |state| if let State::Judged(verdict) = state { verdict } else { unreachable!() };
                return states.into_iter().map(verdict).collect();
            }
            if self.producer.context().is_over() {
                return vec![Err(over()); parcels.len()];
            }
            self.producer.context().no_answer_yet();
        }
    }

    fn most(&self, parcel: &Parcel) -> Option<usize> {
        let limit = self.limits.get(&self.topic(parcel)).filter(|limit| **limit < usize::MAX)?;
        Some(limit.saturating_sub(ENVELOPE + parcel.frame.camera.as_str().len()))
    }

    fn place(&self, parcel: &Parcel) -> String {
        format!("kafka:{}", self.topic(parcel))
    }
}
