//! `vigie setup`: fetches what this machine lacks, ONNX Runtime's library, and keeps it in a cache.
//!
//! The package tools of the machine fetch it, so that their mirrors and proxies are used. What is kept is checked by the
//! hash of the library itself, which is the same in every package that holds it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;
use std::{env, process};

use anyhow::{Context, anyhow, bail, ensure};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// ONNX Runtime's library for one kind of machine.
#[derive(Debug)]
struct Library {
    /// The machine, as Rust names it: its system and its processor.
    machine: (&'static str, &'static str),
    /// What it is called in the cache.
    file: &'static str,
    /// Its builds, the best one first.
    builds: [Build; 2],
}

/// One build of the library, and where it is packed.
#[derive(Debug)]
struct Build {
    version: &'static str,
    package: Package,
    /// The library's path within the package.
    path: &'static str,
    /// SHA-256 of the library.
    sha256: &'static str,
}

#[derive(Debug)]
enum Package {
    /// A Python wheel for this platform.
    Wheel(&'static str),
    /// A package of npm, for all platforms.
    Npm,
}

/// The hashes were taken from the packages as they were published; the npm builds are one release behind.
const LIBRARIES: [Library; 3] = [
    Library {
        machine: ("linux", "x86_64"),
        file: "libonnxruntime.so",
        builds: [
            wheel("manylinux_2_28_x86_64", "onnxruntime/capi/libonnxruntime.so.1.31.1", LINUX_X86_64),
            npm("package/bin/napi-v6/linux/x64/libonnxruntime.so.1", NPM_LINUX_X86_64),
        ],
    },
    Library {
        machine: ("linux", "aarch64"),
        file: "libonnxruntime.so",
        builds: [
            wheel("manylinux_2_28_aarch64", "onnxruntime/capi/libonnxruntime.so.1.31.1", LINUX_ARM64),
            npm("package/bin/napi-v6/linux/arm64/libonnxruntime.so.1", NPM_LINUX_ARM64),
        ],
    },
    Library {
        machine: ("macos", "aarch64"),
        file: "libonnxruntime.dylib",
        builds: [
            wheel("macosx_14_0_arm64", "onnxruntime/capi/libonnxruntime.1.31.1.dylib", MACOS_ARM64),
            npm("package/bin/napi-v6/darwin/arm64/libonnxruntime.1.30.0.dylib", NPM_MACOS_ARM64),
        ],
    },
];

const LINUX_X86_64: &str = "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3";
const LINUX_ARM64: &str = "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467";
const MACOS_ARM64: &str = "d586cbe89effc085a09d3341b3cfbd5c322517f9d397aeb20814af21433f2b36";
const NPM_LINUX_X86_64: &str = "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23";
const NPM_LINUX_ARM64: &str = "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76";
const NPM_MACOS_ARM64: &str = "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d";

const fn wheel(platform: &'static str, path: &'static str, sha256: &'static str) -> Build {
    Build { version: "1.31.1", package: Package::Wheel(platform), path, sha256 }
}

const fn npm(path: &'static str, sha256: &'static str) -> Build {
    Build { version: "1.30.0", package: Package::Npm, path, sha256 }
}

/// The folder of what can be fetched again: `VIGIE_CACHE`, else `XDG_CACHE_HOME/vigie`, else `~/.cache/vigie`.
pub fn cached() -> PathBuf {
    let folder = |name| env::var_os(name).filter(|folder: &OsString| !folder.is_empty()).map(PathBuf::from);
    let shared = || folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    folder("VIGIE_CACHE").unwrap_or_else(|| shared().unwrap_or_else(env::temp_dir).join("vigie"))
}

/// Where ONNX Runtime's library is, or would be, in the cache; `None` for a machine it is not known for.
pub fn library() -> Option<PathBuf> {
    this_machine().map(|library| library.place(&cached()))
}

/// Makes sure that ONNX Runtime's library is in the cache, and returns where.
///
/// # Errors
/// No tool of this machine could fetch it: the error says how each one failed, and what else can be done.
pub fn setup() -> anyhow::Result<PathBuf> {
    let Some(library) = this_machine() else {
        let (system, processor) = (env::consts::OS, env::consts::ARCH);
        bail!(
            "ONNX Runtime for {system} on {processor} is not known here: install it, and set ORT_DYLIB_PATH to its library"
        );
    };
    let place = library.place(&cached());
    if library.builds.iter().any(|build| build.is(&place)) {
        eprintln!("ONNX Runtime is there already");
        return Ok(place);
    }
    library.fetch(&place)?;
    Ok(place)
}

fn this_machine() -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.machine == (env::consts::OS, env::consts::ARCH))
}

impl Library {
    /// Named by the release that Vigie is made for; npm's older build stands in at the same place.
    fn place(&self, cache: &Path) -> PathBuf {
        cache.join("onnxruntime-1.31.1").join(self.file)
    }

    fn fetch(&self, place: &Path) -> anyhow::Result<()> {
        let mut failures = Vec::new();
        for build in &self.builds {
            for tool in build.package.tools() {
                eprintln!("Fetching ONNX Runtime {} with {tool} …", build.version);
                match build.fetch(tool, place) {
                    Ok(()) => return Ok(()),
                    Err(error) => failures.push(format!("  {tool}: {error:#}")),
                }
            }
        }
        let else_do =
            "Install pip or npm, or download ONNX Runtime 1.24 or later yourself and set ORT_DYLIB_PATH to its library";
        bail!("ONNX Runtime could not be fetched:\n{}\n{else_do}", failures.join("\n"))
    }
}

