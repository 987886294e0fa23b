//! Retention of objects: what lies in the bucket of a sink, under the start that all its keys have.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path as Place;
use object_store::{ObjectMeta, ObjectStore as _};
use operators::UnixMillis;

use super::words::Words;
use crate::delivery::{Item, Store};
use crate::sinks::objects::{Found, Origin};

/// How long one page of a listing, or one call that deletes, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bucket of a sink, looked through.
pub struct Shelf {
    /// The client.
    pub store: Arc<AmazonS3>,
    /// What all keys begin with.
    pub prefix: String,
    /// Which keys are the sink's.
    pub origin: Origin,
    /// What errors mean.
    pub words: Arc<Words>,
}

impl Shelf {
    /// One page of the listing, a thousand objects or so: what of it is ours, and what to ask the next one for.
    async fn page(&self, token: Option<String>) -> Result<(Vec<Found>, Option<String>), String> {
        let options = PaginatedListOptions { page_token: token, ..Default::default() };
        let listed = self.in_time(self.store.list_paginated(Some(&self.prefix), options)).await?;
        let page = listed.map_err(|error| match error {
            object_store::Error::InvalidPath { .. } => {
                format!("a key under `{}` is one that can't be listed, with an empty part: {error}", self.prefix)
            }
            error => self.words.of(&error, "s3:ListBucket"),
        })?;
        let ours = page.result.objects.into_iter().map(found).filter(|found| self.origin.knows(&found.path));
        Ok((ours.collect(), page.page_token))
    }

    async fn in_time<T>(&self, request: impl Future<Output = T>) -> Result<T, String> {
        tokio::time::timeout(PATIENCE, request).await.map_err(|_| self.words.silence(PATIENCE))
    }
}

fn found(object: ObjectMeta) -> Found {
    let at = UnixMillis(object.last_modified.timestamp_millis().max(0) as u64);
    Found { path: object.location.into(), at, bytes: object.size }
}

impl Store for Shelf {
    type Key = Vec<String>;

    async fn list(&self) -> Result<Vec<Item<Vec<String>>>, String> {
        let (mut all, mut token) = self.page(None).await?;
        while token.is_some() {
            let (more, next) = self.page(token).await?;
            all.extend(more);
            token = next;
        }
        Ok(self.origin.items(all))
    }

    async fn remove(&self, keys: Vec<Vec<String>>) -> Result<(), String> {
        let places: Vec<_> = keys.into_iter().flatten().map(|key| Ok(Place::parse(key)?)).collect();
        let mut deleted = self.store.delete_stream(stream::iter(places).boxed());
        while let Some(verdict) = self.in_time(deleted.next()).await? {
            match verdict {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.words.of(&error, "s3:DeleteObject")),
            }
        }
        Ok(())
    }
}
