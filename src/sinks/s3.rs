//! Objects in a bucket of S3, or of anything that speaks like it: MinIO, Ceph, versitygw.
//!
//! An object is there whole or not at all, and written when the server says so; the server checks its SHA-256. The same
//! frame, sent again, writes the same object over.

mod address;
mod login;
mod shelf;
mod words;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::path::Path as Place;
use object_store::{Attribute, AttributeValue, Attributes, ObjectStore as _, ObjectStoreExt as _, PutOptions};
use operators::{Flaw, Frame, Reason};
use schemars::JsonSchema;
use serde::Deserialize;

use super::objects::{self, Draft, Objects, Origin, Target};
use super::{Name, Parcel, Sink, SinkConfig};
use crate::clock;
use crate::context::{Context, DEAD};
use crate::delivery::{Keep, Trouble, keep};
use crate::mistake::Mistake;
use crate::template::Template;
use address::{Endpoint, bucket_and_key};
use login::{Env, env};
use shelf::Shelf;
use words::Words;

/// The largest object that is written with one request.
const MOST: u64 = 5 << 30;

/// How long a request may take: as long as a server may need to answer, and more for what has to get there. It doubles
/// with each attempt, so that a slow line is not mistaken for a dead one for ever.
const ANSWER: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: u64 = 16 << 10;
const DOUBLINGS: u32 = 5;

/// The longest value of a metadata header; all of an object's are 2 kB at most. What is longer is left out.
const LONGEST_HEADER: usize = 500;

/// One object a picture, in a bucket of S3 or of a server that speaks like it. Credentials come from the environment
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, a web identity, instance metadata) or, as static
/// keys, from `~/.aws/credentials` (`AWS_PROFILE`); a job file has none. Objects carry `camera`, `id`, `number`, `job` and
/// `captured_at` as metadata, percent-encoded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The bucket, which is there, and the key of each object: `s3://faces/{camera}/{date}/{id}.jpg`. The key knows
    /// `{camera}`, `{id}`, `{number}`, `{job}` and `{date}` (UTC), and expressions; in `[dead]` it knows `{reason}` and
    /// no expressions. An object of that key is written over: the same frame, sent again, gives the same object.
    url: String,
    /// Where the server is, if it is not Amazon's: `http://localhost:9000`. Without it `AWS_ENDPOINT_URL` says so, if it is
    /// set. A CA of your own is in `AWS_CA_BUNDLE`.
    #[serde(default)]
    endpoint: Option<String>,
    /// The bucket's region: `eu-central-1`. Without it, `AWS_REGION`, or else `us-east-1`.
    #[serde(default)]
    region: Option<String>,
    /// Whether the bucket is a part of the path (`http://server/faces/…`) and not of the host's name
    /// (`https://faces.server/…`). Without it, it is where there is an endpoint.
    #[serde(default)]
    path_style: Option<bool>,
    /// What is kept: `{ age = "30days", size = "50GiB" }`, the oldest goes first. Every object whose key could be one of
    /// `url` counts, whoever wrote it (docs/retention.md, which also says how S3 does this by itself).
    #[serde(default)]
    keep: Option<Keep>,
}

impl S3 {
    /// The bucket, and the template of the keys in it.
    fn split(&self, context: &Context) -> Result<(&str, Template), Mistake> {
        let wrong = |what| Mistake::at("url", what);
        let (bucket, key) = bucket_and_key(&self.url).map_err(wrong)?;
        // The whole first: so a mistake has its place in it.
        objects::path(&self.url, context, "url")?;
        Ok((bucket, objects::path(key, context, "url")?))
    }

    /// Where the server is, if anything says so.
    fn endpoint(&self, env: &Env) -> Result<Option<Endpoint>, Mistake> {
        match &self.endpoint {
            Some(given) => Endpoint::parse(given).map(Some).map_err(|what| Mistake::at("endpoint", what)),
            None => Endpoint::of(env).map_err(Mistake::new),
        }
    }

    fn store(&self, context: &Context, env: &Env) -> Result<AmazonS3, Mistake> {
        let (bucket, _) = self.split(context)?;
        let endpoint = self.endpoint(env)?;
        // A name with dots in it has no certificate as a part of a host's name.
        let by_path = self.path_style.unwrap_or(endpoint.is_some() || bucket.contains('.'));
        let builder = login::builder(env).map_err(Mistake::new)?;
        let builder = builder.with_bucket_name(bucket).with_virtual_hosted_style_request(!by_path);
        let builder = match &endpoint {
            Some(endpoint) => endpoint.apply(builder, (!by_path).then_some(bucket)),
            None => builder.with_allow_http(false),
        };
        let builder = match &self.region {
            Some(region) => builder.with_region(region),
            None => builder,
        };
        // What it says may quote what it was given: not a word of it.
        builder.build().map_err(|_| Mistake::new("the settings in AWS_… variables do not fit together: mend them"))
    }

