//! Random expressions: soups of tokens, and sound ones of every type.

use proptest::prelude::*;

use super::*;
use crate::expressions::machine::Machine;
use crate::expressions::parameter::NO_SETTINGS;

/// What expressions are made of, and some that they are not made of.
const TOKENS: &[&str] = &[
    "camera",
    "number",
    "detections",
    "labels",
    "values",
    "captured_at",
    "now",
    "width",
    "d",
    "x",
    "label",
    "score",
    "box",
    "gender",
    "size",
    "has",
    "exists",
    "all",
    "map",
    "filter",
    "exists_one",
    "contains",
    "startsWith",
    "int",
    "double",
    "string",
    "timestamp",
    "duration",
    "getHours",
    "true",
    "false",
    "null",
    "in",
    "1",
    "0",
    "7",
    "0.5",
    "1e9",
    "9223372036854775807",
    "\"a\"",
    "'1h'",
    "r'\\'",
    "\"",
    "'",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    "<=",
    ">",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
    "=",
    "&",
    "|",
    "#",
    "//",
    "\n",
    "é",
    "🦀",
    "\0",
    "0x",
    "$",
];

/// Numbers that a text is made by, one after the other; without end.
pub struct Dice<'a>(std::iter::Cycle<std::iter::Copied<std::slice::Iter<'a, u8>>>);

impl<'a> Dice<'a> {
    /// From at least one byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter().copied().cycle())
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::from(self.0.next().expect("without end")) % texts.len()]
    }
}

/// A sound expression of a type.
pub fn sound(dice: &mut Dice<'_>, of: &str, depth: u32) -> String {
    if depth == 0 {
        return dice.of(leaves(of)).to_owned();
    }
    let mut pattern = dice.of(patterns(of));
    let mut text = String::new();
    // `<int>` in a pattern stands for any expression of that type.
    while let Some((before, (name, after))) = pattern.split_once('<').and_then(|(a, b)| Some((a, b.split_once('>')?))) {
        if ["int", "double", "bool", "text", "list", "texts"].contains(&name) {
            text += before;
            text += &sound(dice, name, depth - 1);
        } else {
            text += &pattern[..before.len() + 1];
            pattern = &pattern[before.len() + 1..];
            continue;
        }
        pattern = after;
    }
    text + pattern
}

fn leaves(of: &str) -> &'static [&'static str] {
    match of {
        "int" => &["0", "1", "7", "-3", "number", "size(labels)", "9223372036854775807"],
        "double" => &["0.0", "0.5", "-1.25", "1e3", "detections[0].score", "double(number)"],
        "bool" => &["true", "false", "camera == \"door-1\"", "1 / 0 == 1"],
        "text" => &["camera", "\"a\"", "\"\"", "labels[0]", "\"é🦀\""],
        "list" => &["[]", "[1, 2, 3]", "[number]"],
        _ => &["labels", "[\"a\", \"b\"]", "detections.map(d, d.label)"],
    }
}

fn patterns(of: &str) -> &'static [&'static str] {
    match of {
        "int" => &[
            "(<int> + <int>)",
            "(<int> - <int>)",
            "(<int> * <int>)",
            "(<int> / <int>)",
            "(<int> % <int>)",
            "-(<int>)",
            "size(<text>)",
            "size(<list>)",
            "<texts>.size()",
            "(<bool> ? <int> : <int>)",
            "<list>[<int>]",
            "int(<double>)",
        ],
        "double" => &[
            "(<double> + <double>)",
            "(<double> - <double>)",
            "(<double> * <double>)",
            "(<double> / <double>)",
            "-(<double>)",
            "double(<int>)",
            "(<bool> ? <double> : <double>)",
        ],
        "bool" => &[
            "(<bool> && <bool>)",
            "(<bool> || <bool>)",
            "!(<bool>)",
            "(<int> < <int>)",
            "(<double> >= <double>)",
            "(<text> <= <text>)",
            "(<int> == <int>)",
            "(<text> != <text>)",
            "(<list> == <list>)",
            "(<int> in <list>)",
            "(<text> in <texts>)",
            "<text>.contains(<text>)",
            "<text>.startsWith(<text>)",
            "<text>.endsWith(<text>)",
            "<list>.exists(x, x > <int>)",
            "<list>.all(x, x != <int>)",
            "<list>.exists_one(x, x == <int>)",
            "<texts>.exists(t, t == <text>)",
            "detections.exists(d, d.score > <double>)",
            "detections.all(d, d.label == <text> || <bool>)",
        ],
        "text" => &["(<text> + <text>)", "(<bool> ? <text> : <text>)", "<texts>[<int>]", "string(<int>)"],
        "list" => &[
            "(<list> + <list>)",
            "[<int>, <int>]",
            "<list>.map(x, x + <int>)",
            "<list>.filter(x, x > <int>)",
            "<list>.map(x, <int> < x, <int>)",
        ],
        _ => {
            &["(<texts> + <texts>)", "[<text>, <text>]", "<texts>.filter(t, t < <text>)", "<texts>.map(t, t + <text>)"]
        }
    }
}

/// Evaluates a text if it is an expression; it keeps to its limits and panics nowhere.
fn try_out(text: &str, sample: &Sample) {
    let Ok(expression) = Expression::parse(text, &Scope::PICTURE) else { return };
    let facts = sample.facts();
    let variables = expression.variables.iter().map(|variable| facts.value(*variable)).collect();
    let mut machine = Machine::new(variables, &NO_SETTINGS);
    let _ = machine.evaluate(&expression.root);
    assert!(machine.taken() <= STEPS);
    let _ = (expression.holds(&facts), expression.written(&facts));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Catches any text that panics, and a place of a mistake that is not in the text.
    #[test]
    fn no_soup_of_tokens_panics(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..40), close: bool) {
        let text = tokens.join(if close { "" } else { " " });
        if let Err(wrong) = Expression::parse(&text, &Scope::PICTURE) {
            prop_assert!(text.get(wrong.at.clone()).is_some(), "{:?} in {:?}", wrong, text);
        }
        try_out(&text, &Sample::new());
    }

    /// Catches a sound expression that is refused, panics, or does not keep to its limits.
    #[test]
    fn sound_expressions_are_taken_and_keep_to_their_limits(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
        let mut dice = Dice::new(&bytes);
        let of = dice.of(&["int", "double", "bool", "text", "list", "texts"]);
        let text = sound(&mut dice, of, 4);
        match Expression::parse(&text, &Scope::PICTURE) {
            Ok(_) => try_out(&text, &Sample::new()),
            Err(wrong) => prop_assert!(wrong.what.contains("bytes at most"), "{}: {:?}", text, wrong),
        }
    }
}

proptest! {
    /// Catches any text at all that panics.
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        try_out(&text, &Sample::new());
    }
}
