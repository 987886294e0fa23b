//! A rehearsal as one HTML page, with the pictures inside: it can be sent to somebody.

use std::fmt::Write as _;

use base64_simd::STANDARD;

use super::Rehearsed;
use super::delivery::Ending;
use super::scenes::{End, Scene};
use super::text::{found, piece};
use crate::job::Job;

/// The page's file.
pub const NAME: &str = "index.html";

/// By which the page is known again.
pub const MARK: &str = "<meta name=\"generator\" content=\"vigie try\">";

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn written(job: &Job, all: &[Rehearsed]) -> String {
    let name = escaped(&job.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">{MARK}<meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n"
    );
    for rehearsed in all {
        let total = milliseconds(&rehearsed.scenes.iter().collect::<Vec<_>>());
        writeln!(page, "<h2>{} <small>{total}</small></h2>\n<ol>", escaped(&rehearsed.name))
            .expect("a string takes all");
        groups(&rehearsed.scenes).iter().for_each(|scenes| page += &step(job, scenes, &rehearsed.name));
        page += "</ol>\n";
        page += &ending(&rehearsed.ending);
    }
    page + "</body></html>\n"
}

/// The scenes of each part together, in the order in which the first picture came through: a branch with both of its ways.
fn groups(scenes: &[Scene]) -> Vec<Vec<&Scene>> {
    let mut groups: Vec<Vec<&Scene>> = Vec::new();
    for scene in scenes {
        match groups.iter_mut().find(|group| group[0].step() == scene.step()) {
            Some(group) => group.push(scene),
            None => groups.push(vec![scene]),
        }
    }
    groups
}

/// A part with all pictures that came through it.
fn step(job: &Job, scenes: &[&Scene], name: &str) -> String {
    let step = scenes[0].step();
    let does = job.steps.iter().find(|part| part.name == step).map(|part| part.config.describe()).unwrap_or_default();
    let played = scenes.iter().find_map(|scene| scene.played_by.as_deref());
    let played = played.map(|file| format!(" <b>answered by {}</b>", escaped(file))).unwrap_or_default();
    let head = format!("<h3>{} <small>{}</small></h3>", escaped(step), milliseconds(scenes));
    let mut text = format!("<li>{head}<p class=\"does\">{}{played}</p>\n<section>\n", escaped(&does));
    scenes.iter().for_each(|scene| text += &article(scene, name));
    text + "</section></li>\n"
}

fn milliseconds(scenes: &[&Scene]) -> String {
    let all: f64 = scenes.iter().flat_map(|scene| &scene.times).map(|(_, time)| time).sum();
    if all > 0.0 { format!("{all:.1} ms") } else { String::new() }
}

fn article(scene: &Scene, name: &str) -> String {
    let (class, said) = match &scene.end {
        End::On => ("on", String::new()),
        End::LetGo => ("gone", "<p class=\"end\">is let go here</p>".to_owned()),
        End::Fault(why) => ("fault", format!("<p class=\"end\">{}</p>", escaped(why))),
    };
    let piece = piece(scene, name).map(|piece| format!("piece {}", escaped(piece)));
    let way = scene.way.as_ref().map(|way| format!("<mark>→ {}</mark>", escaped(way)));
    let head: Vec<_> = piece.into_iter().chain(way).collect();
    let mut text = format!("<article class=\"{class}\">");
    if !head.is_empty() {
        write!(text, "<h4>{}</h4>", head.join(" ")).expect("a string takes all");
    }
    text += &picture(scene);
    text += &said;
    text += &facts(scene);
    text + "</article>\n"
}

/// The picture with what this step found in it.
fn picture(scene: &Scene) -> String {
    let Some((image, media)) = &scene.image else { return String::new() };
    let data = STANDARD.encode_to_string(image);
    let part = escaped(&scene.part);
    format!("<figure><img alt=\"after {part}\" src=\"data:{media};base64,{data}\">{}</figure>\n", boxes(scene))
}

fn boxes(scene: &Scene) -> String {
    let own: Vec<_> = scene.detections.iter().filter(|found| *found.by == *scene.part).collect();
    let Some([width, height]) = scene.size.filter(|_| !own.is_empty()) else { return String::new() };
    let mut text = format!("<svg viewBox=\"0 0 {width} {height}\">");
    for found in own {
        let ([x, y, width, height], label) = (found.area, escaped(&found.label));
        write!(
            text,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"><title>{label} {:.2}</title></rect>",
            found.score
        )
        .expect("a string takes all");
    }
    text + "</svg>"
}

fn facts(scene: &Scene) -> String {
    let mut text = String::new();
    let size = scene.size.map(|[width, height]| format!("{width}×{height}"));
    let times = scene.times.iter().map(|(stage, time)| format!("{stage} {time:.1} ms"));
    let small: Vec<_> = size.into_iter().chain(times).collect();
    if !small.is_empty() {
        writeln!(text, "<p><small>{}</small></p>", small.join(" · ")).expect("a string takes all");
    }
    if !scene.detections.is_empty() {
        let all = scene.detections.iter().map(|found| format!("{} {:.2}", found.label, found.score));
        let all = all.collect::<Vec<_>>().join(", ");
        writeln!(
            text,
            "<details><summary>{}</summary><small>{}</small></details>",
            escaped(&found(scene)),
            escaped(&all)
        )
        .expect("a string takes all");
    }
    if !scene.values.is_empty() {
        text += "<dl>";
        for (name, value) in &scene.values {
            write!(text, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&value.to_string()))
                .expect("a string takes all");
        }
        text += "</dl>\n";
    }
    text
}

/// What the sinks would do.
fn ending(ending: &Ending) -> String {
    let mut text = String::from("<ul>\n");
    for delivery in &ending.deliveries {
        let class = if delivery.is_refused { " class=\"fault\"" } else { "" };
        writeln!(text, "<li{class}><b>{}</b> {}</li>", escaped(&delivery.sink), escaped(&delivery.said))
            .expect("a string takes all");
    }
    let class = if ending.is_dead { "fault" } else { "done" };
    text + &format!("<li class=\"{class}\">{}</li>\n</ul>\n", escaped(&ending.said))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
