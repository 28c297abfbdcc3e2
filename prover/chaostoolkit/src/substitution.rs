//! `${name}` in a file: the value of that name in the configuration, else in the secrets.
//!
//! A text that is one reference takes the value as it is; within a longer text it is written out. `$name` is a reference
//! too, `$$` a dollar, and an undefined name stays as it is (Python's `string.Template.safe_substitute`).
//!
//! This is another program's grammar, copied exactly; the templates of keel's own files are `keel_input::template`.

use std::sync::LazyLock;

use regex::Regex;

use super::python;
use crate::value::{Map, Value};

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{([_a-zA-Z][_a-zA-Z0-9]*)\})").expect("the pattern is constant")
});

/// Values of names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) configuration: Map,
    /// Groups of secrets, each a mapping.
    pub(super) secrets: Map,
}

impl Names {
    /// Returns true if there is no name: then arguments are not searched at all.
    pub(super) fn is_empty(&self) -> bool {
        self.configuration.is_empty() && self.secrets.is_empty()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let secret = || self.secrets.iter().find_map(|(_, group)| group.get(name));
        self.configuration.get(name).or_else(secret)
    }

    /// The value with every reference in it replaced, in lists and mappings too; keys are left alone.
    pub(super) fn substitute(&self, value: &Value) -> Value {
        match value {
            Value::Text(text) => self.substitute_text(text),
            Value::List(items) => Value::List(items.iter().map(|item| self.substitute(item)).collect()),
            Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key, self.substitute(value))).collect()),
            other => other.clone(),
        }
    }

    fn substitute_text(&self, text: &str) -> Value {
        let whole = REFERENCE.captures(text).filter(|found| found[0].len() == text.len());
        if let Some(value) = whole.and_then(|found| self.get(found.get(3)?.as_str())) {
            return value.clone();
        }
        let written = REFERENCE.replace_all(text, |found: &regex::Captures<'_>| {
            if found.get(1).is_some() {
                return "$".to_owned();
            }
            let name = found.get(2).or(found.get(3)).map_or("", |name| name.as_str());
            self.get(name).map_or_else(|| found[0].to_owned(), python::text)
        });
        Value::Text(written.into_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn names() -> Names {
        let of = |text: &str| serde_json::from_str::<Value>(text).unwrap().as_map().unwrap().clone();
        Names {
            configuration: of(r#"{"port":8080,"flags":["-a"],"host":"here"}"#),
            secrets: of(r#"{"api":{"token":"hush","host":"hidden"}}"#),
        }
    }

    #[test]
    fn a_reference_alone_keeps_the_type_of_its_value() {
        assert_eq!(names().substitute(&"${port}".into()), Value::Int(8080));
        assert_eq!(names().substitute(&"${flags}".into()), Value::List(vec!["-a".into()]));
        // Only braces make a reference that keeps its type.
        assert_eq!(names().substitute(&"$port".into()), "8080".into());
    }

    #[test]
    fn within_a_text_it_is_written_out_and_the_unknown_stays() {
        let text = "http://${host}:$port/${unknown}?t=${token}&f=${flags}&$$5 $ 5";
        assert_eq!(names().substitute(&text.into()), "http://here:8080/${unknown}?t=hush&f=['-a']&$5 $ 5".into());
    }

    #[test]
    fn lists_and_mappings_are_followed() {
        let value: Value = serde_json::from_str(r#"{"${host}":["${port}",{"x":"${token}"}],"n":1}"#).unwrap();
        let replaced = names().substitute(&value);
        assert_eq!(serde_json::to_string(&replaced).unwrap(), r#"{"${host}":[8080,{"x":"hush"}],"n":1}"#);
    }
}
