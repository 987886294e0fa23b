//! Retention: what a store keeps, by age and by bytes. The oldest goes first.
//!
//! One worker of the cluster looks after a store. It lists what is there, deletes what is too much, and tells how full
//! the store is. A listing reads names and sizes of everything: at 100,000 items that is a second or so of the store's
//! time, which is why it is done once a minute and not at every write.

use std::time::Duration;

use operators::UnixMillis;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::board::{Post, Stock};
use crate::mistake::Mistake;
use crate::units::{Size, Time};

/// What a store keeps. What is older or more is deleted, the oldest first, whether or not this run wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// How long each is kept: `"48h"`, `"30days"`.
    #[serde(default)]
    pub age: Option<Time>,
    /// How many bytes are kept in all: `"5GiB"`.
    #[serde(default)]
    pub size: Option<Size>,
    /// How often the store is looked through.
    #[serde(default = "every")]
    pub every: Time,
}

fn every() -> Time {
    Time(Duration::from_secs(60))
}

impl Keep {
    /// What is wrong with it.
    ///
    /// # Errors
    /// The mistake, in words.
    pub fn check(&self) -> Result<(), Mistake> {
        let wrong = |what| Err(Mistake::at("keep", what));
        match self {
            Self { age: None, size: None, .. } => {
                wrong("`keep` says neither `age` nor `size`: write it like `keep = { age = \"48h\", size = \"5GiB\" }`")
            }
            Self { age: Some(Time(Duration::ZERO)), .. } | Self { size: Some(Size(0)), .. } => {
                wrong("`keep` of nothing deletes what was just written: set more")
            }
            Self { every, .. } if every.0 < Duration::from_millis(100) => {
                wrong("`every` is under 100ms: looking through a store takes longer")
            }
            _ => Ok(()),
        }
    }
}

/// What a sink says of its `keep`: `, keeps 30days and 50.0 GiB`, or nothing.
pub fn told(keep: Option<&Keep>) -> String {
    let limits = keep.map(|keep| (keep.age.map(|age| age.to_string()), keep.size.map(|size| size.to_string())));
    match limits {
        Some((Some(age), Some(size))) => format!(", keeps {age} and {size}"),
        Some((Some(limit), None) | (None, Some(limit))) => format!(", keeps {limit}"),
        _ => String::new(),
    }
}

/// Something that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<K> {
    /// What names it.
    pub key: K,
    /// When it was written.
    pub at: UnixMillis,
    /// How large it is.
    pub bytes: u64,
}

/// A store that can be looked through.
pub trait Store: Send + Sync + 'static {
    /// What names an item.
    type Key: Clone + Send + Sync;

    /// Everything that the sink's configuration may have written, and nothing else.
    fn list(&self) -> impl Future<Output = Result<Vec<Item<Self::Key>>, String>> + Send;

    /// Deletes items. One that is not there is deleted.
    fn remove(&self, keys: Vec<Self::Key>) -> impl Future<Output = Result<(), String>> + Send;
}

/// The oldest that are too much, and how full the store is without them.
fn surplus<K>(mut items: Vec<Item<K>>, keep: &Keep, now: UnixMillis) -> (Vec<K>, Stock) {
    items.sort_by_key(|item| std::cmp::Reverse(item.at));
    let rate = rate(&items, now);
    let oldest = keep.age.map_or(0, |age| now.0.saturating_sub(age.0.as_millis() as u64));
    let most = keep.size.map_or(u64::MAX, |size| size.0);
    let mut stock = Stock::default();
    let kept = items.iter().take_while(|item| {
        let fits = item.at.0 >= oldest && stock.bytes + item.bytes <= most;
        if fits {
            stock.bytes += item.bytes;
            stock.items += 1;
            stock.oldest = Duration::from_millis(now.0.saturating_sub(item.at.0));
        }
        fits
    });
    let kept = kept.count();
    let left = keep.size.map(|size| size.0 - stock.bytes);
    stock.full_in = left.filter(|_| rate > 0.0).map(|left| Duration::from_secs_f64((left as f64 / rate).min(1e12)));
    (items.drain(kept..).map(|item| item.key).collect(), stock)
}

