//! What views know of a frame: the same, whether it comes from the picture itself or from the report that was written of it.
//! So a table that is counted from stored reports can be held against the live one.

use std::collections::BTreeMap;
use std::sync::Arc;

use operators::{Headers, UnixMillis};
use serde_json::Value;

use crate::clock;
use crate::picture::Picture;
use crate::report::{Detection, Label, Report};

/// A frame as views see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed<'a> {
    /// Whose frame it is …
    pub camera: &'a str,
    /// … and which.
    pub id: &'a str,
    /// Its place in its stream.
    pub number: u64,
    /// When the camera took it, if it says so.
    pub captured_at: Option<UnixMillis>,
    /// When it reached Vigie.
    pub received_at: UnixMillis,
    /// What was found, as far as reports tell it: no box or score that is not a number.
    pub detections: Vec<&'a Detection>,
    /// What steps found out about it, by name.
    pub values: &'a BTreeMap<String, Value>,
    /// The classes that it is of, the likeliest first.
    pub labels: &'a [Label],
    /// What is true of it, where the job's `truth` says so.
    pub truth: Option<Arc<str>>,
    /// The microseconds that it spent in each stage.
    pub timings: BTreeMap<&'a str, u64>,
    /// What its message said beside the picture; reports don't tell it.
    pub headers: Option<&'a Headers>,
}

impl Seed<'_> {
    /// When it happened: when it was taken, as far as that is known; else when it was received.
    pub fn at(&self) -> UnixMillis {
        self.captured_at.unwrap_or(self.received_at)
    }
}

impl<'a> From<&'a Picture> for Seed<'a> {
    fn from(picture: &'a Picture) -> Self {
        let mut timings = BTreeMap::<_, std::time::Duration>::new();
        picture.timings.iter().for_each(|(stage, time)| *timings.entry(*stage).or_default() += *time);
        Self {
            camera: picture.frame.camera.as_str(),
            id: picture.frame.id.as_str(),
            number: picture.frame.number.0,
            captured_at: picture.frame.captured_at,
            received_at: picture.frame.received_at,
            detections: picture.detections.iter().filter(|found| found.is_finite()).collect(),
            values: &picture.values,
            labels: &picture.labels,
            truth: picture.truth.clone(),
            timings: timings.into_iter().map(|(stage, time)| (stage, time.as_micros() as u64)).collect(),
            headers: picture.frame.headers.as_deref(),
        }
    }
}

impl<'a> Seed<'a> {
    /// What a report says; `None` where one of its times is none.
    pub fn of_report(report: &'a Report) -> Option<Self> {
        let micros = |ms: f64| (ms * 1000.0).round() as u64;
        Some(Self {
            camera: &report.camera,
            id: &report.id,
            number: report.number,
            captured_at: report.captured_at.as_deref().map(clock::parse).map_or(Some(None), |at| at.map(Some))?,
            received_at: clock::parse(&report.received_at)?,
            detections: report.detections.iter().filter(|found| found.is_finite()).collect(),
            values: &report.values,
            labels: &report.labels,
            truth: report.truth.clone(),
            timings: report.timings.iter().map(|(stage, ms)| (stage.as_str(), micros(*ms))).collect(),
            headers: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::picture::tests::{found, picture};

    /// Catches a view that counts something else than what reports tell of the same picture.
    #[test]
    fn a_picture_and_its_report_are_the_same_to_a_view() {
        let mut picture = picture("bytes".into());
        picture.frame.received_at = UnixMillis(1_795_249_801_300);
        picture.detections = vec![found("person", 0.1), found("person", f32::NAN), found("cat", 1.0 / 3.0)];
        picture.values.insert("noise".into(), 25.into());
        let times = [("infer", 7123), ("encode", 1), ("infer", 401)];
        picture.timings = times.map(|(stage, micros)| (stage, Duration::from_nanos(micros * 1000 + 499))).into();
        for captured_at in [None, Some(UnixMillis(1_795_249_801_250))] {
            picture.frame.captured_at = captured_at;
            let json = Report::of(&picture, "room").to_json();
            let report: Report = serde_json::from_slice(&json).expect("a report");
            let seed = Seed::from(&picture);
            let read = Seed::of_report(&report).expect("sound times");
            // Of what was found a view takes the label and the score: boxes are rounded in reports.
            let names = |seed: &Seed<'_>| -> Vec<_> {
                seed.detections.iter().map(|found| (found.label.clone(), found.score)).collect()
            };
            assert_eq!(names(&seed), names(&read));
            assert_eq!(
                Seed { detections: Vec::new(), ..seed.clone() },
                Seed { detections: Vec::new(), ..read.clone() }
            );
            assert_eq!(
                (seed.at(), seed.timings["infer"]),
                (captured_at.unwrap_or(UnixMillis(1_795_249_801_300)), 7524)
            );
            assert_eq!(Seed::of_report(&Report { received_at: "soon".into(), ..report.clone() }), None);
            assert_eq!(Seed::of_report(&Report { captured_at: Some("soon".into()), ..report.clone() }), None);
        }
    }
}
