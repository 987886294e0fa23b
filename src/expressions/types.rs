//! What a part of an expression can be.

use std::fmt;

/// The type of a value, as far as it is known before a frame comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Known only when a frame comes: what is in `values`.
    Any,
    /// `null` itself.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number with a fraction.
    Double,
    /// Text.
    Text,
    /// A moment.
    Time,
    /// The time between two moments.
    Duration,
    /// Values in an order, all of one type.
    List(Box<Type>),
    /// Values by names, all of one type.
    Map(Box<Type>),
    /// One thing that a detector found.
    Detection,
    /// That type, or null.
    Maybe(Box<Type>),
}

impl Type {
    /// A list of these.
    pub fn list(of: Type) -> Self {
        Type::List(Box::new(of))
    }

    /// The type without its null: what uses it answers for the null when a frame comes.
    pub fn sure(&self) -> &Type {
        match self {
            Type::Maybe(inner) => inner,
            other => other,
        }
    }

    /// Whether it is a number, or may be one.
    pub fn is_number(&self) -> bool {
        matches!(self.sure(), Type::Any | Type::Int | Type::Double)
    }

    /// Whether it is this type, or may be.
    pub fn may_be(&self, other: &Type) -> bool {
        *self.sure() == Type::Any || self.sure() == other
    }

    /// The type of what is one or the other; `None` where no type is both.
    pub fn join(&self, other: &Type) -> Option<Type> {
        let nullable = |of: &Type| match of {
            Type::Maybe(_) | Type::Any | Type::Null => of.clone(),
            of => Type::Maybe(Box::new(of.clone())),
        };
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
            (Type::Null, some) | (some, Type::Null) => Some(nullable(some)),
            (Type::Maybe(a), b) | (b, Type::Maybe(a)) => Some(nullable(&a.join(b.sure())?)),
            (Type::List(a), Type::List(b)) => Some(Type::list(a.join(b)?)),
            (Type::Map(a), Type::Map(b)) => Some(Type::Map(Box::new(a.join(b)?))),
            _ => None,
        }
    }

    /// Whether `==` between the two can be true.
    pub fn comparable(&self, other: &Type) -> bool {
        let numbers = self.is_number() && other.is_number();
        numbers
            || match (self, other) {
                (Type::Null, Type::Maybe(_) | Type::Null | Type::Any)
                | (Type::Maybe(_) | Type::Any, Type::Null)
                | (Type::Any, _)
                | (_, Type::Any) => true,
                (Type::Null, _) | (_, Type::Null) => false,
                (a, b) => match (a.sure(), b.sure()) {
                    (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => a.comparable(b),
                    (a, b) => a == b,
                },
            }
    }
}

/// As it stands in a sentence: `a string`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Any => "any value",
            Type::Null => "null",
            Type::Bool => "a bool",
            Type::Int => "an int",
            Type::Double => "a double",
            Type::Text => "a string",
            Type::Time => "a timestamp",
            Type::Duration => "a duration",
            Type::List(_) => "a list",
            Type::Map(_) => "a map",
            Type::Detection => "a detection",
            Type::Maybe(inner) => return write!(f, "{inner} or null"),
        })
    }
}
