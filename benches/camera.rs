//! How fast one thread renders a camera: 640×480, with the JPEG and the truth in it.

use std::time::Instant;

use vigie::sources::synthetic::View;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cameras of each kind of place, and frames of each camera.
const CAMERAS: u64 = 5;
const FRAMES: u64 = 60;

fn main() {
    let mut all = 0.0;
    for place in 0..4 {
        let views: Vec<_> = (0..CAMERAS).map(|camera| View::new(3, camera * 4 + place, (640, 480), None)).collect();
        let (start, mut bytes, mut persons) = (Instant::now(), 0, 0);
        for view in &views {
            for number in 0..FRAMES {
                let (jpeg, truth) = view.frame(number * 9);
                bytes += jpeg.len() as u64;
                persons += truth.persons.len() as u64;
            }
        }
        let (count, seconds) = (CAMERAS * FRAMES, start.elapsed().as_secs_f64());
        all += seconds;
        let scene = views[0].frame(0).1.scene;
        let (size, crowd) = (bytes / count / 1000, persons as f64 / count as f64);
        println!("{scene:>9}: {:>4.0} frames/s, {size} kB and {crowd:.1} persons a frame", count as f64 / seconds);
    }
    println!("      all: {:>4.0} frames/s on one thread (goal 150)", (4 * CAMERAS * FRAMES) as f64 / all);
}
