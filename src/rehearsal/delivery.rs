//! What would become of what the sinks are given: nothing is opened, and nothing is written.

use std::slice;
use std::sync::{Arc, Mutex};

use bytesize::ByteSize;
use operators::{Fault, Flaw, Frame, Reason};
use tokio::runtime::Handle;

use super::mock::{Mock, Narrow};
use crate::delivery::Fit;
use crate::job::{Job, SinkPart};
use crate::plan::{HOME, Outcome};
use crate::sinks::{Parcel, Sink};

/// What would become of one thing that a sink is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The sink.
    pub sink: String,
    /// What it would do, in words that follow its name.
    pub said: String,
    /// Whether it does not take it.
    pub is_refused: bool,
}

/// How a frame ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What its sinks would be given, in their order.
    pub deliveries: Vec<Delivery>,
    /// The end, in words.
    pub said: String,
    /// Whether it is a dead letter.
    pub is_dead: bool,
}

/// Where frames end, as a mock has it.
pub struct Stage<'a> {
    /// The job.
    pub job: &'a Job,
    /// For the contexts of its sinks.
    pub runtime: &'a Handle,
    /// Which sinks do not take all.
    pub mock: &'a Mock,
}

impl Stage<'_> {
    /// How a frame ends.
    pub fn end(&self, outcome: &Outcome) -> Ending {
        match outcome {
            Outcome::Result(_, parcels, _) if parcels.is_empty() => {
                Ending { deliveries: Vec::new(), said: "it is done, and nothing is written".to_owned(), is_dead: false }
            }
            Outcome::Result(frame, parcels, _) => self.given(frame, parcels, "it is a result".to_owned()),
            Outcome::Filtered(step, frame, parcels, _) => {
                self.given(frame, parcels, format!("it is filtered by {}", self.job.steps[*step].name))
            }
            Outcome::Dead(Fault { frame, flaw }) => self.dead(&Arc::new(frame.clone()), flaw, Vec::new()),
        }
    }

    fn given(&self, frame: &Arc<Frame>, parcels: &[(usize, Parcel)], said: String) -> Ending {
        let (mut deliveries, mut refused) = (Vec::new(), None);
        for (sink, parcel) in parcels {
            let (told, verdict) = self.give(*sink, parcel);
            deliveries.extend(told);
            refused = refused.or(verdict.err());
        }
        match refused {
            Some(flaw) => self.dead(frame, &flaw, deliveries),
            None => Ending { deliveries, said, is_dead: false },
        }
    }

    fn dead(&self, frame: &Arc<Frame>, flaw: &Flaw, mut deliveries: Vec<Delivery>) -> Ending {
        let parcel = Parcel::letter(frame.clone(), flaw);
        let part = &self.job.dead;
        let place = self.place(part, &part.name, &parcel);
        let said = format!("would get the frame as it came, {}, at {place}", ByteSize(parcel.body.len() as u64));
        deliveries.push(Delivery { sink: part.name.clone(), said, is_refused: false });
        Ending { deliveries, said: format!("it is a dead letter, {}: {}", flaw.reason, flaw.detail), is_dead: true }
    }

    /// Gives a sink something in the way of a running job: made to fit, or diverted.
    fn give(&self, sink: usize, parcel: &Parcel) -> (Vec<Delivery>, Result<(), Flaw>) {
        if sink == HOME {
            let said = format!("would get {}, as a result of the task", told(parcel));
            let home = Delivery { sink: "whoever handed it in".to_owned(), said, is_refused: false };
            return (vec![home], Ok(()));
        }
        let part = &self.job.sinks[sink];
        let log = Log::default();
        let played = |other: &SinkPart| self.played(other, &part.name, parcel, &log);
        let overflow = part.overflow.map(|other| played(&self.job.sinks[other]));
        let mut fit = Fit { sink: played(part), overflow, limits: self.job.limits.picture() };
        let verdict = fit.write(slice::from_ref(parcel)).pop().expect("one verdict a parcel");
        drop(fit);
        let told = std::mem::take(&mut *log.lock().expect("nobody panics there"));
        (told, verdict)
    }

    /// A sink that is played; `whose` is the part in whose name it writes.
    fn played(&self, part: &SinkPart, whose: &str, parcel: &Parcel, log: &Log) -> Box<dyn Sink> {
        Box::new(Played {
            sink: part.name.clone(),
            place: self.place(part, whose, parcel),
            narrow: self.mock.narrow(&part.name),
            mock: self.mock.name.clone(),
            log: log.clone(),
        })
    }

    /// Where a sink would put a parcel; what it does, where it can't be told.
    fn place(&self, part: &SinkPart, whose: &str, parcel: &Parcel) -> String {
        let context = self.job.context(whose, 0, self.runtime);
        part.config.place(&context, parcel).unwrap_or_else(|_| part.config.describe())
    }
}

type Log = Arc<Mutex<Vec<Delivery>>>;

/// A sink that notes what it is given.
struct Played {
    sink: String,
    place: String,
    narrow: Narrow,
    /// The file that makes it narrow.
    mock: String,
    log: Log,
}

