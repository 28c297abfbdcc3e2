//! The syntax tree of a path.

use crate::value::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `[a, b]`, `.a`: what each of them finds, one after the other.
    Children(Vec<Subscript>),
    /// `..a`: the same in the value and in everything below it.
    Descendants(Vec<Subscript>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subscript {
    Key(String),
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: Option<i64>,
    },
    All,
    Filter(Expression),
    /// The value that a path finds, as a key or an index.
    Computed(Operand),
    Function(Function),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Entries,
    Keys,
    Length,
    Values,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Operand, Comparison, Operand),
    Some(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Root(Vec<Step>),
    Current(Vec<Step>),
    Value(Value),
}
