//! A job as it is shown to people: without its secrets.

use std::ops::Range;

use operators::UnixMillis;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Entry;
use crate::api::types::{JobDetail, JobStatus, Moment};
use crate::check;
use crate::clock;
use crate::job::Job;
use crate::mistake::Mistakes;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Keys whose values nobody sees: those that have one of these in their name.
const SECRET: [&str; 3] = ["password", "secret", "token"];

/// A table of whose values nobody sees any: what is a login and what is not stands in no name.
const HEADERS: &str = "headers";

impl Entry {
    /// All that is known of the job, of which `status` is what the cluster counts now.
    pub fn detail(&self, status: JobStatus) -> JobDetail {
        let graph = match self.job() {
            Ok(job) => check::parts(&job),
            // It was sound when it was submitted: a variable of the environment is not set here.
            Err(mistakes) => mistakes.to_string(),
        };
        let moment = |event: &super::Event| Moment {
            at: clock::rfc3339(UnixMillis(event.at)),
            state: event.state.clone(),
            reason: event.reason.clone(),
            generation: event.generation,
        };
        JobDetail { status, text: masked(&self.text), graph, history: self.history.iter().map(moment).collect() }
    }

    /// What its list says of it; what the cluster counts is for others to add.
    pub fn status(&self) -> JobStatus {
        JobStatus {
            name: self.name.clone(),
            state: self.wanted.as_str().to_owned(),
            since: clock::rfc3339(UnixMillis(self.since)),
            reason: self.reason().to_owned(),
            ..JobStatus::default()
        }
    }

    /// The job of this entry, read.
    ///
    /// # Errors
    /// All that is wrong with its text on this machine.
    pub fn job(&self) -> Result<Job, Mistakes> {
        Job::parse(&self.text, &self.path())
    }
}

/// The text of a job file with `***` in place of its secrets: values of keys that are named like one, and what stands
/// before the `@` of an address. `${ENV}` and `file:` stay, as they give nothing away.
pub fn masked(text: &str) -> String {
    let Ok(file) = DeTable::parse(text) else {
        return "(this is no job file)\n".to_owned();
    };
    let mut spots = Vec::new();
    find(file.get_ref(), false, text, &mut spots);
    spots.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut shown = text.to_owned();
    for (span, hidden) in spots {
        shown.replace_range(span, &hidden);
    }
    shown
}

type Spot = (Range<usize>, String);

/// What is to be hidden in a table; `all` of it, where it holds headers.
fn find(table: &DeTable<'_>, all: bool, text: &str, spots: &mut Vec<Spot>) {
    for (key, value) in table {
        let name = key.get_ref().to_lowercase();
        match value.get_ref() {
            DeValue::Table(table) => find(table, all || name == HEADERS, text, spots),
            _ => look(value, all || SECRET.iter().any(|word| name.contains(word)), text, spots),
        }
    }
}

fn look(value: &Spanned<DeValue<'_>>, secret: bool, text: &str, spots: &mut Vec<Spot>) {
    match value.get_ref() {
        DeValue::Table(table) => find(table, false, text, spots),
        DeValue::Array(values) => values.iter().for_each(|value| look(value, secret, text, spots)),
        DeValue::String(said) if secret && says_where(said) => {}
        DeValue::String(said) if !secret => {
            let shown = without_login(said).map(|shown| toml::Value::String(shown).to_string());
            spots.extend(shown.map(|shown| (value.span(), shown)));
        }
        _ if secret => spots.push((value.span(), format!("\"{HIDDEN}\""))),
        _ => {}
    }
}

/// Whether a text only says where a secret is.
fn says_where(text: &str) -> bool {
    let one_variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    text.starts_with("file:")
        || one_variable.is_some_and(|inside| !inside.contains(['{', '}']) && !inside.contains(":-"))
}

/// An address without the password in it, if there is one to hide.
fn without_login(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    // A password with a slash in it is no sound address, but it is one.
    let end = rest[..end].rfind('@').or_else(|| rest.rfind('@'))?;
    let (user, password) = rest[..end].split_once(':')?;
    (!says_where(password)).then(|| format!("{scheme}://{user}:{HIDDEN}{}", &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a secret that is shown to whoever may look, and a text that is shown otherwise than it was written.
    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        let text = concat!(
            "name = 'room' # the room\n[source.a]\nkind = \"mqtt\"\n",
            "url = \"mqtts://me:hush@host:8883/x\"\npassword   = 'hush' # mine\nclient_secret = \"\"\"\nhush\"\"\"\n",
            "[sink.b]\nurl = 'mongodb://me:${PW}@a,b/?w=1'\npassword = \"${PW}\"\napi_token = \"file:/run/hush-file\"\n",
            "tokens = [\"hush\", 5]\nplain = \"http://host/@x\"\nsasl = { password = 'hu\\sh', user = 'me' }\n",
            "other_password = \"${PW:-hush}\"\ntrap = 'mqtt://me:hu/sh@host'\n",
            "[step.c]\nheaders = { X-Key = 'hush', Authorization = '${AUTH}' }\n",
        );
        let shown = masked(text);
        let rest = shown.replace("/run/hush-file", "");
        assert!(!rest.contains("hush") && !rest.contains("hu\\sh") && !rest.contains("hu/sh"), "{shown}");
        for kept in [
            "name = 'room' # the room\n",
            "url = \"mqtts://me:***@host:8883/x\"\npassword   = \"***\" # mine\nclient_secret = \"***\"\n",
            "url = 'mongodb://me:${PW}@a,b/?w=1'\n",
            "password = \"${PW}\"\napi_token = \"file:/run/hush-file\"\n",
            "headers = { X-Key = \"***\", Authorization = '${AUTH}' }\n",
            "plain = \"http://host/@x\"\nsasl = { password = \"***\", user = 'me' }\n",
        ] {
            assert!(shown.contains(kept), "{kept} is not in {shown}");
        }
        assert!(toml::from_str::<toml::Table>(&shown).is_ok(), "{shown}");
        assert_eq!(masked("name = "), "(this is no job file)\n");
    }
}
