//! How often pictures are decoded and encoded, whoever wants them.

use image::{ImageFormat, RgbImage};

use super::*;
use crate::codec::Pixels;

/// Fills a picture with grey.
struct Grey;

impl crate::steps::Each for Grey {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        picture.canvas(&Limits::default())?.rgb.fill(90);
        Ok(Verdict::GoesOn)
    }
}

/// Looks at a picture, and writes down with how many columns it saw it.
struct Looking;

impl crate::steps::Each for Looking {
    fn each(&mut self, picture: &mut Picture) -> Result<Verdict, Flaw> {
        let seen = picture.look(&Limits::default())?.pixels.width;
        set(picture, seen.into());
        Ok(Verdict::GoesOn)
    }
}

/// A model of 40×40.
const INPUT: Enough = Enough::Input { size: [40; 2], stretched: false };

fn jpeg() -> Frame {
    let pixels = Pixels { width: 320, height: 240, rgb: vec![70; 320 * 240 * 3] };
    let bytes = crate::codec::encode(&pixels, &[0; 99_999]).expect("a JPEG");
    Frame { bytes, ..frame(1) }
}

/// A plan of steps that each take from the one before, with sinks that take what they write from a step.
fn plan(steps: Vec<(Work, Enough)>, sinks: &[(usize, Write)]) -> Plan {
    let input = |index: usize| if index == 0 { Input::Source(0) } else { Input::Step(index - 1) };
    let node = |(index, (work, enough)): (usize, (Work, Enough))| {
        let inputs = vec![input(index)];
        Node { name: index.to_string(), work, enough, inputs }
    };
    let tap = |(sink, (step, write)): (usize, &(usize, Write))| {
        let (inputs, sayings) = (vec![Input::Step(*step)], Default::default());
        Tap { sink, inputs, write: *write, sayings }
    };
    let taps = sinks.iter().enumerate().map(tap).collect();
    let wishes = Wishes { taps, ears: Vec::new(), job: "images".into(), limits: Limits::default(), truth: None };
    Plan::new(steps.into_iter().enumerate().map(node).collect(), wishes, Arc::new(Metrics::new("images")))
}

/// How often frames were in a stage.
fn times(plan: &Plan, stage: &str) -> u64 {
    plan.metrics.spent().into_iter().find(|spent| spent.stage == stage).map_or(0, |spent| spent.frames)
}

fn parcels(plan: &mut Plan, frame: Frame) -> Vec<(usize, Parcel)> {
    match plan.run(vec![frame]).pop() {
        Some(Outcome::Result(_, parcels, _)) => parcels,
        outcome => panic!("{outcome:?}"),
    }
}

/// Catches a picture that is encoded for each sink, also for one behind a step that changes nothing on it, or that is
/// decoded for each.
#[test]
fn a_picture_is_encoded_once_for_all_its_sinks() {
    let steps = vec![(Work::line(Grey), Enough::All), (Work::line(Kind::Add(1)), Enough::NONE)];
    let mut plan = plan(steps, &[(0, Write::Image), (0, Write::Image), (1, Write::Image), (1, Write::Report)]);
    let parcels = parcels(&mut plan, jpeg());
    assert_eq!(parcels.len(), 4);
    assert!(
        parcels[..3].iter().all(|(_, parcel)| parcel.body.as_ptr() == parcels[0].1.body.as_ptr()),
        "not even copied"
    );
    assert_eq!((times(&plan, "decode"), times(&plan, "encode")), (1, 1));
}

/// Catches a job that encodes pictures which nobody writes: painted, or of a form that is written only anew.
#[test]
fn a_job_that_writes_no_picture_encodes_none() {
    let mut png = std::io::Cursor::new(Vec::new());
    RgbImage::new(32, 24).write_to(&mut png, ImageFormat::Png).expect("a PNG");
    for frame in [jpeg(), Frame { bytes: png.into_inner().into(), ..frame(2) }] {
        let mut plan = plan(vec![(Work::line(Grey), Enough::All)], &[(0, Write::Report), (0, Write::Frame)]);
        assert_eq!(parcels(&mut plan, frame).len(), 2);
        assert_eq!((times(&plan, "decode"), times(&plan, "encode")), (1, 0));
    }
}

/// Catches fewer pixels where a step needs all, all where none does, and a report of a size that the picture does not have.
#[test]
fn a_picture_is_decoded_as_large_as_the_job_needs_it() {
    let looking = || (Work::line(Looking), INPUT);
    let fewer = if cfg!(feature = "turbo") { 80 } else { 320 };
    for (steps, seen, as_it_came) in [
        (vec![looking()], fewer, true),
        (vec![(Work::line(Kind::Add(0)), Enough::NONE), looking()], fewer, true),
        (vec![looking(), (Work::line(Grey), Enough::All)], 320, false),
    ] {
        let last = steps.len() - 1;
        let mut plan = plan(steps, &[(last, Write::Report), (last, Write::Image)]);
        let frame = jpeg();
        let parcels = parcels(&mut plan, frame.clone());
        let report: Value = serde_json::from_slice(&parcels[0].1.body).expect("a report");
        assert_eq!((report["values"]["n"].as_i64(), times(&plan, "decode")), (Some(seen), 1));
        assert_eq!((report["width"].as_i64(), report["height"].as_i64()), (Some(320), Some(240)));
        assert_eq!(parcels[1].1.body == frame.bytes, as_it_came);
    }
}
