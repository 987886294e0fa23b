//! A rehearsal as one HTML page, with the pictures inside: it can be sent to somebody.

use std::fmt::Write as _;

use base64_simd::STANDARD;

use super::Rehearsed;
use super::scenes::{End, Scene};
use super::text::{ends, found};
use crate::job::Job;

/// The page's file.
pub const NAME: &str = "index.html";

/// By which the page is known again.
pub const MARK: &str = "<meta name=\"generator\" content=\"vigie try\">";

const STYLE: &str = "\
body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#223;background:#fff}\
h2{margin:2rem 0 .5rem}section{display:flex;gap:1rem;flex-wrap:wrap}\
article{border:1px solid #ccd;border-radius:6px;padding:.7rem;max-width:22rem;overflow-wrap:anywhere}\
article.gone{background:#f6f3e8}article.fault{background:#fbeaea}\
img{max-width:100%;max-height:16rem;display:block}\
h3{margin:0 0 .4rem;font-size:1rem}p,pre{margin:.3rem 0}pre{font-size:12px;white-space:pre-wrap}small{color:#667}\
@media(prefers-color-scheme:dark){body{background:#181a1f;color:#dde}article{border-color:#444}\
article.gone{background:#2c2a1f}article.fault{background:#3a2224}}";

/// The page.
pub fn written(job: &Job, all: &[Rehearsed]) -> String {
    let name = escaped(&job.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">{MARK}<meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n"
    );
    for rehearsed in all {
        write!(page, "<h2>{}</h2>\n<section>\n", escaped(&rehearsed.name)).expect("a string takes all");
        rehearsed.scenes.iter().for_each(|scene| page += &article(scene, &rehearsed.name));
        page += "</section>\n";
        for line in ends(job, &rehearsed.outcome) {
            writeln!(page, "<p>→ {}</p>", escaped(&line)).expect("a string takes all");
        }
    }
    page + "</body></html>\n"
}

fn article(scene: &Scene, name: &str) -> String {
    let (class, said) = match &scene.end {
        End::On => ("on", String::new()),
        End::LetGo => ("gone", "<p><b>is let go here</b></p>".to_owned()),
        End::Fault(why) => ("fault", format!("<p><b>{}</b></p>", escaped(why))),
    };
    let piece = scene.id.strip_prefix(name).filter(|rest| !rest.is_empty());
    let piece = piece.map(|rest| format!(" <small>piece {}</small>", escaped(&rest[1..]))).unwrap_or_default();
    let mut text = format!("<article class=\"{class}\"><h3>{}{piece}</h3>\n", escaped(&scene.part));
    if let Some((image, media)) = &scene.image {
        let data = STANDARD.encode_to_string(image);
        writeln!(text, "<img alt=\"after {}\" src=\"data:{media};base64,{data}\">", escaped(&scene.part))
            .expect("a string takes all");
    }
    text += &said;
    text += &facts(scene);
    text + "</article>\n"
}

fn facts(scene: &Scene) -> String {
    let mut text = String::new();
    let size = scene.size.map(|[width, height]| format!("{width}×{height}"));
    let times = scene.times.iter().map(|(stage, time)| format!("{stage} {time:.1} ms"));
    let small: Vec<_> = size.into_iter().chain(times).collect();
    if !small.is_empty() {
        writeln!(text, "<p><small>{}</small></p>", small.join(", ")).expect("a string takes all");
    }
    if !scene.detections.is_empty() {
        let all = scene.detections.iter().map(|found| format!("{} {:.2}", found.label, found.score));
        let all = all.collect::<Vec<_>>().join(", ");
        writeln!(text, "<p>{}<br><small>{}</small></p>", escaped(&found(scene)), escaped(&all))
            .expect("a string takes all");
    }
    if !scene.values.is_empty() {
        let json = serde_json::to_string_pretty(&scene.values).expect("values are plain data with text for keys");
        writeln!(text, "<pre>{}</pre>", escaped(&json)).expect("a string takes all");
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
