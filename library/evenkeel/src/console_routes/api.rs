//! The admin API, as the pages ask it: in the process, by the same routes and the same guard.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use console::pages::{LeverRequest, List};
use serde_json::Value;
use tower::ServiceExt;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// The routes of the admin API.
#[derive(Clone)]
pub(super) struct Api(Router);

/// The answer to a change.
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The reason of a refusal.
    pub(super) detail: String,
}

impl Api {
    pub(super) fn new(routes: Router) -> Self {
        Self(routes)
    }

    /// Fetches the rows of a list; none when the service does not have it, or it cannot be had.
    pub(super) async fn filled(&self, list: List, headers: &HeaderMap) -> Option<List> {
        let mut request = Request::get(list.path).body(Body::empty()).ok()?;
        if let Some(host) = headers.get(header::HOST) {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        let (status, _, document) = self.send(request).await;
        let rows = document.pointer(list.rows_at)?.as_array()?.clone();
        status.is_success().then_some(List { rows, ..list })
    }

    /// Sends a change on behalf of the request that asked for it: its identity, its origin and its peer are those of the change.
    pub(super) async fn change(&self, asked: Parts, change: LeverRequest) -> Outcome {
        let mut request = Request::new(Body::from(change.body.to_string()));
        *request.headers_mut() = asked.headers;
        // No more than the peer: the parameters of the form's own path are among the extensions too.
        if let Some(peer) = asked.extensions.get::<ConnectInfo<SocketAddr>>() {
            request.extensions_mut().insert(*peer);
        }
        for length in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONTENT_ENCODING] {
            request.headers_mut().remove(length);
        }
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (Ok(method), Ok(uri)) = (change.method.parse::<Method>(), change.path.parse()) else {
            let detail = "the target fits into no path".to_owned();
            return Outcome { status: StatusCode::BAD_REQUEST, headers: HeaderMap::new(), detail };
        };
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let (status, headers, document) = self.send(request).await;
        let detail = document.get("detail").and_then(Value::as_str).unwrap_or(border::title_of(status)).to_owned();
        Outcome { status, headers, detail }
    }

    async fn send(&self, request: Request) -> (StatusCode, HeaderMap, Value) {
        let Ok(response) = self.0.clone().oneshot(request).await;
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, MAX_ANSWER).await.unwrap_or_default();
        (head.status, head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}
