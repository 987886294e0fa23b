//! From what there is to know to what stands on the screen.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::Screen;
use crate::api::JobStatus;
use crate::client::people::{ago, milliseconds};
use crate::client::table;

/// From this width on, what else there is stands beside.
const WIDE: u16 = 120;

const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws the screen. It fits 80 columns, and uses 200.
pub fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let jobs = screen.jobs.len() as u16 + 2;
    let waits = notices(screen);
    let [title, told, table, rest, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(waits.len() as u16 + 1),
        Constraint::Length(jobs),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(cluster(screen)), title);
    frame.render_widget(Paragraph::new(waits), told);
    draw_jobs(frame, table, screen);
    draw_rest(frame, rest, screen);
    frame.render_widget(Paragraph::new(format!("q leaves   at {}", screen.place)), foot);
}

/// `generation 7 for 3 min   3 of 3 processes   process 0 leads   2 jobs`.
fn cluster(screen: &Screen) -> Line<'static> {
    let cluster = &screen.cluster;
    let since = ago(&cluster.since, screen.now);
    let work = match cluster.generation {
        Some(number) => Span::styled(format!("generation {number} for {since}"), Style::new().fg(Color::Green)),
        None => Span::styled(format!("no generation for {since}"), Style::new().fg(Color::Red)),
    };
    let (there, all) = (cluster.processes.iter().filter(|process| process.present).count(), cluster.processes.len());
    let leads = cluster.members.first().map(|leader| format!("   process {leader} leads")).unwrap_or_default();
    let jobs = cluster.jobs;
    Line::from(vec![
        Span::styled("vigie   ", HEAD),
        work,
        format!("   {there} of {all} processes{leads}   {jobs} jobs").into(),
    ])
}

/// What somebody should look at.
fn notices(screen: &Screen) -> Vec<Line<'static>> {
    let stale = screen.stale.iter().map(|what| what.trim_start_matches("error: ").to_owned());
    let waits = (!screen.cluster.waits.is_empty()).then(|| screen.cluster.waits.clone());
    let of_jobs =
        screen.jobs.iter().flat_map(|job| table::notices(job).map(move |what| format!("{}: {what}", job.name)));
    let all = stale.chain(waits).chain(of_jobs);
    all.map(|what| Line::styled(what, Style::new().fg(Color::Yellow))).collect()
}

fn draw_jobs(frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
    let wide = area.width >= WIDE;
    let mut heads = table::JOBS.to_vec();
    let mut widths = [17, 8, 7, 8, 7, 9, 6, 10].map(Constraint::Length).to_vec();
    widths[0] = Constraint::Min(15);
    if wide {
        heads.extend(["frames", "results", "processes", "workers"]);
        widths.extend([12, 12, 9, 7].map(Constraint::Length));
    }
    let row = |job: &JobStatus| {
        let mut cells = table::job(job, screen.now).to_vec();
        if wide {
            let more =
                [job.frames.to_string(), job.results.to_string(), job.processes.to_string(), job.workers.to_string()];
            cells.extend(more);
        }
        let style = Style::new().fg(colour(&job.state));
        let cells = cells.into_iter().enumerate().map(move |(at, text)| match at {
            1 => cell(at, text).style(style),
            _ => cell(at, text),
        });
        Row::new(cells.collect::<Vec<_>>())
    };
    let head = Row::new(heads.into_iter().enumerate().map(|(at, text)| cell(at, text.to_owned()))).style(HEAD);
    frame.render_widget(Table::new(screen.jobs.iter().map(row), widths).header(head).column_spacing(1), area);
}

fn cell(column: usize, text: String) -> Cell<'static> {
    let alignment = if column < table::TEXTS { Alignment::Left } else { Alignment::Right };
    Cell::from(Line::from(text).alignment(alignment))
}

fn colour(state: &str) -> Color {
    match state {
        "running" => Color::Green,
        "failed" => Color::Red,
        "paused" | "draining" => Color::Yellow,
        _ => Color::Reset,
    }
}

