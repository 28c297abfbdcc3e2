//! The attributes of a toxic in JSON: which ones there are, and how a request changes them.

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::settings::Settings;

/// Merges changed settings. Names match in any case, as in Go's decoder.
pub(super) fn merge<S: Serialize + DeserializeOwned>(now: &S, attributes: &Map<String, Value>) -> Result<S, String> {
    let mut merged = serde_json::to_value(now).map_err(|error| error.to_string())?;
    if let Value::Object(merged) = &mut merged {
        for (name, value) in attributes {
            let known = merged.get_mut(&name.to_ascii_lowercase());
            if let (Some(slot), false) = (known, value.is_null()) {
                *slot = whole(value);
                if !slot.is_i64() {
                    return Err(format!("attributes.{name}: {value} is not a whole number that fits 64 bits"));
                }
            }
        }
    }
    serde_json::from_value(merged).map_err(|error| error.to_string())
}

/// Writes the settings as Toxiproxy does: `{}` for a toxic without attributes.
pub(super) fn write<T: Settings, S: Serializer>(settings: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if T::ATTRIBUTES.is_empty() { Map::new().serialize(serializer) } else { settings.serialize(serializer) }
}

/// `100.0` is 100: clients of languages with one kind of number write either.
fn whole(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if !value.is_i64() && number.fract() == 0.0 && number.abs() < 9e15 => Value::from(number as i64),
        _ => value.clone(),
    }
}
