//! `+`, `-`, `*`, `/`, `%` and order, on values. Whole numbers never wrap around: what is too large is said.

use std::cmp::Ordering;

use super::functions::{Answer, moment_at};
use super::tree::Binary;
use super::value::Value;

/// What an operator makes of two values; `+` on texts and lists is the machine's, which counts what it copies.
pub fn compute<'a>(operator: Binary, a: &Value<'a>, b: &Value<'a>) -> Answer<'a> {
    let plus = operator == Binary::Add;
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => whole(operator, *a, *b).map(Value::Int),
        (Value::Double(_), Value::Int(_))
        | (Value::Int(_), Value::Double(_))
        | (Value::Double(_), Value::Double(_)) => {
            double(operator, a.as_double().unwrap_or(f64::NAN), b.as_double().unwrap_or(f64::NAN))
        }
        (Value::Time(a), Value::Duration(b)) if plus => moment_at(a.checked_add(*b)),
        (Value::Duration(a), Value::Time(b)) if plus => moment_at(a.checked_add(*b)),
        (Value::Time(a), Value::Duration(b)) if operator == Binary::Subtract => moment_at(a.checked_sub(*b)),
        (Value::Time(a), Value::Time(b)) if operator == Binary::Subtract => {
            whole(operator, *a, *b).map(Value::Duration)
        }
        (Value::Duration(a), Value::Duration(b)) if plus || operator == Binary::Subtract => {
            whole(operator, *a, *b).map(Value::Duration)
        }
        _ => Err(format!("`{}` can't be used on {} and {}", operator.sign(), a.kind(), b.kind())),
    }
}

fn whole(operator: Binary, a: i64, b: i64) -> Result<i64, String> {
    let value = match operator {
        Binary::Divide | Binary::Remainder if b == 0 => return Err("this divides by zero".to_owned()),
        Binary::Add => a.checked_add(b),
        Binary::Subtract => a.checked_sub(b),
        Binary::Multiply => a.checked_mul(b),
        Binary::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    value.ok_or_else(|| format!("`{}` makes a number that is too large here", operator.sign()))
}

fn double<'a>(operator: Binary, a: f64, b: f64) -> Answer<'a> {
    Ok(Value::Double(match operator {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        _ => return Err("`%` takes whole numbers".to_owned()),
    }))
}

/// Whether an order holds between two values; what is no number (0.0 / 0.0) has no order.
pub fn compare<'a>(operator: Binary, a: &Value<'a>, b: &Value<'a>) -> Answer<'a> {
    let order = match (a, b) {
        (Value::Int(a), Value::Int(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        _ => match (a.as_double().zip(b.as_double()), a.as_text().zip(b.as_text())) {
            (Some((a, b)), _) => a.partial_cmp(&b),
            (_, Some((a, b))) => Some(a.cmp(b)),
            _ => return Err(format!("`{}` can't compare {} with {}", operator.sign(), a.kind(), b.kind())),
        },
    };
    Ok(Value::Bool(match operator {
        Binary::Less => order == Some(Ordering::Less),
        Binary::More => order == Some(Ordering::Greater),
        Binary::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }))
}
