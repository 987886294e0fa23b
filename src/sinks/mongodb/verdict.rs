//! What a server's answer means for each update: done, to be tried again, or never to be done.

use mongodb::bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind};
use operators::{Flaw, Reason};

use super::server::{brief, words};

/// Why an update, or a whole command, was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Two that write one document came at the same moment: at once again. Where that gets nowhere, it is another index
    /// that the document is not unique in, and this flaw.
    Race(Flaw),
    /// The server stopped in the command: at once again, each update alone.
    Stopped,
    /// What passes, in words.
    Passing(String),
    /// What does not.
    Lasting(Flaw),
}

/// A document with that `_id` came into being since this update looked for it.
const DUPLICATE_KEY: i32 = 11000;

/// The document is larger than the server takes: `BSONObjectTooLarge`, after an update, for an upsert.
const TOO_LARGE: [i32; 3] = [10334, 17419, 17420];

/// What lies in the document or in its name, and not in the state of the server. All else (a server that steps down, a
/// quorum that is missing, rights, space) is for somebody to mend, and passes.
const REFUSED: [i32; 19] = [
    2,     // BadValue
    9,     // FailedToParse
    14,    // TypeMismatch
    22,    // InvalidBSON
    28,    // PathNotViable
    40,    // ConflictingUpdateOperators
    52,    // DollarPrefixedFieldName
    53,    // InvalidIdField
    56,    // EmptyFieldName
    57,    // DottedFieldName
    66,    // ImmutableField
    73,    // InvalidNamespace
    121,   // DocumentValidationFailure
    166,   // CommandNotSupportedOnView
    10080, // A namespace that is too long, in other servers
    10093, // … or has a `$`
    10156, // … or is the system's
    15998, // A field's name with a sign that it can't have
    17280, // KeyTooLong
];

impl Fault {
    /// What a server's error code means. `place` is what was written to.
    pub fn coded(code: i32, message: &str, place: &str) -> Self {
        let told = format!("{} ({code})", brief(message));
        let refused = |reason| Flaw::new(reason, format!("MongoDB refused it for {place}: {told}"));
        match code {
            DUPLICATE_KEY if is_of_another_index(message) => Self::Lasting(refused(Reason::Refused)),
            DUPLICATE_KEY => Self::Race(refused(Reason::Refused)),
            code if TOO_LARGE.contains(&code) => Self::Lasting(refused(Reason::TooLarge)),
            code if REFUSED.contains(&code) => Self::Lasting(refused(Reason::Refused)),
            _ => Self::Passing(told),
        }
    }

    /// What an error of the driver means.
    pub fn of(error: &Error, place: &str) -> Self {
        match &*error.kind {
            ErrorKind::Command(error) => Self::coded(error.code, &error.message, place),
            _ => Self::Passing(words(error)),
        }
    }

    /// What happened, in words.
    pub fn words(self) -> String {
        match self {
            Self::Passing(words) => words,
            Self::Race(flaw) | Self::Lasting(flaw) => flaw.detail,
            Self::Stopped => "the server stopped in it".to_owned(),
        }
    }
}

/// Whether a duplicate key is one of an index that the operator made, which no other attempt gets past.
fn is_of_another_index(message: &str) -> bool {
    let index = message.split_once("index: ").and_then(|(_, rest)| rest.split_whitespace().next());
    index.is_some_and(|index| !index.contains("_id_"))
}

/// What the answer to an `update` command with so many updates says of each; `None` is done.
///
/// A command is answered with `ok: 1` even where none of its updates was done: each that was not stands in `writeErrors`,
/// and what is not yet safe on a majority of the servers in `writeConcernError`.
///
/// # Errors
/// [`Fault::Stopped`], where the answer does not speak of every update. FerretDB 1.24 stops at the first error, whatever
/// `ordered` says, and says neither which update that was (its `index` is always 0) nor which ones it did. It can be told
/// by `n` alone: each update that is done counts for one there, as it finds its document or makes it.
pub fn judge(answer: &Document, updates: usize, place: &str) -> Result<Vec<Option<Fault>>, Fault> {
    let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let errors: Vec<_> = errors.iter().filter_map(Bson::as_document).collect();
    let done = number(answer.get("n")).and_then(|done| usize::try_from(done).ok()).unwrap_or(0);
    let unsure = match answer.get_document("writeConcernError") {
        _ if done + errors.len() < updates => match errors.as_slice() {
            [] => {
                return Err(Fault::Passing(format!(
                    "the server did {done} of {updates} updates, and does not say why"
                )));
            }
            _ => return Err(Fault::Stopped),
        },
        Ok(error) => Some(Fault::Passing(format!("not yet on a majority of the servers: {}", told(error)))),
        Err(_) => None,
    };
    let mut faults = vec![unsure; updates];
    for error in errors {
        let index = number(error.get("index")).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
        match faults.get_mut(index) {
            Some(fault) => *fault = Some(Fault::coded(code(error), message(error), place)),
            // An error of nobody knows which: all are tried again.
            None => faults.iter_mut().for_each(|fault| _ = fault.get_or_insert_with(|| Fault::Passing(told(error)))),
        }
    }
    Ok(faults)
}

