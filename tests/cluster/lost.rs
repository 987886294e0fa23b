//! Processes that are killed, and what the others say of it.

use super::*;

/// This program, started again as one process of a cluster: see [`child`].
struct Process(Child);

impl Process {
    fn start(cluster: &Cluster, work: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program"));
        command.args(["lost::child", "--exact", "--nocapture", "--test-threads=1"]);
        command.env("VIGIE_TEST_CHILD", format!("{} {} {work}", cluster.process, cluster.threads));
        command.env("VIGIE_TEST_ADDRESSES", cluster.addresses.join(" "));
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process"))
    }

    /// Waits until its workers run.
    fn is_up(&mut self) {
        let stdout = self.0.stdout.as_mut().expect("a pipe");
        let up = BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.contains("child is up"));
        assert!(up, "a child ended before it was up");
    }

    /// Its exit code, and all that it said to the user.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (self.0.wait().expect("an end").code(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No test of its own: what [`Process`] runs.
#[test]
fn child() {
    let Ok(what) = std::env::var("VIGIE_TEST_CHILD") else { return };
    let [process, threads, work] = what.split(' ').collect::<Vec<_>>().try_into().expect("three words");
    let addresses = std::env::var("VIGIE_TEST_ADDRESSES").expect("addresses");
    let cluster = Cluster {
        addresses: addresses.split(' ').map(String::from).collect(),
        process: process.parse().expect("an index"),
        threads: threads.parse().expect("a number"),
        token: "secret".into(),
        ..Cluster::default()
    };
    let (work, first) = (work.to_string(), cluster.process * cluster.threads);
    let ended = run(&cluster, job(), never_stuck, move |worker, guard| {
        if worker.index() == first {
            println!("child is up");
        }
        match work.as_str() {
            "flood" => flood(worker, guard, u64::MAX),
            "panic" => flood(worker, guard, 20),
            "busy" => exchange(worker, guard, u64::MAX),
            "idle" => loop {
                guard.check();
                worker.step_or_park(None);
            },
            rounds => exchange(worker, guard, rounds.parse().expect("a number of rounds")),
        }
    });
    let code = ended.map_or_else(
        |lost| {
            eprintln!("{lost}");
            lost.exit_code()
        },
        |_| 0,
    );
    std::process::exit(code);
}

fn killed(processes: usize, threads: usize, work: &str) {
    let clusters = cluster(processes, threads);
    let mut children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, work)).collect();
    children.iter_mut().for_each(Process::is_up);
    let victim = processes - 2;
    children[victim].0.kill().expect("a living child");
    let killed = Instant::now();
    children.remove(victim);
    for child in children {
        let (code, said) = child.end();
        assert_eq!(code, Some(EXIT_PEER_LOST), "process {victim} was killed: {said}");
        let name = format!("process {victim} ({}) is gone: ", clusters[0].addresses[victim]);
        assert!(said.starts_with(&name) && said.lines().count() == 1, "one sentence, about process {victim}: {said}");
    }
    assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
}

#[test]
fn survivors_name_the_one_that_was_killed_at_work() {
    killed(2, 1, "busy");
    killed(3, 2, "busy");
}

/// A queue that timely has poisoned while another worker is in the middle of a session would abort the process: the
/// session flushes when it is dropped, and panics again.
#[test]
fn survivors_end_in_order_however_full_the_links_are() {
    for _ in 0..3 {
        killed(2, 2, "flood");
        killed(3, 2, "flood");
    }
}

/// A user who sees one message a thread sees none.
#[test]
fn a_panic_is_printed_once_and_a_loss_is_one_sentence() {
    for _ in 0..3 {
        let clusters = cluster(2, 2);
        let children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, "panic")).collect();
        let [zero, one] = children.into_iter().map(Process::end).collect::<Vec<_>>().try_into().expect("two");
        assert_eq!((zero.0, one.0), (Some(EXIT_BUG), Some(EXIT_PEER_LOST)), "{} {}", zero.1, one.1);
        assert_eq!(zero.1.matches("panicked at").count(), 1, "{}", zero.1);
        let last = "worker 1 stopped by a mistake in the program: worker 1 has had enough";
        assert_eq!(zero.1.lines().last(), Some(last));
        assert!(one.1.starts_with("process 0 (") && one.1.lines().count() == 1, "{}", one.1);
    }
}

#[test]
fn survivors_name_the_one_that_was_killed_while_all_are_parked() {
    killed(2, 2, "idle");
    killed(3, 1, "idle");
}

#[test]
fn processes_that_end_say_nothing() {
    let clusters = cluster(3, 1);
    let children: Vec<_> = clusters.iter().map(|cluster| Process::start(cluster, "10")).collect();
    for child in children {
        assert_eq!(child.end(), (Some(0), String::new()));
    }
}