impl Package {
    /// The command lines that may fetch it, in the order in which they are tried.
    fn tools(&self) -> &'static [&'static str] {
        match self {
            Package::Wheel(_) => &["python3 -m pip", "pip", "pip3", "uvx pip"],
            Package::Npm => &["npm"],
        }
    }

    /// What the tool is told; it leaves the package in its working folder.
    fn arguments(&self, version: &str) -> String {
        match self {
            // The Python of this machine does not matter: it is not asked to load the package.
            Package::Wheel(platform) => format!(
                "download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
                 --platform {platform} --dest . onnxruntime=={version}"
            ),
            Package::Npm => format!("pack --silent onnxruntime-node@{version}"),
        }
    }

    /// The bytes of one file of the package.
    fn unpack(&self, package: File, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Package::Wheel(_) => zip::ZipArchive::new(package)?.by_name(path)?.read_to_end(&mut bytes)?,
            Package::Npm => {
                let mut archive = tar::Archive::new(GzDecoder::new(package));
                let is_it = |entry: &tar::Entry<'_, _>| entry.path().is_ok_and(|name| name == Path::new(path));
                let entry = archive.entries()?.filter_map(Result::ok).find(is_it);
                entry.context("the library is not in the package")?.read_to_end(&mut bytes)?
            }
        };
        Ok(bytes)
    }
}

impl Build {
    /// Whether the file is this build, byte for byte.
    fn is(&self, file: &Path) -> bool {
        fs::read(file).is_ok_and(|bytes| self.check(&bytes).is_ok())
    }

    fn check(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let hash = format!("{:x}", Sha256::digest(bytes));
        ensure!(hash == self.sha256, "what came is not the published library (its SHA-256 is {hash})");
        Ok(())
    }

    /// Fetches the package with `tool`, and leaves its library at `place`.
    fn fetch(&self, tool: &str, place: &Path) -> anyhow::Result<()> {
        let folder = place.parent().context("the cache has no folder")?;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let scratch = Scratch::new(folder)?;
        run(tool, &self.package.arguments(self.version), &scratch.0)?;
        let bytes = self.package.unpack(File::open(scratch.only_file()?)?, self.path)?;
        self.check(&bytes)?;
        // Renamed within one folder, so that nobody sees half a library, nor another run's.
        let written = scratch.0.join("library");
        fs::write(&written, bytes)?;
        fs::rename(&written, place)?;
        Ok(())
    }
}

/// Runs a tool in `folder`; the error is the last thing that it said.
fn run(tool: &str, arguments: &str, folder: &Path) -> anyhow::Result<()> {
    let mut words = tool.split(' ').chain(arguments.split(' '));
    let program = words.next().unwrap_or_default();
    let mut command = Command::new(program);
    let done = command.args(words).current_dir(folder).stdin(Stdio::null()).output();
    let done = done.map_err(|error| anyhow!("{program} cannot be run ({error})"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it did not say why");
    ensure!(done.status.success(), "{last}");
    Ok(())
}

/// A folder of this run alone, which goes when the run ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(beside: &Path) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
        let folder = beside.join(format!("fetching-{}-{now}", process::id()));
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    fn only_file(&self) -> anyhow::Result<PathBuf> {
        let first = fs::read_dir(&self.0)?.next().context("it fetched nothing")??;
        Ok(first.path())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: Build = npm("package/lib/abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    /// Catches a library that was changed, cut or never there, and is taken for the right one.
    #[test]
    fn only_the_published_library_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("library");
        assert!(!ABC.is(&file));
        fs::write(&file, "abd").unwrap();
        assert!(!ABC.is(&file));
        fs::write(&file, "abc").unwrap();
        assert!(ABC.is(&file));
    }

    /// Catches a tool's failure that is not told, and a scratch folder that stays.
    #[test]
    fn a_tool_that_fails_is_told_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("library");
        let said = ABC.fetch("no-such-tool", &place).unwrap_err().to_string();
        assert!(said.starts_with("no-such-tool cannot be run"), "{said}");
        let said = ABC.fetch("ls --no-such-flag", &place).unwrap_err().to_string();
        assert!(!said.is_empty() && said != "it did not say why");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Catches the wrong file of an archive.
    #[test]
    fn one_file_is_taken_out_of_an_npm_package() {
        let mut file = tempfile::tempfile().unwrap();
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast()));
        for (path, text) in [("package/lib/a", "no"), ("package/lib/abc", "abc")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        assert_eq!(ABC.package.unpack(file, ABC.path).unwrap(), b"abc");
    }

    /// Catches two machines with one hash, or a hash cut short, in the table above.
    #[test]
    fn every_build_has_a_hash_of_its_own() {
        let mut hashes: Vec<_> =
            LIBRARIES.iter().flat_map(|library| &library.builds).map(|build| build.sha256).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() == 6 && hashes.iter().all(|hash| hash.len() == 64));
    }
}
