//! Pieces of pictures in whole jobs: cut out, worked on, collected; with faults, without any piece, and under kills.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;
use vigie::codec::{self, Limits, Pixels};
use vigie::job::Job;
use vigie::plan::Outcome;
use vigie::rehearsal::mock::Mock;
use vigie::rehearsal::{Rehearsed, frame, rehearse};
use vigie::report::Report;

use crate::support::{Broker, Process, detector, files, page, room, shared_turn, wait};

/// A rendered room with persons in it, and one without.
fn pictures() -> [Bytes; 2] {
    let mut found = [None, None];
    for number in 0..400 {
        let (jpeg, truth) = room().frame(number);
        let place = match truth.persons.len() {
            0 => &mut found[1],
            3.. => &mut found[0],
            _ => continue,
        };
        place.get_or_insert(jpeg);
        if let [Some(full), Some(empty)] = &found {
            return [full.clone(), empty.clone()];
        }
    }
    panic!("400 frames of a room without both");
}

/// A job of these tables behind a detector, with sinks that nobody opens.
fn run(tables: &str, picture: Bytes) -> Rehearsed {
    let text = format!(
        "name = 'room'\n[source.in]\nkind = 'synthetic'\n[step.persons]\nkind = 'detect'\nmodel = '{}'\n{tables}",
        detector().display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without I/O");
    let job = Job::parse(&text, Path::new("room.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    job.check(runtime.handle()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let frames = vec![frame(0, "door", 0, "a", picture)];
    let mut all = rehearse(&job, runtime.handle(), &Mock::default(), frames).expect("it opens");
    all.pop().expect("one picture")
}

const SINKS: &str = "[sink.image]\nkind = 'files'\npath = 'whole/{id}.jpg'\nwrite = 'image'\nfrom = 'whole'\n\
                     [sink.told]\nkind = 'files'\npath = 'told/{id}.json'\nwrite = 'report'\nfrom = 'whole'\n";

/// What the sink of that index would be given: each thing by the name of its frame.
fn written(rehearsed: &Rehearsed, sink: usize) -> BTreeMap<String, Bytes> {
    let Outcome::Result(_, parcels, _) = &rehearsed.outcome else { panic!("{:?}", rehearsed.outcome) };
    let of = parcels.iter().filter(|(at, _)| *at == sink);
    of.map(|(_, parcel)| (parcel.frame.id.to_string(), parcel.body.clone())).collect()
}

fn report(rehearsed: &Rehearsed, sink: usize) -> Report {
    serde_json::from_slice(&written(rehearsed, sink)["a"]).expect("a report")
}

fn decoded(bytes: &Bytes) -> Pixels {
    codec::decode(bytes, &Limits::default()).expect("a picture")
}

fn is_grey(pixel: &[u8]) -> bool {
    pixel.iter().max().zip(pixel.iter().min()).is_some_and(|(most, least)| most - least <= 12)
}

/// Catches pieces that are pasted elsewhere, and a picture that is painted on beside them.
#[test]
fn pieces_come_back_to_where_they_were() {
    let tables = "[step.person]\nkind = 'each'\nof = 'persons'\n[step.grey]\nkind = 'grey'\n\
                  [step.whole]\nkind = 'collect'\n";
    let [full, _] = pictures();
    let rehearsed = run(&format!("{tables}{SINKS}"), full.clone());
    let (before, after) = (decoded(&full), decoded(&written(&rehearsed, 0)["a"]));
    let report = report(&rehearsed, 1);
    let list = report.values["person"].as_array().expect("a list");
    assert_eq!(list.len(), report.detections.len(), "a piece for each detection");
    let boxes: Vec<Vec<i64>> = list.iter().map(|piece| serde_json::from_value(piece["box"].clone()).unwrap()).collect();
    // The chroma of a JPEG is shared by blocks of 16: near an edge both colours mix.
    let depth = |x: i64, y: i64| {
        let inside = |b: &Vec<i64>| (x - b[0]).min(y - b[1]).min(b[0] + b[2] - 1 - x).min(b[1] + b[3] - 1 - y);
        boxes.iter().map(inside).max().expect("a person")
    };
    for (at, (was, is)) in before.rgb.chunks_exact(3).zip(after.rgb.chunks_exact(3)).enumerate() {
        let (x, y) = (at as i64 % i64::from(before.width), at as i64 / i64::from(before.width));
        match depth(x, y) {
            16.. => assert!(is_grey(is), "inside of a person at {x}, {y}: {is:?}"),
            ..=-17 => {
                assert!(was.iter().zip(is).all(|(a, b)| a.abs_diff(*b) < 48), "beside at {x}, {y}: {was:?} {is:?}")
            }
            _ => {}
        }
    }
    assert!(before.rgb.chunks_exact(3).filter(|pixel| !is_grey(pixel)).count() > 10_000, "the room has colours");
}

/// Catches a picture without pieces that is lost, and one that changes on its way.
#[test]
fn a_picture_without_pieces_is_collected() {
    let tables = "[step.person]\nkind = 'each'\n[step.grey]\nkind = 'grey'\n[step.whole]\nkind = 'collect'\n";
    let [_, empty] = pictures();
    let rehearsed = run(&format!("{tables}{SINKS}"), empty.clone());
    assert_eq!(written(&rehearsed, 0)["a"], empty, "as it came, to the last byte");
    assert_eq!(report(&rehearsed, 1).values["person"], Value::Array(Vec::new()));
}

/// Catches pieces without a name of their own, and reports that do not say where a piece is from.
#[test]
fn pieces_are_written_under_their_own_names() {
    let tables = "[step.person]\nkind = 'each'\nmargin = 0.1\n[step.thumb]\nkind = 'resize'\nheight = 48\n\
                  [sink.thumbs]\nkind = 'files'\npath = 'thumbs/{id}.jpg'\nwrite = 'image'\n\
                  [sink.told]\nkind = 'files'\npath = 'told/{id}.json'\nwrite = 'report'\nfrom = 'thumb'\n";
    let [full, _] = pictures();
    let rehearsed = run(tables, full);
    let (thumbs, told) = (written(&rehearsed, 0), written(&rehearsed, 1));
    assert!(thumbs.len() >= 2 && thumbs.keys().eq(told.keys()), "{:?}", thumbs.keys());
    for (index, (name, thumb)) in thumbs.iter().enumerate() {
        assert_eq!(*name, format!("a.person.{index}"));
        assert_eq!(decoded(thumb).height, 48);
        let report: Report = serde_json::from_slice(&told[name]).expect("a report");
        let piece = report.piece.expect("it is one");
        assert_eq!((piece.of.as_str(), piece.index, &*piece.label), ("person", index, "person"));
    }
}

/// Catches a fault of a piece that takes its frame with it unasked, that is not told, or that is told where it was not
/// asked for. A piece of one column, made 4000 wide, has too many pixels.
#[test]
fn a_piece_with_a_fault_does_not_keep_its_picture() {
    let tables = |on_fault: &str| {
        format!(
            "[step.person]\nkind = 'each'\non_fault = '{on_fault}'\n[step.large]\nkind = 'resize'\nwidth = 4000\n\
             enlarge = true\n[step.whole]\nkind = 'collect'\n{SINKS}[limits]\nmax_pixels = 20000000\nmax_side = 4000\n"
        )
    };
    let [full, _] = pictures();
    // Persons are taller than wide: 4000 wide is more than 4000 tall.
    let kept = run(&tables("keep"), full.clone());
    let told = report(&kept, 1);
    let list = told.values["person"].as_array().expect("a list");
    assert_eq!(list.len(), told.detections.len());
    assert!(list.iter().all(|piece| piece["fault"].as_str().is_some_and(|why| why.starts_with("too-many-pixels: "))));
    let dropped = run(&tables("drop"), full.clone());
    assert_eq!(report(&dropped, 1).values["person"], Value::Array(Vec::new()));
    match run(&tables("fail"), full.clone()).outcome {
        Outcome::Dead(fault) => {
            assert_eq!(fault.frame.bytes, full, "the bytes of its frame are kept");
            assert!(fault.flaw.detail.starts_with("piece 0 of `person`: "), "{}", fault.flaw.detail);
        }
        other => panic!("{other:?}"),
    }
}

/// Catches what was found in a piece that was mirrored and made larger, and is told elsewhere in the picture. The piece is
/// as large as the picture, so that what was found before is found again.
#[test]
fn what_is_found_in_a_piece_lies_in_its_picture() {
    let again = format!("kind = 'detect'\nmodel = '{}'\n", detector().display());
    let tables = format!(
        "[step.person]\nkind = 'each'\nmargin = 10\nmost = 1\n[step.mirrored]\nkind = 'flip'\n[step.larger]\n\
         kind = 'resize'\nheight = 600\nenlarge = true\n[step.again]\n{again}[step.whole]\nkind = 'collect'\n\
         paste = false\n{SINKS}"
    );
    let [full, _] = pictures();
    let told = report(&run(&tables, full), 1);
    let surest = |found: &&vigie::report::Detection| found.score > 0.6;
    let list = told.values["person"].as_array().expect("a list");
    assert_eq!((list.len(), &list[0]["box"]), (1, &serde_json::json!([0, 0, 640, 480])));
    let found: Vec<_> = told.detections.iter().filter(surest).collect();
    let twice = found.iter().filter(|one| {
        let same = |other: &&&vigie::report::Detection| overlap(one.area, other.area) > 0.6;
        found.iter().filter(same).count() == 2
    });
    assert!(twice.count() >= 4, "two persons, each found twice: {found:?}");
}

/// Intersection over union.
fn overlap([ax, ay, aw, ah]: [f32; 4], [bx, by, bw, bh]: [f32; 4]) -> f32 {
    let across = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
    let down = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
    across * down / (aw * ah + bw * bh - across * down)
}

/// A tree of files with what they hold. What a killed process was about to write lies beside it as `NAME#1`.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = files(folder);
    names
        .into_iter()
        .filter(|name| !name.contains('#'))
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).expect("a file")))
        .collect()
}

