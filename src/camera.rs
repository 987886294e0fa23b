//! `vigie camera`: a folder of pictures, played as a camera.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use operators::{Frame, Number, UnixMillis, Window};

use crate::clock;
use crate::context::Context;
use crate::sinks::{Parcel, Sink, SinkConfig, mqtt::Mqtt};

/// Frames that are on their way at once when the rate is 0.
const AT_ONCE: usize = 16;

/// The largest message it sends, in bytes.
const LARGEST: usize = 64 << 20;

/// `vigie camera`.
#[derive(Debug, Args)]
pub struct Camera {
    /// The folder of pictures (.jpg, .jpeg, .png), played in the order of their names.
    pub folder: PathBuf,
    /// The camera's name.
    #[arg(long = "as", value_name = "NAME")]
    pub name: String,
    /// Where to: mqtt://host:port/topic; {camera} and {number} in the topic stand for the camera's name and the frame's number.
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Frames a second; 0 for as fast as the broker takes them.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Begin again after the last picture.
    #[arg(long = "loop")]
    pub again: bool,
    /// Stop after so many frames.
    #[arg(long)]
    pub count: Option<u64>,
    /// The number of the first frame.
    #[arg(long, default_value_t = 0)]
    pub start: u64,
    /// What a message holds.
    #[arg(long, value_enum, default_value_t = Form::Jpeg)]
    pub body: Form,
    /// How surely the broker gets it: 1 at least once, 2 exactly once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub qos: u8,
}

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The picture's file.
    Jpeg,
    /// The file in base64.
    Base64,
    /// The file in base64 behind `data:image/jpeg;base64,`.
    DataUrl,
    /// `{"image": base64, "camera", "number", "captured_at"}`.
    Json,
}

impl Form {
    fn body(self, picture: &Bytes, frame: &Frame) -> Bytes {
        let text = || base64_simd::STANDARD.encode_to_string(picture);
        match self {
            Form::Jpeg => picture.clone(),
            Form::Base64 => text().into(),
            Form::DataUrl => format!("data:image/jpeg;base64,{}", text()).into(),
            Form::Json => {
                let captured_at = clock::rfc3339(frame.received_at);
                let (camera, number) = (frame.camera.as_str(), frame.number.0);
                let json = serde_json::json!({ "image": text(), "camera": camera, "number": number, "captured_at": captured_at });
                json.to_string().into()
            }
        }
    }
}

/// The files of a folder that look like pictures, by name.
fn pictures(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} can't be played", folder.display()))?;
    let picture = |path: &PathBuf| {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        extension.is_some_and(|extension| ["jpg", "jpeg", "png"].iter().any(|known| extension == *known))
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(picture).collect();
    paths.sort();
    if paths.is_empty() {
        bail!("{} has no pictures: a camera plays .jpg, .jpeg and .png files", folder.display());
    }
    Ok(paths)
}

/// The broker's part of `mqtt://host:port/topic`, and the topic.
fn split(url: &str) -> anyhow::Result<(&str, &str)> {
    let host = url.find("://").map(|at| at + 3);
    let slash = host.and_then(|host| url[host..].find('/').map(|slash| host + slash));
    match slash.map(|slash| (&url[..slash], &url[slash + 1..])) {
        Some((broker, topic)) if !topic.is_empty() => Ok((broker, topic)),
        _ => bail!("`{url}` names no topic: write --to mqtt://localhost:1883/cameras/room-1/raw"),
    }
}

impl Camera {
    /// Plays the folder; returns when the broker has every frame.
    ///
    /// # Errors
    /// In words: no pictures, a wrong address, a message that the broker refuses.
    pub fn play(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut sink = self.open(runtime.handle())?;
        let files = pictures(&self.folder)?;
        let files: Box<dyn Iterator<Item = &PathBuf>> =
            if self.again { Box::new(files.iter().cycle()) } else { Box::new(files.iter()) };
        let numbers = self.start..self.start.saturating_add(self.count.unwrap_or(u64::MAX));
        let start = Instant::now();
        let mut group = Vec::new();
        let mut sent = 0_u64;
        for (number, file) in numbers.zip(files) {
            if self.rate > 0.0 {
                let due = start + Duration::from_secs_f64(sent as f64 / self.rate);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            group.push(self.parcel(number, file)?);
            sent += 1;
            if self.rate > 0.0 || group.len() == AT_ONCE {
                send(sink.as_mut(), &mut group)?;
            }
        }
        send(sink.as_mut(), &mut group)?;
        println!("{}: {sent} frames sent", self.name);
        Ok(())
    }

    fn open(&self, runtime: &tokio::runtime::Handle) -> anyhow::Result<Box<dyn Sink>> {
        let (url, topic) = split(&self.to)?;
        let config = serde_json::json!({ "url": url, "topic": topic, "qos": self.qos });
        let config: Mqtt = serde_json::from_value(config)?;
        let context = Context {
            job: "camera".to_owned(),
            // Part of the client's id, which some brokers want plain.
            part: self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            folder: ".".into(),
            max_frame_bytes: LARGEST,
            picture: Default::default(),
            window: Window { frames: AT_ONCE, bytes: LARGEST },
            batch: 1,
            // Two cameras of one name are two clients.
            worker: std::process::id() as usize,
            runtime: runtime.clone(),
        };
        config.check(&context)?;
        config.open(&context)
    }

    fn parcel(&self, number: u64, file: &Path) -> anyhow::Result<Parcel> {
        let picture = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?.into();
        let frame = Frame {
            camera: self.name.as_str().into(),
            number: Number(number),
            id: number.to_string().into(),
            captured_at: None,
            received_at: UnixMillis::now(),
            origin: Default::default(),
            flaw: None,
            bytes: Bytes::new(),
        };
        let body = self.body.body(&picture, &frame);
        Ok(Parcel { frame: Arc::new(frame), reason: None, detail: None, body, media: "image/jpeg" })
    }
}

fn send(sink: &mut dyn Sink, group: &mut Vec<Parcel>) -> anyhow::Result<()> {
    if let Some(Err(flaw)) = sink.write(group).into_iter().find(Result::is_err) {
        bail!("the broker refuses a frame: {}", flaw.detail);
    }
    group.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an address that is taken apart at the wrong slash.
    #[test]
    fn an_address_is_a_broker_and_a_topic() {
        let (broker, topic) = split("mqtt://me:pass@host:1883/cameras/{camera}/raw").expect("a topic");
        assert_eq!((broker, topic), ("mqtt://me:pass@host:1883", "cameras/{camera}/raw"));
        for wrong in ["mqtt://host:1883", "mqtt://host:1883/", "host/topic"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
