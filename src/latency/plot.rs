//! The latencies of each level as curves: of how many frames of a hundred it was at most so much.

use std::fs;
use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, anyhow};
use image::RgbImage;
use image::imageops::{FilterType, resize};
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints as _, IntoLogRange as _, LogCoord, WithKeyPoints};
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::register_font;

use super::compare::Old;
use super::table::{Measure, QUANTILES, quantile};

/// Width and height of the picture in pixels, without the legend.
const SIZE: (u32, u32) = (1000, 580);

/// Height of a row of the legend, and where its columns begin.
const ROW: u32 = 24;
const COLUMNS: [u32; 5] = [76, 114, 330, 460, 590];

/// The PNG is drawn so many times as large, and made smaller: its lines are smooth then.
const SMOOTH: u32 = 3;

/// Points of a curve at most: more are not seen, and make the SVG large.
const POINTS: usize = 600;

/// Colours that everybody can tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(70, 70, 70),
];

const INK: RGBColor = RGBColor(50, 50, 50);
const GUIDE: RGBColor = RGBColor(150, 150, 150);
const GRID: RGBColor = RGBColor(232, 232, 232);

/// One curve.
struct Curve {
    label: String,
    /// Milliseconds, from the least to the greatest; at least one.
    totals: Vec<f64>,
    colour: RGBColor,
    /// Of another time: dashed.
    old: bool,
}

/// Draws `latency.png` and `latency.svg` into `folder`.
///
/// # Errors
/// They can't be written, in words.
pub fn write(folder: &Path, job: &str, new: &[Measure], old: &[Old]) -> anyhow::Result<()> {
    let curves = curves(new, old);
    let (png, svg) = (folder.join("latency.png"), folder.join("latency.svg"));
    image(job, &curves)?.save(&png).with_context(|| format!("can't write {}", png.display()))?;
    fs::write(&svg, vectors(job, &curves)?).with_context(|| format!("can't write {}", svg.display()))
}

fn curves(new: &[Measure], old: &[Old]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (index, measure) in new.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let before = old.iter().find(|old| old.level == measure.level);
        let before = before.map(|old| (format!("{}, before", name(&old.level)), old.totals.clone(), true));
        let now = (name(&measure.level), measure.totals(), false);
        let both = before.into_iter().chain([now]);
        curves.extend(both.map(|(label, totals, old)| Curve { label, totals, colour, old }));
    }
    curves.retain(|curve| !curve.totals.is_empty());
    curves
}

/// What a level is called in the legend.
fn name(level: &str) -> String {
    match level.parse::<f64>() {
        Ok(_) => format!("{level} frames/s"),
        Err(_) => level.to_owned(),
    }
}

/// The picture with its legend.
fn size(curves: &[Curve]) -> [u32; 2] {
    [SIZE.0, SIZE.1 + ROW * (curves.len() as u32 + 1)]
}

fn image(job: &str, curves: &[Curve]) -> anyhow::Result<RgbImage> {
    let (small, large) = (size(curves), size(curves).map(|side| side * SMOOTH));
    let [width, height] = large;
    let mut pixels = vec![0; (width * height * 3) as usize];
    let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    draw(&area, SMOOTH, job, curves).map_err(undrawn)?;
    drop(area);
    let large = RgbImage::from_raw(width, height, pixels).expect("three bytes a pixel");
    Ok(resize(&large, small[0], small[1], FilterType::Triangle))
}

fn vectors(job: &str, curves: &[Curve]) -> anyhow::Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size(curves).into()).into_drawing_area();
    draw(&area, 1, job, curves).map_err(undrawn)?;
    drop(area);
    Ok(svg)
}

fn undrawn(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the curves can't be drawn: {error}")
}

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;
type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<WithKeyPoints<LogCoord<f64>>, RangedCoordf64>>;

/// Text of a height, where all lengths are `scale` times as long.
fn text(size: u32, scale: u32) -> TextStyle<'static> {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        let registered = register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
        assert!(registered.is_ok(), "the bundled font is a font");
    });
    ("sans-serif", size * scale).into_font().color(&INK)
}

fn draw<B: DrawingBackend>(area: &Area<B>, scale: u32, job: &str, curves: &[Curve]) -> Drawn<B> {
    area.fill(&WHITE)?;
    let (above, below) = area.split_vertically(SIZE.1 * scale);
    legend(&below, scale, curves)?;
    let mut chart = ChartBuilder::on(&above)
        .caption(format!("{job}: how late its results are"), text(24, scale))
        .margin(14 * scale)
        .margin_right(34 * scale)
        .x_label_area_size(48 * scale)
        .y_label_area_size(62 * scale)
        .build_cartesian_2d(range(curves).log_scale().with_key_points(ticks(range(curves))), 0.0..100.0)?;
    axes(&mut chart, scale)?;
    guides(&mut chart, scale, curves)?;
    for curve in curves {
        line(&mut chart, scale, curve)?;
        marks(&mut chart, scale, curve)?;
    }
    area.present()
}

