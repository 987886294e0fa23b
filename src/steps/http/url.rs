//! The address of a service, with the names of a picture in it, and what is known of it.

use operators::{Flaw, Reason};
use reqwest::Url;

use crate::codec::Limits;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::outgoing::guard::place;
use crate::picture::Picture;
use crate::template::{Names, Sayings, Template};

/// What an address may have in it.
const KNOWN: [&str; 4] = ["camera", "id", "number", "job"];

/// An address whose host is the same for every picture.
#[derive(Clone, Debug)]
pub(super) struct Address {
    template: Template,
    sayings: Sayings,
    /// Up to the first field.
    base: Url,
}

/// The address up to its first field: its host is that of all.
fn base(url: &str) -> Result<Url, Mistake> {
    let wrong = |what: &str| Mistake::at("url", what);
    let start = &url[..url.find(['{', '}']).unwrap_or(url.len())];
    // A password in front of the host would be shown wherever the address is.
    let (_, rest) = start.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(wrong("`url` holds a login: write it as `headers = { Authorization = \"${…}\" }`"));
    }
    if start.len() < url.len() && host.len() == rest.len() {
        return Err(wrong(
            "the host of `url` is the same for all pictures: put fields and expressions behind it, in the path",
        ));
    }
    match Url::parse(start) {
        Ok(base) if matches!(base.scheme(), "http" | "https") && base.has_host() => Ok(base),
        _ => Err(wrong("`url` is no address: write it like \"http://detector.example:8080/faces\"")),
    }
}

/// `http://host:port` of an address, which may be shown; nothing of one that is none.
pub(super) fn shown(url: &str) -> String {
    base(url).map(|base| place(&base)).unwrap_or_default()
}

impl Address {
    /// Reads `url` of a job.
    pub fn read(url: &str, context: &Context) -> Result<Self, Mistake> {
        let base = base(url)?;
        let template = Template::read(url, &KNOWN, context, "url")?;
        Ok(Self { sayings: Sayings::of([&template]), template, base })
    }

    /// The address up to the first field: its host is that of all.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The address for one picture. No name adds a level, leaves the path, or ends it.
    ///
    /// # Errors
    /// A flaw of the frame: that nothing comes of an expression, or that it is no address.
    pub fn fill(&self, job: &str, picture: &mut Picture, limits: &Limits) -> Result<Url, Flaw> {
        let said = self.sayings.say(picture, limits)?;
        let names = Names { job, frame: &picture.frame, reason: None, said: &said };
        let failed = |why: String| Flaw::new(Reason::ServiceFailed, why);
        let url = Url::parse(&self.template.fill_as(&names, encoded)).map_err(|error| failed(error.to_string()))?;
        match url.origin() == self.base.origin() {
            true => Ok(url),
            false => Err(failed("its address would be of another host".into())),
        }
    }
}

/// A name as it may stand anywhere in an address.
pub(super) fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let as_is = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(as_is).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;
    use crate::picture::tests::picture;

    fn filled(url: &str, camera: &str) -> String {
        let mut picture = picture("".into());
        picture.frame.camera = camera.into();
        picture.values.insert("who".into(), camera.into());
        let address = read(url).expect("an address");
        address.fill("room", &mut picture, &Limits::default()).expect("a URL").to_string()
    }

    fn read(url: &str) -> Result<Address, Mistake> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Address::read(url, &context("ask", &runtime))
    }

    /// Catches a camera whose name climbs out of its path, ends it, or asks another host.
    #[test]
    fn a_name_stays_in_its_place() {
        let url = "http://host:80/a/{camera}/b?of={camera}&job={job}";
        assert_eq!(filled(url, "door"), "http://host/a/door/b?of=door&job=room");
        let said = "http://host:80/a/{values.who}/b?of={values.who + ''}&job={job}";
        assert_eq!(filled(said, "door"), "http://host/a/door/b?of=door&job=room");
        assert_eq!(filled("https://host?c={camera}", "café 3"), "https://host/?c=caf%C3%A9%203");
        let names =
            ["..", ".", "../..", "a/b", "a\\b", "?x=1", "#", "&k=v", "%2e%2e", "@evil", "a b\r\nX: y", "//evil/"];
        for (url, camera) in [url, said].into_iter().flat_map(|url| names.map(|name| (url, name))) {
            let url = Url::parse(&filled(url, camera)).expect("a URL");
            assert_eq!(url.host_str(), Some("host"), "{camera}");
            assert_eq!(url.path_segments().map(|levels| levels.count()), Some(3), "{camera}: {url}");
            assert!(url.path().starts_with("/a/") && url.path().ends_with("/b"), "{camera}: {url}");
            assert_eq!(url.query_pairs().count(), 2, "{camera}: {url}");
            assert!(url.fragment().is_none(), "{camera}: {url}");
        }
    }

    /// Catches an address that is no address, or whose host a camera could choose.
    #[test]
    fn a_wrong_address_is_told() {
        let rows = [
            ("detector", "no address"),
            ("ftp://host/x", "no address"),
            ("http://", "no address"),
            ("http://{camera}.example/", "the same for all"),
            ("http://host:{number}/", "the same for all"),
            ("http://host{camera}", "the same for all"),
            ("http://{values.who}/x", "the same for all"),
            ("http://host{'/' + values.who}", "the same for all"),
            ("http://host/{values.}", ""),
            ("{job}", "the same for all"),
            ("http://user:hush@host/", "holds a login"),
            ("http://host/{date}", "unknown field"),
            ("http://host/{camera", "brace"),
        ];
        for (url, word) in rows {
            let mistake = read(url).map(|_| ()).expect_err(url);
            assert!(mistake.what.contains(word) && !mistake.what.contains("hush"), "{url}: {mistake}");
        }
    }
}
