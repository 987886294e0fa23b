//! What is too large for a sink: made smaller, or put elsewhere with a note in its place.
//!
//! A picture is first encoded at a lower quality. What is too large even so, or may not be changed, goes to the sink that
//! `overflow` names, and a [`Reference`] to it goes where it should have gone. Without `overflow` it is a dead letter.

use operators::{Flaw, Reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::codec::{self, Limits};
use crate::sinks::{Parcel, Sink};
use crate::write::Write;

/// A note in the place of something that was too large: where it is (a claim check).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The camera's name.
    pub camera: String,
    /// What names the frame for ever within its job and camera.
    pub id: String,
    /// The frame's place in its stream.
    pub number: u64,
    /// When the camera took it (RFC 3339, UTC), if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// Where it is: `s3://faces/room-1/7.jpg`, or the path of a file.
    pub reference: String,
    /// What it is: `image/jpeg`.
    pub media: String,
    /// How large it is.
    pub bytes: usize,
}

/// A sink that is given only what fits.
pub struct Fit {
    /// The sink itself.
    pub sink: Box<dyn Sink>,
    /// Where goes what does not fit.
    pub overflow: Option<Box<dyn Sink>>,
    /// What pictures the job takes.
    pub limits: Limits,
}

impl Fit {
    /// The parcel, or one with the same picture in fewer bytes.
    fn shrunk(&self, parcel: &Parcel) -> Parcel {
        let may_be = parcel.write == Some(Write::Image) && parcel.media == "image/jpeg";
        let most = may_be.then(|| self.sink.most(parcel)).flatten();
        match most.filter(|most| parcel.body.len() > *most) {
            Some(most) => Parcel { body: smaller(parcel, most, &self.limits), ..parcel.clone() },
            None => parcel.clone(),
        }
    }

    /// What is to be written in place of what was too large: the same picture in fewer bytes, where the sink has only now
    /// learned what its server takes; else a note where it has been put.
    fn instead(&mut self, parcel: &Parcel, sent: usize, flaw: &Flaw) -> Result<Parcel, Flaw> {
        let smaller = self.shrunk(parcel);
        if smaller.body.len() < sent {
            return Ok(smaller);
        }
        let other = self.overflow.as_mut().ok_or_else(|| flaw.clone())?;
        other.write(std::slice::from_ref(parcel)).pop().expect("one verdict a parcel")?;
        let reference = Reference::of(parcel, other.place(parcel));
        let body = serde_json::to_vec(&reference).expect("text and numbers can be written").into();
        Ok(Parcel { body, media: "application/json", ..parcel.clone() })
    }
}

/// The picture in at most that many bytes, or as it is where that can't be.
fn smaller(parcel: &Parcel, most: usize, limits: &Limits) -> bytes::Bytes {
    let pixels = codec::decode(&parcel.body, limits);
    let encoded = pixels.and_then(|pixels| codec::encode_within(&pixels, &parcel.body, most));
    encoded.ok().filter(|jpeg| jpeg.len() <= most).unwrap_or_else(|| parcel.body.clone())
}

impl Reference {
    fn of(parcel: &Parcel, reference: String) -> Self {
        let frame = &parcel.frame;
        Self {
            camera: frame.camera.to_string(),
            id: frame.id.to_string(),
            number: frame.number.0,
            captured_at: frame.captured_at.map(clock::rfc3339),
            reference,
            media: parcel.media.to_owned(),
            bytes: parcel.body.len(),
        }
    }
}

