//! Commands that change nothing, and pages of what is counted.

use std::sync::Arc;
use std::time::Duration;

use super::Process;
use super::question::{Answer, Question, answer, pack};
use crate::api::{Command, Problem, Reply};
use crate::pages;

impl Process {
    /// What this process counts, as Prometheus' text.
    pub(super) fn page(&self) -> String {
        let jobs: Vec<_> = self.inner().metrics.values().map(|(metrics, _)| metrics.clone()).collect();
        let pages = jobs.iter().map(|metrics| metrics.page()).chain([self.cluster_page(), self.callbacks.page()]);
        pages::merge(pages.into_iter().map(|page| (None, page)))
    }

    /// A command that changes nothing.
    pub(super) async fn look(self: &Arc<Self>, command: Command) -> Result<Reply, Problem> {
        Ok(match command {
            Command::Jobs => Reply::Jobs(self.jobs()),
            Command::Show(name) => {
                self.inner().roster.job(&name)?;
                Reply::Detail(
                    self.detail(&name).ok_or_else(|| Problem::not_found(format!("job `{name}` has just gone")))?,
                )
            }
            Command::Cluster => Reply::Cluster(self.cluster_status()),
            Command::Metrics => Reply::Text(self.all_pages().await),
            _ => return Err(Problem::bug("a command that changes something")),
        })
    }

    /// What all processes count.
    async fn all_pages(&self) -> String {
        let mut pages = vec![(self.index(), self.page())];
        let others = self.mesh().view().present.into_iter().filter(|index| *index != self.index());
        for other in others {
            let asked = self.mesh().ask(other, pack(&Question::Metrics), Duration::from_secs(3)).await;
            if let Answer::Text(page) = answer(asked) {
                pages.push((other, page));
            }
        }
        pages::merge(pages.into_iter().map(|(process, page)| (Some(process), page)))
    }
}