/// The job of the kills: pieces as files, whole pictures as files. One frame a batch: in another company a model's last bits
/// may differ, and with them the edge of a piece.
fn job(folder: &Path, broker: &Broker, name: &str) -> String {
    let path = folder.join(format!("{name}.toml"));
    let (out, url, model) = (folder.join(name), broker.url(), detector());
    let (out, model) = (out.display(), model.display());
    let text = format!(
        "name = '{name}'\n[limits]\nwindow = 24\n[batch]\nsize = 1\n[source.cameras]\nkind = 'mqtt'\nurl = '{url}'\n\
         topic = 'cameras/{{camera}}/{name}'\nclient_id = '{name}'\n[step.persons]\nkind = 'detect'\nmodel = '{model}'\n\
         threshold = 0.68\n[step.person]\nkind = 'each'\n[step.grey]\nkind = 'grey'\n[step.small]\nkind = 'resize'\nheight = 32\n\
         from = 'person'\n[step.whole]\nkind = 'collect'\nfrom = 'grey'\n\
         [sink.pieces]\nkind = 'files'\npath = '{out}/{{camera}}/pieces/{{id}}.jpg'\nwrite = 'image'\nfrom = 'small'\n\
         [sink.wholes]\nkind = 'files'\npath = '{out}/{{camera}}/{{id}}.jpg'\nwrite = 'image'\nfrom = 'whole'\n"
    );
    std::fs::write(&path, text).expect("a job file");
    path.display().to_string()
}

