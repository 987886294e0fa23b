//! For tests: a process whose cluster is a list of jobs and nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use operators::UnixMillis;
use operators::views::{Cell, Change, Columns};
use tokio::runtime::Runtime;

use super::{
    Api, ApiToken, ClusterStatus, Command, Control, Elsewhere, Events, Front, JobStatus, LARGEST_BODY, Level, Problem,
    ProcessStatus, Reply, Submission, TaskAnswer, TaskQuestion, Tokens, control, serve,
};
use crate::job::Job;
use crate::outgoing::Callbacks;
use crate::roster::{Roster, Wanted, When};
use crate::tasks::{Put, Rules, TaskStatus, Tasks, Terms};
use crate::views::Showcase;
use crate::write::Write;

/// A sound job file of that name.
pub fn job_file(name: &str) -> String {
    format!("name = '{name}'\n[source.a]\nkind = 'files'\npath = 'in'\n[sink.b]\nkind = 'files'\npath = 'out/{{id}}'\n")
}

/// A process that answers at an address of its own, until it is dropped or stopped.
pub struct Fake {
    /// Where it answers.
    pub address: String,
    /// Its events.
    pub events: Events,
    /// What it expects services to bring.
    pub callbacks: Callbacks,
    /// The views of the job `room`.
    pub views: Showcase,
    /// Says why there is no generation.
    pub away: Arc<Mutex<Option<String>>>,
    runtime: Arc<Mutex<Option<Runtime>>>,
}

impl Fake {
    /// One that lets in whoever has one of those tokens.
    pub fn start(tokens: &[ApiToken]) -> Self {
        Self::with(tokens, None)
    }

    /// The same, over HTTPS.
    pub fn with(tokens: &[ApiToken], tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("threads");
        let (control, mut commands) = control();
        let (events, away) = (Events::new(0), Arc::<Mutex<Option<String>>>::default());
        let (views, tokens) = (views(), Tokens::new(tokens).expect("sound rows"));
        let api = api(control, &events, tokens, views.clone());
        let callbacks = api.callbacks.clone();
        let address = serve(runtime.handle(), "127.0.0.1:0", tls, api).expect("a port").to_string();
        let held = Arc::new(Mutex::new(None));
        let (ending, gone, told) = (held.clone(), away.clone(), events.clone());
        runtime.spawn(async move {
            let mut roster = Roster::default();
            while let Some((command, answer)) = commands.recv().await {
                let ends = command == Command::Stop;
                let why = gone.lock().expect("nobody panics here").clone();
                let _ = answer.send(match why {
                    Some(why) => Err(Problem::unavailable(why)),
                    None => answered(&mut roster, command, &told),
                });
                if ends {
                    return end(&ending);
                }
            }
        });
        *held.lock().expect("nobody panics here") = Some(runtime);
        Self { address, events, callbacks, views, away, runtime: held }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // Its streams may go on for ever.
        end(&self.runtime);
    }
}

fn end(runtime: &Mutex<Option<Runtime>>) {
    if let Some(runtime) = runtime.lock().expect("nobody panics here").take() {
        runtime.shutdown_background();
    }
}

fn api(control: Control, events: &Events, tokens: Tokens, views: Showcase) -> Api {
    Api {
        control,
        events: events.clone(),
        tokens,
        front: Arc::new(Counter { views: Some(views), ..Counter::open() }),
        callbacks: Default::default(),
        page: Arc::new(|| "vigie_up 1\n# EOF\n".to_owned()),
    }
}

/// A view that counts, in which the camera `a` has 3, and one of the last frames, of which nothing is known.
fn views() -> Showcase {
    let name = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let rooms = Columns { key: name(&["camera"]), row: name(&["frames", "count"]) };
    let last = Columns { key: name(&["window", "camera"]), row: name(&["share", "since"]) };
    let views = Showcase::new(vec![("rooms".into(), "count".into(), rooms), ("last".into(), "accuracy".into(), last)]);
    views.publish(1_795_249_801_250, vec![count("a", 3)]);
    views
}

/// A camera's row in the view `rooms`: of so many frames, twice as many things.
pub fn count(camera: &str, frames: i64) -> Change {
    let row: Vec<Cell> = vec![frames.into(), (2 * frames).into()];
    Change { view: 0, key: vec![camera.into()], row: Some(row) }
}

/// Takes tasks for the job `room` and does nothing with them, and shows its views.
pub struct Counter {
    tasks: Tasks,
    terms: Terms,
    views: Option<Showcase>,
}

