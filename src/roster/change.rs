//! What may be done to a list of jobs: one function a command.

use super::{Entry, Event, HISTORY, Roster, VERSIONS, Wanted, When};
use crate::api::problem::Problem;
use crate::api::types::Submission;

/// A job that brings down so many generations in a row is taken out.
pub const MOST_FAILURES: u32 = 5;

/// What the workers have to do after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// Nothing: the list is as it was.
    Unchanged,
    /// Nothing: only the list has changed.
    Recorded,
    /// Start the job with its text, in place of what runs under its name, if anything does.
    Install,
    /// Stop the job at once.
    Remove,
    /// Let the job take no more frames in, and end.
    Drain,
    /// Let the job take no more frames in.
    Pause,
    /// Let the job take frames in again.
    Resume,
}

impl Roster {
    /// Changes from here on are made in that generation: they are newer than all of those before.
    pub fn enter(&mut self, generation: u64) {
        self.version = self.version.max(generation.saturating_mul(VERSIONS));
    }

    /// The last generation that changed it, as far as its version tells.
    pub fn generation(&self) -> u64 {
        self.version / VERSIONS
    }

    /// Runs a job of that name. The same text once more changes nothing; a job that is over is replaced.
    ///
    /// # Errors
    /// 409 where a job of that name is there with another text, or is being drained.
    pub fn submit(&mut self, name: &str, submission: &Submission, when: When) -> Result<Change, Problem> {
        match self.jobs.get(name) {
            None => self.add(name, submission, when),
            Some(job) if job.wanted.is_over() => return self.replace(name, submission, "submitted anew", when),
            Some(job) if job.wanted == Wanted::Draining => return Err(draining(name)),
            Some(job) if job.text == submission.text => return Ok(Change::Unchanged),
            Some(_) => {
                let file = &submission.file;
                let what = format!(
                    "job `{name}` is there with another text: `vigie update {name} {file}` gives it this one, or let \
                     `name` in {file} say another name"
                );
                return Err(Problem::conflict(what));
            }
        }
        Ok(Change::Install)
    }

    /// Gives a job another text. A paused job stays paused; one that is over runs again. `named` is what the text calls
    /// the job.
    ///
    /// # Errors
    /// 404; 400 where the text is of another job; 409 while it is drained.
    pub fn update(&mut self, name: &str, named: &str, submission: &Submission, when: When) -> Result<Change, Problem> {
        let job = self.job(name)?;
        if named != name {
            let file = &submission.file;
            let what = format!("{file} is of job `{named}`, not `{name}`: update that one, or mend `name` in the file");
            return Err(Problem::wrong(what));
        }
        match &job.wanted {
            Wanted::Draining => Err(draining(name)),
            wanted if !wanted.is_over() && job.text == submission.text => Ok(Change::Unchanged),
            _ => self.replace(name, submission, "updated", when),
        }
    }

    /// Forgets a job.
    ///
    /// # Errors
    /// 404.
    pub fn cancel(&mut self, name: &str) -> Result<Change, Problem> {
        self.job(name)?;
        self.jobs.remove(name);
        self.version += 1;
        Ok(Change::Remove)
    }

    /// Lets a job end when all its frames are done.
    ///
    /// # Errors
    /// 404.
    pub fn drain(&mut self, name: &str, when: When) -> Result<Change, Problem> {
        let wanted = &self.job(name)?.wanted;
        if wanted.is_over() || *wanted == Wanted::Draining {
            return Ok(Change::Unchanged);
        }
        Ok(self.turn(name, Wanted::Draining, "asked to", when, Change::Drain))
    }

    /// Lets every job end; the names of those that this changes.
    pub fn drain_all(&mut self, when: When) -> Vec<String> {
        let names: Vec<_> = self.jobs.keys().cloned().collect();
        names.into_iter().filter(|name| self.drain(name, when) == Ok(Change::Drain)).collect()
    }

    /// Lets a job take no frames in.
    ///
    /// # Errors
    /// 404; 409 for a job that is over or about to be.
    pub fn pause(&mut self, name: &str, when: When) -> Result<Change, Problem> {
        match &self.job(name)?.wanted {
            Wanted::Running => Ok(self.turn(name, Wanted::Paused, "asked to", when, Change::Pause)),
            Wanted::Paused => Ok(Change::Unchanged),
            Wanted::Draining => Err(draining(name)),
            over => Err(is_over(name, over)),
        }
    }

    /// Lets a paused job go on.
    ///
    /// # Errors
    /// 404; 409 for a job that is over or about to be.
    pub fn resume(&mut self, name: &str, when: When) -> Result<Change, Problem> {
        match &self.job(name)?.wanted {
            Wanted::Paused => Ok(self.turn(name, Wanted::Running, "resumed", when, Change::Resume)),
            Wanted::Running => Ok(Change::Unchanged),
            Wanted::Draining => Err(draining(name)),
            over => Err(is_over(name, over)),
        }
    }

    /// Starts a job anew with the text that it has, also one that is paused or over.
    ///
    /// # Errors
    /// 404; 409 while it is drained.
    pub fn restart(&mut self, name: &str, when: When) -> Result<Change, Problem> {
        if self.job(name)?.wanted == Wanted::Draining {
            return Err(draining(name));
        }
        Ok(self.start_anew(name, Wanted::Running, "restarted", when))
    }

