//! A load that is offered to a job: frames of cameras that do not wait for anybody.
//!
//! Each camera is a thread with a connection of its own. A frame has its time, whatever became of the frames before it: what
//! holds the sender up is in the frame's latency, in place of making the load smaller.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::Bytes;
use operators::{Frame, Number, UnixMillis};

use super::collect::Ledger;
use super::rows::Row;
use super::table::Measure;
use crate::clock;
use crate::sinks::{Parcel, Sink};

/// A frame that leaves so much after its time is told of: the sender could not keep up.
pub const LATE: Duration = Duration::from_millis(10);

/// Frames that one camera hands to its broker at once, where several are due.
const GROUP: usize = 64;

/// How long a level waits for its last frames when none comes any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the first frames have, when none comes.
const FIRST: Duration = Duration::from_secs(60);

/// How long until the first frames are sent once more: a source that was not there yet has not got them.
const AGAIN: Duration = Duration::from_secs(2);

/// Between the order to begin a level and its first frame: threads begin.
const LEAD: Duration = Duration::from_millis(50);

/// Frames a second, of all cameras together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.trim().parse().ok().filter(|rate| (0.01..=100_000.0).contains(rate));
        rate.map(Self).ok_or_else(|| "a level is frames a second, 0.01 to 100000: write --at 5,20,80".to_owned())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a frame tells who took it and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Beside the picture: the sink's headers say it.
    Headers,
    /// In JSON around the picture, in base64.
    Json,
}

impl Form {
    fn body(self, picture: &Bytes, frame: &Frame) -> Bytes {
        match self {
            Form::Headers => picture.clone(),
            Form::Json => {
                let (image, number) = (base64_simd::STANDARD.encode_to_string(picture), frame.number.0);
                let captured_at = frame.captured_at.map(clock::rfc3339);
                let camera = frame.camera.as_str();
                serde_json::json!({ "image": image, "camera": camera, "number": number, "captured_at": captured_at })
                    .to_string()
                    .into()
            }
        }
    }
}

/// A camera, and its way to the job's source.
pub struct Camera {
    /// Its name.
    pub name: String,
    /// What it shows, over and over.
    pub pictures: Vec<Bytes>,
    /// The number of its next frame: no two runs have one in common, as what a sink has already is written otherwise.
    pub next: u64,
    /// How it tells who it is.
    pub form: Form,
    /// Where its frames go.
    pub sink: Box<dyn Sink>,
}

impl Camera {
    /// The next frame, which is to be taken at that moment.
    fn parcel(&mut self, at: UnixMillis) -> Parcel {
        let number = self.next;
        self.next += 1;
        let frame = Frame {
            captured_at: Some(at),
            received_at: at,
            ..Frame::new(self.name.as_str().into(), Number(number), number.to_string().into(), Bytes::new())
        };
        let picture = &self.pictures[(number % self.pictures.len() as u64) as usize];
        let body = self.form.body(picture, &frame);
        Parcel::new(Arc::new(frame), body, "image/jpeg")
    }

    /// Sends a frame at each of these times, which grow; how many were late.
    fn send(&mut self, times: impl Iterator<Item = Instant>, ledger: &Ledger) -> anyhow::Result<usize> {
        let (mut times, mut late) = (times.peekable(), 0);
        while let Some(first) = times.peek().filter(|_| !ledger.is_over()) {
            thread::sleep(first.saturating_duration_since(Instant::now()));
            let now = Instant::now();
            let due: Vec<_> = std::iter::from_fn(|| times.next_if(|at| *at <= now)).take(GROUP).collect();
            late += due.iter().filter(|at| **at + LATE < now).count();
            let parcels: Vec<_> = due.iter().map(|at| self.parcel(ledger.wall(*at))).collect();
            parcels.iter().zip(&due).for_each(|(parcel, at)| ledger.intend(&parcel.frame, *at));
            if let Some(Err(flaw)) = self.sink.write(&parcels).into_iter().find(Result::is_err) {
                bail!("the broker refuses a frame of the load: {}", flaw.detail);
            }
        }
        Ok(late)
    }
}

/// The cameras of a load.
pub struct Load {
    /// All of them, at least one.
    pub cameras: Vec<Camera>,
    /// Frames of each to begin with: enough for each worker to have had a batch.
    pub warm: usize,
}

impl Load {
    /// Sends frames until some of each camera have gone all the way: connections, topics and models are ready then. They are
    /// in no row.
    ///
    /// # Errors
    /// None comes, or they end as dead letters; in words.
    pub fn warm_up(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        let (start, count, cameras) = (Instant::now(), self.warm, self.cameras.len());
        loop {
            self.each(|_| vec![Instant::now(); count].into_iter(), ledger)?;
            ledger.wait(AGAIN);
            let (rows, _) = ledger.take();
            if let Some(row) = rows.iter().find(|row| !row.counts()) {
                bail!(
                    "the job makes dead letters of the load's frames ({}): see where [dead] writes, and what `vigie try` says of \
                     such a picture",
                    row.end
                );
            }
            let came = |camera: &Camera| rows.iter().any(|row| row.camera == camera.name);
            if self.cameras.iter().filter(|camera| came(camera)).count() == cameras {
                return Ok(());
            }
            if ledger.is_over() {
                bail!("the job has ended before the first frame of the load came through");
            }
            if ledger.quiet().min(start.elapsed()) > FIRST {
                bail!(
                    "no frame of the load came through the job in {} s: see what it waits for, and whether another run of the \
                     job takes the frames",
                    FIRST.as_secs()
                );
            }
        }
    }

