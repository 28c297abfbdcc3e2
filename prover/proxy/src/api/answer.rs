//! Answers, and refusals with Toxiproxy's status codes and bodies.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::config::BadConfig;
use crate::fleet::{GroupRefused, ProxyRefused};
use crate::proxy::ToxicRefused;

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

pub(super) fn typed(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_string(value).unwrap_or_default();
    typed(status, "application/json", body)
}

/// As Go's `http.Error` writes it.
pub(super) fn text(status: StatusCode, body: &str) -> Answer {
    let mut answer = typed(status, "text/plain; charset=utf-8", body.to_owned());
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub(super) fn metrics(body: String) -> Answer {
    typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", body)
}

/// Why something was not done.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refusal {
    #[serde(rename = "error")]
    message: String,
    #[serde(serialize_with = "number")]
    pub(super) status: StatusCode,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), status }
    }

    pub(super) fn bad_body(reason: &str) -> Self {
        BadConfig::Body(reason.to_owned()).into()
    }

    /// JSON, and yet text by its content type: that is how Toxiproxy's errors come.
    pub(super) fn answer(&self) -> Answer {
        let body = serde_json::to_string(self).unwrap_or_default();
        text(self.status, &format!("{body}\n"))
    }
}

impl From<BadConfig> for Refusal {
    fn from(bad: BadConfig) -> Self {
        Self::new(StatusCode::BAD_REQUEST, bad)
    }
}

impl From<ProxyRefused> for Refusal {
    fn from(refused: ProxyRefused) -> Self {
        let status = match refused {
            ProxyRefused::NotFound => StatusCode::NOT_FOUND,
            ProxyRefused::Exists => StatusCode::CONFLICT,
            ProxyRefused::TooMany | ProxyRefused::Listen(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused)
    }
}

impl From<ToxicRefused> for Refusal {
    fn from(refused: ToxicRefused) -> Self {
        let status = match refused {
            ToxicRefused::Exists => StatusCode::CONFLICT,
            ToxicRefused::TooMany => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused)
    }
}

impl From<GroupRefused> for Refusal {
    fn from(refused: GroupRefused) -> Self {
        let status = match refused {
            GroupRefused::NotFound | GroupRefused::NoProxy(_) => StatusCode::NOT_FOUND,
            GroupRefused::Exists => StatusCode::CONFLICT,
            GroupRefused::TooMany => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused)
    }
}