    /// A job has ended: it was drained, or its sources have ended.
    ///
    /// # Errors
    /// 404.
    pub fn done(&mut self, name: &str, when: When) -> Result<Change, Problem> {
        match &self.job(name)?.wanted {
            Wanted::Draining => Ok(self.turn(name, Wanted::Drained, "all its frames are done", when, Change::Recorded)),
            wanted if wanted.is_over() => Ok(Change::Unchanged),
            _ => Ok(self.turn(name, Wanted::Done, "its sources have ended", when, Change::Recorded)),
        }
    }

    /// A job can't go on.
    ///
    /// # Errors
    /// 404.
    pub fn failed(&mut self, name: &str, reason: &str, when: When) -> Result<Change, Problem> {
        if self.job(name)?.wanted.is_over() {
            return Ok(Change::Unchanged);
        }
        let wanted = Wanted::Failed { reason: reason.to_owned() };
        Ok(self.turn(name, wanted, reason, when, Change::Remove))
    }

    /// A job has brought down a generation; with [`MOST_FAILURES`] in a row it has failed.
    ///
    /// # Errors
    /// 404.
    pub fn stumbled(&mut self, name: &str, reason: &str, when: When) -> Result<Change, Problem> {
        let job = self.job(name)?;
        let failures = job.failures + 1;
        if job.wanted.is_over() {
            return Ok(Change::Unchanged);
        }
        self.edit(name, |job| job.failures = failures);
        match failures < MOST_FAILURES {
            true => Ok(self.noted(name, &format!("brought down generation {}: {reason}", when.generation), when)?),
            false => self.failed(
                name,
                &format!("brought down {failures} generations in a row, the last one: {reason}"),
                when,
            ),
        }
    }

    /// A job has worked for a while: what it brought down before counts no more.
    ///
    /// # Errors
    /// 404.
    pub fn steady(&mut self, name: &str) -> Result<Change, Problem> {
        if self.job(name)?.failures == 0 {
            return Ok(Change::Unchanged);
        }
        self.edit(name, |job| job.failures = 0);
        self.version += 1;
        Ok(Change::Recorded)
    }

    /// Something happened to a job that makes it no other state: it goes into its history.
    ///
    /// # Errors
    /// 404.
    pub fn noted(&mut self, name: &str, what: &str, when: When) -> Result<Change, Problem> {
        self.job(name)?;
        self.edit(name, |job| job.remember(what, when));
        self.version += 1;
        Ok(Change::Recorded)
    }

    fn add(&mut self, name: &str, submission: &Submission, when: When) {
        let job = Entry {
            name: name.to_owned(),
            text: submission.text.clone(),
            folder: submission.folder.clone().into(),
            file: submission.file.clone(),
            wanted: Wanted::Running,
            since: when.at,
            history: vec![event(&Wanted::Running, "submitted", when)],
            failures: 0,
            revision: self.version + 1,
        };
        self.jobs.insert(name.to_owned(), job);
        self.version += 1;
    }

    /// Another text for a job that is there.
    fn replace(&mut self, name: &str, new: &Submission, why: &str, when: When) -> Result<Change, Problem> {
        let wanted = match self.job(name)?.wanted {
            Wanted::Paused => Wanted::Paused,
            _ => Wanted::Running,
        };
        self.edit(name, |job| {
            job.text.clone_from(&new.text);
            job.folder = new.folder.clone().into();
            job.file.clone_from(&new.file);
        });
        Ok(self.start_anew(name, wanted, why, when))
    }

    fn start_anew(&mut self, name: &str, wanted: Wanted, why: &str, when: When) -> Change {
        // No job that ever had this name had this revision.
        let revision = self.version + 1;
        self.edit(name, |job| {
            job.failures = 0;
            job.revision = revision;
        });
        self.turn(name, wanted, why, when, Change::Install)
    }

    /// Another state for a job, and a version more for the list.
    fn turn(&mut self, name: &str, wanted: Wanted, why: &str, when: When, change: Change) -> Change {
        self.edit(name, |job| {
            job.wanted = wanted;
            job.since = when.at;
            job.remember(why, when);
        });
        self.version += 1;
        change
    }

    fn edit(&mut self, name: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(job) = self.jobs.get_mut(name) {
            change(job);
        }
    }
}

impl Entry {
    /// What it is now goes into its history.
    fn remember(&mut self, why: &str, when: When) {
        self.history.push(event(&self.wanted, why, when));
        let over = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..over);
    }
}

fn event(wanted: &Wanted, reason: &str, when: When) -> Event {
    Event { at: when.at, state: wanted.as_str().to_owned(), reason: reason.to_owned(), generation: when.generation }
}

fn draining(name: &str) -> Problem {
    Problem::conflict(format!(
        "job `{name}` is being drained: wait until `vigie jobs` shows it as drained, or `vigie cancel {name}`"
    ))
}

fn is_over(name: &str, wanted: &Wanted) -> Problem {
    let state = wanted.as_str();
    Problem::conflict(format!("job `{name}` is {state}, nothing of it runs: `vigie restart {name}` starts it anew"))
}
