//! A process of three is killed, or stands still: how long until frames have results again.

use std::time::Instant;

use crate::cluster::Standing;
use crate::feeds::Feed;
use crate::row;
use crate::stream::Stream;
use crate::support::servers::Kafka;
use crate::support::{Broker, wait_or};

/// How often a process is killed.
const KILLS: usize = 50;

/// How often one is stopped.
const STOPS: usize = 10;

/// `kill -9` of each process in turn, the leader too.
pub fn kills() {
    let kill = |cluster: &mut Standing, index| cluster.kill(index);
    let back = |cluster: &mut Standing, index| cluster.bring(index);
    measure("kill -9", KILLS, "2 s", kill, back);
}

/// SIGSTOP of each in turn.
pub fn stops() {
    let stop = |cluster: &mut Standing, index| cluster.signal(index, "STOP");
    let back = |cluster: &mut Standing, index| cluster.signal(index, "CONT");
    measure("SIGSTOP", STOPS, "2 s and dead_after, 3 s", stop, back);
}

type Turn = fn(&mut Standing, usize);

fn measure(what: &str, rounds: usize, goal: &str, away: Turn, back: Turn) {
    let Some((kafka, broker)) = Kafka::start().zip(Broker::mosquitto()) else { return };
    let mut cluster = Standing::start(3);
    // MQTT first: that its source is connected must not be told by Kafka's.
    let streams = [
        ("MQTT", Stream::start(&cluster, "mqtt", Feed::mqtt(broker.port, "mqtt"))),
        ("Kafka", Stream::start(&cluster, "kafka", Feed::kafka(&kafka.brokers(), "kafka"))),
    ];
    let mut times = [const { (Vec::new(), Vec::new()) }; 2];
    for round in 0..rounds {
        let index = round % 3;
        let moment = Instant::now();
        away(&mut cluster, index);
        for ((name, stream), (first, all)) in streams.iter().zip(&mut times) {
            let found = wait_or(&format!("results of {name}"), || stream.after(moment), || cluster.said());
            first.push(found.0);
            all.push(found.1);
        }
        back(&mut cluster, index);
        cluster.await_members(&[0, 1, 2]);
        streams.iter().for_each(|(_, stream)| stream.flows(&cluster));
    }
    println!("{what} of one of three | median | worst | of | goal");
    for ((name, stream), (first, all)) in streams.into_iter().zip(times) {
        row(&format!("{name}: first new result"), first, goal);
        row(&format!("{name}: new results of all cameras"), all, goal);
        let (issued, verdict) = stream.end(&cluster);
        println!("{name}: {issued} issued, {} lost, {} doubled", verdict.lost.len(), verdict.doubled);
    }
}
