//! A broker that grants less than was asked for: RabbitMQ has no QoS 2.

use std::fs;
use std::path::Path;

use super::feeds::Feed;
use super::kills::{job, settle};
use super::oracle::judge;
use super::start;
use super::stores::Store;
use crate::support::toxiproxy::Toxiproxy;
use crate::support::{Broker, turn, wait};
use crate::whole_job::cluster;

/// Catches a user who asked for "once" and is not told that it is "at least once", or is told so at each connection; and a
/// sink that waits for ever for the acknowledgement of QoS 2.
#[test]
fn a_broker_without_qos_2_is_told_of_once() {
    let _turn = turn();
    let Some((broker, toxiproxy)) = Broker::rabbitmq().zip(Toxiproxy::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let proxy = toxiproxy.proxy("mqtt", broker.port);
    let heard = broker.listen("out/+/+");
    let (feed, seen) = (Feed::mqtt(broker.port, "in"), Feed::mqtt(proxy.port, "in"));
    let store = Store::Mqtt(proxy.port, "out".into(), heard);
    let job = job(folder.path(), "qos", &seen, &store);
    let text = fs::read_to_string(&job).expect("a job file");
    let text = text.replace("[sink.store]", "qos = 2\n[sink.store]").replace("[dead]", "qos = 2\n[dead]");
    fs::write(&job, text).expect("a job file");

    let workers = start(Path::new(env!("CARGO_BIN_EXE_vigie")), "", &job, &cluster(folder.path(), 1), 1);
    let connected = || workers[0].said().matches("connected ([source.").count();
    feed.issue(0..40);
    wait("the results", || (store.count() == 40).then_some(()));
    proxy.down();
    feed.issue(40..60);
    wait("the loss", || workers[0].said().contains("cannot be reached").then_some(()));
    proxy.heal();
    wait("the second connection", || (connected() == 2).then_some(()));
    feed.issue(60..61);
    settle(&workers, &store, 60);
    let verdict = judge(0..61, &store.found());
    assert_eq!((verdict.lost, verdict.wrong), (vec![], vec![]));
    let said = workers[0].said();
    assert_eq!(said.matches("grants QoS 1 instead of the 2 of [source.cameras]: nothing is lost").count(), 1, "{said}");
}
