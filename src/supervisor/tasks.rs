//! Tasks at a standing process: each takes its own, and asks the others for those that it does not know. And views: each
//! process has all of them.

use std::sync::Arc;
use std::time::Duration;

use super::Process;
use super::lead::ANSWERING;
use super::question::{Answer, Question, answer, pack};
use crate::api::tasks::known;
use crate::api::{Elsewhere, Front, Problem, TaskAnswer, TaskQuestion};
use crate::roster::Wanted;
use crate::tasks::{Tasks, Terms};
use crate::views::Showcase;

/// The tasks of a process, and its views.
pub(super) struct Counter(pub(super) Arc<Process>);

impl Front for Counter {
    fn tasks(&self, job: &str) -> Result<Tasks, Problem> {
        self.0.inner().roster.job(job)?;
        Ok(self.0.metrics(job).tasks.clone())
    }

    fn expects(&self, job: &str) -> Result<(), Problem> {
        let entry = self.0.inner().roster.job(job)?.clone();
        let terms = entry.job().ok().and_then(|job| job.terms());
        if terms.is_none() {
            return Err(Problem::takes_no_tasks(job));
        }
        match entry.wanted {
            Wanted::Running => Ok(()),
            wanted => {
                let what = format!("job {job} is {}, and takes no tasks until it runs again", wanted.as_str());
                Err(Problem::unavailable(what).after(5))
            }
        }
    }

    fn elsewhere(&self, question: TaskQuestion) -> Elsewhere<'_> {
        Box::pin(self.0.ask_for_task(question))
    }

    fn terms(&self) -> Vec<(String, Terms)> {
        let jobs: Vec<_> = self.0.inner().roster.jobs.values().cloned().collect();
        jobs.into_iter().filter_map(|entry| Some((entry.name.clone(), entry.job().ok()?.terms()?))).collect()
    }

    fn views(&self, job: &str) -> Result<Option<Showcase>, Problem> {
        self.0.inner().roster.job(job)?;
        Ok(self.0.metrics(job).showcase())
    }
}

impl Process {
    /// What this process knows of a task.
    pub(super) async fn task(&self, question: &TaskQuestion) -> Option<TaskAnswer> {
        let is_there = self.inner().roster.jobs.contains_key(&question.job);
        match is_there {
            true => known(&self.metrics(&question.job).tasks, question).await,
            false => None,
        }
    }

    /// Asks the others, one after the other: one that does not know a task says so at once.
    async fn ask_for_task(&self, question: TaskQuestion) -> Result<Option<TaskAnswer>, Problem> {
        let view = self.mesh().view();
        let patience = question.wait + ANSWERING;
        let packed = pack(&Question::Task(question));
        let mut away = Vec::new();
        for other in (0..view.processes).filter(|index| *index != self.index()) {
            if !view.present.contains(&other) {
                away.push(other);
                continue;
            }
            match answer(self.mesh().ask(other, packed.clone(), patience).await) {
                Answer::Task(Some(answer)) if *answer == TaskAnswer::NotYet => away.push(other),
                Answer::Task(Some(found)) => return Ok(Some(*found)),
                Answer::Task(None) => {}
                _ => away.push(other),
            }
        }
        let Some(other) = away.first() else { return Ok(None) };
        let what =
            format!("this task is not known here, and process {other}, which may have taken it, is away: ask again");
        Err(Problem::unavailable(what).after(Duration::from_secs(2).as_secs()))
    }
}