/// Bytes a second that came in during the last hour, or since the first came.
fn rate<K>(items: &[Item<K>], now: UnixMillis) -> f64 {
    const HOUR: u64 = 3_600_000;
    let recent: Vec<_> = items.iter().filter(|item| now.0.saturating_sub(item.at.0) <= HOUR).collect();
    let first = recent.iter().map(|item| item.at.0).min().unwrap_or(now.0);
    let bytes: u64 = recent.iter().map(|item| item.bytes).sum();
    bytes as f64 / (now.0.saturating_sub(first).max(1_000) as f64 / 1e3)
}

/// Looks after a store until it is dropped.
#[derive(Debug)]
pub struct Keeper(JoinHandle<()>);

/// Items that are deleted with one call.
const AT_ONCE: usize = 500;

impl Keeper {
    /// Looks through `store` at once and then again and again.
    pub fn start(runtime: &Handle, keep: Keep, store: impl Store, post: Post) -> Self {
        Self(runtime.spawn(async move {
            let mut failing = false;
            loop {
                match round(&keep, &store, &post).await {
                    Ok(()) => failing = false,
                    Err(reason) => {
                        if !std::mem::replace(&mut failing, true) {
                            tracing::warn!(
                                "{}: cannot delete what is too old: {reason}; it is tried again",
                                post.part()
                            );
                        }
                    }
                }
                tokio::time::sleep(keep.every.0).await;
            }
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn round(keep: &Keep, store: &impl Store, post: &Post) -> Result<(), String> {
    let (old, stock) = surplus(store.list().await?, keep, UnixMillis::now());
    // The oldest stand last, and go first: what a failure leaves behind is then the newest of them.
    for keys in old.rchunks(AT_ONCE) {
        store.remove(keys.to_vec()).await?;
    }
    post.stock(stock);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keep(age: Option<u64>, size: Option<u64>) -> Keep {
        Keep { age: age.map(|ms| Time(Duration::from_millis(ms))), size: size.map(Size), every: every() }
    }

    proptest! {
        /// Catches a store that outgrows its limits, one that deletes what it could keep, and one that deletes the new
        /// before the old.
        #[test]
        fn the_oldest_go_and_no_more_than_must(
            items in prop::collection::vec((0_u64..1000, 1_u64..100), 0..60),
            age in prop::option::of(1_u64..1000),
            size in prop::option::of(1_u64..3000),
        ) {
            let now = UnixMillis(1000);
            let all: Vec<_> = items.iter().enumerate()
                .map(|(key, (at, bytes))| Item { key, at: UnixMillis(*at), bytes: *bytes }).collect();
            let (gone, stock) = surplus(all.clone(), &keep(age, size), now);
            let (removed, kept): (Vec<_>, Vec<_>) = all.iter().partition(|item| gone.contains(&item.key));
            let bytes: u64 = kept.iter().map(|item| item.bytes).sum();
            prop_assert_eq!((stock.bytes, stock.items), (bytes, kept.len() as u64));
            prop_assert!(bytes <= size.unwrap_or(u64::MAX));
            let limit = age.map_or(0, |age| 1000_u64.saturating_sub(age));
            prop_assert!(kept.iter().all(|item| item.at.0 >= limit));
            let newest_gone = removed.iter().map(|item| item.at.0).max().unwrap_or(0);
            prop_assert!(kept.iter().all(|item| item.at.0 >= newest_gone));
            let one_more = removed.iter().filter(|item| item.at.0 >= limit && item.at.0 == newest_gone)
                .map(|item| item.bytes).max();
            if let Some(one_more) = one_more {
                prop_assert!(bytes + one_more > size.unwrap_or(u64::MAX), "one more had fitted");
            }
        }
    }

    #[test]
    fn the_day_it_is_full_is_told() {
        let now = UnixMillis(10_000_000);
        // 100 bytes each 10 s, for the last 1000 s.
        let items = (0..100).map(|n| Item { key: n, at: UnixMillis(now.0 - n * 10_000), bytes: 100 }).collect();
        let (gone, stock) = surplus(items, &keep(None, Some(20_000)), now);
        assert!(gone.is_empty());
        let full_in = stock.full_in.unwrap().as_secs_f64();
        assert!((900.0..1_100.0).contains(&full_in), "10,000 bytes left at 10 a second: {full_in}");
        assert_eq!(stock.oldest, Duration::from_secs(990));
    }

    #[test]
    fn a_keep_that_keeps_nothing_is_a_mistake() {
        assert!(keep(None, None).check().is_err());
        assert!(keep(Some(0), None).check().is_err());
        assert!(keep(None, Some(0)).check().is_err());
        assert!(keep(Some(5), Some(7)).check().is_ok());
    }
}
