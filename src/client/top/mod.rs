//! `vigie top`: jobs, processes and stages, once a second.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use operators::UnixMillis;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::failure::Failure;
use super::wire::Client;
use crate::api::{ClusterStatus, JobStatus};

mod view;

pub use view::draw;

/// How often the cluster is asked.
const EACH: Duration = Duration::from_secs(1);

/// How soon a key is heard.
const KEYS: Duration = Duration::from_millis(50);

/// What is on the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screen {
    /// The cluster.
    pub cluster: ClusterStatus,
    /// Its jobs.
    pub jobs: Vec<JobStatus>,
    /// Who was asked.
    pub place: String,
    /// Why this is not how it is now.
    pub stale: Option<String>,
    /// When it was drawn.
    pub now: UnixMillis,
}

/// Shows the cluster until `q` or ^C.
///
/// # Errors
/// There is no terminal, or no process answers at the start.
pub fn top(client: &Client) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return Err(Failure::other("top draws on a terminal, and there is none: `vigie jobs` shows the same once"));
    }
    let mut screen = ask(client)?;
    let news = follow(client.clone());
    let mut terminal = ratatui::try_init().map_err(Failure::of_output)?;
    let shown = show(&mut terminal, &mut screen, &news);
    ratatui::restore();
    shown.map_err(Failure::of_output)
}

/// What there is to show now.
fn ask(client: &Client) -> Result<Screen, Failure> {
    let place = client.place()?.to_owned();
    let cluster = client.get("/cluster")?;
    // Where there is no generation, nobody knows of jobs, and the line above says why.
    let (jobs, stale) = match client.get("/jobs") {
        Ok(jobs) => (jobs, None),
        Err(failure) => (Vec::new(), Some(failure.said)),
    };
    Ok(Screen { cluster, jobs, place, stale, now: UnixMillis::now() })
}

/// Asks once a second, on a thread of its own: keys are heard while a process is slow.
fn follow(client: Client) -> Receiver<Result<Screen, Failure>> {
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        loop {
            let next = Instant::now() + EACH;
            if told.send(ask(&client)).is_err() {
                return;
            }
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    heard
}

fn show(
    terminal: &mut DefaultTerminal,
    screen: &mut Screen,
    news: &Receiver<Result<Screen, Failure>>,
) -> io::Result<()> {
    loop {
        screen.now = UnixMillis::now();
        terminal.draw(|frame| draw(frame, screen))?;
        loop {
            if event::poll(Duration::ZERO)? {
                match event::read()? {
                    event if leaves(&event) => return Ok(()),
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
            match news.recv_timeout(KEYS) {
                Ok(Ok(new)) => *screen = new,
                Ok(Err(failure)) => screen.stale = Some(failure.said),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            break;
        }
    }
}

/// Whether that key says to leave.
pub fn leaves(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let interrupts = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (key.code == KeyCode::Char('q') || interrupts)
}
