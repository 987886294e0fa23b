//! What all lanes need.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::contender::{Contender, Task, Work};
use crate::flags::Flags;
use crate::frames::Frames;
use crate::kafka::{Brokers, Topic};

/// Its file's name.
const MODEL: &str = "yolox_nano_416_kazuhito.onnx";

/// Brokers, frames, a folder, and what is asked for.
pub struct Bench {
    /// What is asked for.
    pub flags: Flags,
    /// Kafka.
    pub brokers: Brokers,
    /// The frames of most lanes.
    pub frames: Frames,
    /// A folder that goes with the bench.
    pub folder: tempfile::TempDir,
    /// The model of the lanes that have one.
    pub model: PathBuf,
    tasks: Cell<usize>,
    failures: RefCell<Vec<(bool, String)>>,
}

impl Bench {
    /// Prepares all of it; `None`, and a line that says so, where this machine lacks something.
    ///
    /// # Errors
    /// What is there can't be used.
    pub fn prepare(flags: Flags) -> anyhow::Result<Option<Self>> {
        let (Some(models), Some(frames)) = (crate::support::models(), Frames::shared()?) else { return Ok(None) };
        let model = models.join("detection").join(MODEL);
        anyhow::ensure!(model.is_file(), "there is no {}", model.display());
        let Some(brokers) = Brokers::find()? else { return Ok(None) };
        let (tasks, failures) = Default::default();
        Ok(Some(Self { flags, brokers, frames, folder: tempfile::tempdir()?, model, tasks, failures }))
    }

    /// The work with the model.
    pub fn detect(&self) -> Work {
        Work::Detect(self.model.clone())
    }

    /// These peers, where peers take part.
    pub fn peers(&self, all: [Contender; 4]) -> impl Iterator<Item = Contender> {
        all.into_iter().filter(|_| self.flags.peers)
    }

    /// A task with a folder and a group of its own.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn task(
        &self,
        work: &Work,
        input: &Topic<'_>,
        output: &Topic<'_>,
        processed: &Topic<'_>,
    ) -> anyhow::Result<Task> {
        let index = self.tasks.replace(self.tasks.get() + 1);
        let group = format!("bench-{}-{index}", std::process::id());
        let folder = self.folder.path().join(&group);
        std::fs::create_dir_all(folder.join("state"))?;
        let [input, output, processed] = [input, output, processed].map(|topic| topic.name.clone());
        let brokers = self.brokers.address.clone();
        Ok(Task { work: work.clone(), brokers, input, output, processed, group, folder, keeps: false })
    }

    /// Waits for a condition, as long as that is reasonable.
    ///
    /// # Errors
    /// It does not come.
    pub fn wait(&self, what: &str, mut condition: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let start = Instant::now();
        while !condition()? {
            anyhow::ensure!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Notes that a contender failed.
    pub fn fails(&self, lane: &str, contender: &Contender, error: &anyhow::Error) {
        let what = format!("lane {lane}: {} is out: {error:#}", contender.name);
        eprintln!("{what}");
        self.failures.borrow_mut().push((contender.is_peer(), what));
    }

    /// Who failed, and how; whether one of them is ours.
    pub fn failures(&self) -> (Vec<String>, bool) {
        let failures = self.failures.borrow();
        (failures.iter().map(|(_, what)| what.clone()).collect(), failures.iter().any(|(peer, _)| !peer))
    }
}
