//! Idempotent requests: they take effect once, also when they are repeated.
//!
//! The IETF draft "The Idempotency-Key HTTP Header Field": the key names the request, the fingerprint tells whether a
//! repetition is the same request. The store's idempotency log, written in the effect's transaction, does the rest.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use border::Problem;
use garde::Validate;
use serde::de::DeserializeOwned;
use store::{Fingerprint, IdempotencyKey, Recorded, StoreError};

use crate::caller::Caller;
use crate::json_body;
use crate::valid::Valid;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A JSON request with its idempotency key: an extractor.
///
/// Refuses with a problem document: 400 without a well-formed `Idempotency-Key` or with text that is not JSON, 415 for
/// another content type, 422 with a pointer for JSON of another shape. `Idempotent<Valid<T>>` checks the rules of the type too ([`Valid`]).
#[derive(Debug)]
pub struct Idempotent<T> {
    /// The key, in the scope of the request's [`Caller`]; without a caller all requests share one scope.
    pub key: IdempotencyKey,
    /// Fingerprint of method, path, query, content type and body: the same key with another fingerprint is refused.
    pub fingerprint: Fingerprint,
    /// The body.
    pub body: T,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Idempotent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, json_body::parse).await
    }
}

/// The same with the rules that the type declares, which are checked before the handler.
impl<T: DeserializeOwned + Validate<Context = ()>, S: Send + Sync> FromRequest<S> for Idempotent<Valid<T>> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, Valid::parse).await
    }
}

impl<T> Idempotent<Valid<T>> {
    /// Returns the request without the mark that its body was checked.
    pub fn into_inner(self) -> Idempotent<T> {
        Idempotent { key: self.key, fingerprint: self.fingerprint, body: self.body.0 }
    }
}

async fn read<T, S: Send + Sync>(
    request: Request,
    state: &S,
    parse: fn(&Bytes) -> Result<T, Problem>,
) -> Result<Idempotent<T>, Response> {
    let key = key_of(request.headers()).map_err(IntoResponse::into_response)?;
    let key = match request.extensions().get::<Caller>() {
        Some(caller) => key.in_scope(caller.as_str()),
        None => key,
    };
    json_body::check_content_type(request.headers()).map_err(IntoResponse::into_response)?;
    let kind = json_body::content_type(request.headers()).to_owned();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
    let query = uri.query().unwrap_or_default();
    let parts = [method.as_str(), uri.path(), query, kind.as_str()].map(str::as_bytes);
    let fingerprint = Fingerprint::of(&[parts[0], parts[1], parts[2], parts[3], &bytes]);
    let body = parse(&bytes).map_err(IntoResponse::into_response)?;
    Ok(Idempotent { key, fingerprint, body })
}

fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let text = headers.get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.parse().map_err(|error| {
        let detail = format!("the header Idempotency-Key is needed, so that a repetition takes effect once: {error}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

/// Returns the recorded answer, as it was given the first time; a replay has `Idempotent-Replayed: true`.
pub fn recorded(recorded: Recorded) -> Response {
    let answer = recorded.answer;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&answer.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if recorded.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The problem document for an error of the store; the cause goes to the log and to the report of the failed request.
///
/// 409 with `Retry-After` while the first request with a key runs, 422 for a key used for another request and for a value that cannot be
/// stored, 503 with `Retry-After` when trying again may help, else 500.
#[track_caller]
pub fn problem_of(error: &StoreError) -> Problem {
    match error {
        StoreError::KeyReused => {
            let detail = "this Idempotency-Key was used for another request; use a new key for a new request";
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        }
        StoreError::KeyInUse => {
            let detail = "a request with this Idempotency-Key is still being worked on; repeat it to get its answer";
            return Problem::new(StatusCode::CONFLICT, detail).retry_after(Duration::from_secs(1));
        }
        StoreError::InvalidValue(_) => {
            tracing::warn!(error = %error, "the store refused a value");
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a value of the request cannot be stored");
        }
        _ => {
            telemetry::errors::note_error(error);
            tracing::error!(error = %error, "the store refused");
        }
    }
    if error.is_transient() {
        let detail = match error {
            StoreError::Unknown(_) => {
                "the connection to the store broke; whether it was done is not known: try again, with the same \
                 Idempotency-Key if it had one, and it is done once"
            }
            StoreError::StatementTimeout(_) => "the store took too long for this; nothing was done, try again",
            StoreError::Unavailable(_) => "the database is not available; nothing was done, try again",
            _ => "the store cannot take this now; nothing was done, try again",
        };
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(1));
    }
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed; the request id finds the reason in its logs")
}
