//! The grammar of paths.

use super::syntax::{Comparison, Expression, Function, Operand, Step, Subscript};
use crate::value::Value;

/// The deepest nesting of expressions.
const MAX_DEPTH: usize = 50;

/// Reads a path from the front.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// A whole path.
    pub(super) fn path(text: &'a str) -> Result<Vec<Step>, String> {
        let mut parser = Self { text, at: 0, depth: 0 };
        parser.expect("$")?;
        let steps = parser.steps()?;
        parser.space();
        if parser.at < text.len() { Err(parser.wrong("nothing more")) } else { Ok(steps) }
    }

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
