//! The folders that the paths of a job may not leave: `allowed_paths` of `cluster.toml`.
//!
//! A path counts as where it leads: `..` is taken away and links are followed, as far as it exists. It is looked at when a
//! job is prepared. Who can put links into an allowed folder afterwards could always write elsewhere without a job.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io, path};

use crate::mistake::Mistake;

/// Folders that may be named; without any, every path may.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Arc<[PathBuf]>);

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|folder| folder.display().to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

impl Allowed {
    /// These folders, which need not exist yet.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        // A folder that leads nowhere holds nothing.
        Self(folders.into_iter().map(|folder| real(&folder).unwrap_or(folder)).collect())
    }

    /// Whether every path may be named.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path may be named.
    pub fn holds(&self, path: &Path) -> bool {
        self.is_all() || real(path).is_ok_and(|real| self.0.iter().any(|folder| real.starts_with(folder)))
    }

    /// Looks at a path that stands in `field` of a job.
    ///
    /// # Errors
    /// That it leaves the folders.
    pub fn check(&self, field: &'static str, path: &Path) -> Result<(), Mistake> {
        match self.holds(path) {
            true => Ok(()),
            false => Err(Mistake::at(
                field,
                format!(
                    "`{field}` leads to {}, and jobs of this cluster stay in {self} (allowed_paths of cluster.toml): name \
                     a path in there",
                    path.display()
                ),
            )),
        }
    }
}

/// Where a path leads, as far as it exists; what does not exist yet is taken at its word.
fn real(path: &Path) -> io::Result<PathBuf> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let mut real = PathBuf::new();
    for part in path::absolute(path)?.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            Component::CurDir => {}
            part => real = step(real.join(part))?,
        }
    }
    Ok(real)
}

/// One level of a path.
fn step(next: PathBuf) -> io::Result<PathBuf> {
    match fs::symlink_metadata(&next) {
        // A link to nothing is an error here: something could be made where it leads.
        Ok(_) => fs::canonicalize(&next),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(next),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    /// A folder with `in/`, which is allowed, and `out/`, which is not, and links from the one into the other.
    fn folders() -> (tempfile::TempDir, Allowed) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in/deep")).expect("a folder");
        fs::create_dir_all(at("out")).expect("a folder");
        fs::write(at("out/secret"), "").expect("a file");
        fs::write(at("in/own"), "").expect("a file");
        symlink(at("out"), at("in/door")).expect("a link");
        symlink(at("out/new"), at("in/to-nothing")).expect("a link");
        symlink(at("in/deep"), at("out/back")).expect("a link");
        let allowed = Allowed::new([at("in")]);
        (folder, allowed)
    }

    /// Catches a way out: by `..`, by a link, by a link to what is not there yet, by a name that only begins alike.
    #[test]
    fn no_path_leaves_the_folders() {
        let (folder, allowed) = folders();
        let holds = |path: &str| allowed.holds(&folder.path().join(path));
        for path in ["in", "in/own", "in/new/deep/er", "in/deep/../own", "in/new/../own", "out/../in/x", "out/back/x"] {
            assert!(holds(path), "{path}");
        }
        for path in
            ["out", "in/..", "in/../out/secret", "in/door/secret", "in/door/new", "in/to-nothing", "in/to-nothing/x"]
        {
            assert!(!holds(path), "{path}");
        }
        for path in ["in/new/../../out/x", "in/own/x", "in2", "in2/x", "in/door/../x", ""] {
            assert!(!holds(path), "{path}");
        }
        assert!(Allowed::default().holds(Path::new("/etc/passwd")), "no folders, no limit");
        let mistake = allowed.check("ca", Path::new("/etc/passwd")).expect_err("it is elsewhere");
        let shown = fs::canonicalize(folder.path().join("in")).expect("it is there").display().to_string();
        assert_eq!(mistake.field, Some("ca"));
        assert!(mistake.what.contains("`ca` leads to /etc/passwd") && mistake.what.contains(&shown), "{mistake}");
    }

    proptest! {
        /// Catches a path of any shape that is let through and leads elsewhere, as the system itself sees it.
        #[test]
        fn what_is_let_through_is_inside(parts in proptest::collection::vec("in|out|door|deep|back|\\.\\.|\\.|new", 0..8)) {
            let (folder, allowed) = folders();
            let path = folder.path().join("in").join(parts.join("/"));
            if allowed.holds(&path) && let Ok(real) = fs::canonicalize(&path) {
                prop_assert!(real.starts_with(fs::canonicalize(folder.path().join("in")).expect("it is there")));
            }
        }
    }
}
