//! A queue on disk: what was put in is there after `kill -9` and after a loss of power, until it is done.
//!
//! ```text
//!  put ──▶ frames/00000000000000000007.log … ──▶ take        done(n): all before n is forgotten
//!          one sync for all that come together               head: that n
//! ```
//!
//! * [`record`], [`segment`], [`log`]: records, a file of them, all files.
//! * [`Head`]: what is done. It is written without a sync: where the machine loses it, some are taken once more.
//! * [`lock`]: one at a time has a folder.

pub mod log;
pub mod record;
pub mod segment;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub use log::{Cursor, Log};

/// The number up to which all is done, in a file of its own.
#[derive(Debug)]
pub struct Head {
    file: File,
}

impl Head {
    /// Opens it; the number is 0 where none is known.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(folder: &Path) -> io::Result<(Self, u64)> {
        make(folder)?;
        let path = folder.join("head");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = [0; 16];
        let number = file.read_exact_at(&mut bytes, 0).ok().and_then(|()| {
            let (number, sum) = bytes.split_at(8);
            (*sum == sum_of(number)).then(|| u64::from_le_bytes(number.try_into().expect("eight bytes")))
        });
        Ok((Self { file }, number.unwrap_or(0)))
    }

    /// All before that number is done.
    ///
    /// # Errors
    /// The disk's.
    pub fn set(&self, number: u64) -> io::Result<()> {
        let number = number.to_le_bytes();
        self.file.write_all_at(&[number, sum_of(&number)].concat(), 0)
    }
}

fn sum_of(number: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(number);
    hash.as_bytes()[..8].try_into().expect("eight bytes")
}

/// Makes a folder, for good.
fn make(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(folder)?;
    // A folder is there for good when the one around it is synced.
    missing.iter().filter_map(|folder| folder.parent()).try_for_each(|around| {
        let here = Path::new(".");
        File::open(if around.as_os_str().is_empty() { here } else { around })?.sync_all()
    })
}

/// Takes a folder for itself, as long as the file lives. `None` where another one has it, in this process or elsewhere.
///
/// # Errors
/// The disk's.
pub fn lock(folder: &Path) -> io::Result<Option<File>> {
    make(folder)?;
    let file = File::create(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