impl Played {
    fn take(&self, parcel: &Parcel) -> Result<(), Flaw> {
        let (mock, what) = (&self.mock, told(parcel));
        let refusal = match (&self.narrow.refuse, self.most(parcel)) {
            (Some(words), _) => Some((format!("refuses {what} ({mock})"), Reason::Refused, words.clone())),
            (None, Some(most)) if parcel.body.len() > most => {
                let size = ByteSize(parcel.body.len() as u64);
                let words = format!(
                    "{} of {size} are more than the {} that {} takes",
                    parcel.media,
                    ByteSize(most as u64),
                    self.sink
                );
                Some((format!("does not take {what}: it is too large ({mock})"), Reason::TooLarge, words))
            }
            _ => None,
        };
        let said = match &refusal {
            Some((said, ..)) => said.clone(),
            None => format!("would get {what}, at {}", self.place),
        };
        let delivery = Delivery { sink: self.sink.clone(), said, is_refused: refusal.is_some() };
        self.log.lock().expect("nobody panics there").push(delivery);
        refusal.map_or(Ok(()), |(_, reason, words)| Err(Flaw::new(reason, words)))
    }
}

impl Sink for Played {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        parcels.iter().map(|parcel| self.take(parcel)).collect()
    }

    fn most(&self, _: &Parcel) -> Option<usize> {
        self.narrow.most_bytes.map(|most| usize::try_from(most.0).unwrap_or(usize::MAX))
    }

    fn place(&self, _: &Parcel) -> String {
        self.place.clone()
    }
}

/// What a parcel is, in words: `image/jpeg, 24.1 kB`.
fn told(parcel: &Parcel) -> String {
    format!("{}, {}", parcel.media, ByteSize(parcel.body.len() as u64))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::picture::tests::picture;
    use crate::sources::synthetic::View;
    use crate::write::Write;

    const JOB: &str = "name = 'room'\n[source.in]\nkind = 'synthetic'\n\
                       [sink.out]\nkind = 'files'\npath = 'out/{camera}/{id}.jpg'\nwrite = 'image'\noverflow = 'large'\n\
                       [sink.large]\nkind = 'files'\npath = 'large/{id}'\nwrite = []\nfrom = 'in'\n\
                       [sink.told]\nkind = 'mqtt'\nurl = 'mqtt://nowhere'\ntopic = 'faces/{camera}'\nfrom = 'in'\n";

    /// How a picture ends with a mock of that text.
    fn end(mock: &str) -> Ending {
        let job = Job::parse(JOB, Path::new("room.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mock.toml");
        std::fs::write(&path, mock).expect("a file");
        let mock = Mock::load(&path, &job).unwrap_or_else(|wrong| panic!("{wrong}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (jpeg, _) = View::new(7, 0, (320, 240), Some("room")).frame(40);
        let frame = Arc::new(picture(jpeg.clone()).frame);
        let parcel = |write, media, body| Parcel { write, ..Parcel::new(frame.clone(), body, media) };
        let parcels = vec![
            (0, parcel(Some(Write::Image), "image/jpeg", jpeg)),
            (2, parcel(Some(Write::Report), "application/json", "{}".into())),
        ];
        let stage = Stage { job: &job, runtime: runtime.handle(), mock: &mock };
        stage.end(&Outcome::Result(frame.clone(), parcels, None))
    }

    fn lines(ending: &Ending) -> Vec<String> {
        ending.deliveries.iter().map(|delivery| format!("{} {}", delivery.sink, delivery.said)).collect()
    }

    /// Catches a path or topic that is told as the job writes it, and not as it would be.
    #[test]
    fn places_are_those_of_the_picture() {
        let ending = end("");
        let lines = lines(&ending);
        assert!(
            lines[0].starts_with("out would get image/jpeg, ") && lines[0].ends_with(", at out/door/1.jpg"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "told would get application/json, 2 B, at mqtt:faces/door");
        assert_eq!((ending.said.as_str(), ending.is_dead), ("it is a result", false));
    }

    /// Catches a refusal that does not end where a running job would end it.
    #[test]
    fn what_a_sink_refuses_is_a_dead_letter() {
        let ending = end("[sink.told]\nrefuse = 'the disk is full'");
        let lines = lines(&ending);
        assert_eq!(lines[1], "told refuses application/json, 2 B (mock.toml)");
        assert!(
            lines[2].starts_with("dead would get the frame") && lines[2].ends_with("at dead/door/1-refused"),
            "{lines:?}"
        );
        assert_eq!((ending.said.as_str(), ending.is_dead), ("it is a dead letter, refused: the disk is full", true));
    }

    /// Catches something too large that is neither made smaller, nor put elsewhere, nor told.
    #[test]
    fn what_is_too_large_is_made_smaller_or_put_elsewhere() {
        let smaller = end("[sink.out]\nmost_bytes = '6 kB'");
        assert!(!smaller.is_dead && lines(&smaller)[0].starts_with("out would get image/jpeg, "), "{smaller:?}");
        let elsewhere = end("[sink.out]\nmost_bytes = 400");
        let told = lines(&elsewhere);
        assert!(told[0].contains("too large"), "{told:?}");
        assert!(told[1].starts_with("large would get image/jpeg") && told[1].ends_with("at large/1"), "{told:?}");
        assert!(told[2].starts_with("out would get application/json"), "{told:?}");
        let both = end("[sink.out]\nmost_bytes = 400\n[sink.large]\nmost_bytes = 400");
        assert!(both.is_dead && both.said.contains("too-large"), "{both:?}");
    }
}
