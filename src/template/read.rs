//! From text to a template.

use std::sync::Arc;

use super::{FIELDS, Piece, Template};
use crate::context::{Context, DEAD};
use crate::expressions::{Expression, Scope, Wrong, closing};
use crate::mistake::Mistake;

impl Template {
    /// A text with fields alone. Checks the braces and that each field is one of `known`; the error is a sentence that
    /// lists the known ones.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        parse(text, known, None).map_err(|wrong| wrong.what)
    }

    /// What stands in `field` of a part of a job: with fields, of which those of `known` are taken, and expressions. What
    /// names dead letters has fields alone, and `{reason}` besides: the steps may not have come to say anything.
    ///
    /// # Errors
    /// The first mistake, and where in the field it is.
    pub fn read(text: &str, known: &[&'static str], context: &Context, field: &'static str) -> Result<Self, Mistake> {
        let (known, scope) = (context.fields(known), Scope::of(context));
        let read = match context.part == DEAD {
            true => parse(text, &known, None).map_err(|wrong| match parse(text, &known, Some(&scope)) {
                Ok(_) => Wrong { what: of_the_dead(&known), ..wrong },
                Err(_) => wrong,
            }),
            false => parse(text, &known, Some(&scope)),
        };
        read.map_err(|wrong| wrong.in_field(field))
    }
}

pub(super) fn parse(text: &str, known: &[&str], scope: Option<&Scope<'_>>) -> Result<Template, Wrong> {
    let (pieces, levels, expressions) = Default::default();
    let mut template = Template { text: text.to_owned(), pieces, levels, expressions };
    let mut at = 0;
    while let Some(brace) = text[at..].find(['{', '}']).map(|found| at + found) {
        push_text(&mut template.pieces, &text[at..brace]);
        let rest = &text[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            push_text(&mut template.pieces, &rest[..1]);
            at = brace + 2;
            continue;
        }
        let inside = inside(rest, scope.is_some()).ok_or_else(|| lone_brace(text, brace, known, scope))?;
        let piece = match (FIELDS.iter().find(|(name, _)| *name == inside), scope) {
            (Some((name, field)), _) if known.contains(name) => Piece::Field(*field),
            (None, Some(scope)) if !is_word(inside) || scope.variable(inside).is_some() => {
                let expression = Expression::text(inside, scope).map_err(|wrong| wrong.moved(brace + 1))?;
                template.expressions.push(Arc::new(expression));
                Piece::Said(inside.into())
            }
            _ => return Err(unknown(inside, brace + 1, known, scope)),
        };
        template.pieces.push(piece);
        at = brace + inside.len() + 2;
    }
    push_text(&mut template.pieces, &text[at..]);
    template.levels = pieces_of_levels(&template.pieces);
    Ok(template)
}

/// The pieces of each level.
fn pieces_of_levels(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut levels = vec![Vec::new()];
    for piece in pieces {
        let Piece::Text(text) = piece else {
            levels.last_mut().expect("never empty").push(piece.clone());
            continue;
        };
        for (index, part) in text.split('/').enumerate() {
            if index > 0 {
                levels.push(Vec::new());
            }
            push_text(levels.last_mut().expect("never empty"), part);
        }
    }
    levels
}

/// The levels of a text that is a template: it is divided by `/`, but not within braces.
pub fn levels(text: &str) -> Vec<&str> {
    let (mut levels, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = text[at..].find(['{', '}', '/']).map(|found| at + found) {
        let rest = &text[found..];
        at = found
            + match inside(rest, true) {
                _ if rest.starts_with("{{") || rest.starts_with("}}") => 2,
                Some(inside) => inside.len() + 2,
                None => 1,
            };
        if rest.starts_with('/') {
            levels.push(&text[start..found]);
            start = at;
        }
    }
    levels.push(&text[start..]);
    levels
}

/// Adds text to the piece before it, if that is text too.
pub(super) fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// What stands in the braces at the start of `text`. A field has none in it, and no level ends in it.
fn inside(text: &str, takes_expressions: bool) -> Option<&str> {
    let rest = text.strip_prefix('{')?;
    match takes_expressions {
        true => Some(&rest[..closing(rest)?]),
        false => rest.split_once('}').map(|(name, _)| name).filter(|name| !name.contains(['{', '/'])),
    }
}

/// Whether it is a single name, so that a field is meant.
fn is_word(text: &str) -> bool {
    let part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    !text.starts_with(|char: char| char.is_ascii_digit()) && text.chars().all(part)
}

fn lone_brace(text: &str, at: usize, known: &[&str], scope: Option<&Scope<'_>>) -> Wrong {
    let what = format!(
        "`{text}` has a brace without its partner: a field is one of {}{}, and a brace itself is written twice",
        braced(known),
        or_more(scope)
    );
    Wrong { at: at..at + 1, what }
}

fn unknown(name: &str, at: usize, known: &[&str], scope: Option<&Scope<'_>>) -> Wrong {
    let what = format!("unknown field `{{{name}}}`. Known here: {}{}", braced(known), or_more(scope));
    Wrong { at: at..at + name.len(), what }
}

fn or_more(scope: Option<&Scope<'_>>) -> &'static str {
    match scope {
        Some(_) => ", or an expression like {values.NAME}",
        None => "",
    }
}

fn of_the_dead(known: &[&str]) -> String {
    let known = braced(known);
    format!(
        "an expression can't name a dead letter, as no step may have said anything of its frame: use fields. Known here: {known}"
    )
}

fn braced(known: &[&str]) -> String {
    known.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}
