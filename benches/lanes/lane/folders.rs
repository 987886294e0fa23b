//! Lane B': files → YOLOX-nano → files, against the same parts on two threads without dataflow, window or receipts.
//!
//! Picture and report are written through the same sink, synced. The loop waits for the disk where it works, Vigie on a
//! thread beside it: the ratio is what the engine costs less what its threads hide. Both must write the same pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use vigie::sinks::{Parcel, Sink};

use crate::bench::Bench;
use crate::contender::{BARE, Contender, VIGIE};
use crate::frames::BATCH;
use crate::line::{self, Line, frame};
use crate::table::Goal::AtLeast;
use crate::table::Row;
use crate::turns::Turns;

/// Frames of the two runs that a figure is made of.
const FRAMES: [usize; 2] = [150, 750];

/// Threads of the loop.
const WORKERS: usize = 2;

/// Parcels that are synced together at least, as a sink is given what has come together.
const TOGETHER: usize = 12;

/// Measures it.
///
/// # Errors
/// The folders can't be made, or the pictures differ.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let counts = FRAMES.map(|usual| bench.flags.frames(usual));
    let folder = bench.folder.path().join("folders");
    for count in counts {
        lay_out(bench, &folder.join(count.to_string()), count)?;
    }
    let turns = Turns::take(bench, "B'", [VIGIE, BARE], 2 * bench.flags.rounds(), |contender| {
        let seconds = |count: usize| run(bench, contender, &folder, count);
        let (short, long) = (seconds(counts[0])?, seconds(counts[1])?);
        Ok((counts[1] - counts[0]) as f64 / (long - short).max(1e-3))
    });
    if turns.contenders().count() == 2 {
        compare(&folder, counts[1])?;
    }
    let rate = |rate: &f64| *rate;
    let mut rows: Vec<_> =
        turns.contenders().map(|who| Row::new("B'", who.name, "frames/s", turns.values(who.name, rate))).collect();
    let ratios = turns.ratios("vigie", "bare", rate);
    rows.push(Row::new("B'", "vigie", "frames/s, to the bare loop", ratios).goal(AtLeast(0.97)));
    Ok(rows)
}

fn lay_out(bench: &Bench, folder: &Path, count: usize) -> anyhow::Result<()> {
    fs::create_dir_all(folder.join("door"))?;
    for number in 0..count {
        fs::write(picture(folder, number), bench.frames.picture(number))?;
    }
    Ok(())
}

fn picture(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("door/{number:05}.jpg"))
}

fn compare(folder: &Path, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        let read = |who: &Contender| fs::read(folder.join(who.name).join(format!("{number:05}.jpg")));
        anyhow::ensure!(read(&VIGIE)? == read(&BARE)?, "picture {number} differs");
        for who in [VIGIE, BARE] {
            let report = folder.join(who.name).join(format!("{number:05}.json"));
            anyhow::ensure!(report.is_file(), "there is no {}", report.display());
        }
    }
    Ok(())
}

/// Seconds for `count` pictures, start and end included.
fn run(bench: &Bench, contender: &Contender, folder: &Path, count: usize) -> anyhow::Result<f64> {
    let at = folder.display();
    let out = contender.name;
    let text = format!(
        "name = \"bench\"\n[source.frames]\nkind = \"files\"\npath = \"{at}/{count}/{{camera}}/*.jpg\"\n{}\
         [sink.pictures]\nkind = \"files\"\npath = \"{at}/{out}/{{id}}.jpg\"\nwrite = \"image\"\n\
         [sink.reports]\nkind = \"files\"\npath = \"{at}/{out}/{{id}}.json\"\n",
        bench.detect().steps()
    );
    let job = folder.join("job.toml");
    fs::write(&job, text)?;
    let mut command = match contender.is_vigie() {
        true => Command::new(env!("CARGO_BIN_EXE_vigie")),
        false => Command::new(std::env::current_exe()?),
    };
    match contender.is_vigie() {
        true => command.arg("run").arg(&job).args(["-w", &WORKERS.to_string()]),
        false => command.arg("folders").arg(&job).arg(folder.join(count.to_string())).arg(count.to_string()),
    };
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(start.elapsed().as_secs_f64())
}

/// The loop, in a process of its own.
///
/// # Errors
/// A part can't be opened, or fails.
pub fn bare(job: &Path, frames: &Path, count: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let job = &line::job(&fs::read_to_string(job)?, job.parent().unwrap_or(Path::new(".")), runtime.handle())?;
    std::thread::scope(|scope| {
        let handle = runtime.handle();
        let threads: Vec<_> =
            (0..WORKERS).map(|worker| scope.spawn(move || share(job, frames, count, worker, handle))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// One thread's share: batches of three, every other one.
fn share(job: &vigie::job::Job, frames: &Path, count: usize, worker: usize, runtime: &Handle) -> anyhow::Result<()> {
    let context = job.context("bench", worker, runtime);
    let mut line = Line::open(job, worker, runtime)?;
    let sinks = job.sinks.iter().map(|sink| sink.config.open(&context));
    let mut sinks: Vec<_> = sinks.collect::<anyhow::Result<_>>()?;
    let mut waiting: [Vec<Parcel>; 2] = Default::default();
    for batch in (0..count / BATCH).filter(|batch| batch % WORKERS == worker) {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let read = |number: usize| {
            Ok(frame("door", number as u64, &format!("{number:05}"), fs::read(picture(frames, number))?.into()))
        };
        for (picture, bodies) in line.work(numbers.map(read).collect::<anyhow::Result<_>>()?)? {
            let frame = Arc::new(picture.frame);
            for (waiting, (body, media)) in waiting.iter_mut().zip(bodies) {
                waiting.push(Parcel::new(frame.clone(), body, media));
            }
        }
        if waiting[0].len() >= TOGETHER {
            flush(&mut sinks, &mut waiting)?;
        }
    }
    flush(&mut sinks, &mut waiting)
}

fn flush(sinks: &mut [Box<dyn Sink>], waiting: &mut [Vec<Parcel>; 2]) -> anyhow::Result<()> {
    for (sink, waiting) in sinks.iter_mut().zip(waiting) {
        anyhow::ensure!(sink.write(waiting).iter().all(Result::is_ok), "a parcel is refused");
        waiting.clear();
    }
    Ok(())
}
