//! What an error of a server means, and what to do about it.
//!
//! Only the code and the message of an answer are shown: the rest of it, and the addresses of requests for credentials,
//! may hold what nobody else should read.

use std::error::Error;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};
use operators::{Flaw, Reason};

use crate::delivery::Trouble;

/// What the sentences are about.
#[derive(Clone, Debug)]
pub struct Words {
    /// The bucket's name.
    pub bucket: String,
    /// The server, as the job names it.
    pub server: String,
    /// Whose `url` it is: `in [sink.faces]`.
    pub whose: String,
}

/// Codes about a key that no server of that kind will ever take. All else is for an operator to mend.
const REFUSED: [&str; 11] = [
    "KeyTooLongError",
    "KeyTooLong",
    "InvalidURI",
    "InvalidObjectName",
    "MetadataTooLarge",
    "ObjectParentIsFile",
    "ExistingObjectIsDirectory",
    "XMinioInvalidObjectName",
    "XMinioInvalidResourceName",
    "XMinioObjectExistsAsDirectory",
    "XMinioParentIsObject",
];

const TOO_LARGE: [&str; 2] = ["EntityTooLarge", "MaxMessageLengthExceeded"];

/// What a server answered: its status, and what its XML says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    status: Option<u16>,
    code: String,
    message: String,
}

impl Answer {
    fn of(error: &object_store::Error) -> Self {
        let text = error.to_string();
        let after = |start: &str| text.split_once(start).map(|(_, rest)| rest);
        let tag = |start, end| after(start).and_then(|rest| rest.split_once(end)).map_or("", |(inside, _)| inside);
        // A redirect that does not say where to is told without its status.
        let lost = text.contains("redirect without LOCATION").then_some(301);
        Self {
            status: after("status code: ").and_then(|rest| rest.get(..3)?.parse().ok()).or(lost),
            code: tag("<Code>", "</Code>").to_owned(),
            message: tag("<Message>", "</Message>").trim_end_matches('.').to_owned(),
        }
    }
}

impl Words {
    /// Whether an error about an object passes, and what it is in words.
    pub fn trouble(&self, key: &str, error: &object_store::Error) -> Trouble {
        let answer = Answer::of(error);
        let code = answer.code.as_str();
        let refused = |reason| {
            let what = format!("S3 refuses `{key}`: {}", self.plain(&answer));
            Trouble::Lasting(Flaw::new(reason, what))
        };
        match answer.status {
            Some(413) => refused(Reason::TooLarge),
            _ if TOO_LARGE.contains(&code) => refused(Reason::TooLarge),
            _ if REFUSED.contains(&code) => refused(Reason::Refused),
            _ => Trouble::Passing(self.of(error, "s3:PutObject")),
        }
    }

    /// An error in words that say what to do; `right` is what the request needs.
    pub fn of(&self, error: &object_store::Error, right: &str) -> String {
        let answer = Answer::of(error);
        match (answer.status, answer.code.is_empty()) {
            _ if is_about_metadata(error) => {
                let what =
                    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a profile";
                format!("{what} into ~/.aws/credentials, and start again")
            }
            (None, true) => self.unanswered(error),
            _ => self.answered(&answer, right),
        }
    }

    /// A request that came to nothing in its time.
    pub fn silence(&self, patience: Duration) -> String {
        format!("no answer from {} within {} s", self.server, patience.as_secs())
    }

    fn unanswered(&self, error: &object_store::Error) -> String {
        let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
        match causes(error).find_map(|error| error.downcast_ref::<HttpError>()).map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => format!("{} can't be reached: {innermost}", self.server),
            _ => format!("{}: {innermost}", self.server),
        }
    }

    fn answered(&self, answer: &Answer, right: &str) -> String {
        let Self { bucket, whose, server } = self;
        let Answer { status, code, message } = answer;
        let mend = |key: &str, variable: &str| format!("{key}: mend {variable} and start again, or mend the profile");
        match (code.as_str(), status.unwrap_or_default()) {
            ("NoSuchBucket", _) => format!("the bucket {bucket} is not there: make it, or mend `url` {whose}"),
            ("InvalidAccessKeyId" | "XAdminUserNotFound", _) => {
                mend("the server does not know the access key", "AWS_ACCESS_KEY_ID")
            }
            ("SignatureDoesNotMatch", _) => mend("the secret is not that of the access key", "AWS_SECRET_ACCESS_KEY"),
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => {
                mend("the session is over", "AWS_SESSION_TOKEN")
            }
            ("RequestTimeTooSkewed", _) => {
                "the clocks of this machine and the server differ: set them right".to_owned()
            }
            ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect", _) | ("", 301 | 307) => {
                format!("the bucket {bucket} is in another region: set `region` {whose}{}", brackets(message))
            }
            ("AccessDenied" | "AllAccessDisabled", _) | ("", 403) => {
                format!(
                    "the server forbids it: allow these credentials `{right}` on the bucket {bucket}{}",
                    brackets(message)
                )
            }
            ("NotImplemented", _) if right == "s3:DeleteObject" => {
                "the server does not delete several objects at once: set AWS_DISABLE_BULK_DELETE=true".to_owned()
            }
            ("", 404 | 405 | 501) => {
                format!("{server} answers {}, as no S3 does: is it the right address?", status.unwrap_or_default())
            }
            _ => self.plain(answer),
        }
    }

    fn plain(&self, answer: &Answer) -> String {
        let Answer { status, code, message } = answer;
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        let words: Vec<_> = [status.as_str(), code.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
        format!("{} answers {}{}", self.server, words.join(" "), brackets(message))
    }
}