fn axes<B: DrawingBackend>(chart: &mut Chart<'_, B>, scale: u32) -> Drawn<B> {
    chart
        .configure_mesh()
        .x_desc("milliseconds from when a frame was to be sent until it was done (log scale)")
        .y_desc("share of the frames")
        .axis_desc_style(text(16, scale))
        .label_style(text(14, scale))
        .x_label_formatter(&|ms| format!("{ms}"))
        .y_label_formatter(&|share| format!("{share:.0} %"))
        .y_labels(11)
        .bold_line_style(GRID.stroke_width(scale))
        .light_line_style(WHITE)
        .set_all_tick_mark_size(6 * scale)
        .axis_style(GUIDE.stroke_width(scale))
        .draw()
}

/// What lies around all latencies, from 1, 2 or 5 times a power of ten to another.
fn range(curves: &[Curve]) -> std::ops::Range<f64> {
    let all = || curves.iter().flat_map(|curve| curve.totals.first().into_iter().chain(curve.totals.last()));
    // A microsecond is the least that is measured, and a logarithm has no zero.
    let least = all().copied().fold(f64::INFINITY, f64::min).clamp(1e-3, 1e9);
    let most = all().copied().fold(f64::NEG_INFINITY, f64::max).clamp(1e-3, 1e9);
    let (low, high) = if curves.is_empty() { (1.0, 1000.0) } else { (least, most) };
    let below = steps().rfind(|step| *step < low).unwrap_or(1e-4);
    let above = steps().find(|step| *step > high).unwrap_or(1e10);
    below..above
}

/// 1, 2 and 5 times the powers of ten.
fn steps() -> impl DoubleEndedIterator<Item = f64> {
    (-4..=10).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
}

/// Where the axis has its numbers: at the powers of ten alone where it is long.
fn ticks(range: std::ops::Range<f64>) -> Vec<f64> {
    const MOST: usize = 16;
    let inside: Vec<_> = steps().filter(|step| (range.start..=range.end).contains(step)).collect();
    match inside.len() > MOST {
        true => inside.into_iter().filter(|step| step.log10().fract().abs() < 1e-9).collect(),
        false => inside,
    }
}

/// The lines of the quantiles.
fn guides<B: DrawingBackend>(chart: &mut Chart<'_, B>, scale: u32, curves: &[Curve]) -> Drawn<B> {
    let range = range(curves);
    for q in QUANTILES {
        let y = q * 100.0;
        let points = [(range.start, y), (range.end, y)];
        let style = GUIDE.stroke_width(scale);
        chart.draw_series(DashedLineSeries::new(points, 3 * scale as i32, 4 * scale as i32, style))?;
        // 95 and 99 lie close together: one is written below its line, the others above.
        let drop = if q == 0.95 { 3 } else { -15 } * scale as i32;
        let label = EmptyElement::at((range.start, y))
            + Text::new(format!("p{y:.0}"), (6 * scale as i32, drop), text(13, scale));
        chart.draw_series([label])?;
    }
    Ok(())
}

fn line<B: DrawingBackend>(chart: &mut Chart<'_, B>, scale: u32, curve: &Curve) -> Drawn<B> {
    let (style, dash) = (style(curve, scale), 7 * scale as i32);
    match curve.old {
        true => _ = chart.draw_series(DashedLineSeries::new(points(&curve.totals), dash, dash / 2, style))?,
        false => _ = chart.draw_series(LineSeries::new(points(&curve.totals), style))?,
    }
    Ok(())
}

/// One row a curve, below the axis where no curve is: what it is of, and its quantiles.
fn legend<B: DrawingBackend>(area: &Area<B>, scale: u32, curves: &[Curve]) -> Drawn<B> {
    let at = |column: usize, y: i32| ((COLUMNS[column] * scale) as i32, y);
    for (row, curve) in curves.iter().enumerate() {
        let (top, style) = ((row as u32 * ROW * scale) as i32, style(curve, scale));
        let (middle, dash) = (top + 8 * scale as i32, 7 * scale as i32);
        let line = [at(0, middle), (at(0, 0).0 + 4 * dash, middle)];
        match curve.old {
            true => area.draw(&DashedPathElement::new(line, dash, dash / 2, style))?,
            false => area.draw(&PathElement::new(line, style))?,
        }
        area.draw(&Text::new(curve.label.clone(), at(1, top), text(16, scale)))?;
        for (column, q) in (2..).zip(QUANTILES) {
            let ms = quantile(&curve.totals, q).expect("a curve has a frame");
            let told = format!("p{:.0}  {} ms", q * 100.0, short(ms));
            area.draw(&Text::new(told, at(column, top), text(16, scale)))?;
        }
    }
    Ok(())
}

