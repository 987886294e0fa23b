//! What a message says beside its picture: it comes with the frame to the reports, from a real broker and over HTTP.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::{Value, json};

use crate::support::{Broker, Process, files, frames, free_port, page, turn, wait_or};
use crate::tasks::caller::Caller;

fn job(folder: &Path, sources: &str) -> String {
    let (path, out) = (folder.join("room.toml"), folder.display());
    let text = format!(
        "name = \"room\"\ntruth = \"header:label\"\n{sources}\n\
         [sink.reports]\nkind = \"files\"\nfrom = \"cameras\"\npath = \"{out}/out/{{id}}.json\"\n\
         [dead]\nkind = \"files\"\npath = \"{out}/dead/{{camera}}-{{reason}}\"\n"
    );
    fs::write(&path, text).expect("a job");
    path.display().to_string()
}

/// Publishes at QoS 1 over MQTT 5, each message with a header `label` if it has one, and returns when the broker has them.
fn publish(broker: &Broker, messages: Vec<(&'static str, Option<&'static str>, Vec<u8>)>) {
    let address = broker.address();
    let mut options = MqttOptions::new("test-labels", address.ip().to_string(), address.port());
    options.set_max_packet_size(Some(64 << 20));
    let (client, mut connection) = Client::new(options, 16);
    let count = messages.len();
    let sender = thread::spawn(move || {
        for (topic, label, body) in messages {
            let user_properties = label.map(|label| ("label".to_owned(), label.to_owned())).into_iter().collect();
            let properties = PublishProperties { user_properties, ..PublishProperties::default() };
            client
                .publish_with_properties(topic, QoS::AtLeastOnce, false, body, properties)
                .expect("the connection takes it");
        }
        client
    });
    let is_ack = |event: &Event| matches!(event, Event::Incoming(Packet::PubAck(_)));
    let acks = connection.iter().map(|event| event.expect("the broker takes it")).filter(is_ack).take(count).count();
    assert_eq!(acks, count);
    drop(sender.join());
}

/// Catches a header that is lost on its way (over MQTT 5, or out of JSON), one that counts before the message's own word, and
/// a message with the truth of a picture that is taken for a picture.
#[test]
fn what_a_message_says_comes_with_its_frame() {
    let _turn = turn();
    let Some(broker) = Broker::mosquitto() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let source = |name: &str, topic: &str, more: &str| {
        let url = broker.url();
        format!("[source.{name}]\nkind = \"mqtt\"\nversion = \"5\"\nurl = \"{url}\"\ntopic = \"{topic}\"\n{more}\n")
    };
    let sources =
        source("cameras", "cameras/{camera}/{id}", "") + &source("labels", "labels/{camera}", "holds = \"truth\"");
    let mut worker = Process::vigie(&["run", &job(folder.path(), &sources), "-w", "2"]);
    // A broker keeps nothing for a client that it never saw.
    let both = |worker: &Process| worker.said().matches("connected ([source.").count() == 2;
    worker.until("both sources", |worker| both(worker).then_some(()));
    let jpeg = frames(1).remove(0);
    let image = base64_simd::STANDARD.encode_to_string(&jpeg);
    publish(
        &broker,
        vec![
            ("cameras/door/1", Some("cat"), jpeg.clone()),
            ("cameras/door/2", Some("cow"), json!({ "image": image, "label": "dog" }).to_string().into_bytes()),
            ("cameras/door/3", None, jpeg),
            ("labels/door", None, json!({ "id": "3", "label": "cow" }).to_string().into_bytes()),
            ("labels/door", None, b"a cow".to_vec()),
        ],
    );
    let done = || (page(&worker)["acknowledged_total{}"] >= 5.0).then_some(());
    wait_or("all to be acknowledged", done, || worker.said());
    assert_eq!(page(&worker)["results_total{}"], 4.0, "{}", worker.said());
    let truth = |id: u32| {
        let report = fs::read(folder.path().join(format!("out/{id}.json"))).expect("a report");
        serde_json::from_slice::<Value>(&report).expect("JSON")["truth"].clone()
    };
    assert_eq!([1, 2, 3].map(truth), [json!("cat"), json!("dog"), Value::Null]);
    assert_eq!(files(&folder.path().join("out")).len(), 3);
    let letters = files(&folder.path().join("dead"));
    assert!(letters.contains(&"door-bad-message".to_owned()), "{letters:?}");
}

/// Catches a header of a request that is lost between its answer and the report, or one of HTTP itself that goes along.
#[test]
fn what_a_request_says_comes_with_its_task() {
    let _turn = turn();
    let (folder, address) = (tempfile::tempdir().expect("a folder"), SocketAddr::from(([127, 0, 0, 1], free_port())));
    let job = job(folder.path(), "[source.cameras]\nkind = \"http\"\n");
    let mut worker = Process::vigie(&["run", &job, "-w", "1", "--http", &address.to_string()]);
    worker.until("HTTP", |worker| worker.said().contains("tasks at http").then_some(()));
    let media = "image/jpeg\r\nX-Vigie-Label: cat\r\nLabel: dog";
    let answer =
        Caller(address).ask("POST", "/api/v1/jobs/room/tasks?wait=30s", media, &frames(1)[0]).expect("an answer");
    let task = answer.json();
    assert_eq!((answer.status, &task["report"]["truth"]), (200, &json!("cat")), "{task:#}\n{}", worker.said());
    let long = format!("image/jpeg\r\nX-Vigie-Label: {}", "x".repeat(5000));
    let answer = Caller(address).ask("POST", "/api/v1/jobs/room/tasks", &long, &frames(1)[0]).expect("an answer");
    assert_eq!(answer.status, 422, "{}", answer.head);
}
