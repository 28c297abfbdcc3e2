//! Expressions of PromQL as alerts on objectives use them, read into a tree.
//!
//! Labels of aggregations and of vector matching are read and left out: an evaluation adds up all series that a selector matches.
//! Subqueries, `offset` and `@` are refused.

use std::collections::BTreeMap;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 50;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Text,
    Selector(Selector),
    Call(String, Vec<Expression>),
    /// An operation of a sign or word, such as `/`, `>` or `and`; true for a comparison with `bool`.
    Operation(String, bool, Box<[Expression; 2]>),
}

/// Series by name and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selector {
    pub(crate) name: String,
    /// Label, sign of the comparison, value.
    pub(crate) matchers: Vec<(String, String, String)>,
    /// The range in seconds, such as that of `[5m]`.
    pub(crate) window: Option<u64>,
}

impl Selector {
    /// Returns true if these labels match.
    pub(crate) fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|(label, sign, value)| {
            let given = labels.get(label).map_or("", String::as_str);
            let fits = || regex::Regex::new(&format!("^(?:{value})$")).is_ok_and(|pattern| pattern.is_match(given));
            match sign.as_str() {
                "=" => given == value,
                "!=" => given != value,
                "=~" => fits(),
                _ => !fits(),
            }
        })
    }
}

/// Reads an expression.
///
/// # Errors
/// The part of it that is not read.
pub(crate) fn read(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = reader.binary(0)?;
    match reader.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("{token:?} is not read")),
    }
}

/// A duration such as `1h30m`, in seconds.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (mut all, mut number) = (0, None);
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0_u64).checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let millis = c == 'm' && chars.next_if_eq(&'s').is_some();
        let unit = match c {
            _ if millis => 0,
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            'y' => 31_536_000,
            _ => return None,
        };
        all += number.take()? * unit;
    }
    number.is_none().then_some(all)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Text(String),
    Window(String),
    Sign(&'static str),
}

/// Signs, longer ones first.
const SIGNS: [&str; 20] =
    ["=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if first.is_ascii_digit() || first == '.' {
            let is_part = |(at, c): (usize, char)| {
                let signed = (c == '+' || c == '-') && rest[..at].ends_with(['e', 'E']);
                c.is_ascii_alphanumeric() || c == '.' || signed
            };
            let end = rest.char_indices().find(|one| !is_part(*one)).map_or(rest.len(), |(at, _)| at);
            let number = rest[..end].parse().map_err(|_| format!("{} is no number", &rest[..end]))?;
            tokens.push(Token::Number(number));
            rest = &rest[end..];
        } else if is_name(first) {
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let '"' | '\'' | '`' = first {
            let (value, after) = quoted(rest, first).ok_or("a text does not end")?;
            tokens.push(Token::Text(value));
            rest = after;
        } else if first == '[' {
            let (inside, after) = rest[1..].split_once(']').ok_or("a range does not end")?;
            tokens.push(Token::Window(inside.to_owned()));
            rest = after;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            return Err(format!("{first} is not read"));
        }
    }
    Ok(tokens)
}

/// The text after an opening quote, with escapes read, and what comes after it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices().skip(1));
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Some((value, &text[at + c.len_utf8()..])),
            '\\' if quote != '`' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// The rank of an operation; none for a word that is none.
