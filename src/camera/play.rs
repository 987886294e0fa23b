//! Frames on their way to a broker, at their rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::Bytes;
use operators::{Frame, Number, Window};

use super::shots::{Shot, Shots};
use super::{Camera, Form};
use crate::clock;
use crate::context::Context;
use crate::mistake::Mistake;
use crate::sinks::{Parcel, Sink, SinkConfig, mqtt::Mqtt};
use crate::tasks::Tasks;
use crate::template::Template;

/// Frames that are on their way at once when there is no rate.
const AT_ONCE: usize = 16;
/// The largest message it sends, in bytes.
const LARGEST: usize = 64 << 20;
/// Where frames go when only a broker is named.
const TOPIC: &str = "cameras/{camera}/raw";

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

/// The broker's part of `mqtt://host:port/topic`, and the topic.
fn split(url: &str) -> Result<(&str, &str), Mistake> {
    let wrong = || Mistake::new(format!("`{url}` names no broker: write --to mqtt://localhost:1883/{TOPIC}"));
    let host = url.find("://").ok_or_else(wrong)? + 3;
    let slash = url[host..].find('/').map_or(url.len(), |slash| host + slash);
    let topic = url[slash..].trim_start_matches('/');
    Ok((&url[..slash], if topic.is_empty() { TOPIC } else { topic }))
}

impl Camera {
    /// Sends frames; returns when the broker has every one.
    pub(super) fn play(&self, shots: Shots) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let Shots { cameras, frames } = shots;
        let mut sink = self.open(runtime.handle(), cameras)?;
        let pause = self.rate.0.map(|rate| Duration::from_secs_f64(1.0 / rate / f64::from(cameras)));
        let (start, mut sent) = (Instant::now(), 0_u32);
        let mut group = Vec::new();
        let most = self.count.map_or(usize::MAX, |count| count as usize);
        for shot in frames.take(most) {
            if let Some(pause) = pause {
                std::thread::sleep((start + pause * sent).saturating_duration_since(Instant::now()));
            }
            group.push(self.parcel(shot?));
            sent = sent.wrapping_add(1);
            if pause.is_some() || group.len() == AT_ONCE {
                send(sink.as_mut(), &mut group)?;
            }
        }
        send(sink.as_mut(), &mut group)?;
        println!("{sent} frames sent");
        Ok(())
    }

    fn open(&self, runtime: &tokio::runtime::Handle, cameras: u32) -> anyhow::Result<Box<dyn Sink>> {
        let (url, topic) = split(self.to.as_deref().unwrap_or_default())?;
        if cameras > 1 && !topic.contains("{camera}") {
            return Err(Mistake::new(format!("{cameras} cameras on one topic: write {{camera}} into `{topic}`")).into());
        }
        // Without a job nobody evaluates an expression.
        Template::parse(topic, &["camera", "id", "number", "date"]).map_err(Mistake::new)?;
        let config = serde_json::json!({ "url": url, "topic": topic, "qos": self.qos });
        let config: Mqtt = serde_json::from_value(config)?;
        let name = self.name.as_deref().unwrap_or("synthetic");
        let context = Context {
            job: "camera".to_owned(),
            // Part of the client's id, which some brokers want plain.
            part: name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            folder: ".".into(),
            allowed: Default::default(),
            hosts: Default::default(),
            services: Default::default(),
            max_frame_bytes: LARGEST,
            picture: Default::default(),
            window: Window { frames: AT_ONCE, bytes: LARGEST },
            batch: 1,
            partition: Default::default(),
            // Two cameras of one name are two clients.
            worker: std::process::id() as usize,
            share: Default::default(),
            board: Default::default(),
            state: ".".into(),
            parameters: Vec::new(),
            tasks: Tasks::new("camera"),
            runtime: runtime.clone(),
        };
        config.check(&context)?;
        config.open(&context)
    }

    fn parcel(&self, Shot { camera, number, picture }: Shot) -> Parcel {
        let frame = Frame::new(camera.into(), Number(number), number.to_string().into(), Bytes::new());
        let body = self.body.body(&picture, &frame);
        Parcel::new(Arc::new(frame), body, "image/jpeg")
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
        let (broker, topic) = split("mqtt://me:pass@host:1883/cameras/{camera}/raw").expect("a broker");
        assert_eq!((broker, topic), ("mqtt://me:pass@host:1883", "cameras/{camera}/raw"));
        assert_eq!(split("mqtt://host:1883").expect("a broker"), ("mqtt://host:1883", TOPIC));
        assert_eq!(split("mqtt://host:1883/").expect("a broker"), ("mqtt://host:1883", TOPIC));
        assert!(split("host/topic").is_err());
    }
}
