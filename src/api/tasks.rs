//! Tasks over HTTP: a picture in, and what became of it out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use axum::response::{IntoResponse, Response};
use operators::{Headers, UnixMillis};
use serde::{Deserialize, Serialize};

use super::answer::{json, received};
use super::handed::{Handed, Sent, beside};
use super::routes::Call;
use super::{Api, Problem};
use crate::tasks::task::fresh_id;
use crate::tasks::{Busy, Desk, Found, Room, Rules, Said, Task, TaskStatus, Tasks, Terms};
use crate::views::Showcase;

/// How long a job may take to be at work again, while processes form a new generation or a job is updated.
const OPENING: Duration = Duration::from_secs(5);

/// How long a picture may take to be sent: it takes up room meanwhile.
const SENDING: Duration = Duration::from_secs(60);

/// The longest `wait`.
const LONGEST: Duration = Duration::from_secs(60);

/// What is asked about a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskQuestion {
    /// The job.
    pub job: String,
    /// The task.
    pub id: String,
    /// How long its end is waited for.
    pub wait: Duration,
    /// Which of the things that came of it is wanted, instead of how it is.
    pub result: Option<usize>,
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TaskAnswer {
    /// How it is.
    Status(Box<TaskStatus>),
    /// Something that came of it.
    Found(Found),
    /// There is no such thing.
    Nothing,
    /// The process that was asked has not read its disk since it was started.
    NotYet,
}

/// What comes when others were asked.
pub type Elsewhere<'a> = Pin<Box<dyn Future<Output = Result<Option<TaskAnswer>, Problem>> + Send + 'a>>;

/// Who has jobs: those that take tasks, and the tables of their views.
pub trait Front: Send + Sync {
    /// The tasks of a job that are taken here.
    ///
    /// # Errors
    /// 404: there is no such job.
    fn tasks(&self, job: &str) -> Result<Tasks, Problem>;

    /// Whether a job will take tasks in a moment, which it does not now.
    ///
    /// # Errors
    /// Why it won't.
    fn expects(&self, job: &str) -> Result<(), Problem>;

    /// Asks the other processes of a task that is not known here. An error: one of them is away, and may know it.
    fn elsewhere(&self, question: TaskQuestion) -> Elsewhere<'_>;

    /// The jobs that take tasks, and what these may say.
    fn terms(&self) -> Vec<(String, Terms)>;

    /// The tables of a job's views; nothing, where it was not at work here yet.
    ///
    /// # Errors
    /// 404: there is no such job.
    fn views(&self, job: &str) -> Result<Option<Showcase>, Problem>;
}

/// Who has jobs.
pub type AnyFront = Arc<dyn Front>;

/// Where a task comes in: all that is known before its picture is there.
struct Place {
    tasks: Tasks,
    rules: Arc<Rules>,
    room: Room,
    sent: Sent,
    wait: Duration,
}

impl Place {
    /// A place for what is sent with those headers.
    async fn find(api: &Api, call: &Call, headers: &HeaderMap) -> Result<Self, Problem> {
        let wait = wait(call)?;
        let tasks = api.front.tasks(&call.name)?;
        let sent = Sent::by(headers)?;
        let Desk { rules, .. } = desk(api, &tasks).await?;
        let most = sent.most(rules.largest);
        let told = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let room = tasks.room(&rules, told.unwrap_or(most).min(most) as u64).map_err(busy)?;
        Ok(Self { tasks, rules, room, sent, wait })
    }
}

/// Takes a task: when it is answered, the task is durable.
pub(super) async fn take(api: &Api, call: &Call, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    let Place { tasks, rules, room, sent, wait } = match Place::find(api, call, headers).await {
        Ok(place) => place,
        Err(problem) => {
            // Who is still sending when the connection is closed reads no answer.
            let _ = received(headers, body, 0, 0).await;
            return Err(problem);
        }
    };
    let slow = |_| Problem::wrong(format!("this picture did not come within {} s: send it faster", SENDING.as_secs()));
    let body = received(headers, body, sent.most(rules.largest), rules.largest);
    let body = tokio::time::timeout(SENDING, body).await.map_err(slow)??;
    let (query, headers) = (call.query.clone(), beside(headers)?);
    // Base64 takes its time, and the cluster's own links live on these threads.
    let read = move || task(Handed::read(&sent, body, &query, &rules.terms)?, headers, &rules);
    let read = tokio::task::spawn_blocking(read);
    let task = read.await.map_err(|error| Problem::bug(format!("a picture can't be read: {error}")))??;
    let id = task.said.id.clone();
    tasks.put(task, room).await.map_err(|why| Problem::unavailable(why).after(1))?;
    tasks.wait(&id, wait).await;
    let status = tasks.look(&id).ok_or_else(|| Problem::bug("a task is forgotten as soon as it is taken"))?;
    let code = if status.has_ended() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((code, [(LOCATION, status.links.itself.clone())], json(&status)?).into_response())
}

