//! Problem documents (RFC 9457): the one shape of an error, with the request id and without internals.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde_json::{Map, Value as Json};
use telemetry::RequestContext;

/// An error as its client sees it.
///
/// `type` is `about:blank` unless set, `title` the status's phrase, `request_id` the running request's.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    kind: Option<String>,
    detail: String,
    retry_after: Option<Duration>,
    members: Map<String, Json>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

pub(crate) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Problem {
    /// Creates a problem whose detail says what was wrong and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into(), retry_after: None, members: Map::new(), headers: Vec::new() }
    }

    /// Sets the type: a URI (it may be relative) that names the kind of problem.
    #[must_use]
    pub fn kind(mut self, uri: impl Into<String>) -> Self {
        self.kind = Some(uri.into());
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// Sets Retry-After, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what was wrong and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document.
    pub fn document(&self) -> Json {
        let mut document = self.members_and_defaults();
        if let Some(context) = RequestContext::current() {
            document.insert("request_id".into(), Json::from(&*context.request_id));
        }
        Json::Object(document)
    }

    /// The document without the id of a request.
    pub(crate) fn document_without_request(&self) -> Json {
        Json::Object(self.members_and_defaults())
    }

    fn members_and_defaults(&self) -> Map<String, Json> {
        let mut document = self.members.clone();
        document.insert("type".into(), Json::from(self.kind.as_deref().unwrap_or("about:blank")));
        document.insert("title".into(), Json::from(title_of(self.status)));
        document.insert("status".into(), Json::from(self.status.as_u16()));
        if !self.detail.is_empty() {
            document.insert("detail".into(), Json::from(self.detail.as_str()));
        }
        document
    }
}

/// A status's phrase.
pub fn title_of(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.document().to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        headers.extend(self.headers);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs().max(1) + u64::from(wait.as_secs() > 0 && wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The longest plain text of a rejection that is kept as a problem's detail.
const MAX_DETAIL_BYTES: u64 = 4096;

/// Turns an error without a document (an empty or plain-text body, as routers and extractors make them) into a
/// problem. The text of a 4xx becomes the detail; that of a 5xx is not shown.
pub(crate) async fn documented(response: Response) -> Response {
    let status = response.status();
    if !needs_document(&response) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let detail = if status.is_client_error() { plain_text(body).await } else { String::new() };
    let fallback = || fallback_detail(status).to_owned();
    let problem = Problem::new(status, if detail.is_empty() { fallback() } else { detail });
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        head.headers.remove(name);
    }
    let mut response = problem.into_response();
    response.headers_mut().extend(head.headers);
    *response.extensions_mut() = head.extensions;
    response
}

/// Returns true for an error response without a problem document.
pub(crate) fn needs_document(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error()) && !has_document(response)
}

fn has_document(response: &Response) -> bool {
    match response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        None => response.body().size_hint().exact() != Some(0) && response.body().size_hint().exact().is_some(),
        Some(kind) => !kind.starts_with("text/plain"),
    }
}

async fn plain_text(body: Body) -> String {
    if body.size_hint().exact().is_none_or(|length| length > MAX_DETAIL_BYTES) {
        return String::new();
    }
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn fallback_detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this path",
        StatusCode::METHOD_NOT_ALLOWED => "this path does not take this method; the Allow header lists those it takes",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "this path does not take a body of this content type",
        StatusCode::INTERNAL_SERVER_ERROR => "the service failed; the request id finds the reason in its logs",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn json_of(response: Response) -> Json {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn a_plain_rejection_becomes_a_problem_with_its_text_as_detail() {
        let response = documented((StatusCode::BAD_REQUEST, "amount: not a number").into_response()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let document = json_of(response).await;
        assert_eq!((&document["status"], &document["detail"]), (&Json::from(400), &Json::from("amount: not a number")));
    }

    #[tokio::test]
    async fn the_text_of_a_server_error_is_not_shown() {
        let response = documented((StatusCode::INTERNAL_SERVER_ERROR, "secret table missing").into_response()).await;
        assert!(!json_of(response).await.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn an_error_that_has_a_document_is_left_as_it_is() {
        let page = axum::response::Html("<p>gone</p>");
        let response = documented((StatusCode::GONE, page).into_response()).await;
        assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    }

    #[test]
    fn retry_after_is_whole_seconds_rounded_up_and_at_least_one() {
        let seconds = |wait| {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "").retry_after(wait);
            problem.into_response().headers()[header::RETRY_AFTER].to_str().unwrap().to_owned()
        };
        assert_eq!(seconds(Duration::from_millis(10)), "1");
        assert_eq!(seconds(Duration::from_millis(1500)), "2");
    }
}
