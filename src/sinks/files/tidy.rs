//! Retention of files: what lies in the folder of a sink, deleted file by file, and the folders that are then empty.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::context::Context;
use crate::delivery::{Item, Store};
use crate::sinks::objects::{Found, Origin};
use crate::template::Template;

/// How long an empty folder stays after the last change in it: a sink that still believes in it ([`super::BELIEF`]) has
/// changed it since.
pub const GRACE: Duration = Duration::from_secs(600);

/// The folder of a sink, looked through.
pub struct Tidy(Arc<Inside>);

struct Inside {
    root: PathBuf,
    origin: Origin,
    /// The folders and the file of each path, one after the other.
    levels: Vec<Template>,
    job: String,
    /// Folders that files were deleted from, until they are removed or written to again.
    emptied: Mutex<HashSet<PathBuf>>,
}

impl Tidy {
    /// All below `root` that `origin` knows.
    pub fn new(root: PathBuf, origin: Origin, levels: Vec<Template>, context: &Context) -> Self {
        Self(Arc::new(Inside { root, origin, levels, job: context.job.clone(), emptied: Mutex::default() }))
    }

    /// Every file that is there.
    ///
    /// # Errors
    /// A folder can't be read.
    pub fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        self.0.walk(&self.0.root, "", &mut found)?;
        Ok(found.into_iter().map(|found| self.0.root.join(found.path)).collect())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inside) -> io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let inside = self.0.clone();
        let worked = tokio::task::spawn_blocking(move || work(&inside)).await;
        worked.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(|error| error.to_string())
    }
}

impl Store for Tidy {
    type Key = Vec<String>;

    async fn list(&self) -> Result<Vec<Item<Vec<String>>>, String> {
        self.blocking(|inside| {
            inside.remove_folders(GRACE);
            let mut found = Vec::new();
            inside.walk(&inside.root, "", &mut found)?;
            Ok(inside.origin.items(found))
        })
        .await
    }

    async fn remove(&self, keys: Vec<Vec<String>>) -> Result<(), String> {
        self.blocking(move |inside| keys.iter().flatten().try_for_each(|path| inside.remove(path))).await
    }
}

impl Inside {
    /// Finds what is ours below a folder. Folders that can't be ours are not entered, whatever is in them.
    fn walk(&self, folder: &Path, above: &str, found: &mut Vec<Found>) -> io::Result<()> {
        let depth = if above.is_empty() { 0 } else { above.split('/').count() };
        for entry in entries(folder, depth)? {
            let entry = entry?;
            // Ours are all UTF-8.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            if depth + 1 < self.levels.len() {
                if self.levels[depth].makes(&name, &self.job) && entry.path().is_dir() {
                    self.walk(&entry.path(), &path, found)?;
                }
            } else if self.origin.knows(&path) {
                found.extend(self.look(&entry, path)?);
            }
        }
        Ok(())
    }

    /// What is known of a file; nothing, if it is none, or is gone by now.
    fn look(&self, entry: &fs::DirEntry, path: String) -> io::Result<Option<Found>> {
        match entry.metadata() {
            Ok(known) if known.is_file() => Ok(Some(Found { path, at: known.modified()?.into(), bytes: known.len() })),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(None),
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let file = self.root.join(path);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(folder) = file.parent().filter(|folder| *folder != self.root) {
            self.emptied().insert(folder.to_owned());
        }
        Ok(())
    }

    /// Removes the folders that are empty since it deleted their files, and were not changed within `grace`.
    fn remove_folders(&self, grace: Duration) {
        let folders: Vec<_> = self.emptied().iter().cloned().collect();
        for folder in folders {
            let changed = fs::metadata(&folder).and_then(|known| known.modified());
            if changed.is_ok_and(|at| at.elapsed().unwrap_or_default() < grace) {
                continue;
            }
            self.emptied().remove(&folder);
            // A folder with something in it is not removed: that is how it is found out.
            if fs::remove_dir(&folder).is_ok()
                && let Some(above) = folder.parent().filter(|above| *above != self.root)
            {
                self.emptied().insert(above.to_owned());
            }
        }
    }

    fn emptied(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.emptied.lock().expect("nothing panics in it")
    }
}

