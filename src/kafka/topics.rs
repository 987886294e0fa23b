//! Topics: their names, that they are there, and how large a message may be.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};

/// The longest name of a topic.
const LONGEST: usize = 249;

/// The name as a topic's name, which has letters, digits, `.`, `_` and `-` alone. One that has to be changed gets a hash
/// of what it was, so that different names stay different.
pub fn legal(name: &str) -> String {
    let fits = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    if name.chars().all(fits) && (1..=LONGEST).contains(&name.len()) && name != "." && name != ".." {
        return name.to_owned();
    }
    let hash = &blake3::hash(name.as_bytes()).to_hex()[..12];
    let plain: String = name.chars().map(|char| if fits(char) { char } else { '_' }).collect();
    format!("{}-{hash}", &plain[..plain.len().min(LONGEST - hash.len() - 1)])
}

/// The topics that `wanted` picks, or the one of that name, and the numbers of their partitions.
///
/// # Errors
/// No broker answers within `patience`, or this user may not know of the topic of that name.
pub fn topics<C: ClientContext>(
    client: &Client<C>,
    name: Option<&str>,
    wanted: impl Fn(&str) -> bool,
    patience: Duration,
) -> KafkaResult<Vec<(String, Vec<i32>)>> {
    let metadata = client.fetch_metadata(name, patience)?;
    let denied = metadata.topics().iter().filter_map(|topic| topic.error()).map(Code::from);
    if let Some(code) = denied.filter(|_| name.is_some()).find(|code| *code == Code::TopicAuthorizationFailed) {
        return Err(KafkaError::MetadataFetch(code));
    }
    let sound = metadata.topics().iter().filter(|topic| topic.error().is_none() && wanted(topic.name()));
    let numbered = sound.map(|topic| (topic.name().to_owned(), topic.partitions().iter().map(|p| p.id()).collect()));
    Ok(numbered.collect())
}

/// Makes a topic with the broker's defaults, unless it is there.
///
/// # Errors
/// Why the broker does not make it.
pub async fn create<C: ClientContext>(admin: &AdminClient<C>, topic: &str) -> KafkaResult<()> {
    // Who may write to a topic may not always make one.
    let there = topics(admin.inner(), Some(topic), |_| true, Duration::from_secs(5))?;
    if there.iter().any(|(_, partitions)| !partitions.is_empty()) {
        return Ok(());
    }
    let defaults = NewTopic::new(topic, -1, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
    let made = admin.create_topics([&defaults], &options).await?;
    match made.into_iter().next() {
        Some(Err((_, Code::TopicAlreadyExists))) | Some(Ok(_)) | None => Ok(()),
        // Not `AdminOp`, which hides its code from `rdkafka_error_code`.
        Some(Err((_, code))) => Err(KafkaError::Global(code)),
    }
}

/// The largest message that a topic takes, or, where it is not there yet, that the brokers take by themselves; `None` where
/// nobody says so.
pub async fn topic_limit<C: ClientContext>(admin: &AdminClient<C>, topic: Option<&str>) -> Option<usize> {
    let metadata = admin.inner().fetch_metadata(topic, Duration::from_secs(3)).ok()?;
    let there = metadata.topics().iter().any(|topic| !topic.partitions().is_empty());
    let (resource, setting) = match topic.filter(|_| there) {
        Some(topic) => (ResourceSpecifier::Topic(topic), "max.message.bytes"),
        None => (ResourceSpecifier::Broker(metadata.brokers().first()?.id()), "message.max.bytes"),
    };
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
    let described = admin.describe_configs([&resource], &options).await.ok()?;
    described.into_iter().next()?.ok()?.get(setting)?.value.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_stay_different() {
        assert_eq!(legal("camera-room_1.raw"), "camera-room_1.raw");
        for (a, b) in [("a/b", "a_b"), ("a/b", "a+b"), (".", ".."), ("é", "è"), ("", "_")] {
            assert_ne!(legal(a), legal(b));
        }
        let long = "n".repeat(600);
        assert!(legal(&long).len() <= LONGEST && legal(&long) != legal(&(long.clone() + "n")));
    }
}
