//! Ends the contenders where the harness could not, as it was killed: a process in a session of its own that hears which
//! sessions are at work. When the harness is gone, however it went, its pipe closes, and they are killed.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use anyhow::Context as _;

use crate::tree;

static PIPE: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// Tells of a session that is at work, or no longer.
///
/// # Errors
/// There is no guard, and none can be started.
pub fn tell(session: u32, at_work: bool) -> anyhow::Result<()> {
    if PIPE.get().is_none() {
        let mut command = Command::new("setsid");
        command.arg(std::env::current_exe()?).arg("guard").stdin(Stdio::piped());
        let pipe = command.spawn().context("can't start the guard of the contenders")?.stdin;
        let _ = PIPE.set(Mutex::new(pipe.context("the guard has no pipe")?));
    }
    let mut pipe = PIPE.wait().lock().expect("nobody panics with it");
    Ok(writeln!(pipe, "{} {session}", if at_work { "begins" } else { "ends" })?)
}

/// That process: returns when the harness is gone, and all that it left at work is killed.
///
/// # Errors
/// It can't read its pipe.
pub fn watch() -> anyhow::Result<()> {
    let mut sessions = BTreeSet::new();
    for line in io::stdin().lines() {
        match line?.split_once(' ').map(|(what, session)| (what, session.parse())) {
            Some(("begins", Ok(session))) => sessions.insert(session),
            Some((_, Ok(session))) => sessions.remove(&session),
            _ => false,
        };
    }
    tree::kill(&sessions);
    Ok(())
}
