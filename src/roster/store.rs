//! The list of jobs on disk: there as a whole or not at all, and never guessed at.
//!
//! `roster.json` is one JSON object on one line: a format number, the BLAKE3 hash of the list, and the list.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Roster;
use crate::mistake::Mistake;

/// The format that this build writes, and the only one that it reads.
const FORMAT: u64 = 1;

const NAME: &str = "roster.json";

/// The folder where one process keeps its list. Nobody else may have it open.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Given up by the system when this process ends, however it ends.
    _lock: File,
}

/// What a store held.
#[derive(Debug)]
pub struct Loaded {
    /// The list; an empty one where there was none, or none that can be read.
    pub roster: Roster,
    /// What was wrong with what is there and where it lies now, for the user.
    pub set_aside: Option<String>,
}

impl Store {
    /// Opens the folder, and makes it where there is none.
    ///
    /// # Errors
    /// In words: the folder can't be had, or another process has it.
    pub fn open(folder: &Path) -> Result<Self, Mistake> {
        let shown = folder.display();
        let wrong =
            |error| Mistake::new(format!("the folder {shown} can't be used ({error}): set state_dir in cluster.toml"));
        fs::create_dir_all(folder).map_err(wrong)?;
        let lock = File::create(folder.join("lock")).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Mistake::new(format!(
                "the folder {shown} is in use: this process runs already, or has another's folder; then write {{process}} into \
                 state_dir of cluster.toml"
            ))),
            Err(TryLockError::Error(error)) => Err(wrong(error)),
        }
    }

    /// Reads the list. What can't be read is renamed, so that a person can look at it, and said.
    ///
    /// # Errors
    /// The disk fails.
    pub fn load(&self) -> Result<Loaded, Mistake> {
        let path = self.folder.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Loaded { roster: Roster::default(), set_aside: None });
            }
            Err(error) => return Err(self.failed("read", &error)),
        };
        match decode(&bytes) {
            Ok(roster) => Ok(Loaded { roster, set_aside: None }),
            Err(what) => {
                let aside = self.set_aside(&path).map_err(|error| self.failed("rename", &error))?;
                let said =
                    format!("{} {what}; it lies at {} now, and nothing of it is used", path.display(), aside.display());
                Ok(Loaded { roster: Roster::default(), set_aside: Some(said) })
            }
        }
    }

    /// Writes the list; when this returns, it is on the disk.
    ///
    /// # Errors
    /// The disk fails or is full; then the list before is still there.
    pub fn save(&self, roster: &Roster) -> Result<(), Mistake> {
        self.replace(&encode(roster)).map_err(|error| self.failed("write", &error))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let new = self.folder.join(format!("{NAME}.new"));
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join(NAME))?;
        self.sync()
    }

    fn set_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let names = (1..).map(|count: u32| self.folder.join(format!("{NAME}.unreadable-{count}")));
        let aside = names.into_iter().find(|name| !name.exists()).expect("no folder holds so many");
        fs::rename(path, &aside)?;
        self.sync()?;
        Ok(aside)
    }

    /// A rename is on the disk when its folder is.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn failed(&self, what: &str, error: &io::Error) -> Mistake {
        let folder = self.folder.display();
        Mistake::new(format!(
            "can't {what} the list of jobs in {folder}: {error}; mend the disk or set another state_dir"
        ))
    }
}

/// A list as it lies on disk and travels.
pub fn encode(roster: &Roster) -> Vec<u8> {
    let body = serde_json::to_string(roster).expect("names, texts and numbers are JSON");
    let hash = blake3::hash(body.as_bytes()).to_hex();
    format!("{{\"format\":{FORMAT},\"blake3\":\"{hash}\",\"roster\":{body}}}").into_bytes()
}

