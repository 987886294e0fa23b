//! One request and its answer: whoever answers, however, it ends in time and in bounds.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};

use super::guard::{Guard, Refusal, place};
use super::script::{Line, Script};

/// Redirects that are followed at most.
const REDIRECTS: usize = 3;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(5);

/// What is shown of the words with which a service says no.
const SAID: usize = 160;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST or PUT.
    pub method: Method,
    /// Whom.
    pub url: Url,
    /// What only that host may see, however it redirects.
    pub headers: HeaderMap,
    /// What is sent, and its media type.
    pub body: Option<(Bytes, HeaderValue)>,
}

impl Request {
    /// The same asker, who looks at another place: without a body, and without its headers where that is another host's.
    pub fn look(&self, url: Url) -> Self {
        let headers = match url.origin() == self.url.origin() {
            true => self.headers.clone(),
            false => HeaderMap::new(),
        };
        Self { method: Method::GET, url, headers, body: None }
    }

    /// The request after a redirect: as it was, unless the service says to look elsewhere (303).
    fn follow(&self, status: StatusCode, url: Url) -> Self {
        let looked = self.look(url);
        match status {
            StatusCode::SEE_OTHER => looked,
            _ => Self { method: self.method.clone(), body: self.body.clone(), ..looked },
        }
    }
}

/// What a service answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status: 2xx.
    pub status: StatusCode,
    /// Who answered.
    pub url: Url,
    /// Where it says to go on looking.
    pub location: Option<String>,
    /// All that it says.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What passes, in words: the service is away, too slow, or has trouble of its own. And when it says to come again.
    Passing(String, Option<Duration>),
    /// What does not: it will never take that, or may not be asked.
    Lasting(String),
}

/// Asks within limits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
    /// How long a request may take, redirects and answer included.
    timeout: Duration,
    /// The largest answer.
    most: usize,
    /// What is answered in place of whoever is asked.
    script: Option<Script>,
}

impl Client {
    /// A client that keeps to `guard`, and trusts `ca` besides those whom the system trusts.
    ///
    /// # Errors
    /// This machine can't make one.
    pub fn new(guard: Guard, ca: Vec<Certificate>, timeout: Duration, most: usize) -> Result<Self, String> {
        let builder = || {
            reqwest::Client::builder()
                .dns_resolver(Arc::new(guard.clone()))
                // Each hop is looked at here. A proxy would look up the names itself, and lead anywhere.
                .redirect(redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT.min(timeout))
                .user_agent(concat!("vigie/", env!("CARGO_PKG_VERSION")))
        };
        let http = builder().tls_certs_merge(ca.clone()).build();
        // A system may trust nobody, as small containers do: plain HTTP needs none of that.
        let http = http.or_else(|_| builder().tls_certs_only(ca).build()).map_err(|error| words(&error))?;
        Ok(Self { http, guard, timeout, most, script: None })
    }

    /// The same, who asks nobody and is answered from that script.
    pub fn played(self, script: Script) -> Self {
        Self { script: Some(script), ..self }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, request: &Request) -> Result<Answer, Trouble> {
        if let Some(script) = &self.script {
            return self.play(request, script.next());
        }
        let asked = tokio::time::timeout(self.timeout, self.follow(request)).await;
        asked.unwrap_or_else(|_| {
            let (place, limit) = (place(&request.url), humantime::format_duration(self.timeout));
            Err(Trouble::Passing(format!("{place} did not answer within {limit}"), None))
        })
    }

    /// An answer as it would be taken if it had come.
    fn play(&self, request: &Request, Line { status, body }: Line) -> Result<Answer, Trouble> {
        let url = request.url.clone();
        match status.is_success() {
            true if body.len() > self.most => Err(too_large(&url, self.most)),
            // Who looks for an answer later looks into the script again.
            true => Ok(Answer { status, location: Some(url.to_string()), url, body }),
            false => Err(no(&place(&url), status, &body, None)),
        }
    }

