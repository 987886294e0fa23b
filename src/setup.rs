//! `vigie setup`: ONNX Runtime from a package registry, checked by its hash, kept in a cache.
//!
//! The registries carry it inside packages of other languages: the wheel for Python, the package for Node. Neither is
//! installed, and neither language runs: pip and npm fetch, this takes the library out.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// What pip fetches, and what npm does where there is no pip.
const VERSION: &str = "1.31.1";
const NPM_VERSION: &str = "1.30.0";

/// What is fetched for one kind of machine. A hash is of the library itself, or of the package where that says more.
struct Platform {
    pip: &'static str,
    /// SHA-256 of the wheel for Python 3.12.
    wheel: &'static str,
    npm: &'static str,
    library: &'static str,
}

fn platform() -> Option<Platform> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some(Platform {
            pip: "manylinux_2_28_x86_64",
            wheel: "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
            npm: "linux/x64/libonnxruntime.so.1",
            library: "libonnxruntime.so",
        }),
        ("linux", "aarch64") => Some(Platform {
            pip: "manylinux_2_28_aarch64",
            wheel: "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
            npm: "linux/arm64/libonnxruntime.so.1",
            library: "libonnxruntime.so",
        }),
        _ => None,
    }
}

/// SHA-256 of npm's package, which its registry publishes: one archive for all machines.
const NPM_PACKAGE: &str = "6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75";

/// Where the library is kept: `VIGIE_CACHE`, else `XDG_CACHE_HOME/vigie`, else `~/.cache/vigie`.
pub fn cached() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || named("HOME").unwrap_or_else(std::env::temp_dir).join(".cache/vigie");
    let cache = named("VIGIE_CACHE").or_else(|| named("XDG_CACHE_HOME").map(|cache| cache.join("vigie")));
    let library = platform().map_or("libonnxruntime.so", |platform| platform.library);
    cache.unwrap_or_else(home).join(format!("onnxruntime-{VERSION}")).join(library)
}

/// Fetches the library, if it is not there; where it is.
///
/// # Errors
/// What failed, way by way, and what else can be done.
pub fn setup() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let library = named.unwrap_or_else(cached);
    if library.exists() {
        return Ok(library);
    }
    let platform = platform().context(
        "no package with ONNX Runtime is known for this kind of machine: install it, and set ORT_DYLIB_PATH to its library",
    )?;
    let folder = library.parent().context("the cache is a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made: set VIGIE_CACHE", folder.display()))?;
    // A folder of its own: several may set up at once, and the last rename wins with the same bytes.
    let work = folder.join(format!("fetch-{}", std::process::id()));
    fs::create_dir_all(&work)?;
    let fetched = fetch(&platform, &work);
    let placed = fetched.and_then(|bytes| place(&bytes, &work.join("library"), &library));
    let _ = fs::remove_dir_all(&work);
    placed.map(|()| library)
}

fn place(bytes: &[u8], beside: &Path, library: &Path) -> anyhow::Result<()> {
    fs::write(beside, bytes)?;
    fs::rename(beside, library)?;
    Ok(())
}

/// The library's bytes, by the first way that works.
fn fetch(platform: &Platform, work: &Path) -> anyhow::Result<Vec<u8>> {
    let pips: [&[&str]; 4] = [&["python3", "-m", "pip"], &["pip"], &["pip3"], &["uvx", "pip"]];
    let mut failures = Vec::new();
    for pip in pips {
        match with_pip(pip, platform, work) {
            Ok(library) => return Ok(library),
            Err(error) => failures.push(format!("{}: {error:#}", pip.join(" "))),
        }
    }
    match with_npm(platform, work) {
        Ok(library) => return Ok(library),
        Err(error) => failures.push(format!("npm: {error:#}")),
    }
    bail!(
        "ONNX Runtime {VERSION} can't be fetched ({}): install Python's pip or Node's npm and try again, or set \
         ORT_DYLIB_PATH to a library that is on this machine",
        failures.join("; ")
    )
}

/// Runs a command in `work`; its last line of complaint is the error.
fn run(command: &[&str], work: &Path) -> anyhow::Result<()> {
    let (program, arguments) = command.split_first().context("a program")?;
    let mut process = Command::new(program);
    process.args(arguments).current_dir(work).stdin(Stdio::null()).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    let output = process.output().context("is not on this machine")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("failed"));
    Ok(())
}

fn with_pip(pip: &[&str], platform: &Platform, work: &Path) -> anyhow::Result<Vec<u8>> {
    eprintln!("Fetching ONNX Runtime {VERSION} with {} …", pip.join(" "));
    let package = format!("onnxruntime=={VERSION}");
    let download = ["download", "-q", "--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--platform"];
    run(&[pip, &download, &[platform.pip, "-d", ".", &package]].concat(), work)?;
    let wheel = checked(&found(work, "whl")?, platform.wheel)?;
    let mut archive = zip::ZipArchive::new(Cursor::new(wheel))?;
    let is_library = |name: &&str| name.starts_with("onnxruntime/capi/libonnxruntime.so");
    let name = archive.file_names().find(is_library).context("the wheel holds no library")?.to_owned();
    let mut library = Vec::new();
    archive.by_name(&name)?.read_to_end(&mut library)?;
    Ok(library)
}

fn with_npm(platform: &Platform, work: &Path) -> anyhow::Result<Vec<u8>> {
    eprintln!("Fetching ONNX Runtime {NPM_VERSION} with npm …");
    run(&["npm", "pack", "--silent", &format!("onnxruntime-node@{NPM_VERSION}")], work)?;
    let package = checked(&found(work, "tgz")?, NPM_PACKAGE)?;
    let mut archive = tar::Archive::new(GzDecoder::new(Cursor::new(package)));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.ends_with(platform.npm) {
            let mut library = Vec::new();
            entry.read_to_end(&mut library)?;
            return Ok(library);
        }
    }
    bail!("the package holds no library for this machine")
}

/// The file with that extension.
fn found(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    let mut paths = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|found| found == extension)).context("nothing came")
}

/// A file's bytes, if their hash is the one that is expected.
fn checked(path: &Path, expected: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(hash == expected, "what came is not what was expected (SHA-256 {hash}): it is not used");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a package that was changed on its way and is used all the same.
    #[test]
    fn other_bytes_are_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "not it").expect("written");
        let error = checked(file.path(), NPM_PACKAGE).expect_err("another hash");
        assert!(error.to_string().contains("not what was expected"), "{error}");
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; // of nothing
        fs::write(file.path(), "").expect("written");
        assert!(checked(file.path(), hash).is_ok());
    }
}
