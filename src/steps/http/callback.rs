//! Services that call back: they are told an address of this process with the picture, and bring their answer there.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::{Body, Kind, OWN};
use super::headers::{Headers, OURS};
use crate::context::Context;
use crate::mistake::Mistake;
use crate::outgoing::callbacks::Expected;
use crate::outgoing::{Callbacks, Home};

/// The header that tells a service where to call, where nothing else is said.
const HEADER: &str = "x-vigie-callback";

/// What stands in `base` for the number of the process.
const PROCESS: &str = "{process}";

/// How a service that calls back is told where. The address is a secret of 128 random bits, good for one answer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Callback {
    /// Where the service reaches this process: `http://host:port`, and in a cluster of several processes `{process}` for its
    /// number. Without it, where the process answers HTTP by `http` of cluster.toml, or by `--http`.
    base: Option<String>,
    /// The header that holds the address; `x-vigie-callback` unless `field` is given.
    header: Option<String>,
    /// The field of the form or the object that holds it, for services that want it there: `webhook`.
    field: Option<String>,
}

/// What tells a service where to call, for one worker.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    callbacks: Callbacks,
    base: String,
    place: Place,
}

/// Where a service reads it.
#[derive(Clone, Debug)]
enum Place {
    Header(HeaderName),
    Field(String),
}

impl Callback {
    /// What is wrong with it beside what else is sent.
    pub fn check(&self, body: Option<&Body>, headers: &Headers) -> Result<(), Mistake> {
        let wrong = |what: String| Err(Mistake::at("callback", what));
        if self.header.is_some() && self.field.is_some() {
            return wrong("`callback` has a `header` and a `field`: a service reads one of the two".into());
        }
        if let Some(base) = &self.base {
            root(base, 0)?;
        }
        match (self.place()?, body) {
            (Place::Field(_), None | Some(Body { kind: Kind::Raw, .. })) => {
                wrong("a raw image has no field for the address: write `body = \"multipart\"` or \"json\"".into())
            }
            (Place::Field(field), Some(body)) if holds(body, &field) => {
                wrong(format!("`{field}` holds something else already: name another `field` in `callback`"))
            }
            (Place::Field(field), Some(body)) => {
                let with = [(field, "".into())].into();
                Body { with, ..body.clone() }.check().map_err(|mistake| Mistake::at("callback", mistake.what))
            }
            (Place::Header(header), _) if headers.0.contains_key(&header) => {
                wrong(format!("`headers` has `{header}` already: name another `header` in `callback`"))
            }
            (Place::Header(_), _) => Ok(()),
        }
    }

    fn place(&self) -> Result<Place, Mistake> {
        if let Some(field) = &self.field {
            return Ok(Place::Field(field.clone()));
        }
        let name = self.header.as_deref().unwrap_or(HEADER);
        let header = name.parse().ok().filter(|_| !OURS.contains(&name.to_lowercase().as_str()));
        let wrong = || Mistake::at("callback", format!("`{name}` is no header that a job may write: name another one"));
        header.map(Place::Header).ok_or_else(wrong)
    }

    /// What the worker of that context tells services; nothing where they are only played.
    pub fn open(&self, context: &Context) -> Result<Option<Calling>, Mistake> {
        if context.script().is_some() {
            return Ok(None);
        }
        if context.is_rehearsed() {
            let part = &context.part;
            return Err(Mistake::new(format!(
                "step `{part}` waits to be called back, and `vigie try` listens for nobody: give the answers of its service \
                 with --mock FILE, under [step.{part}]"
            )));
        }
        let callbacks = context.services.callbacks.clone();
        let Some(Home { address, process }) = callbacks.home().cloned() else {
            return Err(Mistake::at("callback", "this process answers no HTTP, so no service can call it back"));
        };
        let base = match &self.base {
            Some(base) => root(base, process)?,
            None => reachable(&address)?,
        };
        Ok(Some(Calling { callbacks, base, place: self.place()? }))
    }
}

/// Whether something stands there already.
fn holds(body: &Body, field: &str) -> bool {
    let own = body.kind == Kind::Json && OWN.contains(&field);
    own || field == body.field || body.with.contains_key(field)
}

