//! What a person sees while a job runs: one live line, events above it, and a summary at the end.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

use crate::account::Balance;
use crate::metrics::Metrics;

/// Everything that is written to the terminal goes through here, so that lines do not mix.
static TERMINAL: LazyLock<MultiProgress> = LazyLock::new(|| match io::stderr().is_terminal() {
    true => MultiProgress::new(),
    false => MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
});

/// Writes events above the live line.
struct Above;

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        TERMINAL.suspend(|| io::stderr().write(line))
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Sends events to the terminal. `VIGIE_LOG` chooses which, as `RUST_LOG` does elsewhere; the default is Vigie's own.
pub fn events() {
    let filter = EnvFilter::try_from_env("VIGIE_LOG").unwrap_or_else(|_| EnvFilter::new("off,vigie=info"));
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Above).with_target(false);
    let _ = events.without_time().with_ansi(io::stderr().is_terminal()).try_init();
}

/// One line about the account of a job, drawn four times a second for as long as this lives.
pub struct Live(ProgressBar);

impl Live {
    /// Starts to draw, where there is a terminal to draw on.
    pub fn new(job: &str, metrics: Arc<Metrics>) -> Self {
        let bar = TERMINAL.add(ProgressBar::new_spinner());
        let numbers = move |_: &indicatif::ProgressState, line: &mut dyn std::fmt::Write| {
            let waits: Vec<_> = metrics.board().waits().iter().map(|wait| format!("; {wait}")).collect();
            let _ = write!(line, "{}{}", sentence(&metrics.account.balance()), waits.concat());
        };
        let style = ProgressStyle::with_template("{spinner} {prefix}: {numbers}").expect("the template is right");
        bar.set_style(style.with_key("numbers", numbers));
        bar.set_prefix(job.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}

/// The live line.
fn sentence(balance: &Balance) -> String {
    let Balance { frames, in_flight, rate, latency: [p50, p95, _], .. } = balance;
    let dead: u64 = balance.dead.iter().map(|(_, count)| count).sum();
    let (p50, p95) = (milliseconds(*p50), milliseconds(*p95));
    let filtered = filtered(balance) + &pieces(balance);
    let persons = persons(balance).map(|persons| format!(", {persons}")).unwrap_or_default();
    format!(
        "{frames} frames, {rate:.1} frames/s, {in_flight} in flight, p50 {p50}, p95 {p95}, {filtered}{dead} dead{persons}"
    )
}

/// How well the job sees, where frames carry the truth.
fn persons(balance: &Balance) -> Option<String> {
    let [found, there, extra] = balance.score;
    (there + extra > 0).then(|| format!("persons found {found} of {there} there, {extra} too many"))
}

/// What steps let go on purpose, where that is anything.
fn filtered(balance: &Balance) -> String {
    let filtered: u64 = balance.filtered.values().sum();
    if filtered > 0 { format!("{filtered} filtered, ") } else { String::new() }
}

/// How many pieces could not be worked on, where that is any: their frames may be results all the same.
fn pieces(balance: &Balance) -> String {
    match balance.pieces {
        0 => String::new(),
        pieces => format!("{pieces} pieces with faults, "),
    }
}

/// What is said when a job has ended.
pub fn summary(balance: &Balance) -> String {
    let Balance { frames, results, dead, in_flight, rate, latency, .. } = balance;
    let persons = persons(balance).map(|persons| format!("; {persons}")).unwrap_or_default();
    let reasons: Vec<_> = dead.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let dead: u64 = dead.iter().map(|(_, count)| count).sum();
    let reasons = if dead > 0 { format!(" ({})", reasons.join(", ")) } else { String::new() };
    let filtered = filtered(balance) + &pieces(balance);
    let left = if *in_flight > 0 { format!(", {in_flight} not finished") } else { String::new() };
    let [p50, p95, p99] = latency.map(milliseconds);
    format!(
        "{frames} frames in, {results} results, {filtered}{dead} dead{reasons}{left}, {rate:.1} frames/s, p50 {p50}, p95 {p95}, p99 {p99}{persons}"
    )
}