    fn sink(&self, context: &Context, words: Words) -> anyhow::Result<(Objects<Bucket>, Shelf)> {
        let (_, template) = self.split(context)?;
        let prefix = template.prefix().to_owned();
        let origin = Origin::new(template, context);
        let store = Arc::new(self.store(context, &env())?);
        let words = Arc::new(words);
        let shelf = Shelf { store: store.clone(), prefix, origin: origin.clone(), words: words.clone() };
        let bucket = Bucket { store, job: context.job.clone(), words };
        Ok((Objects::new(origin, bucket, "s3", context), shelf))
    }

    fn words(&self, context: &Context, whose: String) -> Result<Words, Mistake> {
        let (bucket, _) = self.split(context)?;
        let server = self.endpoint(&env())?.map_or("Amazon S3".to_owned(), |endpoint| endpoint.to_string());
        Ok(Words { bucket: bucket.to_owned(), server, whose })
    }
}

impl SinkConfig for S3 {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.store(context, &env())?;
        self.keep.as_ref().map_or(Ok(()), Keep::check)
    }

    fn describe(&self) -> String {
        let endpoint = self.endpoint(&env()).ok().flatten();
        let at = endpoint.map(|endpoint| format!(" (at {endpoint})")).unwrap_or_default();
        format!("S3 {}{at}{}", self.url, keep::told(self.keep.as_ref()))
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        let (bucket, template) = self.split(context)?;
        Ok(format!("s3://{bucket}/{}", Origin::new(template, context).path(parcel)))
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        Ok(vec![Name { field: "url", template: self.split(context)?.1, replaces: true }])
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let table = if context.part == DEAD { "[dead]".to_owned() } else { format!("[sink.{}]", context.part) };
        let (sink, shelf) = self.sink(context, self.words(context, format!("in {table}"))?)?;
        Ok(Box::new(match &self.keep {
            Some(keep) => sink.keeping(keep, shelf, context),
            None => sink,
        }))
    }

    fn open_overflow(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        let whose = format!("of the sink that [sink.{}] names with `overflow`", context.part);
        Ok(Box::new(self.sink(context, self.words(context, whose)?)?.0))
    }
}

/// What writes objects.
struct Bucket {
    store: Arc<AmazonS3>,
    job: String,
    words: Arc<Words>,
}

impl Target for Bucket {
    async fn put(&self, draft: &Draft, body: &Bytes, attempt: u32) -> Result<(), Trouble> {
        let refused = |error: object_store::path::Error| {
            Trouble::Lasting(Flaw::new(Reason::Refused, format!("S3 takes no key like this: {error}")))
        };
        let place = Place::parse(&draft.path).map_err(refused)?;
        let attributes = attributes(&draft.frame, &self.job, draft.media);
        let options = PutOptions { attributes, ..Default::default() };
        let put = self.store.put_opts(&place, body.clone().into(), options);
        let patience = patience(body.len(), attempt);
        match tokio::time::timeout(patience, put).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.words.trouble(&draft.path, &error)),
            Err(_) => Err(Trouble::Passing(self.words.silence(patience))),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), Trouble> {
        // A key that S3 takes no thing for holds none.
        let Ok(place) = Place::parse(path) else { return Ok(()) };
        match tokio::time::timeout(patience(0, 0), self.store.delete(&place)).await {
            Ok(Ok(()) | Err(object_store::Error::NotFound { .. })) => Ok(()),
            Ok(Err(error)) => Err(self.words.trouble(path, &error)),
            Err(_) => Err(Trouble::Passing(self.words.silence(patience(0, 0)))),
        }
    }

    fn place(&self, path: &str) -> String {
        format!("s3://{}/{path}", self.words.bucket)
    }

    fn most(&self) -> Option<usize> {
        usize::try_from(MOST).ok()
    }
}

fn patience(bytes: usize, attempt: u32) -> Duration {
    (ANSWER + Duration::from_secs(bytes as u64 / BYTES_A_SECOND)) * 2_u32.pow(attempt.min(DOUBLINGS))
}

/// What an object says of itself: its content type, and whose picture it is.
fn attributes(frame: &Frame, job: &str, media: &'static str) -> Attributes {
    let (number, captured_at) = (frame.number.to_string(), frame.captured_at.map(clock::rfc3339));
    let named = [
        ("camera", Some(frame.camera.as_str())),
        ("id", Some(frame.id.as_str())),
        ("number", Some(&number)),
        ("job", Some(job)),
        ("captured_at", captured_at.as_deref()),
    ];
    let headers = named.into_iter().filter_map(|(name, value)| Some((name, header(value?)?)));
    let metadata = headers.map(|(name, value)| (Attribute::Metadata(name.into()), AttributeValue::from(value)));
    metadata.chain([(Attribute::ContentType, AttributeValue::from(media))]).collect()
}

/// A value as it may stand in a header, percent-encoded; none, where it would be too long.
fn header(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    (text.len() <= LONGEST_HEADER).then_some(text)
}

#[cfg(test)]
mod tests;
