//! `vigie run` against the bare loop of the same parts: what the engine around the model costs.
//!
//! Both read the same 640×480 JPEGs from a folder, decode, detect with YOLOX-nano, draw, encode, and write picture and
//! report through the same sink, synced. The loop is two threads that share the files out, without dataflow, window or
//! receipts; Vigie is the program itself, one process with two workers. They run in turns; a figure is the frames that
//! a longer run has more than a shorter one, over the time it takes more: start-up falls out. At the end both must have
//! written the same pictures.
//!
//! Where they differ: the loop waits for the disk where it works, Vigie on a thread beside it. So the ratio is what the
//! engine costs less what its threads hide, which is what a user would see who writes such a loop.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use operators::{Frame, Number};
use vigie::codec::{self, Limits};
use vigie::context::Context;
use vigie::job::{Job, Part};
use vigie::picture::Picture;
use vigie::sinks::Parcel;
use vigie::steps::StepConfig;
use vigie::write::Write;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Workers, and threads of the loop.
const WORKERS: usize = 2;
/// Frames of the two runs that a figure is made of.
const SHORT: usize = 150;
const LONG: usize = 750;
/// Rounds, after one to warm up.
const ROUNDS: usize = 5;

fn main() {
    let (Some(_), Some(images)) = (std::env::var_os("VIGIE_MODELS"), std::env::var_os("VIGIE_IMAGES")) else {
        println!("skipped: VIGIE_MODELS and VIGIE_IMAGES are not set (make bench sets them)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for count in [SHORT, LONG] {
        lay_out(&PathBuf::from(&images).join("video/classroom"), &folder.path().join(count.to_string()), count);
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let rate = |run: &dyn Fn(usize) -> f64| (LONG - SHORT) as f64 / (run(LONG) - run(SHORT));
    for round in 0..=ROUNDS {
        let vigie = rate(&|count| program(folder.path(), count));
        let without = rate(&|count| bare_loop(folder.path(), count));
        println!(
            "round {round}: vigie {vigie:.1} frames/s, bare loop {without:.1} frames/s, ratio {:.3}",
            vigie / without
        );
        if round > 0 {
            ours.push(vigie);
            bare.push(without);
        }
    }
    compare(&folder.path().join("vigie"), &folder.path().join("bare"));
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    println!("median: vigie {ours:.1} frames/s, bare loop {bare:.1} frames/s, ratio {:.3} (goal 0.9)", ours / bare);
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Both have done the same work: picture for picture, byte for byte.
fn compare(ours: &Path, bare: &Path) {
    for number in 0..LONG {
        let read = |folder: &Path| std::fs::read(folder.join(format!("{number:05}.jpg"))).expect("a picture");
        assert!(read(ours) == read(bare), "picture {number} differs");
        assert!(ours.join(format!("{number:05}.json")).exists() && bare.join(format!("{number:05}.json")).exists());
    }
}

/// `count` pictures of 640×480, made of the camera's.
fn lay_out(camera: &Path, to: &Path, count: usize) {
    std::fs::create_dir_all(to.join("door")).expect("a folder");
    let mut files: Vec<_> = std::fs::read_dir(camera).expect("pictures").flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    let pictures: Vec<_> = files.iter().map(|path| enlarged(path)).collect();
    for number in 0..count {
        std::fs::write(to.join(format!("door/{number:05}.jpg")), &pictures[number % pictures.len()]).expect("a file");
    }
}

fn enlarged(path: &Path) -> Vec<u8> {
    let picture = image::open(path).expect("a picture").resize_exact(640, 480, image::imageops::FilterType::Triangle);
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 90);
    encoder.encode(&picture.to_rgb8(), 640, 480, jpeg_encoder::ColorType::Rgb).expect("it can be written");
    jpeg
}

fn job(folder: &Path, count: usize, out: &str) -> String {
    let folder = folder.display();
    format!(
        "name = \"bench\"\n\
         [source.frames]\nkind = \"files\"\npath = \"{folder}/{count}/{{camera}}/*.jpg\"\n\
         [step.persons]\nkind = \"detect\"\nmodel = \"yolox_nano_416_kazuhito.onnx\"\nclasses = [\"person\"]\n\
         [step.boxes]\nkind = \"draw\"\ncorner = false\n\
         [sink.pictures]\nkind = \"files\"\npath = \"{folder}/{out}/{{id}}.jpg\"\nwrite = \"image\"\n\
         [sink.reports]\nkind = \"files\"\npath = \"{folder}/{out}/{{id}}.json\"\nfrom = \"boxes\"\n"
    )
}

/// Seconds that the program takes for `count` pictures, start and end included.
fn program(folder: &Path, count: usize) -> f64 {
    let path = folder.join("bench.toml");
    std::fs::write(&path, job(folder, count, "vigie")).expect("a job file");
    let start = Instant::now();
    let mut vigie = Command::new(env!("CARGO_BIN_EXE_vigie"));
    vigie.arg("run").arg(&path).args(["-w", &WORKERS.to_string()]).stderr(Stdio::null());
    assert!(vigie.status().expect("vigie runs").success());
    start.elapsed().as_secs_f64()
}

/// Seconds that the same work takes in a loop on as many threads.
fn bare_loop(folder: &Path, count: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let job = Arc::new(Job::parse(&job(folder, count, "bare"), &folder.join("bench.toml")).expect("a sound job"));
    job.check(runtime.handle()).expect("a sound job");
    let start = Instant::now();
    let threads: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (job, folder, runtime) = (job.clone(), folder.to_owned(), runtime.handle().clone());
            std::thread::spawn(move || share(&job, &folder.join(count.to_string()), count, worker, &runtime))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("the loop runs"));
    start.elapsed().as_secs_f64()
}

/// One thread's share: batches of three, every other one.
fn share(job: &Job, folder: &Path, count: usize, worker: usize, runtime: &tokio::runtime::Handle) {
    let context: Context = job.context("bench", worker, runtime);
    let limits: Limits = codec::Limits::default();
    let work = |step: &Part<dyn StepConfig>| step.config.open(&context).expect("it opens");
    let mut steps: Vec<_> = job.steps.iter().map(|step| work(step).into_line().expect("one way out")).collect();
    let mut sinks: Vec<_> = job.sinks.iter().map(|sink| sink.config.open(&context).expect("it opens")).collect();
    let mut waiting: [Vec<Parcel>; 2] = Default::default();
    for batch in (0..count / 3).filter(|batch| batch % WORKERS == worker) {
        let mut pictures: Vec<_> =
            (batch * 3..batch * 3 + 3).map(|number| Picture::new(frame(folder, number))).collect();
        for step in &mut steps {
            pictures = step.run(pictures).into_iter().map(|picture| picture.expect("a sound picture")).collect();
        }
        for mut picture in pictures {
            let frame = Arc::new(picture.frame.clone());
            for (write, waiting) in [Write::Image, Write::Report].into_iter().zip(&mut waiting) {
                let (body, media) = write.body(&mut picture, "bench", &limits).expect("a body");
                waiting.push(Parcel::new(frame.clone(), body, media));
            }
        }
        // Synced together, as a sink is given what has come together.
        if waiting[0].len() >= 12 {
            flush(&mut sinks, &mut waiting);
        }
    }
    flush(&mut sinks, &mut waiting);
}

fn flush(sinks: &mut [Box<dyn vigie::sinks::Sink>], waiting: &mut [Vec<Parcel>; 2]) {
    for (sink, waiting) in sinks.iter_mut().zip(waiting) {
        assert!(sink.write(waiting).iter().all(Result::is_ok));
        waiting.clear();
    }
}

fn frame(folder: &Path, number: usize) -> Frame {
    Frame::new(
        "door".into(),
        Number(number as u64),
        format!("{number:05}").into(),
        std::fs::read(folder.join(format!("door/{number:05}.jpg"))).expect("a picture").into(),
    )
}
