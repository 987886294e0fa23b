//! What the system says of processes, as text, and what it means.

/// Clock ticks a second in `/proc`, on every Linux of today.
const TICKS: f64 = 100.0;

/// A process, as far as a bench wants to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stat {
    /// The session that it is in.
    pub session: u32,
    /// Seconds on a core, in user space and in the kernel, with those of its children that have ended.
    pub cpu: f64,
}

impl Stat {
    /// Of a line of `/proc/PID/stat`.
    pub fn read(line: &str) -> Option<Self> {
        // The name, in brackets, may hold anything.
        let fields: Vec<_> = line.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<f64>().ok()).sum::<Option<f64>>()?;
        Some(Self { session: fields.get(3)?.parse().ok()?, cpu: ticks / TICKS })
    }
}

/// The resident bytes of `/proc/PID/status`; none of a process that has ended.
pub fn resident(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// All processes of this machine that can be seen.
pub fn all() -> Vec<(u32, Stat)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| Some((id, Stat::read(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))).collect()
}
