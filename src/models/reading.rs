//! What a few numbers say of a picture, as values with names.

use std::sync::Arc;

use serde_json::{Map, Value};

/// What the numbers of an output are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A number for each class, of which the picture is of one.
    One(Vec<Arc<str>>),
    /// A number for each class, of which any may be true of it.
    Any(Vec<Arc<str>>),
    /// A measure, or several, as they are.
    Numbers,
    /// A vector whose length says nothing: it is made 1.
    Unit,
    /// Nothing that anybody asked for.
    Nothing,
}

/// How an output is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What its numbers are.
    pub meaning: Meaning,
    /// Whether the model itself makes them odds; else a softmax or a sigmoid is added.
    pub odds: bool,
}

/// What is kept of classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// How many of the likeliest are told.
    pub top: usize,
    /// How likely a class has to be; without it, what is usual.
    pub threshold: Option<f32>,
}

/// What is said: what is put behind the name, and the value.
type Said = Vec<(&'static str, Value)>;

impl Meaning {
    /// The classes, if it has any.
    pub fn classes(&self) -> &[Arc<str>] {
        match self {
            Self::One(classes) | Self::Any(classes) => classes,
            Self::Numbers | Self::Unit | Self::Nothing => &[],
        }
    }
}

impl Reading {
    /// What the numbers of one picture say.
    ///
    /// # Errors
    /// That one of them is none.
    pub fn read(&self, numbers: &[f32], rules: &Rules) -> Result<Said, String> {
        if self.meaning != Meaning::Nothing && numbers.iter().any(|number| !number.is_finite()) {
            return Err("it says numbers that are none (NaN or infinite)".to_owned());
        }
        Ok(match &self.meaning {
            Meaning::One(classes) => one(classes, &self.softmax(numbers), rules),
            Meaning::Any(classes) => any(classes, &self.sigmoid(numbers), rules),
            Meaning::Numbers => vec![("", list(numbers))],
            Meaning::Unit => vec![("", list(&unit(numbers)))],
            Meaning::Nothing => Vec::new(),
        })
    }

    /// The same names without a value, for a picture that nobody looked at: an expression can ask for each of them.
    pub fn silence(&self, rules: &Rules) -> Said {
        let names: &[_] = match self.meaning {
            Meaning::One(_) if rules.top > 1 => &["", "_score", "_top"],
            Meaning::One(_) => &["", "_score"],
            Meaning::Any(_) => &["", "_scores"],
            Meaning::Numbers | Meaning::Unit => &[""],
            Meaning::Nothing => &[],
        };
        names.iter().map(|name| (*name, Value::Null)).collect()
    }

    fn softmax(&self, numbers: &[f32]) -> Vec<f32> {
        if self.odds {
            return numbers.to_vec();
        }
        let most = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<_> = numbers.iter().map(|number| f64::from(number - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|power| (power / sum) as f32).collect()
    }

    fn sigmoid(&self, numbers: &[f32]) -> Vec<f32> {
        match self.odds {
            true => numbers.to_vec(),
            false => numbers.iter().map(|number| 1.0 / (1.0 + (-number).exp())).collect(),
        }
    }
}

/// The classes at `least` and above, the likeliest first.
fn likeliest<'a>(classes: &'a [Arc<str>], odds: &[f32], least: f32) -> Vec<(&'a Arc<str>, f32)> {
    let mut all: Vec<_> = classes.iter().zip(odds.iter().copied()).filter(|(_, score)| *score >= least).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

fn one(classes: &[Arc<str>], odds: &[f32], rules: &Rules) -> Said {
    let found = likeliest(classes, odds, rules.threshold.unwrap_or(0.0));
    let best = odds.iter().copied().fold(0.0, f32::max);
    let label = found.first().map(|(label, _)| Value::from(&***label));
    let mut said = vec![("", label.unwrap_or_default()), ("_score", score(best))];
    if rules.top > 1 {
        let row = |(label, odds): &(&Arc<str>, f32)| serde_json::json!({ "label": ***label, "score": score(*odds) });
        said.push(("_top", found.iter().take(rules.top).map(row).collect()));
    }
    said
}

fn any(classes: &[Arc<str>], odds: &[f32], rules: &Rules) -> Said {
    let found = likeliest(classes, odds, rules.threshold.unwrap_or(0.5));
    let labels = found.iter().map(|(label, _)| Value::from(&***label)).collect();
    let scores: Map<_, _> = found.iter().map(|(label, odds)| (label.to_string(), score(*odds))).collect();
    vec![("", labels), ("_scores", scores.into())]
}

/// A number stands alone, several stand in a list.
fn list(numbers: &[f32]) -> Value {
    match numbers {
        [number] => plain(*number),
        _ => numbers.iter().map(|number| plain(*number)).collect(),
    }
}

/// A vector of length 1; of one without a length, itself.
fn unit(numbers: &[f32]) -> Vec<f32> {
    let length = numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    let by = if length > 0.0 { 1.0 / length } else { 1.0 };
    numbers.iter().map(|number| (f64::from(*number) * by) as f32).collect()
}

/// A score to a millionth, as expressions see those of detections.
fn score(odds: f32) -> Value {
    ((f64::from(odds) * 1e6).round() / 1e6).into()
}

/// A number as it is written: 0.8, not the 0.800000011920929 that 64 bits make of it.
fn plain(number: f32) -> Value {
    number.to_string().parse::<f64>().unwrap_or(f64::from(number)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn classes() -> Vec<Arc<str>> {
        ["cat", "dog", "cow"].map(Arc::from).into()
    }

    fn said(meaning: Meaning, odds: bool, numbers: &[f32], top: usize, threshold: Option<f32>) -> Value {
        let rules = Rules { top, threshold };
        let reading = Reading { meaning, odds };
        let said = reading.read(numbers, &rules).expect("numbers");
        let names = |said: &Said| said.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names(&said), names(&reading.silence(&rules)), "a picture that is left out has the same names");
        said.into_iter().map(|(name, value)| (format!("x{name}"), value)).collect::<Map<_, _>>().into()
    }

    /// Catches a softmax that is left out, added twice or overflows, and labels of another order.
    #[test]
    fn the_likeliest_class_is_told_with_its_odds() {
        let one = |odds, numbers: &[f32]| said(Meaning::One(classes()), odds, numbers, 1, None);
        assert_eq!(one(true, &[0.2, 0.7, 0.1]), json!({ "x": "dog", "x_score": 0.7 }));
        assert_eq!(one(false, &[0.0, 0.0, 2.0_f32.ln()]), json!({ "x": "cow", "x_score": 0.5 }));
        assert_eq!(one(false, &[-7000.0, 8062.9, 0.0]), json!({ "x": "dog", "x_score": 1.0 }));
    }

    /// Catches a class that is told although it is under the threshold, and the best ones out of order.
    #[test]
    fn the_best_ones_come_in_order_and_none_under_the_threshold() {
        let one = |threshold| said(Meaning::One(classes()), true, &[0.25, 0.25, 0.5], 2, threshold);
        let best = json!({ "label": "cow", "score": 0.5 });
        let second = json!({ "label": "cat", "score": 0.25 });
        assert_eq!(one(None), json!({ "x": "cow", "x_score": 0.5, "x_top": [best, second] }));
        assert_eq!(one(Some(0.4)), json!({ "x": "cow", "x_score": 0.5, "x_top": [best] }));
        assert_eq!(one(Some(0.6)), json!({ "x": null, "x_score": 0.5, "x_top": [] }));
    }

    /// Catches classes that exclude each other where several may be true.
    #[test]
    fn any_of_several_classes_may_be_true() {
        let any = |odds, numbers: &[f32], threshold| said(Meaning::Any(classes()), odds, numbers, 1, threshold);
        let both = json!({ "x": ["dog", "cat"], "x_scores": { "cat": 0.6, "dog": 0.9 } });
        assert_eq!(any(true, &[0.6, 0.9, 0.1], None), both);
        assert_eq!(
            any(false, &[0.0, -9.0, 3.0_f32.ln()], Some(0.7)),
            json!({ "x": ["cow"], "x_scores": { "cow": 0.75 } })
        );
        assert_eq!(any(true, &[0.1; 3], None), json!({ "x": [], "x_scores": {} }));
    }

    /// Catches a measure with digits that nobody measured, and a vector of another length than 1.
    #[test]
    fn measures_are_as_they_are_and_vectors_have_length_one() {
        assert_eq!(said(Meaning::Numbers, false, &[34.2], 1, None), json!({ "x": 34.2 }));
        assert_eq!(said(Meaning::Numbers, false, &[0.8, -2.0], 1, None), json!({ "x": [0.8, -2.0] }));
        assert_eq!(said(Meaning::Unit, false, &[3.0, -4.0], 1, None), json!({ "x": [0.6, -0.8] }));
        assert_eq!(said(Meaning::Unit, false, &[0.0, 0.0], 1, None), json!({ "x": [0.0, 0.0] }));
        assert_eq!(said(Meaning::Nothing, false, &[f32::NAN], 1, None), json!({}));
    }

    /// Catches a number that is none in a report: JSON has no word for it.
    #[test]
    fn what_is_no_number_is_an_error() {
        for meaning in [Meaning::One(classes()), Meaning::Any(classes()), Meaning::Numbers, Meaning::Unit] {
            let reading = Reading { meaning, odds: false };
            for odd in [f32::NAN, f32::INFINITY] {
                assert!(reading.read(&[0.0, odd, 0.0], &Rules { top: 1, threshold: None }).is_err());
            }
        }
    }
}
