//! The plots: bars of what each contender costs, and curves of how late its results are.

use std::fs;
use std::path::Path;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use operators::UnixMillis;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use std::time::Duration;
use vigie::latency::plot;
use vigie::latency::rows::{RESULT, Row as Late};
use vigie::latency::table::Measure;

use crate::table::{self, Row};

/// Width of a picture, and height of a bar with its space, in pixels.
const WIDTH: u32 = 900;
const BAR: u32 = 34;

/// Pixels above the bars, and at their left.
const TOP: u32 = 56;
const LEFT: u32 = 130;

/// A picture is drawn so many times as large, and made smaller: its lines are smooth then.
const SMOOTH: u32 = 3;

const OURS: RGBColor = RGBColor(0, 114, 178);
const OTHERS: RGBColor = RGBColor(150, 150, 150);
const INK: RGBColor = RGBColor(50, 50, 50);

/// The figures that are drawn: lane, figure, file, and what stands above.
const BARS: [(&str, &str, &str, &str); 3] = [
    ("A", "CPU-seconds a 1,000 frames", "bench-cpu.png", "CPU-seconds for 1,000 frames, no model (lane A)"),
    ("A", "peak memory, MB", "bench-memory.png", "Peak memory in MB while a backlog is drained (lane A)"),
    ("B", "frames/s", "bench-rate.png", "Frames a second through YOLOX-nano (lane B)"),
];

/// Draws the bars of what was measured.
///
/// # Errors
/// A picture can't be drawn or written.
pub fn bars(rows: &[Row]) -> anyhow::Result<()> {
    for (lane, figure, file, title) in BARS {
        let of_figure = rows.iter().filter(|row| row.lane() == lane && row.figure() == figure);
        let bars: Vec<_> = of_figure.filter_map(|row| Some((row.contender(), row.median()?))).collect();
        if !bars.is_empty() {
            chart(&table::folder().join(file), title, &bars)?;
        }
    }
    Ok(())
}

fn chart(path: &Path, title: &str, bars: &[(&str, f64)]) -> anyhow::Result<()> {
    let (width, height) = (WIDTH * SMOOTH, (TOP + BAR * bars.len() as u32 + 12) * SMOOTH);
    let mut pixels = vec![0; (width * height * 3) as usize];
    draw(&mut pixels, (width, height), title, bars).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let large = RgbImage::from_raw(width, height, pixels).expect("three bytes a pixel");
    fs::create_dir_all(table::folder())?;
    Ok(resize(&large, width / SMOOTH, height / SMOOTH, FilterType::Triangle).save(path)?)
}

fn draw(
    pixels: &mut [u8],
    size: (u32, u32),
    title: &str,
    bars: &[(&str, f64)],
) -> Result<(), Box<dyn std::error::Error>> {
    register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).map_err(|_| "no font")?;
    let text = |size: u32| ("sans-serif", size * SMOOTH).into_font().color(&INK);
    let at = |x: f64, y: u32| ((x * f64::from(SMOOTH)) as i32, (y * SMOOTH) as i32);
    let area = BitMapBackend::with_buffer(pixels, size).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title, at(14.0, 14), text(22)))?;
    let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(WIDTH - LEFT - 90);
    for (index, (name, value)) in bars.iter().enumerate() {
        let top = TOP + BAR * index as u32;
        let (left, right) = (f64::from(LEFT), f64::from(LEFT) + room * value / most);
        let colour = if name.starts_with("vigie") { OURS } else { OTHERS };
        area.draw(&Rectangle::new([at(left, top + 4), at(right, top + BAR - 6)], colour.filled()))?;
        let middle = top + BAR / 2 - 1;
        let anchored = |side| text(17).pos(Pos::new(side, VPos::Center));
        area.draw(&Text::new((*name).to_owned(), at(left - 8.0, middle), anchored(HPos::Right)))?;
        area.draw(&Text::new(table::short(*value), at(right + 8.0, middle), anchored(HPos::Left)))?;
    }
    area.present()?;
    Ok(())
}

/// Draws the milliseconds of each contender as curves, as `vigie latency` does.
///
/// # Errors
/// The picture can't be drawn or written.
pub fn latencies(curves: &[(&str, Vec<f64>)]) -> anyhow::Result<()> {
    let measures: Vec<_> = curves.iter().map(|(name, late)| measure(name, late)).collect();
    let folder = table::folder();
    fs::create_dir_all(&folder)?;
    plot::write(&folder, "20 frames a second", &measures, &[])?;
    fs::remove_file(folder.join("latency.svg"))?;
    Ok(fs::rename(folder.join("latency.png"), folder.join("bench-latency.png"))?)
}

fn measure(name: &str, late: &[f64]) -> Measure {
    let row = |total_ms: &f64| Late {
        camera: String::new(),
        id: String::new(),
        intended_at: UnixMillis(0),
        received_at: UnixMillis(0),
        done_at: UnixMillis(0),
        end: RESULT.to_owned(),
        stages: Vec::new(),
        total_ms: *total_ms,
    };
    let rows = late.iter().map(row).collect();
    Measure { level: name.to_owned(), offered: None, took: Duration::ZERO, late: 0, lost: 0, rows }
}
