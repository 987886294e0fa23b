//! Where objects go: the bucket and the key of `url`, and the server.

use std::fmt;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::login::Env;
use crate::sinks::objects;

/// The bucket and the key out of `s3://bucket/key`.
pub fn bucket_and_key(url: &str) -> Result<(&str, &str), String> {
    const LIKE: &str = "write it like `s3://faces/{camera}/{id}.jpg`: the bucket, then the key of each object";
    let rest = url.strip_prefix("s3://").ok_or_else(|| format!("`{url}` is no address of S3: {LIKE}"))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if bucket.contains(['{', '}']) {
        return Err(format!(
            "the bucket of `{url}` has a field in it, and a sink has one bucket: put fields in the key"
        ));
    }
    if bucket.is_empty() || !bucket.bytes().all(sound) {
        return Err(format!("`{bucket}` is no name of a bucket: {LIKE}"));
    }
    if !objects::names_a_file(key) {
        return Err(format!("`{url}` names no object: end it with a name, like `s3://{bucket}/{{camera}}/{{id}}.jpg`"));
    }
    Ok((bucket, key))
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    /// The host, its port, and the path in front of all others, if there is one.
    host: String,
}

/// The variables that say where the server is; the first that is set does.
const VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

impl Endpoint {
    /// What is wrong with it is said without it: there may be a password in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const LIKE: &str = "write it like `http://localhost:9000` or `https://s3.example.com`";
        let (tls, host) = match text.split_once("://") {
            Some(("https", host)) => (true, host.trim_end_matches('/')),
            Some(("http", host)) => (false, host.trim_end_matches('/')),
            _ => return Err(format!("`endpoint` is no address of HTTP: {LIKE}")),
        };
        if host.contains('@') {
            let what =
                "`endpoint` holds a name or a password: they belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            return Err(what.to_owned());
        }
        let sound = |char: char| char.is_ascii_alphanumeric() || ".-_:[]/".contains(char);
        if host.is_empty() || host.starts_with([':', '/']) || !host.chars().all(sound) {
            return Err(format!("`endpoint` names no server: {LIKE}"));
        }
        Ok(Self { tls, host: host.to_owned() })
    }

    /// What the environment says.
    pub fn of(env: &Env) -> Result<Option<Self>, String> {
        let set = VARIABLES.iter().find_map(|name| Some((name, env.get(*name)?)));
        let parse =
            |(name, value): (&&str, &String)| Self::parse(value).map_err(|what| what.replace("`endpoint`", name));
        set.map(parse).transpose()
    }

    /// Sends the requests of a client there; with a bucket's name, to a host of that name.
    pub fn apply(&self, builder: AmazonS3Builder, bucket: Option<&str>) -> AmazonS3Builder {
        let bucket = bucket.map(|bucket| format!("{bucket}.")).unwrap_or_default();
        let url = format!("{}://{bucket}{}", self.scheme(), self.host);
        // This key goes before what the environment says.
        builder.with_config(AmazonS3ConfigKey::S3Endpoint, url).with_allow_http(!self.tls)
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)
    }
}