/// Whether it was a request to the address that has instance metadata, where a machine has them: the last place to look for
/// credentials.
fn is_about_metadata(error: &object_store::Error) -> bool {
    error.to_string().contains("//169.254.")
}

fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source())
}

fn brackets(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words { bucket: "faces".into(), server: "http://localhost:9000".into(), whose: "in [sink.faces]".into() }
    }

    /// An error as object_store words it.
    fn error(status: &str, code: &str, message: &str) -> object_store::Error {
        let body = match code {
            "" => String::new(),
            code => format!(
                "<Error><Code>{code}</Code><Message>{message}</Message><AWSAccessKeyId>AKSECRET</AWSAccessKeyId></Error>"
            ),
        };
        let text = format!(
            "Error performing PUT http://localhost:9000/faces/a in 1ms - Server returned non-2xx status code: {status}: {body}"
        );
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    fn told(status: &str, code: &str, message: &str) -> Result<String, Flaw> {
        match words().trouble("a/7.jpg", &error(status, code, message)) {
            Trouble::Passing(what) => Ok(what),
            Trouble::Lasting(flaw) => Err(flaw),
        }
    }

    #[test]
    fn what_an_operator_can_mend_passes_and_says_how() {
        for (status, code, expected) in [
            ("404 Not Found", "NoSuchBucket", "the bucket faces is not there: make it, or mend `url` in [sink.faces]"),
            (
                "403 Forbidden",
                "AccessDenied",
                "the server forbids it: allow these credentials `s3:PutObject` on the bucket faces (No)",
            ),
            ("403 Forbidden", "InvalidAccessKeyId", "mend AWS_ACCESS_KEY_ID"),
            ("403 Forbidden", "SignatureDoesNotMatch", "mend AWS_SECRET_ACCESS_KEY"),
            ("400 Bad Request", "ExpiredToken", "mend AWS_SESSION_TOKEN"),
            ("400 Bad Request", "AuthorizationHeaderMalformed", "set `region` in [sink.faces] (No)"),
            ("301 Moved Permanently", "", "in another region"),
            ("403 Forbidden", "RequestTimeTooSkewed", "the clocks"),
            ("503 Service Unavailable", "SlowDown", "http://localhost:9000 answers 503 SlowDown (No)"),
            ("507 Insufficient Storage", "XMinioStorageFull", "507 XMinioStorageFull (No)"),
            ("400 Bad Request", "SomethingNew", "400 SomethingNew (No)"),
            ("404 Not Found", "", "is it the right address?"),
        ] {
            let said = told(status, code, "No.").expect(code);
            assert!(said.contains(expected) && !said.contains("AKSECRET"), "{said}");
        }
    }

    #[test]
    fn what_lies_in_the_key_or_the_size_lasts() {
        for (status, code, reason) in [
            ("400 Bad Request", "KeyTooLongError", Reason::Refused),
            ("400 Bad Request", "XMinioInvalidObjectName", Reason::Refused),
            ("409 Conflict", "ObjectParentIsFile", Reason::Refused),
            ("400 Bad Request", "EntityTooLarge", Reason::TooLarge),
            ("413 Payload Too Large", "", Reason::TooLarge),
        ] {
            let flaw = told(status, code, "It is so.").unwrap_err();
            assert_eq!(flaw.reason, reason, "{code}");
            assert!(flaw.detail.starts_with("S3 refuses `a/7.jpg`: http://localhost:9000 answers "), "{}", flaw.detail);
        }
    }

    #[test]
    fn no_answer_is_told_as_such() {
        for end in ["HTTP error", "Server returned non-2xx status code: 403 Forbidden: "] {
            let text = format!("Error performing PUT http://169.254.169.254/latest/api/token in 1s - {end}");
            let nobody = object_store::Error::Generic { store: "S3", source: text.into() };
            assert!(words().of(&nobody, "").contains("there are no credentials"));
        }
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let source = HttpError::new(HttpErrorKind::Connect, refused).into();
        let said = words().of(&object_store::Error::Generic { store: "S3", source }, "");
        assert_eq!(said, "http://localhost:9000 can't be reached: connection refused");
        assert_eq!(words().silence(Duration::from_secs(16)), "no answer from http://localhost:9000 within 16 s");
    }
}
