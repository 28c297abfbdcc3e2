//! Configuration and secrets: said in the file, or taken from the environment; and what `--var` says instead.

use super::mistake::Mistake;
use super::python;
use crate::value::{Map, Value};

/// The variables of the environment that a file may ask for.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The configuration of an experiment. What is a probe there stays as it is: it is asked when the experiment starts.
pub(super) fn configuration(said: Option<&Value>, instead: &Map, environment: Environment<'_>) -> Result<Map, Mistake> {
    let Some(said) = said.and_then(Value::as_map) else { return Ok(Map::default()) };
    let mut names = Map::default();
    for (key, value) in said.iter() {
        let value = instead.get(key).unwrap_or(value);
        names.set(
            key,
            if value.text("type") == Some("env") { from_environment(value, environment)? } else { value.clone() },
        );
    }
    Ok(names)
}

fn from_environment(value: &Value, environment: Environment<'_>) -> Result<Value, Mistake> {
    let key = value.text("key").ok_or_else(|| Mistake::new("configuration from the environment must have a key"))?;
    let found = environment(key).map(Value::Text).or_else(|| value.get("default").cloned());
    let found = found.ok_or_else(|| {
        Mistake::new(format!("Configuration makes reference to an environment key that does not exist: {key}"))
    })?;
    typed(value.text("env_var_type"), found)
        .map_err(|problem| Mistake::new(format!("{problem}, in the variable {key}")))
}

/// The value in the type that is asked for.
///
/// # Errors
/// When it has no such form, or the type is unknown.
pub(super) fn typed(kind: Option<&str>, value: Value) -> Result<Value, String> {
    let written = python::text(&value);
    let no = |what: &str| format!("{written:?} is no {what}");
    match kind {
        None | Some("str" | "string" | "bytes") => Ok(value),
        Some("int" | "integer") => match value {
            #[allow(clippy::cast_possible_truncation, reason = "int() of a float drops its fraction")]
            Value::Float(number) => Ok(Value::Int(number as i64)),
            _ => written.trim().parse().map(Value::Int).map_err(|_| no("whole number")),
        },
        Some("float" | "number") => written.trim().parse().map(Value::Float).map_err(|_| no("number")),
        Some("bool") => match value {
            Value::Bool(value) => Ok(Value::Bool(value)),
            _ => Ok(Value::Bool(!matches!(written.to_lowercase().as_str(), "false" | "0" | "no"))),
        },
        Some("json") => match &value {
            Value::Text(text) if !text.is_empty() => {
                serde_json::from_str(text).map_err(|error| format!("{written:?}: {error}"))
            }
            _ => Ok(value),
        },
        Some(_) => Err("variable type can only be: bool, str, int, float, bytes or json".to_owned()),
    }
}

/// The secrets of an experiment, in their groups.
pub(super) fn secrets(said: Option<&Value>, instead: &Map, environment: Environment<'_>) -> Result<Map, Mistake> {
    let Some(said) = said.and_then(Value::as_map) else { return Ok(Map::default()) };
    let mut names = Map::default();
    for (key, value) in said.iter() {
        names.set(key, secret(key, value, instead, environment)?);
    }
    Ok(names)
}

fn secret(key: &str, value: &Value, instead: &Map, environment: Environment<'_>) -> Result<Value, Mistake> {
    let Value::Map(_) = value else { return Ok(value.clone()) };
    match (value.text("type"), instead.get(key)) {
        (None, Some(Value::Map(inner))) => Ok(Value::Map(secrets(Some(value), inner, environment)?)),
        (_, Some(said)) => Ok(said.clone()),
        (Some("env"), None) => {
            let name = value.text("key").unwrap_or_default();
            environment(name).map(Value::Text).ok_or_else(|| {
                Mistake::new(format!("Secrets make reference to an environment key that does not exist: {name}"))
            })
        }
        (Some("vault"), None) => Err(Mistake::new(format!(
            "the secret {key} is in a vault, which keel cannot read: put it into the environment, with \"type\": \"env\""
        ))),
        (_, None) => Ok(Value::Map(secrets(Some(value), &Map::default(), environment)?)),
    }
}

/// `name=value` or `name:type=value`, as `--var` takes it.
///
/// # Errors
/// When it has no such form.
pub fn variable(said: &str) -> Result<(String, Value), String> {
    let (name, value) = said.split_once('=').ok_or("it must be NAME=VALUE or NAME:TYPE=VALUE")?;
    let (name, kind) = name.rsplit_once(':').map_or((name, None), |(name, kind)| (name, Some(kind)));
    Ok((name.to_owned(), typed(kind, value.into())?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn environment(name: &str) -> Option<String> {
        [("PORT", "8080"), ("ON", "No"), ("LIST", "[1]")]
            .iter()
            .find(|pair| pair.0 == name)
            .map(|pair| pair.1.to_owned())
    }

    #[test]
    fn configuration_is_typed_defaulted_and_overridden() {
        let said = value(
            r#"{"plain":"x","port":{"type":"env","key":"PORT","env_var_type":"int"},"raw":{"type":"env","key":"PORT"},
                "on":{"type":"env","key":"ON","env_var_type":"bool"},"list":{"type":"env","key":"LIST","env_var_type":"json"},
                "gone":{"type":"env","key":"GONE","default":7},"other":1}"#,
        );
        let instead = Map::from_iter([("other", Value::Int(2))]);
        let names = configuration(Some(&said), &instead, &environment).unwrap();
        assert_eq!(
            serde_json::to_string(&names).unwrap(),
            r#"{"plain":"x","port":8080,"raw":"8080","on":false,"list":[1],"gone":7,"other":2}"#
        );
    }

    #[test]
    fn a_missing_variable_is_named() {
        let said = value(r#"{"a":{"type":"env","key":"GONE"}}"#);
        assert!(configuration(Some(&said), &Map::default(), &environment).unwrap_err().to_string().contains("GONE"));
        let said = value(r#"{"g":{"a":{"type":"env","key":"GONE"}}}"#);
        assert!(secrets(Some(&said), &Map::default(), &environment).unwrap_err().to_string().contains("GONE"));
    }

    #[test]
    fn secrets_keep_their_groups() {
        let said = value(r#"{"api":{"token":{"type":"env","key":"PORT"},"user":"me"}}"#);
        let names = secrets(Some(&said), &Map::default(), &environment).unwrap();
        assert_eq!(serde_json::to_string(&names).unwrap(), r#"{"api":{"token":"8080","user":"me"}}"#);
    }

    #[test]
    fn a_variable_of_the_command_line_may_have_a_type() {
        assert_eq!(variable("a=b=c").unwrap(), ("a".to_owned(), "b=c".into()));
        assert_eq!(variable("n:int=5").unwrap(), ("n".to_owned(), Value::Int(5)));
        assert!(variable("n:int=x").is_err() && variable("n").is_err());
    }
}
