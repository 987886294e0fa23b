//! A table that is kept live on a terminal: drawn anew when it changes, until q or ^C.

use std::io::{self, Stdout, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use operators::UnixMillis;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::{
    self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui::crossterm::{execute, queue, style};

use super::feed::{Heard, follow};
use crate::client::Client;
use crate::client::failure::Failure;
use crate::client::top::leaves;
use crate::clock;
use crate::views::sheet::Sheet;
use crate::views::text;

/// How soon a key is heard.
const KEYS: Duration = Duration::from_millis(50);

/// What is on the screen.
#[derive(Clone, Debug, Default)]
struct Screen {
    sheet: Option<Sheet>,
    /// Why this is not how it is now.
    away: Option<String>,
}

/// Shows the table at `path` until q or ^C.
///
/// # Errors
/// As [`follow`], or that the terminal can't be written to.
pub fn show(client: &Client, path: &str) -> Result<(), Failure> {
    // What is wrong with the question is said before the screen is taken.
    let sheet = client.get(path)?;
    let heard = listen(client.clone(), path.to_owned());
    let mut terminal = Terminal::take().map_err(Failure::of_output)?;
    let mut screen = Screen { sheet: Some(sheet), away: None };
    let ended = terminal.show(&mut screen, &heard);
    drop(terminal);
    ended
}

/// Listens on a thread of its own, so that keys are heard while nothing changes.
fn listen(client: Client, path: String) -> Receiver<Result<Heard, Failure>> {
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        let ended = follow(&client, &path, |said| {
            let news = said.map_or_else(|failure| Ok(Some(Heard::Away(failure))), |said| said.read())?;
            let gone = news.is_some_and(|news| told.send(Ok(news)).is_err());
            Ok(if gone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        ended.err().map(|failure| told.send(Err(failure)))
    });
    heard
}

impl Screen {
    fn hears(&mut self, heard: Heard) {
        match heard {
            Heard::Table(sheet) => *self = Self { sheet: Some(sheet), away: None },
            Heard::Changes(changes) => {
                self.sheet.iter_mut().for_each(|sheet| sheet.apply(changes.clone()));
                self.away = None;
            }
            Heard::Away(failure) => self.away = Some(failure.said),
        }
    }

    /// What fits into so many lines.
    fn lines(&self, height: usize) -> Vec<String> {
        let Some(sheet) = &self.sheet else { return Vec::new() };
        let Sheet { view, kind, epoch, rows, .. } = sheet;
        let at = clock::second(UnixMillis(*epoch));
        let mut lines = vec![format!("{view} ({kind}), {} rows at {at}; q leaves", rows.len())];
        lines.push(self.away.clone().unwrap_or_default());
        lines.extend(text::table(sheet).lines().map(str::to_owned));
        let hidden = lines.len().saturating_sub(height);
        if hidden > 0 && height > 0 {
            lines.truncate(height - 1);
            lines.push(format!("… and {} rows more", hidden + 1));
        }
        lines
    }
}

/// The terminal, which is given back as it was.
struct Terminal(Stdout);

impl Terminal {
    fn take() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on it is given back, whatever fails.
        let mut terminal = Self(io::stdout());
        execute!(terminal.0, EnterAlternateScreen, DisableLineWrap, Hide)?;
        Ok(terminal)
    }

    fn show(&mut self, screen: &mut Screen, heard: &Receiver<Result<Heard, Failure>>) -> Result<(), Failure> {
        loop {
            self.draw(screen).map_err(Failure::of_output)?;
            if !wait(screen, heard)? {
                return Ok(());
            }
        }
    }

    fn draw(&mut self, screen: &Screen) -> io::Result<()> {
        let (_, height) = terminal::size()?;
        for (row, line) in screen.lines(height.into()).iter().enumerate() {
            queue!(self.0, MoveTo(0, row as u16), Clear(ClearType::CurrentLine), style::Print(line))?;
        }
        queue!(self.0, Clear(ClearType::FromCursorDown))?;
        self.0.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(self.0, EnableLineWrap, LeaveAlternateScreen, Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// Waits until there is something new to be drawn; whether it goes on.
fn wait(screen: &mut Screen, heard: &Receiver<Result<Heard, Failure>>) -> Result<bool, Failure> {
    loop {
        if event::poll(Duration::ZERO).map_err(Failure::of_output)? {
            match event::read().map_err(Failure::of_output)? {
                event if leaves(&event) => return Ok(false),
                Event::Resize(..) => return Ok(true),
                _ => {}
            }
        }
        match heard.recv_timeout(KEYS) {
            Ok(heard_first) => {
                // What is heard at the same time is drawn once.
                for heard in [heard_first].into_iter().chain(heard.try_iter()) {
                    screen.hears(heard?);
                }
                return Ok(true);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::sheet::{ChangedRow, Changes};
    use crate::views::text::tests::sheet;

    /// Catches a table that is not the one of its epoch, and rows below the edge that nobody hears of.
    #[test]
    fn the_screen_holds_what_fits() {
        let mut screen = Screen::default();
        screen.hears(Heard::Table(Sheet { epoch: 1_795_249_801_250, ..sheet() }));
        let lines = screen.lines(24);
        assert_eq!((lines.len(), lines[0].as_str()), (5, "hits (accuracy), 2 rows at 2026-11-21 08:30:01; q leaves"));
        assert_eq!(screen.lines(4)[2..], [lines[2].clone(), "… and 2 rows more".to_owned()]);
        screen.hears(Heard::Away(Failure::other("nobody is there")));
        assert_eq!(screen.lines(24)[1], "error: nobody is there");
        let gone = ChangedRow { key: sheet().rows[0].key.clone(), row: None };
        screen.hears(Heard::Changes(Changes { epoch: 1_795_249_802_000, changes: vec![gone] }));
        let lines = screen.lines(24);
        assert_eq!((lines.len(), lines[1].as_str(), lines[0].contains("1 rows at 2026-11-21 08:30:02")), (4, "", true));
        assert!(lines[3].contains("入口"), "{lines:?}");
    }
}
