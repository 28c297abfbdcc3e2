//! Tolerances: comparison of a probe's output with the value that the hypothesis allows.

use std::cmp::Ordering;

use super::failure::Failure;
use super::json_path::JsonPath;
use super::mistake::Mistake;
use super::python_regex;
use super::substitution::Names;
use crate::value::Value;

/// Checks a tolerance against the format. One that is a probe must also be checked as an activity.
pub(super) fn check(tolerance: &Value) -> Result<(), Mistake> {
    match tolerance {
        Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Text(_) => Ok(()),
        Value::Map(_) => match tolerance.text("type") {
            Some("probe") => Ok(()),
            Some("regex") => check_regex(tolerance),
            Some("jsonpath") => check_path(tolerance),
            Some("range") => check_range(tolerance),
            other => {
                let other = other.unwrap_or("None");
                Err(Mistake::new(format!("hypothesis probe tolerance type '{other}' is unsupported")))
            }
        },
        Value::Null | Value::Float(_) => Err(Mistake::new(
            "hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for boundaries. \
             It can also be a dictionary which is a probe activity definition that takes an argument called `value` with \
             the value of the probe itself to be validated",
        )),
    }
}

fn check_regex(tolerance: &Value) -> Result<(), Mistake> {
    let pattern = tolerance.get("pattern");
    let pattern = pattern.ok_or_else(|| Mistake::new("hypothesis regex probe tolerance must have a `pattern` key"))?;
    let pattern = pattern
        .as_text()
        .ok_or_else(|| Mistake::new(format!("hypothesis probe tolerance pattern {pattern:?} has an invalid type")))?;
    match python_regex::compile(pattern) {
        Ok(_) => Ok(()),
        // It may become one when its references are replaced.
        Err(_) if pattern.contains("${") => Ok(()),
        Err(error) => Err(Mistake::new(format!("hypothesis probe tolerance pattern {pattern} seems invalid: {error}"))),
    }
}

fn check_path(tolerance: &Value) -> Result<(), Mistake> {
    let path = tolerance.get("path");
    let path = path.ok_or_else(|| Mistake::new("hypothesis jsonpath probe tolerance must have a `path` key"))?;
    let path = path.as_text().unwrap_or_default().trim();
    if path.is_empty() {
        return Err(Mistake::new("hypothesis probe tolerance JSON path cannot be empty"));
    }
    match JsonPath::parse(path) {
        Ok(_) => Ok(()),
        Err(_) if path.contains("${") => Ok(()),
        Err(error) => Err(Mistake::new(format!("hypothesis probe tolerance JSON path {path} is invalid: {error}"))),
    }
}

fn check_range(tolerance: &Value) -> Result<(), Mistake> {
    let problem = match tolerance.get("range") {
        None => "hypothesis range probe tolerance must have a `range` key",
        Some(Value::List(bounds)) => match bounds.as_slice() {
            [low, _] if low.as_number().is_none() => "hypothesis range lower boundary must be a number",
            [_, high] if high.as_number().is_none() => "hypothesis range upper boundary must be a number",
            [_, _] => return Ok(()),
            _ => "hypothesis range sequence must be made of two values",
        },
        Some(_) => "hypothesis range must be a sequence",
    };
    Err(Mistake::new(problem))
}

/// Returns true if the value is within a tolerance that is no probe.
///
/// # Errors
/// When the two cannot be compared: a mistake in the experiment, which ends it.
pub(super) fn allows(tolerance: &Value, value: &Value, names: &Names) -> Result<bool, Failure> {
    match tolerance {
        Value::Int(_) => Ok(status(value).unwrap_or(value).equals(tolerance)),
        Value::List(allowed) => match (status(value), allowed.as_slice()) {
            (Some(status), _) => Ok(allowed.iter().any(|item| item.equals(status))),
            (None, [low, high]) => {
                let bounds = [low, value, high].map(Value::as_number);
                let [Some(low), Some(number), Some(high)] = bounds else {
                    return Err(Failure::fatal("the value and the bounds of the tolerance cannot be compared"));
                };
                Ok((low..=high).contains(&number))
            }
            (None, _) => Ok(allowed.iter().any(|item| item.equals(value))),
        },
        Value::Map(_) => match tolerance.text("type") {
            Some("regex") => matches(tolerance, value, names),
            Some("jsonpath") => has_path(tolerance, value, names),
            Some("range") => in_range(tolerance, value),
            _ => Ok(false),
        },
        scalar => Ok(value.equals(scalar)),
    }
}

