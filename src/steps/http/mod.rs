//! `kind = "http"`: what somebody else's service says of pictures.
//!
//! The table ([`Http`]) is read into [`Asking`], one a worker. What the workers of a process share, because the service is
//! one, is in [`Service`]: connections, how many may ask at once, the circuit breaker, what is told of it.

mod answer;
mod asking;
mod body;
mod callback;
mod headers;
mod path;
mod poll;
mod service;
mod url;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Certificate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::mistake::Mistake;
use crate::outgoing::guard::System;
use crate::outgoing::{Client, Guard};
use crate::units::{Size, Time};

use super::{StepConfig, Work};
use answer::Take;
use asking::Asking;
use body::{Body, Kind, Tensor};
use callback::Callback;
use headers::Headers;
use poll::Poll;
use service::Service;
use url::{Address, shown};

/// Asks another service about each picture, by HTTP: what it answers becomes values, detections or the picture. A standing
/// cluster asks those hosts alone that `allow_hosts` of cluster.toml lists. See [http.md](http.md).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The service: `http://` or `https://`. After the host it may have `{camera}`, `{id}`, `{number}`, `{job}` and
    /// expressions in it: `http://host/{values.gender}`.
    url: String,
    /// How it is asked: `post`, `put`, or `get`, which sends no picture.
    #[serde(default)]
    method: Method,
    /// What is sent: `raw` is the image, `multipart` a form with the image as a file, `json` an object with the image in
    /// base64, `inference` a request of the Open Inference Protocol v2 (KServe, Triton).
    #[serde(default)]
    body: Kind,
    /// The name of the image in a form or an object.
    #[serde(default = "image")]
    field: String,
    /// What else is in the form or the object, or the `parameters` of an inference.
    #[serde(default)]
    with: BTreeMap<String, Value>,
    /// The input of an inference: its `name`, `datatype` (`uint8`; `fp32`, from 0 to 1; `bytes`, the image in base64), and
    /// `layout` (`nhwc`, `nchw`).
    #[serde(default)]
    tensor: Tensor,
    /// Headers, of which secrets come as `${ENV}`. A redirect to another host does not get them.
    #[serde(default)]
    headers: Headers,
    /// Where the answer goes: `values = { age = "result.age" }`, `detections = "faces"` with the paths of `box`, `score` and
    /// `label` in each of them, or `picture = true`.
    #[serde(default)]
    take: Take,
    /// For services that answer later: where they say how far they are, and how often they are asked.
    #[serde(default)]
    poll: Option<Poll>,
    /// For services that answer later and call back: `callback = {}` sends them an address of this process, in the header
    /// `x-vigie-callback` or as the table says. A service that answers 200 has answered; after any other 2xx its call is waited
    /// for, `timeout` long.
    #[serde(default)]
    callback: Option<Callback>,
    /// A CA that is trusted besides the system's own, for `https`: a PEM file beside the job.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// How long one attempt may take, to the last byte of the answer; and then as long for a `callback`.
    #[serde(default = "timeout")]
    timeout: Time,
    /// How often it is tried again after a failure that may pass: no connection, no answer in time, a status of 5xx, 429, 408,
    /// or a login that is not taken (401, 403).
    #[serde(default = "retries")]
    retries: u32,
    /// The pause before the second attempt. It doubles each time up to 5 s, and is shortened by chance by up to a half.
    #[serde(default = "pause")]
    pause: Time,
    /// Requests under way at most, of all workers of a process together.
    #[serde(default = "at_once")]
    at_once: usize,
    /// After so many failures in a row the service counts as away, and nobody asks it for `open_for`; then one request finds
    /// out.
    #[serde(default = "open_after")]
    open_after: u32,
    /// For how long nobody asks a service that is away.
    #[serde(default = "open_for")]
    open_for: Time,
    /// What happens to pictures while the service is away: `wait` until it is back, `skip` the step (and say why in the value
    /// NAME_skipped, by the step's name), or `dead`: the frame is a dead letter.
    #[serde(default)]
    away: Away,
    /// The largest answer, 16MiB if left out: more is a dead letter.
    #[serde(default = "max_answer")]
    max_answer: Size,
    /// What the workers share.
    #[serde(skip)]
    #[schemars(skip)]
    service: Mutex<Option<Arc<Service>>>,
}

/// How a service is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Method {
    /// With a picture.
    #[default]
    Post,
    /// With a picture.
    Put,
    /// Without one.
    Get,
}

/// What happens to pictures while the service is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Away {
    /// They wait.
    #[default]
    Wait,
    /// They go on without it.
    Skip,
    /// Their frames are dead letters.
    Dead,
}

fn image() -> String {
    "image".into()
}

fn timeout() -> Time {
    Time(Duration::from_secs(10))
}

fn retries() -> u32 {
    2
}

fn pause() -> Time {
    Time(Duration::from_millis(200))
}