fn style(curve: &Curve, scale: u32) -> ShapeStyle {
    let opacity = if curve.old { 0.65 } else { 1.0 };
    ShapeStyle { color: curve.colour.mix(opacity), filled: false, stroke_width: 2 * scale }
}

/// Three digits of a number.
fn short(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2}"),
        ms if ms < 100.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

/// A curve goes up with each frame, from none to all of them.
fn points(totals: &[f64]) -> Vec<(f64, f64)> {
    let count = totals.len();
    let every = count.div_ceil(POINTS).max(1);
    // The last frames are the ones that one looks for: each of them is there.
    let tail = count - count.min(count / 50 + 1);
    let shown = (0..count).filter(|at| at % every == 0 || *at >= tail);
    let steps = shown.map(|at| (totals[at].max(1e-3), 100.0 * (at + 1) as f64 / count as f64));
    [(totals[0].max(1e-3), 0.0)].into_iter().chain(steps).collect()
}

/// A dot at each quantile.
fn marks<B: DrawingBackend>(chart: &mut Chart<'_, B>, scale: u32, curve: &Curve) -> Drawn<B> {
    let radius = if curve.old { 3 } else { 5 } * scale;
    for q in QUANTILES {
        let at = (quantile(&curve.totals, q).expect("a curve has a frame").max(1e-3), q * 100.0);
        chart.draw_series([
            Circle::new(at, radius, WHITE.filled()),
            Circle::new(at, radius - scale, curve.colour.filled()),
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::measure;
    use super::*;

    /// Latencies of a queue: most are short, few are long.
    fn queue(count: usize, typical: f64) -> Vec<f64> {
        let share = |at: usize| (at as f64 + 0.5) / count as f64;
        (0..count).map(|at| typical * (0.6 - 0.5 * (1.0 - share(at)).ln())).collect()
    }

    /// Catches a picture that is not there or is empty, curves that stand for nothing, and an old curve without its level.
    #[test]
    fn curves_are_drawn_as_pixels_and_as_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let new =
            [measure("5", &queue(300, 20.0)), measure("20", &queue(1200, 30.0)), measure("80", &queue(4800, 400.0))];
        let old = [
            Old { level: "20".to_owned(), totals: queue(1200, 45.0) },
            Old { level: "7".to_owned(), totals: queue(9, 9.0) },
        ];
        write(folder.path(), "room", &new, &old).expect("they are drawn");
        let picture = image::open(folder.path().join("latency.png")).expect("a picture").to_rgb8();
        assert_eq!(picture.dimensions(), (SIZE.0, SIZE.1 + 5 * ROW), "three curves, and an old one");
        for colour in &COLOURS[..3] {
            let near = |pixel: &&image::Rgb<u8>| {
                let is = [colour.0, colour.1, colour.2];
                pixel.0.iter().zip(is).all(|(value, wanted)| value.abs_diff(wanted) < 12)
            };
            assert!(picture.pixels().filter(near).count() > 300, "{colour:?} is hardly seen");
        }
        let svg = fs::read_to_string(folder.path().join("latency.svg")).expect("lines");
        for words in
            ["room: how late its results are", "5 frames/s", "20 frames/s, before", "p95  ", "share of the frames"]
        {
            assert!(svg.contains(words), "{words}");
        }
        assert!(!svg.contains("7 frames/s"), "an old level that is not measured now");
    }

    /// Catches levels of which nothing came, or whose frames all took as long, that end in a panic.
    #[test]
    fn little_is_drawn_too() {
        let folder = tempfile::tempdir().expect("a folder");
        for totals in [&[][..], &[0.0][..], &[7.0, 7.0][..], &[1e300][..]] {
            write(folder.path(), "room", &[measure("5", totals)], &[]).expect("it is drawn");
        }
    }

    /// Catches a curve that leaves out its worst frames, or does not reach the top.
    #[test]
    fn a_curve_ends_with_the_worst_frame() {
        let totals = queue(100_000, 10.0);
        let points = points(&totals);
        assert!(points.len() < POINTS + 100_000 / 50 + 3, "{}", points.len());
        assert_eq!(points.first().map(|point| point.1), Some(0.0));
        assert_eq!(points.last().copied(), totals.last().map(|worst| (*worst, 100.0)));
    }
}