fn status(value: &Value) -> Option<&Value> {
    value.get("status")
}

/// The part that is looked at: all of it when there is no such part.
fn targeted<'a>(tolerance: &Value, value: &'a Value) -> &'a Value {
    tolerance.text("target").and_then(|target| value.get(target)).unwrap_or(value)
}

fn matches(tolerance: &Value, value: &Value, names: &Names) -> Result<bool, Failure> {
    let pattern = names.substitute(tolerance.get("pattern").unwrap_or(&Value::Null));
    let pattern = pattern.as_text().unwrap_or_default();
    let compiled =
        python_regex::compile(pattern).map_err(|error| Failure::fatal(format!("the pattern {pattern}: {error}")))?;
    match targeted(tolerance, value) {
        Value::Text(text) => {
            compiled.is_match(text).map_err(|error| Failure::fatal(format!("the pattern {pattern}: {error}")))
        }
        _ => Err(Failure::fatal("a regex tolerance needs a text: name one by target, such as body or stdout")),
    }
}

fn has_path(tolerance: &Value, value: &Value, names: &Names) -> Result<bool, Failure> {
    let path = names.substitute(tolerance.get("path").unwrap_or(&Value::Null));
    let path = path.as_text().unwrap_or_default();
    let path =
        JsonPath::parse(path.trim()).map_err(|error| Failure::fatal(format!("the JSON path {path}: {error}")))?;
    let value = targeted(tolerance, value);
    let parsed = value.as_text().and_then(|text| serde_json::from_str(text).ok());
    let found = path.find(parsed.as_ref().unwrap_or(value));
    if let Some(expected) = tolerance.get("expect") {
        let expected = match names.substitute(expected) {
            Value::List(items) => items,
            single => vec![single],
        };
        return Ok(Value::List(found).equals(&Value::List(expected)));
    }
    #[allow(clippy::cast_possible_wrap, reason = "nothing is found 2^63 times")]
    let count = Value::Int(found.len() as i64);
    Ok(tolerance.some("count").map_or(!found.is_empty(), |wanted| wanted.equals(&count)))
}

fn in_range(tolerance: &Value, value: &Value) -> Result<bool, Failure> {
    let [low, high] = tolerance.list("range") else { return Ok(false) };
    let written = match targeted(tolerance, value) {
        Value::Text(text) => match decimal(text.trim()) {
            Some(number) => number,
            None => return Ok(false),
        },
        number => match exact(number) {
            Some(number) => number,
            None => return Err(Failure::fatal("a range tolerance needs a number: name one by target, such as stdout")),
        },
    };
    let bound = |bound: &Value| exact(bound).ok_or_else(|| Failure::fatal("the bounds of a range must be numbers"));
    Ok(compare(&bound(low)?, &written) != Ordering::Greater && compare(&written, &bound(high)?) != Ordering::Greater)
}

/// A number as its exact decimal digits: sign, digits before the point, digits after it.
///
/// The text "0.1" is below the number 0.1, whose double is slightly more: ranges are compared exactly.
type Decimal = (bool, String, String);

fn exact(value: &Value) -> Option<Decimal> {
    match value {
        Value::Bool(value) => decimal(if *value { "1" } else { "0" }),
        Value::Int(number) => decimal(&number.to_string()),
        // A double has at most 1074 digits after the point.
        Value::Float(number) if number.is_finite() => decimal(&format!("{number:.1074}")),
        _ => None,
    }
}