fn at_once() -> usize {
    4
}

fn open_after() -> u32 {
    5
}

fn open_for() -> Time {
    Time(Duration::from_secs(5))
}

fn max_answer() -> Size {
    Size(16 << 20)
}

impl Http {
    /// The limits that are out of bounds.
    fn check_limits(&self) -> Result<(), Mistake> {
        const LONGEST: Duration = Duration::from_secs(600);
        let times = [("timeout", self.timeout), ("pause", self.pause), ("open_for", self.open_for)];
        if let Some((field, time)) = times.into_iter().find(|(_, time)| time.0.is_zero() || time.0 > LONGEST) {
            return Err(Mistake::at(field, format!("`{field}` is {time}: it has to be over 0s, and 10min at most")));
        }
        let counts: [(_, u64, u64, u64); 4] = [
            ("retries", self.retries.into(), 0, 100),
            ("at_once", self.at_once as u64, 1, 1024),
            ("open_after", self.open_after.into(), 1, 10_000),
            ("max_answer", self.max_answer.0, 1, 1 << 30),
        ];
        match counts.into_iter().find(|(_, value, least, most)| !(least..=most).contains(&value)) {
            Some((field, value, least, most)) => {
                Err(Mistake::at(field, format!("`{field}` is {value}: it has to be from {least} to {most}")))
            }
            None => Ok(()),
        }
    }

    /// What is wrong with how it answers later.
    fn check_later(&self) -> Result<(), Mistake> {
        match (&self.poll, &self.callback) {
            (Some(_), Some(_)) => Err(Mistake::at(
                "callback",
                "a service is asked again (`poll`) or calls back (`callback`): keep one of the two",
            )),
            (Some(poll), None) => poll.check(),
            (None, Some(callback)) => callback.check(self.body().as_ref(), &self.headers),
            (None, None) => Ok(()),
        }
    }

    fn body(&self) -> Option<Body> {
        let Self { body, field, with, tensor, .. } = self;
        let sent = self.method != Method::Get;
        sent.then(|| Body { kind: *body, field: field.clone(), with: with.clone(), tensor: tensor.clone() })
    }

    /// The certificates of `ca`.
    fn trusted(&self, context: &Context) -> Result<Vec<Certificate>, Mistake> {
        let Some(ca) = &self.ca else { return Ok(Vec::new()) };
        let path = context.path("ca", ca)?;
        let unread = |why: String| Mistake::at("ca", format!("`ca` names {}, which {why}", path.display()));
        let pem = fs::read(&path).map_err(|error| unread(format!("can't be read: {error}")))?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(found) if !found.is_empty() => Ok(found),
            _ => Err(unread("holds no certificate in PEM".into())),
        }
    }

    /// What the workers of this process share, made by the first of them.
    fn service(&self, context: &Context) -> Result<Arc<Service>, Mistake> {
        let mut shared = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = shared.as_ref().filter(|service| service.is_of(&context.board)) {
            return Ok(service.clone());
        }
        let address = Address::read(&self.url, context)?;
        let guard = Guard::new(&context.hosts, address.base(), Arc::new(System));
        let client = Client::new(guard, self.trusted(context)?, self.timeout.0, self.max_answer.0 as usize);
        let client = client.map_err(|why| Mistake::new(format!("this machine can't ask by HTTP: {why}")))?;
        let client = match context.script() {
            Some(script) => client.played(script),
            None => client,
        };
        Ok(shared.insert(Arc::new(Service::new(client, self, context))).clone())
    }
}

impl StepConfig for Http {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.check_limits()?;
        let address = Address::read(&self.url, context)?;
        if let Some(body) = self.body() {
            body.check()?;
        }
        self.take.check()?;
        self.check_later()?;
        self.trusted(context)?;
        let guard = Guard::new(&context.hosts, address.base(), Arc::new(System));
        guard.check(address.base()).map_err(|refusal| Mistake::at("url", refusal.0))
    }

    fn describe(&self) -> String {
        let place = shown(&self.url);
        let asked = self.body().map_or_else(|| "asks".to_owned(), |body| format!("sends {} to", body.describe()));
        let away = match self.away {
            Away::Wait => "waits while it is away",
            Away::Skip => "goes on without it while it is away",
            Away::Dead => "no frame goes on while it is away",
        };
        format!("{asked} {place}, {} at once; {away}", self.at_once)
    }

    fn gives(&self, context: &Context) -> Vec<String> {
        self.take.names().cloned().chain([format!("{}_skipped", context.part)]).collect()
    }

    fn asks(&self) -> bool {
        true
    }

    fn finds(&self) -> bool {
        self.take.finds()
    }

    fn open(&self, context: &Context) -> anyhow::Result<Work> {
        Ok(Work::line(Asking::new(self, self.service(context)?, context)?))
    }
}
