//! `kill -9` in mid-stream of the whole job, with its model: every published frame has its report, once all is started
//! again. `tests/delivery/` does so for every source and every sink.

use std::path::Path;

use crate::support::{Broker, Process, files, frames, turn, wait};
use crate::whole_job::{cluster, job, processes};

const FRAMES: usize = 400;

/// Starts two processes of `vigie`, publishes, kills one and then both in mid-stream, starts again each time; how many
/// of the published frames have no report when the broker has nothing left to send.
fn missing_after_kills(vigie: &Path) -> Option<usize> {
    let broker = Broker::mosquitto()?;
    let folder = tempfile::tempdir().expect("a folder");
    let (job, cluster) = (job(folder.path(), &broker.url(), ""), cluster(folder.path(), 2));
    let frames = frames(20);
    let reports = || files(&folder.path().join("out")).iter().filter(|file| file.ends_with(".json")).count();
    let start = || {
        let mut workers = processes(vigie, &job, &cluster, 2);
        workers[0].connected();
        workers
    };

    let mut workers = start();
    broker.publish((0..FRAMES).map(|n| (format!("cameras/room/{n}/raw"), frames[n % frames.len()].clone())).collect());
    wait("results in mid-stream", || (reports() >= 20).then_some(()));
    workers[1].signal("KILL");
    let code = workers[0].end().code();
    let said = workers[0].said();
    assert_eq!(code, Some(75), "its own exit code for a lost peer\n{said}");
    assert!(said.contains("process 1") && said.contains("is gone"), "it says which process is gone:\n{said}");
    drop(workers);

    let workers = start();
    let before = reports();
    wait("more results", || (reports() >= before + 20).then_some(()));
    workers.iter().for_each(|worker| worker.signal("KILL"));
    drop(workers);

    let workers = start();
    // A marker at the end of the queue: when it is through, the broker has sent all that it had.
    broker.publish(vec![("cameras/marker/0/raw".into(), frames[0].clone())]);
    wait("the last frame", || folder.path().join("out/marker/0.json").exists().then_some(()));
    settle(&workers[0]);
    let expected = |n: &usize| folder.path().join(format!("out/room/{n}.json")).exists();
    Some(FRAMES - (0..FRAMES).filter(expected).count())
}

/// Waits until nothing is in flight.
fn settle(worker: &Process) {
    wait("the last receipt", || {
        let page = crate::support::page(worker);
        (page["frames_in_flight{}"] == 0.0 && page["window_frames{}"] == 0.0).then_some(())
    });
}

/// Catches an acknowledgement that goes out before all that a frame led to is durable, on whatever process.
#[test]
fn nothing_is_missing_after_kills() {
    let _turn = turn();
    if let Some(missing) = missing_after_kills(env!("CARGO_BIN_EXE_vigie").as_ref()) {
        assert_eq!(missing, 0, "of {FRAMES} frames published");
    }
}
