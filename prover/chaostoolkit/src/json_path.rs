//! JSON path as the package jsonpath2 reads it, which is not RFC 9535.
//!
//! A filter holds the value that it stands behind against its expression, not that value's children: `$.a.*[?(@.b)]` are the
//! children of `a` that have a `b`. Equality is `=`; `and` binds weaker than `or`, both are words, and so is `not`.

mod parser;
mod syntax;

use self::syntax::{Comparison, Expression, Function, Operand, Step, Subscript};
use crate::value::Value;

/// A path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// A description of the mistake, with its place.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parser::Parser::path(text).map(Self)
    }

    /// Everything that it finds, in order.
    pub(super) fn find(&self, root: &Value) -> Vec<Value> {
        follow(&self.0, root, root)
    }
}

fn follow(steps: &[Step], root: &Value, current: &Value) -> Vec<Value> {
    let Some((step, rest)) = steps.split_first() else { return vec![current.clone()] };
    let mut found = Vec::new();
    match step {
        Step::Children(subscripts) => {
            for value in subscripts.iter().flat_map(|subscript| subscript.find(root, current)) {
                found.extend(follow(rest, root, &value));
            }
        }
        Step::Descendants(subscripts) => {
            for value in subscripts.iter().flat_map(|subscript| subscript.find(root, current)) {
                found.extend(follow(rest, root, &value));
            }
            for child in Subscript::All.find(root, current) {
                found.extend(follow(steps, root, &child));
            }
        }
    }
    found
}

