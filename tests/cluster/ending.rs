//! How workers end: in order, together, and never in part.

use super::*;

/// A false loss at a clean end: one process is always done a little before the others.
#[test]
fn clusters_form_work_and_end_again_and_again() {
    for round in 0..20 {
        let clusters = cluster(2 + round % 2, 1 + round % 2);
        let workers = (clusters.len() * clusters[0].threads) as u64;
        let sums =
            all(&clusters, |cluster| run(cluster, job(), never_stuck, |worker, guard| exchange(worker, guard, 5)));
        let sums: Vec<u64> = sums.into_iter().flat_map(|sums| sums.expect("a clean end")).collect();
        assert_eq!(sums, (0..workers).map(|worker| worker * workers * 5).collect::<Vec<_>>());
    }
}

#[test]
fn a_panic_in_one_worker_ends_all_workers_of_all_processes() {
    for threads in [1, 2] {
        let clusters = cluster(3, threads);
        let answers = all(&clusters, |cluster| {
            run(cluster, job(), never_stuck, move |worker, guard| {
                let (index, mut input) =
                    (worker.index(), InputHandle::<u64, timely::container::CapacityContainerBuilder<Vec<u64>>>::new());
                worker.dataflow::<u64, _, _>(|scope| {
                    input.to_stream(scope).exchange(|number| *number).map(move |number| match index {
                        1 if number == 1 => std::panic::resume_unwind(Box::new("an operator's mistake")),
                        _ => number,
                    });
                });
                (0..worker.peers() as u64).for_each(|number| input.send(number));
                input.advance_to(1);
                loop {
                    guard.check();
                    worker.step_or_park(None);
                }
            })
            .map(|_: Vec<()>| ())
        });
        let guilty = 1 / threads;
        for (index, answer) in answers.into_iter().enumerate() {
            match index == guilty {
                true => {
                    let lost = answer.expect_err("a panic");
                    assert_eq!(lost, Lost::Panic { worker: 1, what: "an operator's mistake".into() });
                    assert_eq!(lost.exit_code(), EXIT_BUG);
                }
                false => assert_eq!(loss(answer.clone()).0, guilty, "process {index}: {answer:?}"),
            }
        }
    }
}

/// Without the guard, timely leaves the other worker of a lone process parked for ever.
#[test]
fn a_panic_wakes_the_parked_worker_beside_it() {
    let alone = Cluster { threads: 2, ..cluster(1, 2).remove(0) };
    let answer = run(&alone, job(), never_stuck, |worker, guard| {
        if worker.index() == 0 {
            std::panic::resume_unwind(Box::new("a mistake".to_string()));
        }
        loop {
            guard.check();
            worker.step_or_park(None);
        }
    })
    .map(|_: Vec<()>| ());
    assert_eq!(answer, Err(Lost::Panic { worker: 0, what: "a mistake".into() }));
}

#[test]
fn a_worker_stuck_in_foreign_code_is_given_up() {
    let alone = Cluster { threads: 2, ..cluster(1, 2).remove(0) };
    let (release, stuck) = channel::<()>();
    let stuck = Mutex::new(stuck);
    let given_up = move |lost: &Lost| {
        assert_eq!(lost.exit_code(), EXIT_BUG);
        release.send(()).unwrap();
    };
    let answer = run(&alone, job(), given_up, move |worker, _| match worker.index() {
        0 => std::panic::resume_unwind(Box::new("a mistake")),
        // It hears of nothing until the watch would have ended the process.
        _ => stuck.lock().unwrap().recv().expect("the watch gives up"),
    });
    assert!(matches!(answer, Err(Lost::Panic { worker: 0, .. })), "{answer:?}");
}

#[test]
fn an_order_reaches_every_worker_of_every_process() {
    let clusters = cluster(2, 2);
    let answers = all(&clusters, |cluster| {
        let (orders, inbox) = command::orders();
        let inbox = Mutex::new(Some(inbox));
        let process = cluster.process;
        let given = thread::spawn(move || (process == 1).then(|| orders.give(command::Command::Leave)));
        let heard = run(cluster, job(), never_stuck, move |worker, guard| {
            let first = worker.index() == process * 2;
            let mut commands = Commands::new(worker, first.then(|| inbox.lock().unwrap().take()).flatten());
            loop {
                guard.check();
                let heard = commands.poll();
                if !heard.is_empty() {
                    return heard;
                }
                worker.step_or_park(None);
            }
        });
        given.join().unwrap();
        heard.expect("a clean end")
    });
    assert_eq!(answers, vec![vec![vec![command::Command::Leave]; 2]; 2]);
}