const CAMERAS: usize = 2;
const FRAMES: usize = 90;

fn publish(broker: &Broker, name: &str) -> Process {
    let (to, count) = (broker.url() + "/cameras/{camera}/" + name, (CAMERAS * FRAMES).to_string());
    let cameras = CAMERAS.to_string();
    let words = ["camera", "--synthetic", "--cameras", &cameras, "--count", &count, "--rate", "60", "--to", &to];
    Process::vigie(&words)
}

/// Catches a piece or a whole that is lost, doubled under another name, or differs when the process is killed in
/// mid-stream: the files are those of a run that nobody killed.
#[test]
fn pieces_survive_kills() {
    let _turn = shared_turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let whole = |name: &str| {
        let count = || {
            files(&folder.path().join(name))
                .iter()
                .filter(|file| !file.contains("pieces") && !file.contains('#'))
                .count()
        };
        count()
    };
    let [calm, killed] = ["calm", "killed"].map(|name| job(folder.path(), &broker, name));
    let mut worker = Process::vigie(&["run", &calm, "-w", "2"]);
    worker.connected();
    assert!(publish(&broker, "calm").end().success());
    wait("all of the calm run", || (page(&worker)["results_total{}"] == (CAMERAS * FRAMES) as f64).then_some(()));
    drop(worker);

    let mut worker = Process::vigie(&["run", &killed, "-w", "2"]);
    worker.connected();
    let mut camera = publish(&broker, "killed");
    for share in 1..=3 {
        wait("results in mid-stream", || (whole("killed") > CAMERAS * FRAMES * share / 5).then_some(()));
        worker.signal("KILL");
        worker = Process::vigie(&["run", &killed, "-w", "2"]);
    }
    assert!(camera.end().success());
    wait("all of the killed run", || (whole("killed") == CAMERAS * FRAMES).then_some(()));
    wait("nothing in flight", || (page(&worker)["frames_in_flight{}"] == 0.0).then_some(()));
    let (calm, killed) = (tree(&folder.path().join("calm")), tree(&folder.path().join("killed")));
    assert!(calm.len() > CAMERAS * FRAMES, "there are pieces");
    let only = |of: &BTreeMap<String, Vec<u8>>, not: &BTreeMap<String, Vec<u8>>| {
        of.keys().filter(|name| !not.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    let (lost, more) = (only(&calm, &killed), only(&killed, &calm));
    assert!(lost.is_empty() && more.is_empty(), "lost {lost:?}, and more {more:?}");
    let differ: Vec<_> = calm.iter().filter(|(name, bytes)| killed[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "{differ:?}");
}
