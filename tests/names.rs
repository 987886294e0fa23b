//! Names of results that say something of them: paths, topics, and what `vigie run` says where no name can be made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Broker, Process, files, frames, shared_turn, wait};

/// Runs a job of this text over three rendered frames and a file that is no picture; how it ended, and what it said.
fn run(folder: &Path, text: &str) -> (Option<i32>, String) {
    let (at, job) = (folder.display().to_string(), folder.join("names.toml"));
    fs::create_dir_all(folder.join("in/door")).expect("a folder");
    for (index, jpeg) in frames(3).iter().enumerate() {
        fs::write(folder.join(format!("in/door/{index}.jpg")), jpeg).expect("a picture");
    }
    fs::write(folder.join("in/door/odd.jpg"), b"no picture").expect("a file");
    let source = format!("name = 'names'\n[source.in]\nkind = 'files'\npath = '{at}/in/{{camera}}/*.jpg'\n");
    let dead = format!("[dead]\nkind = 'files'\npath = '{at}/dead/{{id}}-{{reason}}'\n");
    fs::write(&job, source + &text.replace("AT", &at) + &dead).expect("a job");
    let mut process = Process::vigie(&["run", &job.display().to_string(), "-w", "1"]);
    let code = process.end().code();
    (code, process.said())
}

/// Catches an expression that is evaluated where its value is not known, that comes to another picture's value, or whose
/// fault takes the other frames along or does not say what to do.
#[test]
fn results_are_named_by_what_steps_said() {
    let _turn = shared_turn();
    let (folder, broker) = (tempfile::tempdir().expect("a folder"), Broker::boxed());
    let heard = broker.listen("kinds/#");
    let text = format!(
        "[step.looked]\nkind = 'analyze'\n\
         [sink.image]\nkind = 'files'\nwrite = 'image'\n\
         path = 'AT/out/{{values.format}}/{{id == \"1\" ? \"../one\" : \"other\"}}/{{width}}-{{id}}.jpg'\n\
         [sink.told]\nkind = 'mqtt'\nurl = '{}'\nfrom = 'looked'\n\
         topic = 'kinds/{{camera}}/{{id == \"2\" ? values.gender : values.format}}'\n",
        broker.url()
    );
    let (code, said) = run(folder.path(), &text);
    assert_eq!(code, Some(0), "{said}");
    let (one, other) = ("jpeg/%2E.%2Fone/640-1.jpg", "jpeg/other/640-0.jpg");
    assert_eq!(files(&folder.path().join("out")), [one, other], "{said}");
    let topics = wait("two reports", || Some(heard.lock().unwrap().clone()).filter(|heard| heard.len() == 2));
    assert!(topics.iter().all(|(topic, _)| topic == "kinds/door/jpeg"), "{topics:?}");

    let dead: BTreeSet<_> = files(&folder.path().join("dead")).into_iter().collect();
    assert!(dead.contains("2-expression-failed") && dead.len() == 4, "{dead:?}");
    let letter = fs::read_to_string(folder.path().join("dead/2-expression-failed.json")).expect("a letter");
    assert!(letter.contains("`kinds/{camera}/") && letter.contains("ask has(….gender) first"), "{letter}");
}

/// Catches a folder of which nothing came, and a command that ends as if all were well.
#[test]
fn a_run_of_dead_letters_alone_has_failed() {
    let _turn = shared_turn();
    let folder = tempfile::tempdir().expect("a folder");
    let sink = "[sink.out]\nkind = 'files'\npath = 'AT/out/{values.gender}/{id}.jpg'\nwrite = 'frame'\n";
    let (code, said) = run(folder.path(), sink);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no frame led to a result") && said.contains("4 expression-failed"), "{said}");
}
