//! A request, an answer, and the reasons for none.

use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, starting with a slash.
    pub path: String,
    /// Headers, in the order and the case in which they are sent. `Host` is added when missing.
    pub headers: Vec<(String, String)>,
    /// The body; `Content-Length` is added when it is not empty, and to every POST, PUT and PATCH.
    pub body: Bytes,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`MAX_BODY_KEPT`](super::MAX_BODY_KEPT) bytes.
    pub body: Bytes,
    /// The number of bytes of the body, all of them.
    pub body_length: u64,
    /// From the first byte sent until the head of the answer had come.
    pub first_byte: Duration,
}

/// Why no whole answer came.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The bound was reached; the duration is the bound.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
    /// The connection ended, or what came is not HTTP.
    #[error("broken answer: {0}")]
    Broken(String),
}

impl Request {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Any method.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        let text = body.to_string();
        self.header("content-type", "application/json").body(text)
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl Answer {
    /// One header as text, empty when it is absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, when it is.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}
