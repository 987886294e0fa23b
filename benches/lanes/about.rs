//! What was measured where.

use std::fs;
use std::process::Command;

use operators::UnixMillis;
use vigie::clock;

/// Machine, system, versions, date and command.
pub fn machine() -> Vec<(&'static str, String)> {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let gigabytes = memory.trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / f64::from(1 << 20);
    let system = field("/etc/os-release", "PRETTY_NAME").unwrap_or_default();
    let command: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    vec![
        ("machine", format!("{processor}, {cores} cores, {gigabytes:.0} GiB, {}", system.trim_matches('"'))),
        (
            "versions",
            format!("vigie {} ({}), {}", env!("CARGO_PKG_VERSION"), said("git", COMMIT), said("rustc", &["-V"])),
        ),
        ("measured", clock::date(UnixMillis::now())),
        ("command", format!("lanes {}", command.join(" ")).trim_end().to_owned()),
    ]
}

const COMMIT: &[&str] = &["describe", "--always", "--dirty"];

/// The value of a line `name: value` or `NAME=value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once([':', '='])?.1.trim().to_owned())
}

/// What a program says.
fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