/// Whether all that a command was to do is done, on a majority of the servers.
///
/// # Errors
/// What stands in the way.
pub fn all_done(answer: &Document, place: &str) -> Result<(), Fault> {
    let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    if let Some(error) = errors.iter().find_map(Bson::as_document) {
        return Err(Fault::coded(code(error), message(error), place));
    }
    match answer.get_document("writeConcernError") {
        Ok(error) => Err(Fault::Passing(format!("not yet on a majority of the servers: {}", told(error)))),
        Err(_) => Ok(()),
    }
}

fn told(error: &Document) -> String {
    format!("{} ({})", brief(message(error)), code(error))
}

fn message(error: &Document) -> &str {
    error.get_str("errmsg").unwrap_or_default()
}

fn code(error: &Document) -> i32 {
    number(error.get("code")).and_then(|code| i32::try_from(code).ok()).unwrap_or_default()
}

/// A whole number, in whatever form a server writes it.
pub fn number(value: Option<&Bson>) -> Option<i64> {
    match value? {
        Bson::Int32(number) => Some((*number).into()),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    /// Catches a full document that is tried for ever, and a server without a quorum that makes dead letters.
    #[test]
    fn what_passes_and_what_lasts() {
        let fault = |code, message| match Fault::coded(code, message, "room.door") {
            Fault::Race(flaw) => format!("race {}", flaw.reason),
            Fault::Stopped => panic!("no code says that"),
            Fault::Passing(words) => words,
            Fault::Lasting(flaw) => flaw.reason.to_string(),
        };
        let cases = [
            (10334, "BSONObj size: 17000000 is invalid", "too-large"),
            (17419, "Resulting document after update is larger than 16777216", "too-large"),
            (17420, "Document to upsert is larger than 16777216", "too-large"),
            (121, "Document failed validation", "refused"),
            (66, "Performing an update on the path '_id' would modify the immutable field '_id'", "refused"),
            (73, "Invalid namespace specified", "refused"),
            (
                11000,
                "E11000 duplicate key error collection: room.door index: _id_ dup key: { _id: \"7\" }",
                "race refused",
            ),
            (11000, "E11000 duplicate key error collection: room.door", "race refused"),
            (
                11000,
                "E11000 duplicate key error collection: room.door index: number_1 dup key: { number: 7 }",
                "refused",
            ),
            (10107, "not primary", "not primary (10107)"),
            (189, "primary stepped down", "primary stepped down (189)"),
            (91, "shutdown in progress", "shutdown in progress (91)"),
            (64, "waiting for replication timed out", "waiting for replication timed out (64)"),
            (13, "not authorized on room", "not authorized on room (13)"),
            (18, "Authentication failed.", "Authentication failed. (18)"),
            (14031, "out of disk space", "out of disk space (14031)"),
            (0, "", " (0)"),
        ];
        for (code, message, expected) in cases {
            assert_eq!(fault(code, message), expected, "{code} {message}");
        }
        let Fault::Lasting(flaw) = Fault::coded(121, "Document failed validation", "room.door") else { panic!() };
        assert_eq!(flaw.detail, "MongoDB refused it for room.door: Document failed validation (121)");
    }

    /// Catches an answer that says `ok` over an update that was not done.
    #[test]
    fn an_ok_is_not_believed() {
        let judge = |answer: Document, updates| judge(&answer, updates, "room.door");
        assert_eq!(judge(doc! { "ok": 1.0, "n": 3, "nModified": 0 }, 3), Ok(vec![None, None, None]));
        let errors = [
            doc! { "index": 0, "code": 121, "errmsg": "no" },
            doc! { "index": 2.0, "code": 11000_i64, "errmsg": "E11000" },
        ];
        let faults = judge(doc! { "ok": 1.0, "n": 1, "writeErrors": errors.to_vec() }, 3).unwrap();
        assert!(matches!(&faults[..], [Some(Fault::Lasting(_)), None, Some(Fault::Race(_))]), "{faults:?}");
        let answer = doc! { "ok": 1, "n": 1, "writeConcernError": { "code": 64, "errmsg": "timed out" },
        "writeErrors": [{ "index": 1, "code": 17420, "errmsg": "large" }] };
        let faults = judge(answer, 2).unwrap();
        let passing = Fault::Passing("not yet on a majority of the servers: timed out (64)".into());
        assert_eq!(faults[0], Some(passing));
        assert!(matches!(&faults[1], Some(Fault::Lasting(flaw)) if flaw.reason == Reason::TooLarge));
    }

    /// Catches an answer that is silent about updates which were not done, as FerretDB's are.
    #[test]
    fn a_silence_is_not_believed() {
        let judge = |answer: Document, updates| judge(&answer, updates, "room.door");
        assert!(matches!(judge(doc! { "ok": 1.0, "n": 2 }, 3), Err(Fault::Passing(_))));
        let stopped = doc! { "ok": 1.0, "writeErrors": [{ "index": 0, "code": 66, "errmsg": "no" }] };
        assert_eq!(judge(stopped.clone(), 2), Err(Fault::Stopped));
        assert!(matches!(&judge(stopped, 1).unwrap()[..], [Some(Fault::Lasting(_))]));
        let odd = judge(doc! { "ok": 1, "n": 1, "writeErrors": [{ "errmsg": "odd" }, 7] }, 2).unwrap();
        assert!(odd.iter().all(|fault| matches!(fault, Some(Fault::Passing(_)))), "{odd:?}");
    }
}