impl Subscript {
    fn find(&self, root: &Value, current: &Value) -> Vec<Value> {
        match (self, current) {
            (Self::Key(key), current) => current.get(key).cloned().into_iter().collect(),
            (Self::Index(index), Value::List(items)) => at(items, *index).cloned().into_iter().collect(),
            (Self::Slice { start, end, step }, Value::List(items)) => slice(items, *start, *end, step.unwrap_or(1)),
            (Self::All, Value::List(items)) => items.clone(),
            (Self::All, Value::Map(map)) => map.iter().map(|(_, value)| value.clone()).collect(),
            (Self::Filter(expression), current) if expression.holds(root, current) => vec![current.clone()],
            (Self::Computed(operand), current) => {
                let subscript = |value: &Value| match value {
                    Value::Int(index) => Some(Self::Index(*index)),
                    Value::Text(key) => Some(Self::Key(key.clone())),
                    _ => None,
                };
                let subscripts: Vec<_> = operand.values(root, current).iter().filter_map(subscript).collect();
                subscripts.iter().flat_map(|subscript| subscript.find(root, current)).collect()
            }
            (Self::Function(function), current) => function.of(current).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

#[allow(clippy::cast_possible_wrap, reason = "a list has fewer than 2^63 items")]
impl Function {
    fn of(self, value: &Value) -> Option<Value> {
        let pair = |key: Value, value: &Value| Value::List(vec![key, value.clone()]);
        Some(match (self, value) {
            (Self::Length, Value::List(items)) => Value::Int(items.len() as i64),
            (Self::Length, Value::Map(map)) => Value::Int(map.iter().count() as i64),
            (Self::Length, Value::Text(text)) => Value::Int(text.chars().count() as i64),
            (Self::Keys, Value::Map(map)) => Value::List(map.iter().map(|(key, _)| key.into()).collect()),
            (Self::Keys, Value::List(items)) => Value::List((0..items.len() as i64).map(Value::Int).collect()),
            (Self::Values, Value::Map(map)) => Value::List(map.iter().map(|(_, value)| value.clone()).collect()),
            (Self::Values, Value::List(items)) => Value::List(items.clone()),
            (Self::Entries, Value::Map(map)) => {
                Value::List(map.iter().map(|(key, value)| pair(key.into(), value)).collect())
            }
            (Self::Entries, Value::List(items)) => {
                Value::List((0..).zip(items).map(|(index, value)| pair(Value::Int(index), value)).collect())
            }
            _ => return None,
        })
    }
}

fn at(items: &[Value], index: i64) -> Option<&Value> {
    #[allow(clippy::cast_possible_wrap, reason = "a list has fewer than 2^63 items")]
    let index = if index < 0 { index + items.len() as i64 } else { index };
    items.get(usize::try_from(index).ok()?)
}

#[allow(clippy::cast_possible_wrap, reason = "a list has fewer than 2^63 items")]
fn slice(items: &[Value], start: Option<i64>, end: Option<i64>, step: i64) -> Vec<Value> {
    let length = items.len() as i64;
    let start = start.map_or(0, |start| if start < 0 { (start + length).max(0) } else { start });
    let end = end.map_or(length, |end| if end < 0 { end + length } else { end }).min(length);
    if step <= 0 {
        return Vec::new();
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (start..end).step_by(step).filter_map(|index| at(items, index).cloned()).collect()
}

impl Expression {
    fn holds(&self, root: &Value, current: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(root, current)),
            Self::Or(any) => any.iter().any(|one| one.holds(root, current)),
            Self::Not(inner) => !inner.holds(root, current),
            Self::Some(operand) => !operand.values(root, current).is_empty(),
            Self::Compare(left, comparison, right) => {
                let rights = right.values(root, current);
                left.values(root, current).iter().any(|left| rights.iter().any(|right| comparison.holds(left, right)))
            }
        }
    }
}

impl Operand {
    fn values(&self, root: &Value, current: &Value) -> Vec<Value> {
        match self {
            Self::Root(steps) => follow(steps, root, root),
            Self::Current(steps) => follow(steps, root, current),
            Self::Value(value) => vec![value.clone()],
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = match (left, right) {
            (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
            _ => left.as_number().zip(right.as_number()).and_then(|(left, right)| left.partial_cmp(&right)),
        };
        match self {
            Self::Equal => left.equals(right),
            Self::NotEqual => !left.equals(right),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// Paths of jsonpath2's kind, with what its release 0.4.5 finds.
    #[test]
    fn paths_find_what_jsonpath2_finds() {
        let root: Value = serde_json::from_str(
            r#"{"foo":[{"baz":"hello","n":1},{"baz":"bonjour","n":2},{"n":3}],"b":{"c":{"d":5},"k":"c"},"s":"text"}"#,
        )
        .unwrap();
        for (path, found) in [
            ("$", None),
            ("$.foo.*[?(@.baz)].baz", Some(r#"["hello","bonjour"]"#)),
            ("$.foo[?(@.baz)].baz", Some("[]")),
            ("$..d", Some("[5]")),
            ("$..[\"n\"]", Some("[1,2,3]")),
            ("$.foo[0,-1].n", Some("[1,3]")),
            ("$.foo[1:].n", Some("[2,3]")),
            ("$.foo[::2].n", Some("[1,3]")),
            ("$.foo[:-1][\"n\"]", Some("[1,2]")),
            ("$.foo[*][?(@.n>1 and not @.baz=\"bonjour\")].n", Some("[3]")),
            ("$.foo.*[?(@.n=1 or @.n=3)].n", Some("[1,3]")),
            ("$.foo.*[?((@.n >= 2) and @.baz)].n", Some("[2]")),
            ("$.b[$.b.k].d", Some("[5]")),
            ("$.foo.length()", Some("[3]")),
            ("$.b.keys()", Some(r#"[["c","k"]]"#)),
            ("$.s.length()", Some("[4]")),
            ("$.nothing", Some("[]")),
        ] {
            let values = JsonPath::parse(path).unwrap().find(&root);
            if let Some(found) = found {
                assert_eq!(serde_json::to_string(&values).unwrap(), found, "{path}");
            }
        }
    }

    #[test]
    fn a_malformed_path_is_reported_with_its_place() {
        for path in ["", "foo", "$.", "$[", "$.foo[?(@.a==1)]", "$.foo[?(@.a]", "$ x", "$['a']"] {
            assert!(JsonPath::parse(path).unwrap_err().contains("wanted"), "{path}");
        }
        assert!(JsonPath::parse(&format!("$[?({}@.a)]", "(".repeat(200))).unwrap_err().contains("nested"));
    }
}