/// The processes and the stages: beside each other where there is room.
fn draw_rest(frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
    let (processes, stages) = (processes(screen), stages(screen));
    let [left, right] = match area.width >= WIDE {
        true => Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(3).areas(area),
        false => Layout::vertical([Constraint::Length(processes.len() as u16 + 2), Constraint::Min(0)]).areas(area),
    };
    let heads = ["process", "address", "job", "frames/s", "in flight", "dead", "workers"];
    let widths = [7, 0, 15, 8, 9, 6, 7];
    draw_table(frame, left, (heads, widths, 3), processes);
    let heads = ["job", "stage", "busy", "queue", "a frame"];
    draw_table(frame, right, (heads, [0, 15, 6, 7, 8], 2), stages);
}

/// A table whose column of width 0 takes what is left, and of which so many columns stand on the left.
fn draw_table<const N: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    (heads, widths, texts): ([&'static str; N], [u16; N], usize),
    rows: Vec<[String; N]>,
) {
    if rows.is_empty() {
        return;
    }
    let wide = widths.iter().position(|width| *width == 0).unwrap_or_default();
    let rows = fitting(rows, area.height.saturating_sub(1).into(), wide);
    let on = |at: usize| if at < texts { 0 } else { table::TEXTS };
    let cells = |row: [String; N]| {
        Row::new(row.into_iter().enumerate().map(|(at, text)| cell(on(at), text)).collect::<Vec<_>>())
    };
    let widths = widths.map(|width| if width == 0 { Constraint::Min(8) } else { Constraint::Length(width) });
    let head = cells(heads.map(str::to_owned)).style(HEAD);
    frame.render_widget(Table::new(rows.into_iter().map(cells), widths).header(head).column_spacing(1), area);
}

/// The rows that fit; the last of them says in its wide column how many do not.
fn fitting<const N: usize>(mut rows: Vec<[String; N]>, room: usize, wide: usize) -> Vec<[String; N]> {
    if rows.len() > room && room > 0 {
        let more = rows.len() - (room - 1);
        rows.truncate(room - 1);
        let mut last = [const { String::new() }; N];
        last[wide] = format!("… and {more} more");
        rows.push(last);
    }
    rows
}

/// A row for each process that is away or idle, and for each job of one that works.
fn processes(screen: &Screen) -> Vec<[String; 7]> {
    let row = |process: &crate::api::ProcessStatus| {
        let (index, address) = (process.index.to_string(), process.address.clone());
        let shares = screen.jobs.iter().flat_map(|job| job.shares.iter().map(move |share| (job, share)));
        let shares = shares.filter(|(_, share)| share.process == process.index).map(|(job, share)| {
            let numbers = [share.in_flight, share.dead, share.workers as u64].map(|number| number.to_string());
            let [in_flight, dead, workers] = numbers;
            [index.clone(), address.clone(), job.name.clone(), format!("{:.1}", share.rate), in_flight, dead, workers]
        });
        let rows: Vec<_> = shares.collect();
        let state = if process.present { "idle" } else { "away" };
        let alone = [index, address, state.into(), String::new(), String::new(), String::new(), String::new()];
        if rows.is_empty() { vec![alone] } else { rows }
    };
    screen.cluster.processes.iter().flat_map(row).collect()
}

fn stages(screen: &Screen) -> Vec<[String; 5]> {
    let row = |(job, stage): (&JobStatus, &crate::api::Stage)| {
        let busy = format!("{:.0} %", stage.busy * 100.0);
        [job.name.clone(), stage.name.clone(), busy, stage.queue.to_string(), milliseconds(stage.mean_ms)]
    };
    screen.jobs.iter().flat_map(|job| job.stages.iter().map(move |stage| row((job, stage)))).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::api::{ClusterStatus, ProcessStatus, Share, Stage};

    fn screen() -> Screen {
        let process = |index: usize| ProcessStatus {
            index,
            address: format!("room-{index}:2101"),
            present: index < 2,
            http: format!("room-{index}:2201"),
            leader: index == 0,
        };
        let share = |process| Share { process, workers: 2, frames: 100, rate: 14.96, in_flight: 6, dead: 1 };
        let job = JobStatus {
            name: "room".into(),
            state: "running".into(),
            since: "2026-11-21T08:30:00Z".into(),
            generation: 7,
            processes: 2,
            workers: 4,
            frames: 123_456_789,
            results: 123_456_000,
            dead: 2,
            in_flight: 12,
            rate: 29.94,
            p95_ms: 41.0,
            waiting: vec!["waiting for kafka (results): connection refused, 3 s".into()],
            shares: vec![share(0), share(1)],
            stages: vec![Stage { name: "infer".into(), busy: 0.914, queue: 3, mean_ms: 12.2 }],
            ..JobStatus::default()
        };
        let failed = JobStatus {
            name: "hall".into(),
            state: "failed".into(),
            reason: "no model".into(),
            ..JobStatus::default()
        };
        let cluster = ClusterStatus {
            processes: (0..3).map(process).collect(),
            generation: Some(7),
            members: vec![0, 1],
            since: "2026-11-21T08:31:00Z".into(),
            waits: "process 2 (room-2:2101) is away".into(),
            jobs: 2,
            ..ClusterStatus::default()
        };
        let now = crate::clock::parse("2026-11-21T08:33:05Z").expect("a moment");
        Screen { cluster, jobs: vec![job, failed], place: "localhost:2201".into(), stale: None, now }
    }

    fn drawn(screen: &Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
        terminal.draw(|frame| draw(frame, screen)).expect("nothing to fail");
        let buffer = terminal.backend().buffer();
        let line = |row: u16| (0..width).map(|column| buffer[(column, row)].symbol()).collect::<String>();
        (0..height).map(|row| line(row).trim_end().to_owned() + "\n").collect()
    }

    /// Catches a column that is cut off where a terminal is narrow.
    #[test]
    fn all_of_it_fits_eighty_columns() {
        let expected = "\
vigie   generation 7 for 2 min   2 of 3 processes   process 0 leads   2 jobs
process 2 (room-2:2101) is away
room: waiting for kafka (results): connection refused, 3 s
hall: no model

name               state      since frames/s     p95 in flight   dead generation
room               running    3 min     29.9   41 ms        12      2          7
hall               failed         -      0.0       -         0      0          -

process address                job             frames/s in flight   dead workers
0       room-0:2101            room                15.0         6      1       2
1       room-1:2101            room                15.0         6      1       2
2       room-2:2101            away

job                                      stage             busy   queue  a frame
room                                     infer             91 %       3    12 ms

q leaves   at localhost:2201
";
        let found = drawn(&screen(), 80, 18);
        assert_eq!(found, expected, "{found}");
    }

    /// Catches rows that are left out and nobody knows of.
    #[test]
    fn what_does_not_fit_is_counted() {
        let mut screen = screen();
        let stage = |number: usize| Stage { name: format!("stage-{number}"), ..Stage::default() };
        screen.jobs[0].stages = (0..9).map(stage).collect();
        for height in [18, 22] {
            let drawn = drawn(&screen, 80, height);
            let shown = drawn.matches("stage-").count();
            assert!(shown > 0 && drawn.contains(&format!("… and {} more", 9 - shown)), "{drawn}");
        }
    }

    /// Catches a wide terminal that shows no more than a narrow one.
    #[test]
    fn two_hundred_columns_are_used() {
        let drawn = drawn(&screen(), 200, 20);
        let line = |word: &str| drawn.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{drawn}"));
        assert!(line("frames/s     p95").ends_with("frames      results processes workers"), "{drawn}");
        assert!(line("29.9").ends_with("123456789    123456000         2       4"), "{drawn}");
        assert!(line("room-0").contains("infer"), "stages stand beside processes:\n{drawn}");
    }

    /// Catches a screen that panics where there is no room, or nothing to show.
    #[test]
    fn any_size_is_drawn() {
        for (width, height) in [(1, 1), (10, 3), (79, 5), (120, 2), (500, 100)] {
            drawn(&screen(), width, height);
            drawn(&Screen { stale: Some("error: no process answers".into()), ..Screen::default() }, width, height);
        }
    }
}