    async fn follow(&self, request: &Request) -> Result<Answer, Trouble> {
        let mut request = request.clone();
        for _ in 0..=REDIRECTS {
            let response = self.once(&request).await?;
            match elsewhere(&response) {
                Some(Ok(url)) => request = request.follow(response.status(), url),
                Some(Err(what)) => return Err(Trouble::Lasting(what)),
                None => return self.read(response).await,
            }
        }
        let (from, to) = (place(&request.url), REDIRECTS);
        Err(Trouble::Lasting(format!("it redirects more than {to} times, the last time to {from}")))
    }

    async fn once(&self, request: &Request) -> Result<Response, Trouble> {
        self.guard.check(&request.url).map_err(|refusal| Trouble::Lasting(refusal.0))?;
        let mut asked = self.http.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        if let Some((body, media)) = &request.body {
            asked = asked.header(CONTENT_TYPE, media).body(body.clone());
        }
        asked.send().await.map_err(|error| match refusal(&error) {
            Some(refusal) => Trouble::Lasting(refusal.0.clone()),
            None => Trouble::Passing(format!("{} does not answer: {}", place(&request.url), words(&error)), None),
        })
    }

    async fn read(&self, response: Response) -> Result<Answer, Trouble> {
        let (status, url) = (response.status(), response.url().clone());
        if !status.is_success() {
            return Err(self.refused(response).await);
        }
        let location = text_of(&response, LOCATION);
        let body = self.body(response).await?;
        Ok(Answer { status, url, location, body })
    }

    /// All of it, unless that is more than may be.
    async fn body(&self, mut response: Response) -> Result<Bytes, Trouble> {
        let (url, most) = (response.url().clone(), self.most);
        let (from, too_large) = (place(&url), || too_large(&url, most));
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let cut =
                |error| Trouble::Passing(format!("the answer of {from} ended before its end: {}", words(&error)), None);
            match response.chunk().await.map_err(cut)? {
                Some(chunk) if body.len() + chunk.len() > most => return Err(too_large()),
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body.freeze()),
            }
        }
    }

    /// What a status that is no success means.
    async fn refused(&self, mut response: Response) -> Trouble {
        let (status, from) = (response.status(), place(response.url()));
        let after = text_of(&response, RETRY_AFTER).and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            said.extend_from_slice(&chunk[..chunk.len().min(SAID)]);
            if said.len() >= SAID {
                break;
            }
        }
        no(&from, status, &said, after)
    }
}

/// What it means that somebody answers with a status that is no success.
fn no(from: &str, status: StatusCode, said: &[u8], after: Option<Duration>) -> Trouble {
    let what = format!("{from} answers {status}{}", shown(said));
    match passes(status) {
        true => Trouble::Passing(what, after),
        false => Trouble::Lasting(what),
    }
}

/// What it means that somebody answers with more than `most` bytes.
pub fn too_large(from: &Url, most: usize) -> Trouble {
    let limit = bytesize::ByteSize(most as u64).display().iec();
    Trouble::Lasting(format!("{} answers with more than {limit} (`max_answer`)", place(from)))
}

/// Whether it may be otherwise later. A login that is not taken is for somebody to mend, and no picture's fault.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 407 | 408 | 425 | 429)
}

/// Where a redirect leads; an error where it leads nowhere.
fn elsewhere(response: &Response) -> Option<Result<Url, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let from = response.url();
    let to = text_of(response, LOCATION).and_then(|to| from.join(&to).ok());
    Some(to.ok_or_else(|| format!("{} answers {} and does not say where to go", place(from), response.status())))
}

fn text_of(response: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The first words of a service, on one line.
fn shown(said: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(said).chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let text: String = text.trim().chars().take(SAID).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

fn refusal(error: &reqwest::Error) -> Option<&Refusal> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the error comes down to: what is above it names the URL, which may hold a secret.
fn words(error: &reqwest::Error) -> String {
    let deepest = chain(error).last().map(ToString::to_string);
    deepest.unwrap_or_else(|| "the connection failed".to_owned())
}

/// The causes of an error, from the nearest to the deepest.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}
