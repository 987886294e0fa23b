//! Who takes part, and how each is started.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::boxes::THRESHOLD;
use crate::frames::BATCH;
use crate::support::free_port;
use crate::tree::Tree;

/// What is done with the frames.
#[derive(Clone, Debug)]
pub enum Work {
    /// Nothing: a result says how large a frame was.
    Null,
    /// Things found by the model of this file and drawn: a result and a picture.
    Detect(PathBuf),
}

impl Work {
    /// As `BENCH_MODEL` says it.
    fn told(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Detect(model) => model.display().to_string(),
        }
    }

    /// The steps, as a job file has them.
    pub fn steps(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Detect(model) => format!(
                "[step.things]\nkind = \"detect\"\nmodel = {model:?}\nthreshold = {THRESHOLD}\n\
                 [step.boxes]\nkind = \"draw\"\ncorner = false\n"
            ),
        }
    }
}

/// One that takes part.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Vigie { processes: usize, workers: usize, batch: usize },
    Bare,
    Peer,
}

const fn vigie(name: &'static str, processes: usize, workers: usize, batch: usize) -> Contender {
    Contender { name, kind: Kind::Vigie { processes, workers, batch } }
}

/// `vigie run -w 2`.
pub const VIGIE: Contender = vigie("vigie", 1, 2, BATCH);
/// Two processes of one worker each.
pub const VIGIE_2P: Contender = vigie("vigie-2p", 2, 1, BATCH);
/// `vigie run -w 1`.
pub const VIGIE_1W: Contender = vigie("vigie-1w", 1, 1, BATCH);
/// `vigie run -w 2`, batches of one.
pub const VIGIE_B1: Contender = vigie("vigie-b1", 1, 2, 1);
/// The loop without an engine, in Rust.
pub const BARE: Contender = Contender { name: "bare", kind: Kind::Bare };
/// The same in Python.
pub const PLAIN: &str = "plain";
/// The peer that most people have.
pub const SPARK: &str = "spark";
/// What people would use instead, as `benches/peers/run.sh` starts it: each in the layout
/// that is best for it here, with a model and without.
pub const PEERS: [Contender; 4] = [peer(PLAIN), peer("bytewax"), peer("pathway"), peer(SPARK)];

const fn peer(name: &'static str) -> Contender {
    Contender { name, kind: Kind::Peer }
}

/// What a contender is told.
#[derive(Clone, Debug)]
pub struct Task {
    /// What to do.
    pub work: Work,
    /// `host:port` of Kafka.
    pub brokers: String,
    /// The topic of frames.
    pub input: String,
    /// The topic of results.
    pub output: String,
    /// The topic of drawn pictures.
    pub processed: String,
    /// Its group, and the name of its job.
    pub group: String,
    /// A folder of its own.
    pub folder: PathBuf,
    /// Whether it is to come back after a kill where it was.
    pub keeps: bool,
}

impl Contender {
    /// Starts it.
    ///
    /// # Errors
    /// Its files can't be written, or it can't be started.
    pub fn start(&self, task: &Task) -> anyhow::Result<Tree> {
        let commands = match self.kind {
            Kind::Vigie { processes, workers, batch } => run(task, processes, workers, batch)?,
            Kind::Bare => vec![vec![shown(&std::env::current_exe()?), "bare".to_owned()]],
            Kind::Peer => vec![vec![shown(&peers().join("run.sh")), self.name.to_owned()]],
        };
        Tree::start(commands, &environment(task), &task.folder.join("log"))
    }

    /// Whether it is one of Vigie's.
    pub fn is_vigie(&self) -> bool {
        matches!(self.kind, Kind::Vigie { .. })
    }

    /// The program, of which it may be one layout.
    pub fn program(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(program, _)| program)
    }

    /// Whether it is a peer.
    pub fn is_peer(&self) -> bool {
        matches!(self.kind, Kind::Peer)
    }
}

/// Where the peers are.
pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn environment(task: &Task) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("BENCH_BROKER", task.brokers.clone()),
        ("BENCH_IN", task.input.clone()),
        ("BENCH_OUT", task.output.clone()),
        ("BENCH_PROCESSED", task.processed.clone()),
        ("BENCH_MODEL", task.work.told()),
        ("BENCH_GROUP", task.group.clone()),
    ];
    if task.keeps {
        all.push(("BENCH_STATE", shown(&task.folder.join("state"))));
    }
    all
}

/// The commands of `vigie run`, and its files.
fn run(task: &Task, processes: usize, workers: usize, batch: usize) -> anyhow::Result<Vec<Vec<String>>> {
    let (job, cluster) = (task.folder.join("job.toml"), task.folder.join("cluster.toml"));
    std::fs::write(&job, text(task, batch)).with_context(|| format!("can't write {}", job.display()))?;
    let addresses: Vec<_> = (0..processes).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    std::fs::write(&cluster, format!("processes = {addresses:?}\n"))?;
    let command = |process: usize| {
        let words = ["run", &shown(&job), "-w", &workers.to_string()].map(str::to_owned);
        let mut command = vec![env!("CARGO_BIN_EXE_vigie").to_owned()];
        command.extend(words);
        if processes > 1 {
            command.extend(["--cluster", &shown(&cluster), "-p", &process.to_string()].map(str::to_owned));
        }
        command
    };
    Ok((0..processes).map(command).collect())
}

/// The job: all as it comes, but for what the lane is about.
fn text(task: &Task, batch: usize) -> String {
    let Task { work, brokers, input, output, processed, group, folder, .. } = task;
    let kafka = format!("kind = \"kafka\"\nbrokers = \"{brokers}\"\n");
    let mut text = format!("name = \"{group}\"\n[source.frames]\n{kafka}topic = \"{input}\"\n");
    text += &format!("[batch]\nsize = {batch}\n{}", work.steps());
    text += &format!("[sink.results]\n{kafka}topic = \"{output}\"\nwrite = \"report\"\n");
    if let Work::Detect(_) = work {
        text += &format!("[sink.pictures]\n{kafka}topic = \"{processed}\"\nwrite = \"image\"\n");
    }
    text + &format!("[dead]\nkind = \"files\"\npath = \"{}/dead/{{id}}\"\n", folder.display())
}
