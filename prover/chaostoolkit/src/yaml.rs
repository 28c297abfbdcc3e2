//! Reads YAML as PyYAML's safe loader does: the scalars of YAML 1.1 (`yes`, `0o17` is a text, `017` is 15), merge keys.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::value::{Map, Value};
use super::whole_numbers;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 100;
/// The most values of a document, aliases counted as often as they stand for something ("billion laughs").
const MAX_VALUES: usize = 100_000;

/// The document of the text.
///
/// # Errors
/// A description of the mistake, with its place. A second document is refused, as in PyYAML's `safe_load`.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0 };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd => return Ok(Value::Null),
            Event::DocumentEnd => {
                reader.end()?;
                return Ok(Value::Null);
            }
            event => {
                let value = reader.value(event, 0)?;
                reader.end()?;
                return Ok(value);
            }
        }
    }
}

struct Reader<'text> {
    parser: Parser<'text, saphyr_parser::StrInput<'text>>,
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

    /// Makes sure that nothing follows the document.
    fn end(&mut self) -> Result<(), String> {
        loop {
            match self.parser.next() {
                None | Some(Ok((Event::StreamEnd, _))) => return Ok(()),
                Some(Ok((Event::DocumentEnd | Event::Nothing, _))) => {}
                Some(Ok((_, span))) => {
                    return Err(format!(
                        "a second document begins at line {}: an experiment is one document, keep one in each file",
                        span.start.line()
                    ));
                }
                Some(Err(error)) => return Err(error.to_string()),
            }
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
                let tag = tag.as_ref().filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
                (anchor, scalar(&text, style, tag)?)
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
                Event::SequenceEnd => return Ok(Value::List(items)),
                event => items.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut map = Map::default();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.value(event, depth + 1)?,
            };
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            match key {
                Value::Text(key) if key == "<<" => merged.push(value),
                key => map.set(key_text(&key)?, value),
            }
        }
        for value in merged {
            merge(&mut map, &value)?;
        }
        Ok(Value::Map(map))
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values += values;
        if self.values > MAX_VALUES { Err(format!("it has more than {MAX_VALUES} values")) } else { Ok(()) }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Map(map) => map.iter().map(|(_, value)| size(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// Adds what the mapping does not say itself (YAML's merge key type).
fn merge(map: &mut Map, from: &Value) -> Result<(), String> {
    match from {
        Value::Map(from) => {
            for (key, value) in from.iter().filter(|(key, _)| map.get(key).is_none()).collect::<Vec<_>>() {
                map.set(key, value.clone());
            }
            Ok(())
        }
        Value::List(items) => items.iter().try_for_each(|item| merge(map, item)),
        _ => Err("<< wants a mapping or a list of mappings".to_owned()),
    }
}

/// Keys that are no text become what JSON would make of them.
fn key_text(key: &Value) -> Result<String, String> {
    match key {
        Value::Text(text) => Ok(text.clone()),
        Value::List(_) | Value::Map(_) => Err("a key must be a scalar".to_owned()),
        scalar => serde_json::to_string(scalar).map_err(|error| error.to_string()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Result<Value, String> {
    match tag {
        Some("str") => return Ok(Value::Text(text.to_owned())),
        None if style != ScalarStyle::Plain => return Ok(Value::Text(text.to_owned())),
        _ => {}
    }
    plain(text)
}

/// The type of a plain scalar: <https://yaml.org/type/>, as far as PyYAML follows it. A date stays a text.
fn plain(text: &str) -> Result<Value, String> {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        _ => match integer(text)? {
            Some(number) => Value::Int(number),
            None => float(text).map_or_else(|| text.into(), Value::Float),
        },
    };
    Ok(value)
}

/// The whole number that a text is; none when it is none.
///
/// # Errors
/// When it is one beyond 64 bits.
fn integer(text: &str) -> Result<Option<i64>, String> {
    match magnitude(text) {
        None => Ok(None),
        Some(number) => number
            .and_then(|(sign, magnitude)| i64::try_from(i128::from(sign) * magnitude).ok())
            .map_or_else(|| Err(whole_numbers::beyond(text)), |number| Ok(Some(number))),
    }
}

/// Sign and magnitude of a whole number; none when it is none, and none within when it is far too large.
fn magnitude(text: &str) -> Option<Option<(i64, i128)>> {
    let (sign, digits) = signed(text);
    let digits = digits.replace('_', "");
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (digits, radix) = match digits.as_str() {
        "0" => ("0", 10),
        digits if digits.contains(':') => return Some(Some((sign, i128::from(sexagesimal(digits)?)))),
        digits if digits.starts_with("0x") => (&digits[2..], 16),
        digits if digits.starts_with("0b") => (&digits[2..], 2),
        digits if digits.starts_with('0') => (&digits[1..], 8),
        digits => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(i128::from_str_radix(digits, radix).ok().map(|magnitude| (sign, magnitude)))
}

/// `1:30` is ninety: hours, minutes and seconds without a leading zero.
fn sexagesimal(digits: &str) -> Option<i64> {
    let mut parts = digits.split(':');
    let first = parts.next().filter(|first| !first.starts_with('0'))?.parse::<i64>().ok()?;
    parts.try_fold(first, |sum, part| {
        let part = part.parse::<i64>().ok().filter(|_| part.len() <= 2).filter(|part| (0..60).contains(part))?;
        sum.checked_mul(60)?.checked_add(part)
    })
}

/// A dot is needed, and an exponent needs its sign.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = signed(text);
    #[allow(clippy::cast_precision_loss, reason = "it is 1 or -1")]
    let sign = sign as f64;
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Some(sign * f64::INFINITY);
    }
    let digits = digits.replace('_', "");
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits.as_str(), None), |(m, e)| (m, Some(e)));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.')?;
    let exponent_holds =
        exponent.is_none_or(|text| text.len() > 1 && text.starts_with(['+', '-']) && plain(&text[1..]));
    let well_formed = plain(whole) && plain(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_holds;
    well_formed.then(|| digits.parse::<f64>().ok()).flatten().map(|number| sign * number)
}

fn signed(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        for (text, value) in [
            ("yes", Value::Bool(true)),
            ("off", Value::Bool(false)),
            ("y", "y".into()),
            ("~", Value::Null),
            ("017", Value::Int(15)),
            ("0o17", "0o17".into()),
            ("08", "08".into()),
            ("-0x1f", Value::Int(-31)),
            ("1_000", Value::Int(1000)),
            ("1:30", Value::Int(90)),
            ("1.5", Value::Float(1.5)),
            ("1e3", "1e3".into()),
            ("1.0e+3", Value::Float(1000.0)),
            ("2026-11-26", "2026-11-26".into()),
            ("'yes'", "yes".into()),
            ("!!str 5", "5".into()),
            ("${name}", "${name}".into()),
        ] {
            assert_eq!(parse(text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn a_second_document_is_refused_with_its_line() {
        for text in ["a: 1\n---\nb: 2\n", "---\na: 1\n...\n---\nb: 2\n", "a: 1\n---\n"] {
            let told = parse(text).unwrap_err();
            assert!(told.contains("second document") && told.contains("line "), "{told}");
        }
        for text in ["---\na: 1\n", "a: 1\n...\n", "# one\n---\na: 1\n# two\n", ""] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn a_whole_number_beyond_64_bits_is_refused() {
        for text in [
            "n: 9223372036854775808",
            "n: -9223372036854775809",
            "n: 0xffffffffffffffff",
            "n: 1_000_000_000_000_000_000_000",
        ] {
            assert!(parse(text).unwrap_err().contains("beyond 64 bits"), "{text}");
        }
        assert_eq!(parse("-9223372036854775808").unwrap(), Value::Int(i64::MIN));
        assert_eq!(parse("'99999999999999999999'").unwrap(), "99999999999999999999".into());
    }

    #[test]
    fn anchors_aliases_and_merge_keys_are_followed() {
        let text = "base: &base {type: http, timeout: 3}\nprobe:\n  <<: *base\n  timeout: 5\nlist: [*base]\n";
        let value = parse(text).unwrap();
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"base":{"type":"http","timeout":3},"probe":{"timeout":5,"type":"http"},"list":[{"type":"http","timeout":3}]}"#
        );
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(parse(&text).unwrap_err().contains("more than"));
    }

    #[test]
    fn malformed_yaml_is_reported_with_its_line() {
        assert!(parse("a: [1, 2\nb: 3").unwrap_err().contains("line"));
    }
}