fn rank(token: &Token) -> Option<(usize, String)> {
    let word = match token {
        Token::Name(name) => name.to_ascii_lowercase(),
        Token::Sign(sign) => (*sign).to_owned(),
        _ => return None,
    };
    let rank = match word.as_str() {
        "or" => 1,
        "and" | "unless" => 2,
        "==" | "!=" | ">" | "<" | ">=" | "<=" => 3,
        "+" | "-" => 4,
        "*" | "/" | "%" => 5,
        _ => return None,
    };
    Some((rank, word))
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, words: &[&str]) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Name(next)) if words.contains(&next.to_ascii_lowercase().as_str()));
        self.at += usize::from(found);
        found
    }

    /// Operations of at least this rank, from the left.
    fn binary(&mut self, least: usize) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let mut left = self.unary()?;
        while let Some((rank, word)) = self.peek().and_then(rank).filter(|(rank, _)| *rank >= least.max(1)) {
            self.at += 1;
            let is_bool = self.word(&["bool"]);
            while self.word(&["on", "ignoring", "group_left", "group_right"]) {
                self.labels()?;
            }
            let right = self.binary(rank + 1)?;
            left = Expression::Operation(word, is_bool, Box::new([left, right]));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, String> {
        if self.sign("-") {
            let inside = self.unary()?;
            return Ok(Expression::Operation("-".to_owned(), false, Box::new([Expression::Number(0.0), inside])));
        }
        let expression = self.operand()?;
        match self.peek() {
            Some(Token::Window(_)) => Err("a subquery is not read".to_owned()),
            Some(Token::Name(name)) if name == "offset" => Err("offset is not read".to_owned()),
            _ => Ok(expression),
        }
    }

    fn operand(&mut self) -> Result<Expression, String> {
        let token = self.peek().cloned().ok_or("it ends too soon")?;
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expression::Number(number)),
            Token::Text(_) => Ok(Expression::Text),
            Token::Sign("(") => {
                let inside = self.binary(0)?;
                if self.sign(")") { Ok(inside) } else { Err("a bracket does not end".to_owned()) }
            }
            Token::Sign("{") => {
                self.at -= 1;
                self.selector(String::new())
            }
            Token::Name(name) => {
                while self.word(&["by", "without"]) {
                    self.labels()?;
                }
                if self.sign("(") { self.call(name) } else { self.selector(name) }
            }
            other => Err(format!("{other:?} is not read")),
        }
    }

    fn call(&mut self, name: String) -> Result<Expression, String> {
        let mut arguments = Vec::new();
        while !self.sign(")") {
            arguments.push(self.binary(0)?);
            if !self.sign(",") && !matches!(self.peek(), Some(Token::Sign(")"))) {
                return Err(format!("the arguments of {name} do not end"));
            }
        }
        while self.word(&["by", "without"]) {
            self.labels()?;
        }
        Ok(Expression::Call(name.to_ascii_lowercase(), arguments))
    }

    fn selector(&mut self, name: String) -> Result<Expression, String> {
        let mut selector = Selector { name, ..Selector::default() };
        if self.sign("{") {
            while !self.sign("}") {
                let (label, sign, value) = match self.tokens.get(self.at..self.at + 3) {
                    Some([Token::Name(label), Token::Sign(sign), Token::Text(value)]) => {
                        (label.clone(), (*sign).to_owned(), value.clone())
                    }
                    _ => return Err(format!("the labels of {} are not read", selector.name)),
                };
                self.at += 3;
                match label.as_str() {
                    "__name__" if sign == "=" => selector.name = value,
                    _ => selector.matchers.push((label, sign, value)),
                }
                self.sign(",");
            }
        }
        if let Some(Token::Window(text)) = self.peek() {
            selector.window = Some(seconds(text).ok_or_else(|| format!("the range {text:?} is not read"))?);
            self.at += 1;
        }
        Ok(Expression::Selector(selector))
    }

    /// Labels in brackets, where there are some.
    fn labels(&mut self) -> Result<(), String> {
        if !self.sign("(") {
            return Ok(());
        }
        while !self.sign(")") {
            match self.peek() {
                Some(_) => self.at += 1,
                None => return Err("a list of labels does not end".to_owned()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn operations_bind_as_in_prometheus() {
        let shape = |text: &str| match read(text).unwrap() {
            Expression::Operation(word, _, _) => word,
            other => format!("{other:?}"),
        };
        assert_eq!(shape("a > 1 and b > 2 or c"), "or");
        assert_eq!(shape("a and b unless on(x) c"), "unless", "from the left");
        assert_eq!(shape("a + 1 > bool 14.4 * 0.001"), ">");
        assert_eq!(shape("1 - a / b"), "-");
        assert_eq!(shape("sum(rate(a{b=\"c\"}[5m])) by (d) / on(d) group_left(e) sum by (d) (rate(f[5m]))"), "/");
    }

    #[test]
    fn selectors_have_labels_and_ranges() {
        let Expression::Selector(selector) = read("a{b=\"c\", d=~\"5..\"}[1h30m]").unwrap() else { panic!() };
        assert_eq!((selector.name.as_str(), selector.window), ("a", Some(5_400)));
        let labels = |status: &str| [("b".to_owned(), "c".to_owned()), ("d".to_owned(), status.to_owned())].into();
        assert!(selector.takes(&labels("503")) && !selector.takes(&labels("404")));
        assert!(!selector.takes(&BTreeMap::new()));
    }

    #[test]
    fn expressions_that_are_not_read_are_refused() {
        for text in ["a[5m:1m]", "rate(a[5x])", "a offset 5m", "a @ 1", "sum(a", "a b", "a{b}", "", "rate(a[5m])[1h]"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(
            (seconds("1h30m"), seconds("30d"), seconds("5"), seconds("m")),
            (Some(5_400), Some(2_592_000), None, None)
        );
    }
}
