//! Ambiguous JSON: names that an object has twice, and texts with a zero character. Readers differ about the first, and PostgreSQL refuses the
//! second.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::field_errors::{FieldErrors, push};

/// Checks a text; adds what is wrong to `errors`. The nesting is bounded by that of serde_json, and before it by the border's.
///
/// # Errors
/// The text is no JSON, or something follows it.
pub(crate) fn check(text: &[u8], errors: &mut FieldErrors) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let mut pointer = String::new();
    Value { pointer: &mut pointer, errors }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// A value at a place.
struct Value<'a> {
    pointer: &'a mut String,
    errors: &'a mut FieldErrors,
}

impl Value<'_> {
    fn text(&mut self, text: &str) {
        if text.contains('\0') {
            self.errors.add(self.pointer.as_str(), "has a zero character (U+0000); leave it out");
        }
    }

    /// The value at a part of this one.
    fn at<T>(&mut self, part: &str, read: impl FnOnce(Value<'_>) -> T) -> T {
        let length = self.pointer.len();
        push(self.pointer, part);
        let value = read(Value { pointer: self.pointer, errors: self.errors });
        self.pointer.truncate(length);
        value
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for index in 0_u64.. {
            if self.at(&index.to_string(), |item| items.next_element_seed(item))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            self.text(&name);
            let is_again = names.contains(&name);
            self.at(&name, |member| {
                if is_again {
                    member.errors.add(member.pointer.as_str(), "is there twice; send it once");
                }
                members.next_value_seed(member)
            })?;
            names.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    /// The pointers of the mistakes; none where the text is no JSON.
    fn wrong(text: &str) -> Option<Vec<String>> {
        let mut errors = FieldErrors::default();
        check(text.as_bytes(), &mut errors).ok()?;
        let document = errors.problem().document();
        let pointers = document["errors"].as_array()?.iter().map(|error| error["pointer"].as_str().map(str::to_owned));
        pointers.collect()
    }

    #[test]
    fn names_that_are_there_twice_and_zero_characters_are_found_at_any_depth() {
        for (text, pointers) in [
            (r#"{"a":1,"b":[1,2.5,null,true,"x",-3]}"#, &[][..]),
            (r#"{"a":1,"a":1}"#, &["/a"]),
            (r#"{"a":1,"\u0061":1}"#, &["/a"]),
            (r#"{"b":[{},{"a":1,"a":2}],"c":"\u0000"}"#, &["/b/1/a", "/c"]),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, &[]),
            (r#"{"a\u0000":1}"#, &[""]),
            (r#""\\u0000""#, &[]),
        ] {
            assert_eq!(wrong(text).unwrap(), pointers, "{text}");
        }
    }

    #[test]
    fn malformed_json_and_trailing_bytes_are_refused() {
        for text in ["", "{", "{} {}", "1 x", "{\"a\":}", "nul", "[1,]"] {
            assert!(wrong(text).is_none(), "{text}");
            assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
        }
    }
}
