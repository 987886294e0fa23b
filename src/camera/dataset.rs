//! A labelled data set: pictures of rendered cameras, and where the people in them are.

use std::fs;
use std::io::BufWriter;
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;

use super::Labels;
use crate::mistake::Mistake;
use crate::sources::synthetic::Cameras;
use crate::truth::{Person, Truth};

/// A picture of the data set.
struct Entry {
    file: String,
    size: (u32, u32),
    truth: Truth,
}

/// Writes `count` pictures and their labels into `dir`.
///
/// # Errors
/// A [`Mistake`] where the folder is not empty: nothing is overwritten.
pub fn write(dir: &Path, labels: Labels, cameras: &Cameras, count: u64) -> anyhow::Result<()> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        let shown = dir.display();
        return Err(
            Mistake::new(format!("{shown} is not empty, and nothing is overwritten: name another --dir")).into()
        );
    }
    let images = dir.join("images");
    fs::create_dir_all(&images).with_context(|| format!("{} can't be made", images.display()))?;
    let entries = render(&images, cameras, count)?;
    match labels {
        Labels::Coco => coco(dir, &entries)?,
        Labels::Yolo => yolo(dir, &entries)?,
    }
    let persons: usize = entries.iter().map(|entry| entry.truth.persons.len()).sum();
    println!("{} pictures with {persons} persons in {}", entries.len(), dir.display());
    Ok(())
}

/// Renders on all cores, camera by camera: a place is painted once, and only a few are in memory.
fn render(images: &Path, cameras: &Cameras, count: u64) -> anyhow::Result<Vec<Entry>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let part = |first: usize| -> anyhow::Result<Vec<Entry>> {
        let mine = (0..cameras.count()).skip(first).step_by(threads);
        let mut entries = Vec::new();
        for camera in mine {
            entries.append(&mut of_camera(images, cameras, camera, count)?);
        }
        Ok(entries)
    };
    let parts = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn({
                    let part = &part;
                    move || part(first)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("rendering does not panic"))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut entries: Vec<_> = parts.into_iter().flatten().collect();
    entries.sort_by_key(|entry| (entry.truth.camera, entry.truth.number));
    Ok(entries)
}

/// The pictures of one camera: its share of all, the first cameras one more where it does not come out even.
fn of_camera(images: &Path, cameras: &Cameras, camera: u32, count: u64) -> anyhow::Result<Vec<Entry>> {
    let all = u64::from(cameras.count());
    let mine = count / all + u64::from(u64::from(camera) < count % all);
    let (view, name) = (cameras.view(camera), cameras.name(camera));
    let entry = |at: u64| {
        let number = cameras.number(at).0;
        let (jpeg, truth) = view.frame(number);
        let file = format!("{name}-{number:06}.jpg");
        let path = images.join(&file);
        fs::write(&path, jpeg).with_context(|| format!("{} can't be written", path.display()))?;
        Ok(Entry { file, size: view.size(), truth })
    };
    (0..mine).map(entry).collect()
}

/// COCO's form (cocodataset.org, "Data format"), with the visible share of each person beside the box.
fn coco(dir: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    let image = |(id, entry): (usize, &Entry)| {
        let (Entry { file, size: (width, height), truth }, id) = (entry, id + 1);
        let Truth { seed, camera, number, scene, .. } = truth;
        json!({ "id": id, "file_name": file, "width": width, "height": height,
                "seed": seed, "camera": camera, "number": number, "scene": scene })
    };
    let persons = entries
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| entry.truth.persons.iter().map(move |person| (at + 1, person)));
    let annotation = |(id, (image, person)): (usize, (usize, &Person))| {
        let Person { area, pixels, visible } = person;
        json!({ "id": id + 1, "image_id": image, "category_id": 1, "bbox": area, "area": pixels, "iscrowd": 0,
                "visible": (f64::from(*visible) * 1000.0).round() / 1000.0 })
    };
    let annotations: Vec<_> = persons.enumerate().map(annotation).collect();
    let images: Vec<_> = entries.iter().enumerate().map(image).collect();
    let description = "Rendered by vigie camera --synthetic; file names are relative to images/";
    let all = json!({ "info": { "description": description }, "images": images, "annotations": annotations,
                      "categories": [{ "id": 1, "name": "person" }] });
    save(&dir.join("annotations.json"), &all)
}

fn save(path: &Path, what: &impl Serialize) -> anyhow::Result<()> {
    let file = fs::File::create(path).with_context(|| format!("{} can't be written", path.display()))?;
    Ok(serde_json::to_writer(BufWriter::new(file), what)?)
}

/// One text a picture: `class cx cy w h`, in shares of the picture. It has no word for "neither right nor wrong", so only
/// who counts is in it.
fn yolo(dir: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    let labels = dir.join("labels");
    fs::create_dir_all(&labels)?;
    fs::write(dir.join("classes.txt"), "person\n")?;
    for Entry { file, size: (width, height), truth } in entries {
        let (width, height) = (*width as f32, *height as f32);
        let line = |Person { area: [x, y, w, h], .. }: &Person| {
            format!("0 {:.6} {:.6} {:.6} {:.6}\n", (x + w / 2.0) / width, (y + h / 2.0) / height, w / width, h / height)
        };
        let text: String = truth.persons.iter().filter(|person| person.counts()).map(line).collect();
        let path = labels.join(file).with_extension("txt");
        fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}
