//! What the operators take, and what comes of them.

use super::tree::Binary;
use super::types::Type;

/// The type of what an operator makes of two.
///
/// # Errors
/// Why it makes nothing of them.
pub fn of_binary(operator: Binary, a: &Type, b: &Type) -> Result<Type, String> {
    match operator {
        Binary::Equal | Binary::Unequal => match a.comparable(b) {
            true => Ok(Type::Bool),
            false => Err(format!("{a} is never equal to {b}")),
        },
        Binary::In => of_in(a, b),
        Binary::Less | Binary::AtMost | Binary::More | Binary::AtLeast => match ordered(a, b) {
            true => Ok(Type::Bool),
            false => Err(format!("`{}` can't compare {a} with {b}", operator.sign())),
        },
        _ => arithmetic(operator, a.sure(), b.sure()),
    }
}

fn of_in(a: &Type, b: &Type) -> Result<Type, String> {
    let fits = match b.sure() {
        Type::Any => true,
        Type::List(of) => a.comparable(of),
        Type::Map(_) => a.may_be(&Type::Text),
        other => return Err(format!("`in` looks into a list or a map, and this is {other}")),
    };
    match (fits, b.sure()) {
        (true, _) => Ok(Type::Bool),
        (false, Type::List(of)) => Err(format!("{a} is never in a list whose elements are each {of}")),
        (false, _) => Err(format!("the names in a map are strings, and this is {a}")),
    }
}

/// Whether one of the two can be less than the other.
fn ordered(a: &Type, b: &Type) -> bool {
    let alike = [Type::Text, Type::Time, Type::Duration].iter().any(|of| a.may_be(of) && b.may_be(of));
    alike || (a.is_number() && b.is_number())
}

fn arithmetic(operator: Binary, a: &Type, b: &Type) -> Result<Type, String> {
    use Binary::{Add, Remainder, Subtract};
    use Type::{Any, Double, Duration, Int, List, Text, Time};
    let sum = matches!(operator, Add | Subtract);
    let of = match (a, b) {
        (Any, Any) => Some(Any),
        (Any, other) | (other, Any) => may_join(operator, other).then_some(Any),
        (Int, Int) => Some(Int),
        (Double, Double) if operator != Remainder => Some(Double),
        (Text, Text) if operator == Add => Some(Text),
        (List(a), List(b)) if operator == Add => Some(Type::list(a.join(b).unwrap_or(Any))),
        (Duration, Duration) if sum => Some(Duration),
        (Time, Duration) if sum => Some(Time),
        (Duration, Time) if operator == Add => Some(Time),
        (Time, Time) if operator == Subtract => Some(Duration),
        _ => None,
    };
    let sign = operator.sign();
    of.ok_or_else(|| match (a, b) {
        (Int, Double) | (Double, Int) => {
            format!("`{sign}` takes two ints or two doubles: write double(…) around the int")
        }
        (Text, other) | (other, Text) if operator == Add && other != &Text => {
            format!("`+` can't join a string and {other}: write string(…) around the other")
        }
        _ => format!("`{sign}` can't be used on {a} and {b}"),
    })
}

/// Whether an operator can work on this and something that is not known yet.
fn may_join(operator: Binary, other: &Type) -> bool {
    match other {
        Type::Int => true,
        Type::Double => operator != Binary::Remainder,
        Type::Text | Type::List(_) => operator == Binary::Add,
        Type::Time | Type::Duration => matches!(operator, Binary::Add | Binary::Subtract),
        _ => false,
    }
}
