//! Lane H, where nothing comes: what jobs cost that wait for frames.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::bench::Bench;
use crate::cluster::Standing;
use crate::procfs::Stat;
use crate::support::Broker;
use crate::table::Goal::AtMost;
use crate::table::Row;

/// Jobs at once.
const JOBS: [usize; 3] = [1, 10, 100];

/// How long they are looked at, and how long they have to come to rest.
const WHILE: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(3);

/// A standing process with jobs whose sources are silent: its share of a core.
///
/// # Errors
/// The brokers fail.
pub fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let topic = bench.brokers.topic("silent")?;
    let kafka = format!("kind = 'kafka'\nbrokers = '{}'\ntopic = '{}'\n", bench.brokers.address, topic.name);
    let broker = Broker::boxed();
    let mqtt = format!("kind = 'mqtt'\nurl = '{}'\ntopic = 'silent/{{camera}}'\n", broker.url());
    let mut rows = Vec::new();
    for (what, source) in [("MQTT", mqtt), ("Kafka", kafka)] {
        for (jobs, (share, megabytes)) in shares(&source)? {
            let row = |figure: String, value| Row::new("H", "vigie", figure, vec![value]);
            let share = row(format!("{jobs} idle jobs, {what}: % of a core"), share);
            rows.push(if jobs == 100 { share.goal(AtMost(2.0)) } else { share });
            rows.push(row(format!("{jobs} idle jobs, {what}: MB"), megabytes));
        }
    }
    Ok(rows)
}

/// Percent of a core and megabytes, with so many jobs.
fn shares(source: &str) -> anyhow::Result<Vec<(usize, (f64, f64))>> {
    let cluster = Standing::start(1);
    let mut there = 0;
    let mut shares = Vec::new();
    for jobs in JOBS {
        for index in there..jobs {
            submit(&cluster, &format!("idle-{index}"), source)?;
        }
        there = jobs;
        thread::sleep(REST);
        let process = cluster.processes[0].as_ref().expect("it runs");
        let before = cpu(process.id())?;
        thread::sleep(WHILE);
        let share = (cpu(process.id())? - before) / WHILE.as_secs_f64();
        shares.push((jobs, (100.0 * share, process.memory() as f64 / 1e6)));
    }
    Ok(shares)
}

fn submit(cluster: &Standing, name: &str, source: &str) -> anyhow::Result<()> {
    let at = cluster.path().display();
    let text = format!(
        "name = '{name}'\n[source.cameras]\n{source}[sink.store]\nkind = 'files'\npath = '{at}/{name}/{{camera}}/{{id}}.jpg'\n\
         write = 'frame'\n[dead]\nkind = 'files'\npath = '{at}/dead/{{id}}'\n"
    );
    let submission = json!({ "text": text, "folder": cluster.path(), "file": format!("{name}.toml") });
    let answer = cluster.call(0, "POST", "/api/v1/jobs", Some(&submission));
    let (status, said) = answer.ok_or_else(|| anyhow::anyhow!("no answer to a submit\n{}", cluster.said()))?;
    anyhow::ensure!((200..300).contains(&status), "{said:#}");
    Ok(())
}

fn cpu(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    Ok(Stat::read(&stat).ok_or_else(|| anyhow::anyhow!("/proc/{id}/stat is not as expected"))?.cpu)
}
