//! What this process uses of its machine, where the system says so (Linux).

use std::fs;
use std::time::Duration;

/// Linux counts the time of processes in hundredths of a second, whatever its kernel does.
const TICK: Duration = Duration::from_millis(10);

/// Bytes of memory that it holds.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Time that all its threads have spent on cores, those that have ended too.
pub fn cpu() -> Option<Duration> {
    let ticks = ticks(&fs::read_to_string("/proc/self/stat").ok()?)?;
    Some(TICK * u32::try_from(ticks).ok()?)
}

/// `utime` and `stime` of proc(5): the 14th and 15th field, of which the second is a name with whatever in it.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a field too far, and a process whose name looks like fields.
    #[test]
    fn the_times_are_those_of_the_process() {
        let stat = "7 (a) R 1) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 4 0 12345";
        assert_eq!((ticks(stat), ticks("7 (a) S 1"), ticks("")), (Some(300), None, None));
    }
}
