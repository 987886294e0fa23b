//! What lies on the disk once it is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contender::Contender;
use crate::table::Goal::AtMost;
use crate::table::Row;

/// Megabytes of Vigie's binary, of ONNX Runtime beside it, and of each peer.
///
/// # Errors
/// The binary can't be read.
pub fn rows<'a>(contenders: impl Iterator<Item = &'a Contender>) -> anyhow::Result<Vec<Row>> {
    let row = |who: &str, bytes: u64| Row::new("E", who, "installed, MB", vec![bytes as f64 / 1e6]);
    let mut rows = vec![row("vigie", stripped(Path::new(env!("CARGO_BIN_EXE_vigie")))?).goal(AtMost(60.0))];
    let runtime = vigie::setup::library().and_then(|library| fs::metadata(library).ok());
    rows.extend(runtime.map(|runtime| row("ONNX Runtime", runtime.len())));
    for peer in contenders.filter(|contender| contender.is_peer()) {
        let folder = installed().join(peer.program());
        if folder.is_dir() {
            rows.push(row(peer.name, below(&folder)));
        }
    }
    Ok(rows)
}

/// Where `benches/peers/setup.sh` puts them.
fn installed() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").unwrap_or_else(|| set("HOME").unwrap_or_default().join(".cache"));
    set("VIGIE_PEERS").unwrap_or_else(|| cache().join("vigie/peers"))
}

/// The binary as it is shipped: the lines of its sources, which a profile wants, are not.
fn stripped(binary: &Path) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("vigie");
    fs::copy(binary, &copy)?;
    // Without the tool, the size of what was built.
    let _ = Command::new("strip").arg(&copy).status();
    Ok(fs::metadata(&copy)?.len())
}

/// All files below a folder.
fn below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(what) if what.is_dir() => below(&entry.path()),
        Ok(what) => what.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