/// `base` for a process, without what ends it.
fn root(base: &str, process: usize) -> Result<String, Mistake> {
    let base = base.replace(PROCESS, &process.to_string());
    let plain = |url: &Url| url.has_host() && url.query().is_none() && url.fragment().is_none() && url.username() == "";
    match Url::parse(&base) {
        // As it stands in a request: a name in any script is plain there.
        Ok(url) if matches!(url.scheme(), "http" | "https") && plain(&url) => {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err(Mistake::at("callback", "`base` is no address: write it like \"http://vigie.example:2201\"")),
    }
}

/// An address that somebody else can ask.
fn reachable(address: &str) -> Result<String, Mistake> {
    let everywhere = Url::parse(address).is_ok_and(|url| matches!(url.host_str(), Some("0.0.0.0" | "[::]")));
    match everywhere {
        true => Err(Mistake::at(
            "callback",
            format!("this process answers at {address}, which is no address to call: say `base` in `callback`"),
        )),
        false => root(address, 0),
    }
}

impl Calling {
    /// Expects an answer about one picture, of `most` bytes or less.
    ///
    /// # Errors
    /// In words: none can be expected now.
    pub fn expect(&self, most: usize) -> Result<Expected, String> {
        self.callbacks.expect(most)
    }

    /// The header that tells where to call, if it is told there.
    pub fn tell_in_headers(&self, expected: &Expected, headers: &mut HeaderMap) {
        if let Place::Header(name) = &self.place {
            let mut value = HeaderValue::from_str(&expected.url(&self.base)).expect("a URL and hex are plain");
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }

    /// The body that tells it, if it is told there.
    pub fn tell_in(&self, expected: &Expected, body: &Body) -> Option<Body> {
        let Place::Field(field) = &self.place else { return None };
        let mut body = body.clone();
        body.with.insert(field.clone(), expected.url(&self.base).into());
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn told(table: &str, kind: Kind) -> Option<String> {
        let callback: Callback = toml::from_str(table).expect("a table");
        let with = [("least".to_owned(), 1.into())].into();
        let body = Body { kind, field: "image".into(), with, tensor: Default::default() };
        let rows = BTreeMap::from([("x-mine".to_owned(), "hush".to_owned())]);
        let headers = Headers::try_from(rows).expect("a header");
        callback.check(Some(&body), &headers).err().map(|mistake| mistake.what)
    }

    /// Catches an address that a service would look for in vain, or that takes the place of something else.
    #[test]
    fn it_is_told_in_one_place() {
        for sound in ["", "base = 'https://vigie.example/behind'", "field = 'webhook'", "base = 'http://w-{process}:1'"]
        {
            assert_eq!(told(sound, Kind::Json), None, "{sound}");
        }
        for (table, kind, word) in [
            ("header = 'a'\nfield = 'b'", Kind::Json, "one of the two"),
            ("field = 'webhook'", Kind::Raw, "a raw image has no field"),
            ("field = 'image'", Kind::Json, "holds something else"),
            ("field = 'least'", Kind::Multipart, "holds something else"),
            ("field = 'camera'", Kind::Json, "holds something else"),
            ("field = 'a\"b'", Kind::Multipart, "no form can have"),
            ("header = 'X-Mine'", Kind::Json, "already"),
            ("header = 'host'", Kind::Json, "no header that a job may write"),
            ("header = 'a b'", Kind::Json, "no header that a job may write"),
            ("base = 'vigie.example'", Kind::Json, "no address"),
            ("base = 'ftp://vigie.example'", Kind::Json, "no address"),
            ("base = 'http://me:hush@vigie.example'", Kind::Json, "no address"),
            ("base = 'http://vigie.example/?a=b'", Kind::Json, "no address"),
        ] {
            let said = told(table, kind).unwrap_or_else(|| panic!("{table} is taken"));
            assert!(said.contains(word) && !said.contains("hush"), "{table}: {said}");
        }
    }

    /// Catches a process that tells the address of another one, or one that leads nowhere.
    #[test]
    fn a_base_is_each_processes_own() {
        assert_eq!(root("http://w-{process}:1/", 2).expect("an address"), "http://w-2:1");
        assert!(reachable("http://0.0.0.0:9").expect_err("nowhere").what.contains("say `base`"));
        assert_eq!(reachable("http://here:9").expect("somewhere"), "http://here:9");
    }
}
