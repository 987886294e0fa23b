//! Conditions that name values which nothing gives: no mistake, as a picture may come without, but most often a slip.

use super::{Job, Part, words};
use crate::expressions::values_named;
use crate::mistake::Mistake;
use crate::plan::Input;
use crate::steps::StepConfig;
use tokio::runtime::Handle;

/// What tasks say stands there, too.
const TASK: &str = "task";

impl Job {
    /// What is worth knowing about the values that conditions name.
    pub(super) fn unknown_values(&self, runtime: &Handle) -> Vec<Mistake> {
        let told = |(index, part): (usize, &Part<dyn StepConfig>)| {
            let named = part.config.when().map(values_named).unwrap_or_default();
            let known = if named.is_empty() { Vec::new() } else { self.values_before(index, runtime) };
            let unknown = named.into_iter().filter(|(name, _)| !known.contains(name));
            let mistakes = unknown
                .map(|(name, at)| Mistake { inside: Some(at), ..Mistake::at("when", what(&part.name, &name, &known)) });
            let mut placed: Vec<_> = part.place(mistakes.collect::<Vec<_>>()).collect();
            placed.iter_mut().for_each(|mistake| mistake.narrow(&self.text));
            placed
        };
        self.steps.iter().enumerate().flat_map(told).collect()
    }

    /// The values that may be there when a picture comes to the step of that index.
    fn values_before(&self, index: usize, runtime: &Handle) -> Vec<String> {
        let mut before = vec![false; self.steps.len()];
        let mut look: Vec<usize> = self.steps[index].inputs.iter().copied().filter_map(Input::step).collect();
        while let Some(step) = look.pop() {
            if !std::mem::replace(&mut before[step], true) {
                look.extend(self.steps[step].inputs.iter().copied().filter_map(Input::step));
            }
        }
        let steps = self.steps.iter().zip(before).filter(|(_, is_before)| *is_before).map(|(part, _)| part);
        let given = steps.flat_map(|part| part.config.gives(&self.context(&part.name, 0, runtime)));
        self.terms().map(|_| TASK.to_owned()).into_iter().chain(given).collect()
    }
}

fn what(step: &str, name: &str, known: &[String]) -> String {
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let nearest =
        words::nearest(name, &known).map(|near| format!(": did you mean `values.{near}`")).unwrap_or_default();
    let list = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
    let end = if nearest.is_empty() { "." } else { "?" };
    format!("no step before `{step}` gives values.{name}{nearest}{end} Known there: {list}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(steps: &str) -> Vec<String> {
        let text = format!(
            "name = 'room'\n[source.in]\nkind = 'synthetic'\n{steps}[sink.out]\nkind = 'files'\npath = 'out/{{id}}'\n"
        );
        let job = Job::parse(&text, Path::new("room.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        job.unknown_values(runtime.handle()).iter().map(|mistake| job.tell("warning", mistake)).collect()
    }

    /// Catches a slip in a condition that nobody is told of, and a word about what is there.
    #[test]
    fn a_value_that_nothing_gives_is_told() {
        let analyze = "[step.look]\nkind = 'analyze'\n";
        let when = |when: &str| format!("[step.dark]\nkind = 'where'\nwhen = '{when}'\n");
        assert!(told(&format!("{analyze}{}", when("values.brightness < 30 && has(values.x)"))).is_empty());
        let slip = told(&format!("{analyze}{}", when("values.brightnes < 30")));
        assert!(
            slip[0].contains("`dark` gives values.brightnes: did you mean `values.brightness`? Known there: "),
            "{slip:?}"
        );
        assert!(slip[0].contains("room.toml:8:"), "{slip:?}");
        let late = told(&format!("{}{analyze}", when("values.brightness < 30")));
        assert!(late[0].contains("none at all"), "{late:?}");
        let service =
            "[step.who]\nkind = 'http'\nurl = 'http://a/'\ntake = { values = { age = 'age' } }\naway = 'skip'\n";
        assert!(told(&format!("{service}{}", when("values.age > 3 || has(values.who_skipped)"))).is_empty());
        assert!(told(&format!("{service}{}", when("values.who_skipped != \"\""))).is_empty());
    }
}