impl Sink for Fit {
    fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
        let fitting: Vec<_> = parcels.iter().map(|parcel| self.shrunk(parcel)).collect();
        let mut verdicts = self.sink.write(&fitting);
        let (mut others, mut places) = (Vec::new(), Vec::new());
        for (place, verdict) in verdicts.iter_mut().enumerate() {
            let Err(flaw) = verdict else { continue };
            if flaw.reason != Reason::TooLarge {
                continue;
            }
            match self.instead(&parcels[place], fitting[place].body.len(), flaw) {
                Ok(other) => {
                    others.push(other);
                    places.push(place);
                }
                Err(flaw) => *verdict = Err(flaw),
            }
        }
        if !others.is_empty() {
            for (place, verdict) in places.into_iter().zip(self.sink.write(&others)) {
                verdicts[place] = verdict;
            }
        }
        verdicts
    }

    fn most(&self, parcel: &Parcel) -> Option<usize> {
        self.sink.most(parcel)
    }

    fn place(&self, parcel: &Parcel) -> String {
        self.sink.place(parcel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::synthetic::View;
    use operators::{Frame, Number, UnixMillis};
    use std::sync::{Arc, Mutex};

    type Written = Arc<Mutex<Vec<Parcel>>>;

    /// Takes so many bytes and no more.
    struct Small(usize, Written);

    impl Sink for Small {
        fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
            let take = |parcel: &Parcel| match parcel.body.len() > self.0 {
                true => Err(Flaw::new(Reason::TooLarge, "it is too large")),
                false => {
                    self.1.lock().unwrap().push(parcel.clone());
                    Ok(())
                }
            };
            parcels.iter().map(take).collect()
        }
        fn most(&self, _: &Parcel) -> Option<usize> {
            Some(self.0)
        }
        fn place(&self, parcel: &Parcel) -> String {
            format!("elsewhere/{}", parcel.frame.id)
        }
    }

    fn parcel(write: Write) -> Parcel {
        let (bytes, _) = View::new(7, 0, (640, 480), Some("yard")).frame(3);
        let frame =
            Frame { received_at: UnixMillis(0), ..Frame::new("yard".into(), Number(3), "3".into(), bytes.clone()) };
        Parcel { write: Some(write), ..Parcel::new(Arc::new(frame), bytes, "image/jpeg") }
    }

    fn fit(most: usize, overflow: Option<Written>) -> (Fit, Written) {
        let written = Written::default();
        let overflow = overflow.map(|written| Box::new(Small(usize::MAX, written)) as Box<dyn Sink>);
        (Fit { sink: Box::new(Small(most, written.clone())), overflow, limits: Limits::default() }, written)
    }

    #[test]
    fn a_picture_is_encoded_smaller_and_a_frame_is_never_changed() {
        let image = parcel(Write::Image);
        let most = image.body.len() / 2;
        let (mut sink, written) = fit(most, None);
        let verdicts = sink.write(&[image, parcel(Write::Frame)]);
        assert_eq!(verdicts[0], Ok(()));
        assert_eq!(verdicts[1].as_ref().unwrap_err().reason, Reason::TooLarge);
        let written = written.lock().unwrap();
        assert!(written.len() == 1 && written[0].body.len() <= most);
        assert!(codec::decode(&written[0].body, &Limits::default()).is_ok());
    }

    /// Learns how much its server takes when it writes for the first time, as Kafka's does.
    struct Learning(Small, bool);

    impl Sink for Learning {
        fn write(&mut self, parcels: &[Parcel]) -> Vec<Result<(), Flaw>> {
            self.1 = true;
            self.0.write(parcels)
        }
        fn most(&self, parcel: &Parcel) -> Option<usize> {
            self.1.then(|| self.0.most(parcel)).flatten()
        }
    }

    #[test]
    fn a_limit_that_is_learned_late_counts() {
        let image = parcel(Write::Image);
        let (most, written) = (image.body.len() / 2, Written::default());
        let sink = Box::new(Learning(Small(most, written.clone()), false));
        let mut sink = Fit { sink, overflow: None, limits: Limits::default() };
        assert_eq!(sink.write(&[image]), [Ok(())]);
        assert!(written.lock().unwrap()[0].body.len() <= most);
    }

    #[test]
    fn what_does_not_fit_goes_elsewhere_and_leaves_a_note() {
        let elsewhere = Written::default();
        let (mut sink, written) = fit(1_000, Some(elsewhere.clone()));
        let frame = parcel(Write::Image);
        assert_eq!(sink.write(std::slice::from_ref(&frame)), [Ok(())]);
        assert_eq!(elsewhere.lock().unwrap()[0].body, frame.body, "as it was");
        let note: Reference = serde_json::from_slice(&written.lock().unwrap()[0].body).unwrap();
        assert_eq!(
            (note.reference.as_str(), note.bytes, note.media.as_str()),
            ("elsewhere/3", frame.body.len(), "image/jpeg")
        );
    }

    #[test]
    fn a_note_that_does_not_fit_either_is_refused() {
        let (mut sink, _) = fit(10, Some(Written::default()));
        assert_eq!(sink.write(&[parcel(Write::Frame)])[0].as_ref().unwrap_err().reason, Reason::TooLarge);
    }
}
