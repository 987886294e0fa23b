//! What stands in place of a job's sinks: they take all at once, and count it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use operators::Flaw;
use serde::Serialize;

use crate::context::Context;
use crate::mistake::Mistake;
use crate::sinks::{Name, Parcel, Sink, SinkConfig};
use crate::write::Write;

/// What the sinks of a trial were given. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Taken(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    sinks: BTreeMap<String, Load>,
    first_flaw: Option<String>,
}

/// What one sink was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Pictures, reports, rows.
    pub things: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Taken {
    /// What each sink was given, by its name; those that were given nothing are left out.
    pub fn sinks(&self) -> BTreeMap<String, Load> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sinks.clone()
    }

    /// Why the first dead letter is one, if there is any.
    pub fn first_flaw(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first_flaw.clone()
    }

    fn take(&self, sink: &str, parcels: &[Parcel]) {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let load = books.sinks.entry(sink.to_owned()).or_default();
        load.things += parcels.len() as u64;
        load.bytes += parcels.iter().map(|parcel| parcel.body.len() as u64).sum::<u64>();
        if books.first_flaw.is_none() {
            books.first_flaw = parcels.iter().find_map(said);
        }
    }
}

/// Why a dead letter is one.
fn said(parcel: &Parcel) -> Option<String> {
    let (reason, detail) = (parcel.reason?, parcel.detail.as_deref().unwrap_or_default());
    Some(format!("{reason}: {detail}"))
}

/// A sink of the job, played.
#[derive(Debug)]
pub struct Take {
    /// The table that the job has in its place: its names are still made where the steps run.
    pub real: Box<dyn SinkConfig>,
    /// Where it counts.
    pub taken: Taken,
}

impl SinkConfig for Take {
    fn check(&self, context: &Context) -> Result<(), Mistake> {
        self.real.check(context)
    }

    fn describe(&self) -> String {
        self.real.describe()
    }

    fn names(&self, context: &Context) -> Result<Vec<Name>, Mistake> {
        self.real.names(context)
    }

    fn takes_several(&self) -> bool {
        self.real.takes_several()
    }

    fn check_writes(&self, writes: &[Write]) -> Result<(), Mistake> {
        self.real.check_writes(writes)
    }

    fn place(&self, context: &Context, parcel: &Parcel) -> Result<String, Mistake> {
        self.real.place(context, parcel)
    }

    fn open(&self, context: &Context) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(Taking { name: context.part.clone(), taken: self.taken.clone() }))
    }
}

struct Taking {
    name: String,
    taken: Taken,
}

impl Sink for Taking {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        self.taken.take(&self.name, parcels);
        vec![Ok(()); parcels.len()]
    }
}
