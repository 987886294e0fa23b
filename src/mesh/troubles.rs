//! What keeps a process from being connected, said once and not each second.

use std::sync::Mutex;

use tracing::{debug, warn};

/// The last trouble with each process.
pub(super) struct Troubles(Mutex<Vec<Option<String>>>);

impl Troubles {
    /// None, with `processes` of them.
    pub fn new(processes: usize) -> Self {
        // One more, for strangers that give themselves an index which nobody has.
        Self(Mutex::new(vec![None; processes + 1]))
    }

    /// A mistake that someone must mend: told, unless it was told last time.
    pub fn tell(&self, process: usize, words: String) {
        if self.note(process, &words) {
            warn!("{words}");
        }
    }

    /// Something that passes by itself.
    pub fn keep(&self, process: usize, words: String) {
        if self.note(process, &words) {
            debug!("process {process}: {words}");
        }
    }

    /// All is well with `process`.
    pub fn clear(&self, process: usize) {
        self.list()[process] = None;
    }

    /// The trouble with `process`, if there is one.
    pub fn of(&self, process: usize) -> Option<String> {
        self.list()[process].clone()
    }

    /// Whether it is new.
    fn note(&self, process: usize, words: &str) -> bool {
        let mut list = self.list();
        let place = process.min(list.len() - 1);
        let new = list[place].as_deref() != Some(words);
        list[place] = Some(words.into());
        new
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Option<String>>> {
        self.0.lock().expect("nothing panics while it holds the troubles")
    }
}
