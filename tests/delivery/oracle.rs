//! Frames whose contents say what they are, and what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A frame of the oracle: any bytes will do, as no step looks into them.
pub const SIZE: usize = 2_048;

/// The camera of frame `number`: four of them, in turns.
pub fn camera(number: u64) -> String {
    format!("c{}", number % 4)
}

/// What frame `number` holds: nobody else's bytes, and none that could be taken for text.
pub fn payload(number: u64) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes[1..]);
    bytes
}

/// Something that was found in a sink.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub camera: String,
    pub id: String,
    pub body: Vec<u8>,
}

/// What became of the frames that were issued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Issued and not found.
    pub lost: Vec<u64>,
    /// Found more than once, by camera and id: how many too many.
    pub doubled: usize,
    /// Found, and never issued, or with the bytes of another.
    pub wrong: Vec<String>,
}

/// Holds what was found against what was issued.
pub fn judge(issued: Range<u64>, found: &[Found]) -> Verdict {
    let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut verdict = Verdict::default();
    for Found { camera: from, id, body } in found {
        *times.entry((from, id)).or_default() += 1;
        let number: Option<u64> = id.parse().ok().filter(|number| issued.contains(number));
        if number.is_none_or(|number| camera(number) != *from || payload(number) != *body) {
            verdict.wrong.push(format!("{from}/{id}, {} bytes", body.len()));
        }
    }
    let there: BTreeSet<u64> = times.keys().filter_map(|(_, id)| id.parse().ok()).collect();
    verdict.lost = issued.filter(|number| !there.contains(number)).collect();
    verdict.doubled = times.values().map(|times| times - 1).sum();
    verdict
}

/// Catches an oracle that is blind to one of the ways to be wrong.
#[test]
fn the_oracle_sees_each_fault() {
    let found = |number: u64| Found { camera: camera(number), id: number.to_string(), body: payload(number) };
    let all: Vec<_> = (0..8).map(found).collect();
    assert_eq!(judge(0..8, &all), Verdict::default());
    assert_eq!(judge(0..9, &all).lost, [8]);
    assert_eq!(judge(0..7, &all).wrong.len(), 1, "one that was never issued");
    assert_eq!(judge(0..8, &[all.clone(), vec![found(3)]].concat()).doubled, 1);
    let mut mixed = all;
    mixed[2].body = payload(6);
    assert_eq!(judge(0..8, &mixed).wrong.len(), 1, "the bytes of another");
}
