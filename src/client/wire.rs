//! A request to a process of the cluster, and its answer or its problem.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, Response, header};
use ureq::{Agent, Body};

use super::failure::Failure;
use super::flags::At;
use super::places::Scheme;
use super::trust::{Trust, trouble};
use crate::api::routes::{BASE, Verb};
use crate::api::{LARGEST_BODY, Problem};
use crate::cluster::EXIT_MISTAKE;
use crate::mistake::Mistake;

/// How long a process may take to say that it is there.
const THERE: Duration = Duration::from_secs(1);

/// How long it may take to answer who only looks.
const LOOKS: Duration = Duration::from_secs(15);

/// How long it may take to do something: every process loads the job's model and reaches its servers.
const DOES: Duration = Duration::from_secs(300);

/// A stream is silent for 15 s at most; one that is silent for longer is cut.
const SILENT: Duration = Duration::from_secs(45);

/// The most that is read as an answer.
const LARGEST_ANSWER: u64 = 256 << 20;

/// Asks a cluster, by whichever of its processes answers.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    scheme: &'static str,
    places: Vec<String>,
    token: Option<String>,
}

impl Client {
    /// Asks at the place that was typed, with the environment's `VIGIE_AT` and `VIGIE_API_TOKEN`. Connects nowhere yet.
    ///
    /// # Errors
    /// What is wrong with the address, with cluster.toml or with the files for HTTPS.
    pub fn new(at: &At) -> Result<Self, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        let (places, scheme) = at.places(env("VIGIE_AT"))?;
        let trust = match scheme {
            Some(Scheme::Http) => None,
            _ => Trust::find(at, env)?,
        };
        if scheme == Some(Scheme::Https) && trust.is_none() {
            return Err(Mistake::new("https:// needs to know whom to trust: name the CA with --ca").into());
        }
        Self::with(places, env("VIGIE_API_TOKEN"), trust.as_ref())
    }

    /// Asks at these places, in this order; over HTTPS where there is somebody to trust.
    ///
    /// # Errors
    /// What is wrong with the files for HTTPS.
    pub fn with(places: Vec<String>, token: Option<String>, trust: Option<&Trust>) -> Result<Self, Failure> {
        let config = Agent::config_builder();
        // A cluster is near: what leads out of a company's network is not for it.
        let config = config.http_status_as_error(false).proxy(None).max_redirects(0).user_agent("vigie");
        let (config, scheme) = match trust {
            Some(trust) => (config.tls_config(trust.config()?), "https"),
            None => (config, "http"),
        };
        Ok(Self { agent: config.build().into(), scheme, places, token })
    }

    /// The places that are asked.
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// The first place where a process answers.
    ///
    /// # Errors
    /// None does: exit code 69; or one of them and this command don't trust each other.
    pub fn place(&self) -> Result<&str, Failure> {
        let mut troubles = Vec::new();
        for place in &self.places {
            let ask = self.agent.get(format!("{}://{place}/healthz", self.scheme)).config();
            match ask.timeout_global(Some(THERE)).build().call() {
                Ok(_) => return Ok(place),
                Err(error) => troubles.extend(trouble(place, &error)),
            }
        }
        let distrusted = |what| Failure { said: format!("error: {what}"), code: EXIT_MISTAKE as u8 };
        Err(troubles.into_iter().next().map_or_else(|| Failure::nobody(&self.places), distrusted))
    }

    /// What stands at `path` under `/api/v1`.
    ///
    /// # Errors
    /// No process answers, or it answers with a problem.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(&self.text(path)?)
    }

    /// As [`Client::get`], as it comes.
    ///
    /// # Errors
    /// As there.
    pub fn text(&self, path: &str) -> Result<String, Failure> {
        self.call(Verb::Get, path, Vec::new(), LOOKS)
    }

    /// Has something done that takes nothing, or a value.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn ask<T: DeserializeOwned>(
        &self,
        verb: Verb,
        path: &str,
        value: Option<&impl Serialize>,
    ) -> Result<T, Failure> {
        let body = value.map(serde_json::to_vec).transpose().map_err(Failure::other)?.unwrap_or_default();
        if body.len() > LARGEST_BODY {
            return Err(Problem::too_large(LARGEST_BODY).into());
        }
        read(&self.call(verb, path, body, DOES)?)
    }

    /// Has something done that takes nothing and gives nothing.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn order(&self, verb: Verb, path: &str) -> Result<(), Failure> {
        self.call(verb, path, Vec::new(), DOES).map(drop)
    }

    /// The lines of a stream, as they come; it ends where the connection does.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn lines(&self, path: &str) -> Result<impl Iterator<Item = String> + use<>, Failure> {
        self.stream(path, None)
    }

    /// As [`Client::lines`], from that event on.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn stream(&self, path: &str, after: Option<&str>) -> Result<impl Iterator<Item = String> + use<>, Failure> {
        let place = self.place()?;
        let request = self.request(Verb::Get, place, path);
        let request = match after {
            Some(mark) => request.header("Last-Event-ID", mark),
            None => request,
        };
        let request = request.body(()).map_err(Failure::other)?;
        let request = self.agent.configure_request(request).timeout_per_read(Some(SILENT)).build();
        let answer = sound(place, self.agent.run(request).map_err(|error| broken(place, &error))?)?;
        let lines = BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader()).lines();
        Ok(lines.map_while(Result::ok))
    }

    fn call(&self, verb: Verb, path: &str, body: Vec<u8>, patience: Duration) -> Result<String, Failure> {
        let place = self.place()?;
        let request = self.request(verb, place, path);
        let answer = match verb {
            Verb::Get | Verb::Delete => {
                let request = request.body(()).map_err(Failure::other)?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(patience)).build())
            }
            Verb::Post | Verb::Put => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                let request = request.body(body).map_err(Failure::other)?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(patience)).build())
            }
        };
        let mut answer = sound(place, answer.map_err(|error| broken(place, &error))?)?;
        text(&mut answer).map_err(|error| broken(place, &error))
    }

    fn request(&self, verb: Verb, place: &str, path: &str) -> ureq::http::request::Builder {
        let name = verb.as_str().to_uppercase();
        let request = Request::builder().method(name.as_str()).uri(format!("{}://{place}{BASE}{path}", self.scheme));
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }
}

fn text(answer: &mut Response<Body>) -> Result<String, ureq::Error> {
    answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_string()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    let wrong =
        |error| Failure::other(format!("the answer can't be read ({error}): is the cluster of another version?"));
    serde_json::from_str(text).map_err(wrong)
}

/// The answer, unless it is a problem.
fn sound(place: &str, mut answer: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said = text(&mut answer).unwrap_or_default();
    let stranger =
        |_| Failure::other(format!("what answers at {place} is no process of Vigie (it says {status}): use --at"));
    Err(serde_json::from_str::<Problem>(&said).map_or_else(stranger, Failure::from))
}

/// The connection failed after it was there.
fn broken(place: &str, error: &ureq::Error) -> Failure {
    Failure::other(format!(
        "the process at {place} did not answer to the end ({error}): `vigie jobs` shows what was done"
    ))
}
