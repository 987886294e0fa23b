//! Services that answer later: the first answer says where the real one will be.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::path::Path;
use crate::mistake::Mistake;
use crate::outgoing::{Answer, Client, Request, Trouble};
use crate::units::Time;

/// How a service that answers later is asked how far it is. Without `state`, it is not done as long as it answers 202.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Poll {
    /// The path, in the first answer, of the address to look at. If left out, it is the header `Location`.
    at: Option<Path>,
    /// The path of a word that says how far it is.
    state: Option<Path>,
    /// The words for being done.
    done: Vec<String>,
    /// The words for having failed.
    failed: Vec<String>,
    /// How often it is looked at.
    interval: Time,
    /// For how long it is looked at. It counts as a failure that may pass if it is not done by then.
    deadline: Time,
}

impl Default for Poll {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            at: None,
            state: None,
            done: words(&["done", "succeeded", "completed"]),
            failed: words(&["failed", "error", "canceled", "cancelled"]),
            interval: Time(Duration::from_secs(1)),
            deadline: Time(Duration::from_secs(60)),
        }
    }
}

/// How far a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// This is its answer.
    Done,
    /// There is more to come; the answer may say where.
    Later(Option<String>),
    /// It has failed, in words.
    Failed(String),
}

impl Poll {
    /// What is wrong with it by itself.
    pub fn check(&self) -> Result<(), Mistake> {
        const LONGEST: Duration = Duration::from_secs(24 * 3600);
        let (interval, deadline) = (self.interval.0, self.deadline.0);
        if interval < Duration::from_millis(10) || interval > deadline || deadline > LONGEST {
            let what = format!(
                "`poll` looks every {} until {}: `interval` is from 10ms to `deadline`, and that is 24h at most",
                self.interval, self.deadline
            );
            return Err(Mistake::at("poll", what));
        }
        match self.done.is_empty() {
            true => Err(Mistake::at("poll", "`done` of `poll` is empty, and no word would ever end it: name one")),
            false => Ok(()),
        }
    }

    /// How far the service is, as this answer has it.
    fn stage(&self, answer: &Answer) -> Result<Stage, String> {
        if self.at.is_none() && self.state.is_none() {
            let location = || answer.location.clone();
            return Ok(if answer.status.as_u16() == 202 { Stage::Later(location()) } else { Stage::Done });
        }
        let unread = |error| format!("the answer that should say how far it is is no JSON: {error}");
        let said: Value = match &*answer.body {
            [] => Value::Null,
            body => serde_json::from_slice(body).map_err(unread)?,
        };
        let text = |path: &Path| path.find(&said).and_then(Value::as_str).map(str::to_owned);
        let place = self.at.as_ref().map_or_else(|| answer.location.clone(), text);
        match self.state.as_ref().map(|path| text(path).ok_or_else(|| format!("the answer has no word in `{path}`"))) {
            None if answer.status.as_u16() == 202 => Ok(Stage::Later(place)),
            None => Ok(Stage::Done),
            Some(state) => {
                let state = state?;
                let is_one_of = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(&state));
                match (is_one_of(&self.done), is_one_of(&self.failed)) {
                    (true, _) => Ok(Stage::Done),
                    (_, true) => Ok(Stage::Failed(format!("it says that it has failed (`{state}`)"))),
                    _ => Ok(Stage::Later(place)),
                }
            }
        }
    }

    /// Looks until it is done.
    ///
    /// # Errors
    /// It fails, or is not done in time. What passes while it looks is looked at again.
    pub async fn wait(&self, client: &Client, request: &Request, first: Answer) -> Result<Answer, Trouble> {
        let until = Instant::now() + self.deadline.0;
        let (mut answer, mut place) = (first, None);
        loop {
            match self.stage(&answer).map_err(Trouble::Lasting)? {
                Stage::Done => return Ok(answer),
                Stage::Failed(why) => return Err(Trouble::Lasting(why)),
                Stage::Later(said) => place = said.and_then(|said| answer.url.join(&said).ok()).or(place),
            }
            let Some(url) = place.clone() else {
                return Err(Trouble::Lasting(
                    "it answers later and does not say where: name the path with `at`".into(),
                ));
            };
            answer = self.look(client, &request.look(url), until).await?;
        }
    }

    /// The next answer.
    async fn look(&self, client: &Client, request: &Request, until: Instant) -> Result<Answer, Trouble> {
        let mut last = None;
        loop {
            if Instant::now() + self.interval.0 > until {
                let why = last.map(|why| format!("; the last time, {why}")).unwrap_or_default();
                return Err(Trouble::Passing(format!("it was not done within {}{why}", self.deadline), None));
            }
            tokio::time::sleep(self.interval.0).await;
            match client.ask(request).await {
                Err(Trouble::Passing(why, _)) => last = Some(why),
                ended => return ended,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::{StatusCode, Url};
    use serde_json::json;

    fn stage(poll: Value, status: u16, location: Option<&str>, body: &Value) -> Result<Stage, String> {
        let poll: Poll = serde_json::from_value(poll).expect("a sound table");
        poll.check().expect("sound");
        poll.stage(&Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            url: Url::parse("http://host/").expect("a URL"),
            location: location.map(str::to_owned),
            body: body.to_string().into(),
        })
    }

    /// Catches a service that is done and asked on, or is not and believed.
    #[test]
    fn a_stage_is_read_as_the_service_means_it() {
        let later = |place: &str| Ok(Stage::Later(Some(place.to_owned())));
        assert_eq!(stage(json!({}), 202, Some("/1"), &json!({})), later("/1"));
        assert_eq!(stage(json!({}), 200, None, &json!({})), Ok(Stage::Done));
        assert_eq!(stage(json!({ "at": "url" }), 202, None, &json!({ "url": "/2" })), later("/2"));
        assert_eq!(stage(json!({ "at": "url" }), 200, None, &json!({ "url": "/2" })), Ok(Stage::Done));
        let both = json!({ "at": "urls.get", "state": "status", "done": ["ready"] });
        let said = |status: &str| json!({ "status": status, "urls": { "get": "/3" } });
        assert_eq!(stage(both.clone(), 201, None, &said("starting")), later("/3"));
        assert_eq!(stage(both.clone(), 200, None, &said("Ready")), Ok(Stage::Done));
        assert!(matches!(stage(both.clone(), 200, None, &said("failed")), Ok(Stage::Failed(_))));
        assert!(stage(both, 200, None, &json!({})).is_err());
    }

    /// Catches a poll that never ends, or asks without a pause.
    #[test]
    fn a_poll_without_end_or_pause_is_told() {
        for table in [
            json!({ "interval": "1ms" }),
            json!({ "deadline": "500ms" }),
            json!({ "deadline": "99days" }),
            json!({ "done": [] }),
        ] {
            let poll: Poll = serde_json::from_value(table.clone()).expect("a table");
            assert_eq!(poll.check().expect_err("a mistake").field, Some("poll"), "{table}");
        }
    }
}
