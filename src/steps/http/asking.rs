//! The step of one worker: the pictures of a batch are asked about together.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use operators::{Flaw, Reason};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;

use super::answer::Take;
use super::body::{Body, Sent};
use super::callback::Calling;
use super::service::{Failure, Service};
use super::url::{Address, encoded};
use super::{Away, Http, Method};
use crate::codec::Limits;
use crate::context::Context;
use crate::delivery::over;
use crate::mistake::Mistake;
use crate::outgoing::Request;
use crate::outgoing::callbacks::Expected;
use crate::picture::Picture;
use crate::steps::{Step, Stop};

/// By which a service knows a request that it was sent before.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Asks about pictures, for one worker.
pub(super) struct Asking {
    service: Arc<Service>,
    address: Address,
    method: reqwest::Method,
    headers: HeaderMap,
    body: Option<Body>,
    calling: Option<Calling>,
    take: Take,
    away: Away,
    job: String,
    step: String,
    /// The largest answer.
    most: usize,
    limits: Limits,
    runtime: Handle,
}

impl Asking {
    /// Gives a picture what is answered; what was found is known as this step's.
    fn taken(&self, answer: &[u8], picture: &mut Picture) -> Result<(), Flaw> {
        let before = picture.detections.len();
        self.take.apply(answer, picture, &self.limits)?;
        let by: Arc<str> = self.step.as_str().into();
        picture.detections.iter_mut().skip(before).for_each(|found| found.by = by.clone());
        Ok(())
    }

    /// The step that `config` describes.
    pub fn new(config: &Http, service: Arc<Service>, context: &Context) -> Result<Self, Mistake> {
        let method = match config.method {
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Get => reqwest::Method::GET,
        };
        Ok(Self {
            service,
            address: Address::read(&config.url, context)?,
            method,
            headers: config.headers.0.clone(),
            body: config.body(),
            calling: config.callback.as_ref().map(|callback| callback.open(context)).transpose()?.flatten(),
            take: config.take.clone(),
            away: config.away,
            job: context.job.clone(),
            step: context.part.clone(),
            most: config.max_answer.0 as usize,
            limits: context.picture,
            runtime: context.runtime.clone(),
        })
    }

    async fn one(&self, mut picture: Picture) -> Result<Picture, Stop> {
        let start = Instant::now();
        let ended = tokio::select! {
            ended = self.through(&mut picture) => ended,
            () = self.service.over() => Err(over()),
        };
        picture.timings.push(("http", start.elapsed()));
        match ended {
            Ok(()) => Ok(picture),
            Err(flaw) => Err(Stop::Fault(picture, flaw)),
        }
    }

    /// Asks about a picture, and gives it the answer.
    async fn through(&self, picture: &mut Picture) -> Result<(), Flaw> {
        // One for all attempts: a service that knows the request again calls the address that it was told first.
        let expected = self.calling.as_ref().map(|calling| calling.expect(self.most)).transpose();
        let mut expected = expected.map_err(|why| Flaw::new(Reason::ServiceFailed, why))?;
        let request = self.request(picture, expected.as_ref())?;
        match self.service.ask(&request, expected.as_mut()).await {
            Ok(answer) => self.taken(&answer.body, picture),
            Err(Failure::Flaw(flaw)) => Err(flaw),
            Err(Failure::Away(why)) if self.away == Away::Skip => {
                picture.values.insert(format!("{}_skipped", self.step), why.into());
                Ok(())
            }
            Err(Failure::Away(why)) => Err(Flaw::new(Reason::ServiceFailed, why)),
        }
    }

    fn request(&self, picture: &mut Picture, expected: Option<&Expected>) -> Result<Request, Flaw> {
        let mut body = self.body.as_ref().map(|body| body.of(picture, &self.job, &self.limits)).transpose()?;
        let url = self.address.fill(&self.job, picture, &self.limits)?;
        let mut headers = self.headers.clone();
        if let Some(sent) = &body {
            headers.insert(KEY, self.key(picture, &url, sent));
        }
        if let Some((calling, expected)) = self.calling.as_ref().zip(expected) {
            calling.tell_in_headers(expected, &mut headers);
            // Its key is that of the body without the address, which is another one each time.
            if let Some(telling) = self.body.as_ref().and_then(|body| calling.tell_in(expected, body)) {
                body = Some(telling.of(picture, &self.job, &self.limits)?);
            }
        }
        Ok(Request { method: self.method.clone(), url, headers, body })
    }

    /// Names what is asked, and nothing else: the same when it is asked again, even by another process later. The pieces of a
    /// frame have its names all, so what is sent is in it too.
    fn key(&self, picture: &Picture, url: &Url, (body, _): &Sent) -> HeaderValue {
        let mut hash = blake3::Hasher::new();
        let names = [&*self.job, picture.frame.camera.as_str(), picture.frame.id.as_str(), &*self.step];
        for name in names.into_iter().chain([url.as_str()]) {
            hash.update(name.as_bytes()).update(&[0]);
        }
        let hash = hash.update(body).finalize().to_hex();
        // Names may be long, and some services keep 255 bytes of a key.
        let mut key: String = names.map(encoded).join("/").chars().take(200).collect();
        key.push('/');
        key.push_str(&hash[..32]);
        HeaderValue::from_str(&key).expect("encoded names and hex are plain")
    }
}

impl Step for Asking {
    fn run(&mut self, batch: Vec<Picture>) -> Vec<Result<Picture, Stop>> {
        let this = &*self;
        self.runtime.block_on(join_all(batch.into_iter().map(|picture| this.one(picture))))
    }
}
