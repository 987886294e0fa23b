//! What pictures cost around a model: decode, letterbox, draw and encode of three sizes, by each codec that is built.
//!
//! A frame goes through the steps of a job on one thread: decoded, YOLOX-nano 416, its boxes drawn, encoded at the quality
//! it came in (85). Stages are medians of wall time; frames a second are by the time that the thread was on a core. Codecs
//! take turns, frame by frame. The pictures are photographs, enlarged: of the size of a camera's, and smoother.

use std::path::Path;
use std::time::{Duration, Instant};

use operators::{Frame, Number};
use vigie::codec::{self, CODECS, Codec, Enough, Header, Limits};
use vigie::job::Job;
use vigie::picture::Picture;
use vigie::steps::Step;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [[u32; 2]; 3] = [[640, 480], [1280, 720], [2592, 1944]];
/// Pictures of a size.
const PICTURES: usize = 8;
/// How often each is worked on; the first does not count.
const ROUNDS: usize = 9;
/// What is measured of a frame.
const STAGES: [&str; 5] = ["decode", "resize", "infer", "draw", "encode"];

fn main() {
    let (Some(_), Some(images)) = (std::env::var_os("VIGIE_MODELS"), std::env::var_os("VIGIE_IMAGES")) else {
        println!("skipped: VIGIE_MODELS and VIGIE_IMAGES are not set (make bench sets them)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut steps = steps(folder.path(), runtime.handle());
    for size in SIZES {
        let pictures = pictures(&Path::new(&images).join("coco_ccby_train"), size);
        let bytes = pictures.iter().map(Vec::len).sum::<usize>() / pictures.len();
        println!("\n{}×{}, {} kB", size[0], size[1], bytes / 1000);
        let measured = measure(&mut steps, &pictures).into_iter().zip(CODECS);
        let rates: Vec<_> = measured.map(|(figures, codec)| figures.print(codec.name)).collect();
        if let [first, .., last] = rates[..] {
            println!("all in Rust: {:.2} of the whole frame's speed (goal 0.8)", last / first);
        }
        looked_at(&pictures, size);
    }
}

/// What was measured with one codec.
#[derive(Default)]
struct Figures {
    /// Milliseconds of each frame, stage by stage.
    stages: [Vec<f64>; STAGES.len()],
    /// On a core, for all frames.
    busy: Duration,
    frames: u32,
}

impl Figures {
    /// Prints them; frames a second on one core.
    fn print(mut self, codec: &str) -> f64 {
        let figures: Vec<_> =
            STAGES.iter().zip(&mut self.stages).map(|(name, ms)| format!("{name} {:.2}", median(ms))).collect();
        let rate = f64::from(self.frames) / self.busy.as_secs_f64();
        println!("{codec:>5}: {} ms; {rate:.1} frames/s a core", figures.join(", "));
        rate
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn measure(steps: &mut [Box<dyn Step>], pictures: &[Vec<u8>]) -> Vec<Figures> {
    let mut all: Vec<_> = CODECS.iter().map(|_| Figures::default()).collect();
    for round in 0..ROUNDS {
        for bytes in pictures {
            for (figures, codec) in all.iter_mut().zip(CODECS) {
                let start = on_a_core();
                let timings = work(steps, codec, bytes);
                if round > 0 {
                    figures.busy += on_a_core() - start;
                    figures.frames += 1;
                    for (name, time) in timings {
                        let stage = STAGES.iter().position(|stage| *stage == name).expect("a stage that is known");
                        figures.stages[stage].push(time.as_secs_f64() * 1e3);
                    }
                }
            }
        }
    }
    all
}

/// A frame from its bytes to the bytes of its picture.
fn work(steps: &mut [Box<dyn Step>], codec: &Codec, bytes: &[u8]) -> Vec<(&'static str, Duration)> {
    let mut picture = Picture::new(frame(bytes));
    let pixels = picture.timed("decode", |_| codec.decode(bytes, &Limits::default()).expect("a sound picture"));
    picture.replace(pixels, |point| point);
    for step in steps {
        picture = step.run(vec![picture]).pop().expect("an answer").expect("a sound picture");
    }
    let quality = Header::read(bytes).expect("a sound picture").quality.expect("a JPEG");
    picture
        .timed("encode", |picture| codec.encode(picture.decoded().expect("decoded above"), quality).expect("a JPEG"));
    std::mem::take(&mut picture.timings)
}

/// What it takes to decode a picture that nobody draws on, with as many pixels as are enough for the model.
fn looked_at(pictures: &[Vec<u8>], size: [u32; 2]) {
    let enough = Enough::Input { size: [416; 2], stretched: false };
    let time = |enough| {
        let once = |bytes: &Vec<u8>| {
            let start = Instant::now();
            codec::look(bytes, &Limits::default(), enough).expect("a sound picture");
            start.elapsed().as_secs_f64() * 1e3
        };
        median(&mut (0..ROUNDS).flat_map(|_| pictures.iter().map(once)).collect::<Vec<_>>())
    };
    let (all, fewer) = (time(Enough::All), time(enough));
    println!("to be looked at alone, 1/{} a side: decode {fewer:.2} instead of {all:.2} ms", enough.shrink(size));
}

fn steps(folder: &Path, runtime: &tokio::runtime::Handle) -> Vec<Box<dyn Step>> {
    let job = format!(
        "name = \"bench\"\n\
         [source.frames]\nkind = \"synthetic\"\n\
         [step.things]\nkind = \"detect\"\nmodel = \"yolox_nano_416_kazuhito.onnx\"\n\
         [step.boxes]\nkind = \"draw\"\n\
         [sink.pictures]\nkind = \"files\"\npath = \"{}/out/{{id}}.jpg\"\nwrite = \"image\"\n",
        folder.display()
    );
    let job = Job::parse(&job, &folder.join("bench.toml")).expect("a sound job");
    job.check(runtime).expect("a sound job");
    let context = job.context("bench", 0, runtime);
    job.steps
        .iter()
        .map(|step| step.config.open(&context).expect("it opens").into_line().expect("one way out"))
        .collect()
}

/// Photographs at that size and a quality of 85.
fn pictures(folder: &Path, [width, height]: [u32; 2]) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("pictures").flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    let enlarged = |path| {
        let picture = image::open(path).expect("a picture");
        let picture = picture.resize_exact(width, height, image::imageops::FilterType::CatmullRom).into_rgb8();
        let pixels = codec::Pixels { width, height, rgb: picture.into_raw() };
        CODECS[0].encode(&pixels, 85).expect("a JPEG").to_vec()
    };
    files.iter().take(PICTURES).map(enlarged).collect()
}

fn frame(bytes: &[u8]) -> Frame {
    Frame::new("door".into(), Number(0), "1".into(), bytes.to_vec().into())
}

/// How long this thread was on a core.
fn on_a_core() -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = said.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default();
    Duration::from_nanos(nanos)
}