    /// Offers frames at that rate for so long, and waits for what comes of them.
    ///
    /// # Errors
    /// The broker refuses a frame, in words.
    pub fn offer(&mut self, rate: Rate, span: Duration, ledger: &Ledger) -> anyhow::Result<Measure> {
        let count = ((rate.0 * span.as_secs_f64()).floor() as usize).max(1);
        let (start, cameras) = (Instant::now() + LEAD, self.cameras.len());
        let times = |camera: usize| {
            let mine = (camera..count).step_by(cameras);
            mine.map(move |at| start + Duration::from_secs_f64(at as f64 / rate.0))
        };
        let late = self.each(times, ledger)?;
        ledger.wait(PATIENCE);
        let (rows, lost) = ledger.take();
        let took = span.max(lasted(&rows, ledger.wall(start)));
        Ok(Measure { level: rate.to_string(), offered: Some(rate.0), took, late, lost, rows })
    }

    /// Has each camera send frames at its times; how many were late.
    fn each<T: Iterator<Item = Instant> + Send>(
        &mut self,
        times: impl Fn(usize) -> T,
        ledger: &Ledger,
    ) -> anyhow::Result<usize> {
        thread::scope(|scope| {
            let threads: Vec<_> = self
                .cameras
                .iter_mut()
                .enumerate()
                .map(|(index, camera)| {
                    let times = times(index);
                    scope.spawn(move || camera.send(times, ledger))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("a camera does not panic")).sum()
        })
    }
}

/// From `start` to the end of the last of these frames.
fn lasted(rows: &[Row], start: UnixMillis) -> Duration {
    let last = rows.iter().map(|row| row.done_at).max().unwrap_or(start);
    Duration::from_millis(last.0.saturating_sub(start.0))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use operators::Flaw;

    use super::*;
    use crate::account::End;
    use crate::witness::Witness as _;

    /// A broker that is held up once, and a job that needs no time.
    struct Stalled {
        ledger: Arc<Ledger>,
        stall: Option<Duration>,
        sent: Arc<Mutex<Vec<String>>>,
    }

    impl Sink for Stalled {
        fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
            if let Some(stall) = self.stall.take() {
                thread::sleep(stall);
            }
            let mut sent = self.sent.lock().expect("nobody panics there");
            for parcel in parcels {
                sent.push(parcel.frame.id.to_string());
                self.ledger.ended(&parcel.frame, End::Result);
            }
            vec![Ok(()); parcels.len()]
        }
    }

    /// A load of so many cameras on stalled brokers.
    fn load(cameras: u64, stall: Option<Duration>) -> (Load, Arc<Ledger>, Arc<Mutex<Vec<String>>>) {
        let (ledger, sent) = (Arc::<Ledger>::default(), Arc::default());
        let camera = |index: u64| Camera {
            name: format!("latency-{index}"),
            pictures: vec!["one".into(), "two".into()],
            next: index * 1000,
            form: Form::Headers,
            sink: Box::new(Stalled { ledger: ledger.clone(), stall, sent: Arc::clone(&sent) }),
        };
        (Load { cameras: (0..cameras).map(camera).collect(), warm: 2 }, ledger, sent)
    }

    /// Catches a sender that waits for its broker and sends less (the stall is then in one frame in place of all that were
    /// due), and frames that are left out or sent twice.
    #[test]
    fn a_stall_is_in_the_latency_of_all_frames_that_were_due() {
        let stall = Duration::from_millis(200);
        let (mut load, ledger, sent) = load(1, Some(stall));
        let measure = load.offer(Rate(100.0), Duration::from_millis(400), &ledger).expect("it is taken");
        assert_eq!((measure.rows.len(), measure.lost, sent.lock().unwrap().len()), (40, 0, 40));
        let totals = measure.totals();
        // Of 20 frames that were due in the stall, each has waited for what was left of it.
        assert!(totals.iter().filter(|ms| **ms > 90.0).count() >= 10, "{totals:?}");
        assert!(totals.iter().any(|ms| *ms >= 200.0) && measure.late >= 15, "{} {totals:?}", measure.late);
    }

    /// Catches cameras that share numbers, a load that goes to one of them alone, and first frames that are measured.
    #[test]
    fn a_load_is_shared_by_its_cameras() {
        let (mut load, ledger, _) = load(3, None);
        load.warm_up(&ledger).expect("it comes through");
        let measure = load.offer(Rate(1000.0), Duration::from_millis(10), &ledger).expect("it is taken");
        let mut ids: Vec<_> = measure.rows.iter().map(|row| row.id.parse::<u64>().expect("a number")).collect();
        ids.sort_unstable();
        assert_eq!(ids, [2, 3, 4, 5, 1002, 1003, 1004, 2002, 2003, 2004]);
        assert_eq!((measure.offered, measure.level.as_str()), (Some(1000.0), "1000"));
    }

    /// Catches a body without what the source needs to know.
    #[test]
    fn a_message_says_who_took_it_and_when() {
        let (mut load, _, _) = load(1, None);
        let camera = &mut load.cameras[0];
        camera.form = Form::Json;
        let at = UnixMillis(1_795_249_801_250);
        let body = crate::body::parse(camera.parcel(at).body).expect("a message");
        assert_eq!((body.camera.as_deref(), body.number, body.captured_at), (Some("latency-0"), Some(0), Some(at)));
        assert_eq!(body.bytes, "one");
    }

    /// Catches a rate that makes no load.
    #[test]
    fn a_level_is_a_rate() {
        assert_eq!(
            ["5", " 0.5", "80"].map(|text| text.parse::<Rate>().map(|rate| rate.to_string())),
            [Ok("5".to_owned()), Ok("0.5".to_owned()), Ok("80".to_owned())]
        );
        for wrong in ["", "0", "-1", "NaN", "inf", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
