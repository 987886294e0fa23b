//! The step `http` against a real small server, in a step alone ([`asked`], [`forbidden`], [`away`], [`callbacks`]) and in
//! whole jobs ([`jobs`]).

mod asked;
mod away;
mod callbacks;
mod forbidden;
mod jobs;

use std::path::Path;

use bytes::Bytes;
use operators::{Flaw, Reason};
use tokio::runtime::Runtime;
use vigie::board::Board;
use vigie::codec::{Form, Pixels, encode_as};
use vigie::context::Context;
use vigie::job::Job;
use vigie::mistake::Mistakes;
use vigie::outgoing::Hosts;
use vigie::picture::Picture;
use vigie::steps::{Step, Stop};

use crate::steps::picture;

/// A job with one step of this kind, as one worker or several have it.
struct Bench {
    job: Job,
    board: Board,
    runtime: Runtime,
}

impl Bench {
    /// With these keys beside its `kind`; a short pause, so that tests are quick.
    fn new(keys: &str) -> Self {
        Self::checked(keys, Hosts::default()).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    /// As [`Bench::new`], where a cluster lists those hosts.
    fn checked(keys: &str, hosts: Hosts) -> Result<Self, Mistakes> {
        let pause = if keys.contains("pause =") { "" } else { "pause = '10ms'" };
        let text = format!(
            "name = 'room'\n[source.in]\nkind = 'synthetic'\n[step.who]\nkind = 'http'\n{pause}\n{keys}\n\
             [sink.out]\nkind = 'files'\npath = 'out/{{id}}'\n"
        );
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let mut job = Job::parse(&text, Path::new("room.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        job.hosts = hosts;
        job.check(runtime.handle())?;
        Ok(Self { job, board: Board::default(), runtime })
    }

    /// The step of one worker.
    fn open(&self) -> Box<dyn Step> {
        let context = self.job.context("who", 0, self.runtime.handle());
        let context = Context { board: self.board.clone(), ..context };
        self.job.steps[0].config.open(&context).expect("it opens").into_line().expect("one way out")
    }

    /// One picture through the step.
    fn ask(&self) -> Result<Picture, Flaw> {
        self.ask_about(door("7"))
    }

    fn ask_about(&self, picture: Picture) -> Result<Picture, Flaw> {
        self.open().run(vec![picture]).pop().expect("an answer for each picture").map_err(flaw)
    }

    /// How often a request ended like that.
    fn count(&self, outcome: &str) -> u64 {
        self.board.requests().iter().filter(|(_, own, _)| *own == outcome).map(|(.., count)| count).sum()
    }
}

fn flaw(stop: Stop) -> Flaw {
    match stop {
        Stop::Fault(_, flaw) => flaw,
        Stop::Filtered(_) => panic!("nothing is filtered here"),
    }
}

/// Why there was no answer that could be used.
fn failed(asked: Result<Picture, Flaw>) -> String {
    let flaw = asked.map(|picture| picture.values).expect_err("it fails");
    assert_eq!(flaw.reason, Reason::ServiceFailed, "{flaw:?}");
    flaw.detail
}

/// A small picture of the camera `door`.
fn door(id: &str) -> Picture {
    let mut picture = picture(image(8, 4).to_vec());
    picture.frame.id = id.into();
    picture
}

fn image(width: u32, height: u32) -> Bytes {
    let pixels = Pixels { width, height, rgb: vec![90; (width * height * 3) as usize] };
    encode_as(Form::Jpeg(Some(80)), &pixels, &[], 1.0).expect("a JPEG")
}
