//! The frames, the same for all: 640×480 JPEGs of up to 100 kB, or noise of any size where nobody looks at pixels.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use image::imageops::FilterType;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _};

use crate::kafka::{PARTITIONS, Producer, Topic, producer};

/// The most bytes of a picture.
const LIMIT: usize = 100_000;

/// Pictures of each kind of folder.
const SHARE: usize = 25;

/// Frames that come together: a batch.
pub const BATCH: usize = 3;

/// Batches that lie behind each other in a partition. By number they are for different workers: whoever reads a partition in
/// a process of its own has to hand every second one to another.
const RUN: usize = 2;

/// Frames until all starts again: a run for each partition.
pub const CYCLE: usize = BATCH * RUN * PARTITIONS as usize;

/// An endless row of frames, by number. Three neighbours are of one camera and in one partition, so that whoever reads a
/// partition has the same batches, and whoever gathers by number as many.
pub struct Frames {
    pictures: Vec<Vec<u8>>,
    cameras: usize,
}

impl Frames {
    /// Frames of two cameras, of the pictures in `VIGIE_IMAGES`; `None`, and a line that says so, without.
    pub fn shared() -> anyhow::Result<Option<Self>> {
        let Some(images) = crate::support::images() else { return Ok(None) };
        let (mut photos, mut videos) = (Vec::new(), Vec::new());
        for folder in folders(&images)? {
            match folder.file_name().and_then(|name| name.to_str()) {
                Some(name) if name.starts_with("coco") => photos.extend(jpegs(&folder)?),
                Some("video") => {
                    for camera in folders(&folder)? {
                        videos.extend(jpegs(&camera)?);
                    }
                }
                _ => {}
            }
        }
        let chosen = spread(&photos).chain(spread(&videos));
        let pictures = chosen.map(|path| picture(path)).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(!pictures.is_empty(), "{} holds no pictures in coco_* and video/*", images.display());
        Ok(Some(Self { pictures, cameras: 2 }))
    }

    /// Frames that are no pictures, and nothing that compresses: for work that does not decode.
    pub fn noise(bytes: usize, cameras: usize) -> Self {
        let mut body = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut body);
        // A JPEG by its first bytes.
        body[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        Self { pictures: vec![body], cameras }
    }

    /// The bytes of a frame.
    pub fn picture(&self, number: usize) -> &[u8] {
        &self.pictures[number % self.pictures.len()]
    }

    /// Hands a frame to the producer.
    ///
    /// # Errors
    /// What the client says, but that its queue is full: that is waited for.
    pub fn send(&self, producer: &Producer, topic: &str, number: usize) -> anyhow::Result<()> {
        let camera = format!("cam{}", number / BATCH % self.cameras);
        let (key, digits) = (format!("{camera}/{number}"), number.to_string());
        let headers = OwnedHeaders::new()
            .insert(Header { key: "camera", value: Some(&camera) })
            .insert(Header { key: "number", value: Some(&digits) });
        let partition = (number / (BATCH * RUN) % PARTITIONS as usize) as i32;
        let mut record =
            BaseRecord::to(topic).key(&key).payload(self.picture(number)).headers(headers).partition(partition);
        while let Err((error, back)) = producer.send(record) {
            let full = error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull);
            anyhow::ensure!(full, "can't send a frame: {error}");
            std::thread::sleep(Duration::from_millis(5));
            record = back;
        }
        Ok(())
    }

    /// Puts the first `count` of them into a topic.
    ///
    /// # Errors
    /// The brokers do not take all of them.
    pub fn fill(&self, brokers: &str, topic: &Topic<'_>, count: usize) -> anyhow::Result<()> {
        let producer = producer(brokers, 20)?;
        for number in 0..count {
            self.send(&producer, &topic.name, number)?;
        }
        producer.flush(Duration::from_secs(120)).context("the broker takes not all frames")?;
        let there: i64 = topic.ends()?.iter().sum();
        anyhow::ensure!(there == count as i64, "{there} of {count} frames are in {}", topic.name);
        Ok(())
    }
}

fn folders(of: &Path) -> anyhow::Result<Vec<PathBuf>> {
    entries(of, Path::is_dir)
}

fn jpegs(of: &Path) -> anyhow::Result<Vec<PathBuf>> {
    entries(of, |path| path.extension().is_some_and(|extension| extension == "jpg"))
}

fn entries(of: &Path, wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(of).with_context(|| format!("can't read {}", of.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| wanted(path)).collect();
    paths.sort();
    Ok(paths)
}

/// A share of them, from the whole length.
fn spread(paths: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    paths.iter().step_by(paths.len().div_ceil(SHARE).max(1))
}

/// A picture of 640×480, as good as its bytes allow.
fn picture(path: &Path) -> anyhow::Result<Vec<u8>> {
    let picture = image::open(path).with_context(|| format!("can't read {}", path.display()))?;
    let pixels = picture.resize_to_fill(640, 480, FilterType::Triangle).to_rgb8();
    for quality in (50..=95).rev().step_by(3) {
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.encode(&pixels, 640, 480, ColorType::Rgb)?;
        if jpeg.len() <= LIMIT {
            return Ok(jpeg);
        }
    }
    anyhow::bail!("{} is over {LIMIT} bytes at any quality", path.display())
}