/// What is in a folder: nothing, if it is one that only others may read (`lost+found`), or is gone by now.
fn entries(folder: &Path, depth: usize) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) if error.kind() == ErrorKind::PermissionDenied && depth > 0 => None,
        Err(error) => return Err(error),
    };
    Ok(entries.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::objects;
    use crate::sinks::objects::tests::{context, runtime};
    use operators::UnixMillis;
    use std::time::SystemTime;

    struct Bench {
        folder: tempfile::TempDir,
        tidy: Tidy,
        runtime: tokio::runtime::Runtime,
    }

    impl Bench {
        fn new(path: &str, part: &str) -> Self {
            let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
            let context = context(part, &runtime);
            let template = |text: &str| objects::path(text, &context, "path").unwrap();
            let levels = crate::template::levels(path).into_iter().map(template).collect();
            let root = fs::canonicalize(folder.path()).unwrap();
            let tidy = Tidy::new(root, Origin::new(template(path), &context), levels, &context);
            Self { folder, tidy, runtime }
        }

        fn write(&self, path: &str) {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }

        fn list(&self) -> Vec<Vec<String>> {
            let listed = self.runtime.block_on(self.tidy.list()).unwrap();
            let mut keys: Vec<_> = listed.into_iter().map(|item| item.key).collect();
            keys.sort();
            keys
        }

        fn remove(&self, keys: Vec<Vec<String>>) {
            self.runtime.block_on(self.tidy.remove(keys)).unwrap();
        }

        fn there(&self, path: &str) -> bool {
            self.folder.path().join(path).exists()
        }

        /// Makes a folder look as if nothing had happened in it for a day.
        fn rest(&self, path: &str) {
            let folder = fs::File::open(self.folder.path().join(path)).unwrap();
            folder.set_modified(SystemTime::now() - Duration::from_secs(86_400)).unwrap();
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let bench = Bench::new("{camera}/{date}/{id}.jpg", "faces");
        let foreign = [
            "readme.jpg",
            "a/7.jpg",
            "a/2026-11-21/7.png",
            "a/2026-11-21/b/7.jpg",
            "a/notes/7.jpg",
            "a/2026-11-21/1.jpg#1",
        ];
        foreign.iter().for_each(|path| bench.write(path));
        bench.write("a/2026-11-21/7.jpg");
        fs::create_dir_all(bench.folder.path().join("a/2026-11-21/8.jpg")).unwrap();
        std::os::unix::fs::symlink("7.jpg", bench.folder.path().join("a/2026-11-21/9.jpg")).unwrap();
        let ours = bench.list();
        assert_eq!(ours, [["a/2026-11-21/7.jpg"]]);
        bench.remove([ours.clone(), ours].concat());
        assert!(!bench.there("a/2026-11-21/7.jpg"), "deleted, and once more is no mistake");
        assert!(foreign.iter().all(|path| bench.there(path)));
    }

    /// Catches a store that deletes by an expression what no name of ours can be.
    #[test]
    fn what_an_expression_named_is_ours() {
        let bench = Bench::new("{has(values.a) ? values.a : 'x/y'}/{id}.jpg", "faces");
        for path in ["woman/7.jpg", "x%2Fy/8.jpg", "woman/deep/7.jpg", ".hidden/7.jpg", "woman/7.png", "a+b/7.jpg"] {
            bench.write(path);
        }
        assert_eq!(bench.list(), [["woman/7.jpg"], ["x%2Fy/8.jpg"]]);
    }

    #[test]
    fn a_letter_goes_with_its_record() {
        let bench = Bench::new("{camera}/{id}-{reason}", "dead");
        for path in ["a/7-empty", "a/7-empty.json", "a/8-empty.json", "a/7-unknown", "a/notes.json"] {
            bench.write(path);
        }
        let ours = bench.list();
        assert_eq!(ours, [vec!["a/7-empty", "a/7-empty.json"], vec!["a/8-empty.json"]]);
        bench.remove(ours);
        assert!(!bench.there("a/7-empty.json") && bench.there("a/7-unknown") && bench.there("a/notes.json"));
    }

    #[test]
    fn folders_go_when_they_are_empty_and_at_rest() {
        let bench = Bench::new("{camera}/{date}/{id}.jpg", "faces");
        for path in ["a/2026-11-20/1.jpg", "a/2026-11-21/1.jpg", "b/2026-11-20/1.jpg", "b/keep/me"] {
            bench.write(path);
        }
        fs::create_dir_all(bench.folder.path().join("c/2026-11-20")).unwrap();
        bench.remove(bench.list());
        assert!(bench.list().is_empty() && bench.there("a/2026-11-20"), "it was changed just now");
        for path in ["a/2026-11-20", "a/2026-11-21", "b/2026-11-20", "c/2026-11-20"] {
            bench.rest(path);
        }
        bench.write("a/2026-11-21/2.jpg");
        bench.list();
        assert!(!bench.there("a/2026-11-20") && !bench.there("b/2026-11-20"));
        assert!(bench.there("a/2026-11-21/2.jpg"), "something was written to it again");
        assert!(bench.there("c/2026-11-20"), "this was never ours");
        bench.remove(vec![vec!["a/2026-11-21/2.jpg".into()]]);
        bench.rest("a/2026-11-21");
        bench.list();
        bench.rest("a");
        bench.rest("b");
        bench.list();
        assert!(!bench.there("a") && bench.there("b/keep/me"), "and those above them");
    }

    #[test]
    fn the_age_and_the_size_are_the_file_s() {
        let bench = Bench::new("{id}.jpg", "faces");
        bench.write("7.jpg");
        let item = bench.runtime.block_on(bench.tidy.list()).unwrap().remove(0);
        assert_eq!(item.bytes, 1);
        assert!(UnixMillis::now().0.abs_diff(item.at.0) < 60_000);
    }
}