/// The most digits that an exponent may add.
const MAX_EXPONENT: i32 = 10_000;

fn decimal(text: &str) -> Option<Decimal> {
    let text = text.replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent = exponent.parse::<i32>().ok()?.clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let zeros = "0".repeat(exponent.unsigned_abs() as usize);
    let (digits, point) = if exponent >= 0 {
        (format!("{whole}{fraction}{zeros}"), whole.len() + zeros.len())
    } else {
        (format!("{zeros}{whole}{fraction}"), whole.len())
    };
    let whole = digits[..point].trim_start_matches('0').to_owned();
    let fraction = digits[point..].trim_end_matches('0').to_owned();
    Some((negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction))
}

fn compare(left: &Decimal, right: &Decimal) -> Ordering {
    let magnitude =
        left.1.len().cmp(&right.1.len()).then_with(|| left.1.cmp(&right.1)).then_with(|| left.2.cmp(&right.2));
    match (left.0, right.0) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn within(tolerance: &str, value: &str) -> Result<bool, Failure> {
        let of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        allows(&of(tolerance), &of(value), &Names::default())
    }

    #[test]
    fn a_status_is_held_against_numbers_and_lists() {
        let answer = r#"{"status":200,"body":"x"}"#;
        assert!(within("200", answer).unwrap() && !within("201", answer).unwrap());
        assert!(within("[200, 404]", answer).unwrap());
        // A list of two is a choice for a status, and a range for a bare number.
        assert!(!within("[100, 300]", answer).unwrap());
        assert!(within("[100, 300]", "200").unwrap());
        assert!(!within("true", answer).unwrap() && !within("\"x\"", answer).unwrap());
    }

    #[test]
    fn ranges_are_compared_exactly() {
        let within = |range: &str, text: &str| {
            within(
                &format!(r#"{{"type":"range","range":{range},"target":"stdout"}}"#),
                &format!(r#"{{"stdout":{text}}}"#),
            )
        };
        assert!(within("[1, 2.5]", r#"" 2.5\n""#).unwrap());
        assert!(!within("[0.1, 1]", r#""0.1""#).unwrap());
        assert!(within("[0.1, 1]", "0.1").unwrap());
        assert!(within("[-2, -1]", r#""-1.5e0""#).unwrap());
        assert!(within("[0, 1000]", r#""1e3""#).unwrap() && !within("[0, 999]", r#""1E3""#).unwrap());
        assert!(!within("[0, 1]", r#""many""#).unwrap());
        assert!(within("[0, 1]", "[1]").is_err());
    }

    #[test]
    fn json_paths_are_counted_and_compared() {
        let value = r#"{"body":{"items":[{"n":"a","v":1},{"n":"b","v":2}]}}"#;
        let within = |rest: &str| within(&format!(r#"{{"type":"jsonpath","target":"body",{rest}}}"#), value).unwrap();
        assert!(within(r#""path":"$.items[*].n""#));
        assert!(within(r#""path":"$.items[*].n","expect":["a","b"]"#));
        assert!(within(r#""path":"$.items[0].v","expect":1"#));
        assert!(within(r#""path":"$.items[*]","count":2"#) && !within(r#""path":"$.items[*]","count":1"#));
        assert!(within(r#""path":"$.items.*[?(@.n=\"b\")].v","expect":2"#));
        assert!(!within(r#""path":"$.nothing""#));
    }

    #[test]
    fn a_pattern_needs_a_text() {
        let answer = r#"{"status":0,"stdout":"all is well"}"#;
        assert!(within(r#"{"type":"regex","pattern":"is w.ll$","target":"stdout"}"#, answer).unwrap());
        assert!(within(r#"{"type":"regex","pattern":"x"}"#, answer).is_err());
    }
}