impl Counter {
    /// One that is open.
    pub fn open() -> Self {
        let parameters = toml::from_str("strength = { type = 'number', default = 0.5 }").expect("a parameter");
        let terms = Terms { parameters, results: vec![Write::Report] };
        let (tasks, (give, coming)) = (Tasks::new("room"), std::sync::mpsc::channel::<Put>());
        let rules = Rules {
            terms: terms.clone(),
            queue: 3,
            queue_bytes: 1 << 20,
            rate: None,
            keep: Duration::from_secs(60),
            keep_bytes: 1 << 20,
            largest: LARGEST_BODY,
            receiving: 1 << 30,
        };
        tasks.keep(&rules);
        tasks.open(rules, give, (0, 0));
        let taken = tasks.clone();
        std::thread::spawn(move || {
            for Put { task, room, tell } in coming {
                taken.queued(&task.said);
                room.fill(0);
                let _ = tell.send(Ok(()));
            }
        });
        Self { tasks, terms, views: None }
    }
}

impl Front for Counter {
    fn tasks(&self, job: &str) -> Result<Tasks, Problem> {
        match job {
            "room" => Ok(self.tasks.clone()),
            _ => Err(Problem::not_found(format!("there is no job `{job}`"))),
        }
    }

    fn expects(&self, _: &str) -> Result<(), Problem> {
        Ok(())
    }

    fn elsewhere(&self, question: TaskQuestion) -> Elsewhere<'_> {
        // Another process has taken one of that name.
        let known = TaskStatus { ended_at: Some(String::new()), id: "elsewhere".into(), ..TaskStatus::default() };
        let answer = (question.id == "elsewhere").then(|| TaskAnswer::Status(known.into()));
        Box::pin(async move { Ok(answer) })
    }

    fn terms(&self) -> Vec<(String, Terms)> {
        vec![("room".to_owned(), self.terms.clone())]
    }

    fn views(&self, job: &str) -> Result<Option<Showcase>, Problem> {
        match job {
            // One that no worker has begun with.
            "new" => Ok(None),
            _ => self.tasks(job).map(|_| self.views.clone()),
        }
    }
}

fn named(job: &Submission) -> Result<String, Problem> {
    Job::parse(&job.text, job.file.as_ref()).map(|job| job.name).map_err(Problem::wrong)
}

fn answered(roster: &mut Roster, command: Command, events: &Events) -> Result<Reply, Problem> {
    let when = When { at: UnixMillis::now().0, generation: 7 };
    let _ = match &command {
        Command::Submit(job) => {
            let name = named(job)?;
            let _ = roster.submit(&name, job, when)?;
            events.tell(Level::Info, Some(&name), "submitted");
            return status(roster, &name).map(Reply::Job);
        }
        Command::Update(name, job) => roster.update(name, &named(job)?, job, when)?,
        Command::Cancel(name) => return roster.cancel(name).map(|_| Reply::Done),
        Command::Drain(name) => roster.drain(name, when)?,
        Command::DrainAll => {
            return Ok(Reply::Jobs(roster.drain_all(when).iter().flat_map(|name| status(roster, name)).collect()));
        }
        Command::Pause(name) => roster.pause(name, when)?,
        Command::Resume(name) => roster.resume(name, when)?,
        Command::Restart(name) => roster.restart(name, when)?,
        Command::Jobs => return Ok(Reply::Jobs(all(roster, when))),
        Command::Show(name) => return Ok(Reply::Detail(roster.job(name)?.detail(status(roster, name)?))),
        Command::Cluster => return Ok(Reply::Cluster(cluster(roster))),
        Command::Metrics => return Ok(Reply::Text("vigie_results_total{job=\"room\"} 5\n# EOF\n".into())),
        Command::Stop => return Ok(Reply::Done),
    };
    match &command {
        Command::Update(name, _)
        | Command::Drain(name)
        | Command::Pause(name)
        | Command::Resume(name)
        | Command::Restart(name) => status(roster, name).map(Reply::Job),
        _ => Ok(Reply::Done),
    }
}

fn status(roster: &Roster, name: &str) -> Result<JobStatus, Problem> {
    Ok(JobStatus { generation: 7, processes: 3, workers: 6, rate: 29.9, ..roster.job(name)?.status() })
}

/// All jobs. Who looks a second time finds those that were draining drained.
fn all(roster: &mut Roster, when: When) -> Vec<JobStatus> {
    let names: Vec<_> = roster.jobs.keys().cloned().collect();
    let jobs = names.iter().flat_map(|name| status(roster, name)).collect();
    for name in names {
        if roster.jobs[&name].wanted == Wanted::Draining {
            let _ = roster.done(&name, when);
        }
    }
    jobs
}

fn cluster(roster: &Roster) -> ClusterStatus {
    let address = "localhost:2101".to_owned();
    ClusterStatus {
        processes: vec![ProcessStatus { address, present: true, leader: true, ..ProcessStatus::default() }],
        generation: Some(7),
        members: vec![0],
        since: "2026-11-21T08:30:00Z".into(),
        jobs: roster.jobs.len(),
        ..ClusterStatus::default()
    }
}
