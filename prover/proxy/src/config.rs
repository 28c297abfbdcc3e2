//! Configuration of a proxy in Toxiproxy's JSON: in its configuration file and in requests.
//!
//! Go's decoder is copied where clients can rely on it: names match in any case, `null` and unknown fields are
//! ignored, and text after the first value is not read.

use serde_json::{Map, Value};

/// A proxy as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The address to listen on.
    pub listen: String,
    /// The address to forward to.
    pub upstream: String,
    /// True to listen.
    pub enabled: bool,
}

/// A mistake in a document, in Toxiproxy's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// It is not the JSON that is expected.
    #[error("bad request body: {0}")]
    Body(String),
    /// Something is not said.
    #[error("missing required field: {0}")]
    Missing(String),
}

impl Wanted {
    /// A proxy from the JSON of a request.
    ///
    /// # Errors
    /// When it is not an object, or says neither name nor upstream.
    pub fn parse(json: &[u8]) -> Result<Self, BadConfig> {
        let wanted = Self::default().with(&object(json)?)?;
        wanted.check("")?;
        Ok(wanted)
    }

    /// Proxies from the JSON of a configuration file: an array.
    ///
    /// # Errors
    /// When it is no array of objects, or one says neither name nor upstream; nothing was made then.
    pub fn parse_all(json: &[u8]) -> Result<Vec<Self>, BadConfig> {
        let items = match value(json)? {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            other => return Err(BadConfig::Body(format!("{} instead of an array of proxies", word(&other)))),
        };
        let read = |item: &Value| match item {
            Value::Object(fields) => Self::default().with(fields),
            other => Err(BadConfig::Body(format!("{} instead of a proxy", word(other)))),
        };
        let wanted = items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        wanted.iter().enumerate().try_for_each(|(at, wanted)| wanted.check(&format!(" at proxy {}", at + 1)))?;
        Ok(wanted)
    }

    /// The same with these fields changed.
    pub(super) fn with(mut self, fields: &Map<String, Value>) -> Result<Self, BadConfig> {
        for (name, slot) in [("name", &mut self.name), ("listen", &mut self.listen), ("upstream", &mut self.upstream)] {
            match field(fields, name) {
                None => {}
                Some(Value::String(text)) => slot.clone_from(text),
                Some(other) => return Err(mismatch(name, other, "a string")),
            }
        }
        match field(fields, "enabled") {
            None => {}
            Some(Value::Bool(enabled)) => self.enabled = *enabled,
            Some(other) => return Err(mismatch("enabled", other, "true or false")),
        }
        Ok(self)
    }

    fn check(&self, place: &str) -> Result<(), BadConfig> {
        match (self.name.is_empty(), self.upstream.is_empty()) {
            (true, _) => Err(BadConfig::Missing(format!("name{place}"))),
            (_, true) => Err(BadConfig::Missing(format!("upstream{place}"))),
            _ => Ok(()),
        }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self { name: String::new(), listen: String::new(), upstream: String::new(), enabled: true }
    }
}

/// The first value of a document.
pub(super) fn value(json: &[u8]) -> Result<Value, BadConfig> {
    match serde_json::Deserializer::from_slice(json).into_iter().next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(BadConfig::Body(error.to_string())),
        None => Err(BadConfig::Body("EOF".to_owned())),
    }
}

/// The fields of a document that is an object.
pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, BadConfig> {
    match value(json)? {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        other => Err(BadConfig::Body(format!("{} instead of an object", word(&other)))),
    }
}

/// A field that is there and not null.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = fields.get(name).or_else(|| {
        let (_, value) = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    });
    found.filter(|value| !value.is_null())
}

pub(super) fn mismatch(name: &str, value: &Value, wanted: &str) -> BadConfig {
    BadConfig::Body(format!("{name} is {} instead of {wanted}", word(value)))
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
