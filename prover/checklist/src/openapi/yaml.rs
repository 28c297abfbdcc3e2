//! Reads YAML with the core schema of YAML 1.2, which OpenAPI asks for; keys are texts, as in JSON.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 200;
/// The most values of a document, aliases counted as often as they stand for something ("billion laughs").
const MAX_VALUES: usize = 1_000_000;

/// Reads a document.
///
/// # Errors
/// A description of the mistake, with its place.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0 };
    let mut document = None;
    loop {
        match reader.next()? {
            Event::StreamEnd => return document.ok_or_else(|| "it is empty".to_owned()),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if document.is_some() => return Err("it has a second document".to_owned()),
            event => document = Some(reader.value(event, 0)?),
        }
    }
}

struct Reader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    anchors: HashMap<usize, Value>,
    values: usize,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<Event<'text>, String> {
        match self.parser.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'text>, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        self.count(1)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().ok_or("an alias stands before its anchor")?;
                self.count(size(&value))?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let plain = style == ScalarStyle::Plain && !is_text;
                (anchor, if plain { scalar(&text) } else { Value::String(text.into_owned()) })
            }
            Event::SequenceStart(anchor, _) => (anchor, self.sequence(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.mapping(depth)?),
            other => return Err(format!("{other:?} where a value should be")),
        };
        if anchor != 0 {
            // What is kept for its aliases counts as well: anchors within anchors hold the same values again and again.
            self.count(size(&value))?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let (mut map, mut merged) = (Map::new(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                // As it is written: `200:` is the key "200".
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err("a key is no scalar".to_owned()),
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            match key.as_str() {
                "<<" => merged.push(value),
                _ => drop(map.insert(key, value)),
            }
        }
        for value in merged {
            let several = if let Value::Array(items) = value { items } else { vec![value] };
            for (key, value) in several.into_iter().filter_map(|one| one.as_object().cloned()).flatten() {
                map.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(map))
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values += values;
        if self.values > MAX_VALUES { Err(format!("it has more than {MAX_VALUES} values")) } else { Ok(()) }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

/// The type of a plain scalar (YAML 1.2.2, section 10.3.2). What JSON has no number for stays a text.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| text.into(), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !plain || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = text.strip_prefix('+').unwrap_or(text);
    let whole = whole.parse::<i64>().map(Number::from).or_else(|_| whole.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_have_the_types_of_yaml_1_2() {
        for (text, value) in [
            ("yes", json!("yes")),
            ("no", json!("no")),
            ("True", json!(true)),
            ("~", json!(null)),
            ("017", json!(17)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("-5", json!(-5)),
            ("1e3", json!(1000.0)),
            ("3.1.0", json!("3.1.0")),
            ("18446744073709551615", json!(u64::MAX)),
            ("2026-11-29", json!("2026-11-29")),
            ("'5'", json!("5")),
            ("!!str 5", json!("5")),
            ("\"a\\nb\"", json!("a\nb")),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn keys_are_texts_and_merge_keys_and_aliases_are_followed() {
        let text = "base: &base {a: 1, b: 2}\n200: {<<: *base, b: 3}\nlist: [*base]\n";
        let value = json!({ "base": { "a": 1, "b": 2 }, "200": { "a": 1, "b": 3 }, "list": [{ "a": 1, "b": 2 }] });
        assert_eq!(read(text), Ok(value));
    }

    #[test]
    fn nested_anchors_count_for_each_value_that_they_keep() {
        let values = vec!["x"; 10_000].join(",");
        let text = (0..150).rev().fold(format!("[{values}]"), |inner, level| format!("[&a{level} {inner}]"));
        assert!(read(&text).unwrap_err().contains("more than"));
    }

    #[test]
    fn malformed_yaml_is_refused_with_the_reason() {
        assert!(read("a: [1\nb: 2").is_err());
        assert!(read("a: 1\n---\nb: 2").unwrap_err().contains("second document"));
        assert!(read("").unwrap_err().contains("empty"));
        assert!(read(&"[".repeat(300)).is_err());
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(read(&text).unwrap_err().contains("more than"));
    }
}
