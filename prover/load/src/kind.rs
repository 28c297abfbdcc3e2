//! One kind of request of a plan.

use ::http::Method;
use serde::Deserialize;

use crate::headers;

/// One kind of request. Path, values of headers and body are templates: `{key}` is unique, `{n}` (or `{number}`) counts
/// from 1, `{random}` is a number below 2^32, and any other name is one of [`Plan::variables`](crate::Plan::variables).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// In reports.
    pub name: String,
    /// The method.
    #[serde(default = "get", deserialize_with = "method")]
    pub method: Method,
    /// Path and query, starting with a slash.
    pub path: String,
    /// Headers, in the order in which they are sent; one name may be there several times. `Host` stands in place of the target's,
    /// over HTTP/2 as `:authority`. In files a table, with a list of values where a name has several.
    #[serde(default, deserialize_with = "headers::deserialize")]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default)]
    pub body: Option<String>,
    /// The relative frequency.
    #[serde(default = "one")]
    pub weight: u32,
    /// The status that is expected; any from 200 to 399 when none.
    #[serde(default)]
    pub expect: Option<u16>,
}

impl Kind {
    /// A GET.
    pub fn get(name: impl Into<String>, path: impl Into<String>) -> Self {
        let (name, path) = (name.into(), path.into());
        Self { name, method: Method::GET, path, headers: Vec::new(), body: None, weight: 1, expect: None }
    }

    /// A POST of JSON, with an `Idempotency-Key` of its own.
    pub fn post(name: impl Into<String>, path: impl Into<String>, json: &serde_json::Value) -> Self {
        let headers = [("content-type", "application/json"), ("idempotency-key", "{key}")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { method: Method::POST, headers, body: Some(json.to_string()), ..Self::get(name, path) }
    }

    /// Returns true if the request contains a key, so that it may be sent again with the same key.
    pub fn has_key(&self) -> bool {
        let texts = self.headers.iter().map(|(_, value)| value).chain(&self.body).chain([&self.path]);
        texts.into_iter().any(|text| text.contains("{key}"))
    }

    /// Returns true if this status is expected.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.map_or((200..400).contains(&status), |expected| expected == status)
    }
}

fn get() -> Method {
    Method::GET
}

fn one() -> u32 {
    1
}

fn method<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    let text = String::deserialize(deserializer)?;
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(serde::de::Error::custom)
}