/// Reads what [`encode`] wrote, and nothing else.
///
/// # Errors
/// What it is instead, to stand behind its name.
pub fn decode(bytes: &[u8]) -> Result<Roster, String> {
    let foreign = || "is no list of jobs that Vigie wrote".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| foreign())?;
    let (format, rest) = text.strip_prefix("{\"format\":").and_then(|rest| rest.split_once(',')).ok_or_else(foreign)?;
    match format.parse::<u64>() {
        Ok(FORMAT) if format == FORMAT.to_string() => {}
        Ok(other) if other > FORMAT => {
            return Err(format!("was written by a newer Vigie (format {other}, this one reads {FORMAT})"));
        }
        _ => return Err(foreign()),
    }
    let (hash, rest) =
        rest.strip_prefix("\"blake3\":\"").and_then(|rest| rest.split_once("\",\"roster\":")).ok_or_else(foreign)?;
    let body = rest.strip_suffix('}').ok_or("is cut off, or was changed")?;
    if blake3::hash(body.as_bytes()).to_hex().as_str() != hash {
        return Err("is cut off, or was changed: its checksum is not that of its text".into());
    }
    serde_json::from_str(body).map_err(|error| format!("is sound and can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::types::Submission;
    use crate::roster::When;

    fn roster() -> Roster {
        let mut roster = Roster::default();
        let text = "name = \"röom\"\n".to_owned();
        let job = Submission { text, folder: "/jobs".into(), file: "room.toml".into() };
        let _ = roster.submit("röom", &job, When { at: 5, generation: 2 }).expect("a new job");
        let _ = roster.failed("röom", "no \"model\"", When::default()).expect("it is there");
        roster
    }

    proptest! {
        /// Catches a list that is torn or rotten and is taken for a sound one.
        #[test]
        fn whatever_is_cut_off_or_flipped_is_found(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let sound = encode(&roster());
            let at = at.index(sound.len());
            prop_assert!(decode(&sound[..at]).is_err(), "cut off at {at}");
            let mut flipped = sound.clone();
            flipped[at] ^= 1 << bit;
            prop_assert!(decode(&flipped).is_err(), "bit {bit} of byte {at}");
            prop_assert_eq!(decode(&sound), Ok(roster()));
        }

        /// Catches bytes that panic.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in ".{0,40}") {
            let _ = decode(&bytes);
            let begun = format!("{{\"format\":1,\"blake3\":\"{text}");
            prop_assert!(decode(begun.as_bytes()).is_err());
        }
    }

    /// Catches a list that does not outlive its process, and two processes that write to one folder.
    #[test]
    fn a_list_is_there_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/0");
        let store = Store::open(&path).expect("a new folder");
        assert_eq!(store.load().expect("nothing yet").roster, Roster::default());
        store.save(&roster()).expect("a disk");
        let other = Store::open(&path).expect_err("the folder is taken").to_string();
        assert!(other.contains("{process}"), "{other}");
        drop(store);
        let loaded = Store::open(&path).expect("it is free again").load().expect("a disk");
        assert_eq!((loaded.roster, loaded.set_aside), (roster(), None));
    }

    /// Catches a file that is lost, guessed at or in the way because nobody can read it.
    #[test]
    fn what_cannot_be_read_is_named_and_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a folder");
        let sound = String::from_utf8(encode(&roster())).expect("text");
        let cases = [
            (sound.replace("\"format\":1", "\"format\":7"), "newer Vigie (format 7"),
            (sound.replace("model", "modle"), "checksum"),
            ("{}".to_owned(), "no list of jobs"),
            (String::new(), "no list of jobs"),
        ];
        for (count, (text, words)) in cases.into_iter().enumerate() {
            fs::write(folder.path().join(NAME), &text).expect("a file");
            let Loaded { roster, set_aside } = store.load().expect("a disk");
            let aside = format!("{NAME}.unreadable-{}", count + 1);
            let said = set_aside.expect("a word");
            assert!(said.contains(words) && said.contains(&aside), "{said}");
            assert_eq!(roster, Roster::default());
            assert_eq!(fs::read_to_string(folder.path().join(aside)).expect("it is kept"), text);
            assert_eq!(store.load().expect("a disk").set_aside, None, "it is told once");
        }
    }
}
