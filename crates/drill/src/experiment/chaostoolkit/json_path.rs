//! JSON path as the package jsonpath2 reads it, which is not RFC 9535.
//!
//! A filter holds the value that it stands behind against its expression, not that value's children: `$.a.*[?(@.b)]` are the
//! children of `a` that have a `b`. Equality is `=`; `and` binds weaker than `or`, both are words, and so is `not`.

use super::super::value::Value;

/// A path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `[a, b]`, `.a`: what each of them finds, one after the other.
    Children(Vec<Subscript>),
    /// `..a`: the same in the value and in everything below it.
    Descendants(Vec<Subscript>),
}

#[derive(Clone, Debug, PartialEq)]
enum Subscript {
    Key(String),
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: Option<i64>,
    },
    All,
    Filter(Expression),
    /// What a path finds, as a key or an index.
    Computed(Operand),
    Function(Function),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Entries,
    Keys,
    Length,
    Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Operand, Comparison, Operand),
    Some(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Root(Vec<Step>),
    Current(Vec<Step>),
    Value(Value),
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        parser.expect("$")?;
        let steps = parser.steps()?;
        parser.space();
        if parser.at < text.len() { Err(parser.wrong("nothing more")) } else { Ok(Self(steps)) }
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

/// The deepest nesting of expressions.
const MAX_DEPTH: usize = 50;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    /// A word, not the beginning of a longer one.
    fn take_word(&mut self, word: &str) -> bool {
        self.space();
        let there = self.name_length() == word.len() && self.rest().starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.wrong(token)) }
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("at {} {wanted:?} is wanted, not {:?}", self.at, self.rest().chars().take(10).collect::<String>())
    }

    fn name_length(&self) -> usize {
        let letter = |(index, letter): (usize, char)| {
            !(letter == '_' || letter.is_ascii_alphabetic() || (index > 0 && letter.is_ascii_digit()))
        };
        self.rest().char_indices().find(|found| letter(*found)).map_or(self.rest().len(), |(index, _)| index)
    }

    fn name(&mut self) -> Option<&'a str> {
        self.space();
        let length = self.name_length();
        let name = &self.rest()[..length];
        self.at += length;
        Some(name).filter(|name| !name.is_empty())
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                let subscripts = if self.take("[") { self.subscripts()? } else { vec![self.bareword()?] };
                steps.push(Step::Descendants(subscripts));
            } else if self.take(".") {
                steps.push(Step::Children(vec![self.bareword()?]));
            } else if self.take("[") {
                steps.push(Step::Children(self.subscripts()?));
            } else {
                return Ok(steps);
            }
        }
    }

    fn bareword(&mut self) -> Result<Subscript, String> {
        if self.take("*") {
            return Ok(Subscript::All);
        }
        let name = self.name().ok_or_else(|| self.wrong("a name"))?;
        if self.take("(") { self.function(name) } else { Ok(Subscript::Key(name.to_owned())) }
    }

    fn function(&mut self, name: &str) -> Result<Subscript, String> {
        self.expect(")")?;
        Ok(Subscript::Function(match name {
            "entries" => Function::Entries,
            "keys" => Function::Keys,
            "length" => Function::Length,
            "values" => Function::Values,
            _ => return Err(format!("{name}() is not there: entries(), keys(), length() and values() are")),
        }))
    }

    fn subscripts(&mut self) -> Result<Vec<Subscript>, String> {
        let mut subscripts = vec![self.subscript()?];
        while self.take(",") {
            subscripts.push(self.subscript()?);
        }
        self.expect("]")?;
        Ok(subscripts)
    }

    fn subscript(&mut self) -> Result<Subscript, String> {
        self.space();
        if self.take("*") {
            return Ok(Subscript::All);
        }
        if self.take("?") {
            self.expect("(")?;
            let expression = self.expression()?;
            self.expect(")")?;
            return Ok(Subscript::Filter(expression));
        }
        if self.rest().starts_with(['$', '@']) {
            return Ok(Subscript::Computed(self.operand()?));
        }
        if self.rest().starts_with('"') {
            return Ok(Subscript::Key(self.quoted()?));
        }
        if self.name_length() > 0 {
            let name = self.name().unwrap_or_default();
            self.expect("(")?;
            return self.function(name);
        }
        let start = self.whole()?;
        if !self.take(":") {
            return start.map(Subscript::Index).ok_or_else(|| self.wrong("a subscript"));
        }
        let end = self.whole()?;
        let step = if self.take(":") { self.whole()? } else { None };
        Ok(Subscript::Slice { start, end, step })
    }

    fn number_length(&self) -> usize {
        let part = |letter: char| !(letter.is_ascii_digit() || matches!(letter, '-' | '+' | '.' | 'e' | 'E'));
        self.rest().find(part).unwrap_or(self.rest().len())
    }

    fn whole(&mut self) -> Result<Option<i64>, String> {
        self.space();
        let length = self.number_length();
        let text = &self.rest()[..length];
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().map_err(|_| self.wrong("a whole number"))?;
        self.at += length;
        Ok(Some(number))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut escaped = false;
        let end = self.rest().char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or_else(|| self.wrong("a text in quotes"))?;
        let inner = &self.rest()[1..end];
        self.at += end + 1;
        Ok(inner.to_owned())
    }

    fn expression(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        let mut all = vec![self.alternatives()?];
        while self.take_word("and") {
            all.push(self.alternatives()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn alternatives(&mut self) -> Result<Expression, String> {
        let mut any = vec![self.negation()?];
        while self.take_word("or") {
            any.push(self.negation()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expression::Or(any) })
    }

    fn negation(&mut self) -> Result<Expression, String> {
        if self.take_word("not") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(format!("it is nested deeper than {MAX_DEPTH}"));
            }
            let inner = self.negation()?;
            self.depth -= 1;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        let comparisons = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, comparison)) = comparisons.into_iter().find(|(token, _)| self.take(token)) else {
            return Ok(Expression::Some(left));
        };
        Ok(Expression::Compare(left, comparison, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.space();
        if self.take("$") {
            return Ok(Operand::Root(self.steps()?));
        }
        if self.take("@") {
            return Ok(Operand::Current(self.steps()?));
        }
        for (word, value) in [("true", true.into()), ("false", false.into()), ("null", Value::Null)] {
            if self.take_word(word) {
                return Ok(Operand::Value(value));
            }
        }
        let length = if self.rest().starts_with('"') {
            let mut ahead = Parser { at: self.at, ..*self };
            ahead.quoted()?;
            ahead.at - self.at
        } else {
            self.number_length()
        };
        let value = serde_json::from_str(&self.rest()[..length]).map_err(|_| self.wrong("a path or a value"))?;
        self.at += length;
        Ok(Operand::Value(value))
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
    fn what_is_no_path_is_told_with_its_place() {
        for path in ["", "foo", "$.", "$[", "$.foo[?(@.a==1)]", "$.foo[?(@.a]", "$ x", "$['a']"] {
            assert!(JsonPath::parse(path).unwrap_err().contains("wanted"), "{path}");
        }
        assert!(JsonPath::parse(&format!("$[?({}@.a)]", "(".repeat(200))).unwrap_err().contains("nested"));
    }
}