/// Where tasks of that job are taken.
async fn desk(api: &Api, tasks: &Tasks) -> Result<Desk, Problem> {
    if let Some(desk) = tasks.desk(Duration::ZERO).await {
        return Ok(desk);
    }
    api.front.expects(tasks.job())?;
    let away = || {
        let what =
            format!("job {} is not at work at this process just now: try again, or ask another one", tasks.job());
        Problem::unavailable(what).after(1)
    };
    tasks.desk(OPENING).await.ok_or_else(away)
}

fn busy(busy: Busy) -> Problem {
    Problem::too_many(busy.why).after(busy.retry_after)
}

fn task(handed: Handed, headers: Headers, rules: &Rules) -> Result<Task, Problem> {
    let Handed { picture, camera, captured_at, settings } = handed;
    if picture.len() > rules.largest {
        return Err(Problem::too_large(rules.largest));
    }
    let id = fresh_id().map_err(|error| Problem::bug(format!("this machine has no random numbers: {error}")))?;
    let said = Said { id, camera, captured_at, taken_at: UnixMillis::now(), settings: settings.into(), headers };
    Ok(Task { said, picture })
}

/// How long the end is waited for.
fn wait(call: &Call) -> Result<Duration, Problem> {
    let Some(text) = call.query.get("wait") else { return Ok(Duration::ZERO) };
    let wrong = |_| Problem::wrong(format!("`wait` is a time like 10s, and not \"{text}\""));
    humantime::parse_duration(text).map(|wait| wait.min(LONGEST)).map_err(wrong)
}

/// Shows how a task is, or something that came of it.
pub(super) async fn show(api: &Api, call: &Call) -> Result<Response, Problem> {
    let result = match call.index.as_str() {
        "" => None,
        index => Some(index.parse().map_err(|_| nothing(call))?),
    };
    let (job, id) = (call.name.clone(), call.id.clone());
    let question = TaskQuestion { job, id, wait: wait(call)?, result };
    let tasks = api.front.tasks(&call.name)?;
    let here = known(&tasks, &question).await;
    // A job that takes no tasks has none anywhere.
    if here == Some(TaskAnswer::NotYet)
        && let Err(problem) = api.front.expects(&call.name)
        && problem.status == StatusCode::CONFLICT
    {
        return Err(problem);
    }
    let answer = match here {
        None | Some(TaskAnswer::NotYet) => api.front.elsewhere(question).await?.or(here),
        here => here,
    };
    match answer {
        Some(TaskAnswer::Status(status)) => json(&*status),
        Some(TaskAnswer::Found(Found { media, body, .. })) => Ok(([(CONTENT_TYPE, media)], body).into_response()),
        Some(TaskAnswer::Nothing) => Err(nothing(call)),
        Some(TaskAnswer::NotYet) => {
            api.front.expects(&call.name)?;
            let what = "this process is being started, and has not read yet which tasks it had taken: ask again";
            Err(Problem::unavailable(what).after(1))
        }
        None => Err(unknown(call)),
    }
}

/// What this process knows of a task.
pub async fn known(tasks: &Tasks, question: &TaskQuestion) -> Option<TaskAnswer> {
    let TaskQuestion { id, wait, result, .. } = question;
    tasks.wait(id, *wait).await;
    let Some(status) = tasks.look(id) else {
        return (!tasks.is_read()).then_some(TaskAnswer::NotYet);
    };
    Some(match result {
        None => TaskAnswer::Status(status.into()),
        Some(index) => tasks.found(id, *index).map_or(TaskAnswer::Nothing, TaskAnswer::Found),
    })
}

fn nothing(call: &Call) -> Problem {
    let (id, index) = (&call.id, &call.index);
    Problem::not_found(format!(
        "task {id} has no result {index}: it has not ended, or its `results` lists what there is"
    ))
}

fn unknown(call: &Call) -> Problem {
    let (job, id) = (&call.name, &call.id);
    Problem::not_found(format!(
        "job {job} knows no task {id}: nobody handed it in, or its results are no longer kept here; what the job's sinks \
         were given is still there"
    ))
}
