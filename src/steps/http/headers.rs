//! The headers of a request. Their values are secrets, and shown nowhere.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

/// What makes a request what it is, and is not for a job to say.
pub(super) const OURS: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
];

/// Headers as a job writes them.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, String>")]
#[schemars(with = "BTreeMap<String, String>")]
pub(super) struct Headers(pub HeaderMap);

impl TryFrom<BTreeMap<String, String>> for Headers {
    type Error = String;

    fn try_from(rows: BTreeMap<String, String>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            if OURS.contains(&name.to_lowercase().as_str()) {
                return Err(format!("the header `{name}` is Vigie's own to write: leave it out"));
            }
            let known: HeaderName = name.parse().map_err(|_| format!("`{name}` is no name of a header: correct it"))?;
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| format!("the header `{name}` has a sign in it that no header may have: correct it"))?;
            value.set_sensitive(true);
            headers.insert(known, value);
        }
        Ok(Self(headers))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Headers, String> {
        Headers::try_from(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    /// Catches a header that splits a request in two, one that says who is asked, and a secret in the words for it.
    #[test]
    fn headers_are_plain_and_secret() {
        for (name, value) in [
            ("Host", "hush"),
            ("x y", "hush"),
            ("X-Key", "hush\r\nHost: a"),
            ("", "hush"),
            ("Transfer-Encoding", "hush"),
        ] {
            let told = read(name, value).expect_err(name);
            assert!(!told.contains("hush"), "{told}");
        }
        let headers = read("Authorization", "Bearer hush").expect("a header");
        assert_eq!(format!("{headers:?}"), "{\"authorization\"}");
        assert!(!format!("{:?}", headers.0).contains("hush"));
    }
}
