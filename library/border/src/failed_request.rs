//! A request that failed, as its report describes it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use resilience::Criticality;
use telemetry::errors::{Errors, Failure, RequestHead};
use tokio::time::Instant;

use crate::border::Inner;
use crate::record::Record;

/// Headers that are kept until the end of each request, for its report when it fails. None of them holds a secret.
static KEPT: [HeaderName; COUNT] = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::USER_AGENT];
const COUNT: usize = 3;

/// The part of a request that is kept for its report.
#[derive(Debug)]
pub(crate) struct Failing {
    errors: Errors,
    headers: [Option<HeaderValue>; COUNT],
    criticality: Criticality,
    ends_at: Option<Instant>,
}

/// Marks a refusal for lack of capacity, which is the service's protection and no failure to be reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shed;

impl Failing {
    /// Keeps these headers; none where failures are not reported.
    pub(crate) fn of(border: &Inner, headers: &HeaderMap) -> Option<Self> {
        let errors = border.observers.errors.clone()?;
        let headers = KEPT.each_ref().map(|name| headers.get(name).cloned());
        Some(Self { errors, headers, criticality: Criticality::Default, ends_at: None })
    }

    /// The request was let in, with this criticality and until this time.
    pub(crate) fn let_in(&mut self, criticality: Option<Criticality>, ends_at: Option<Instant>) {
        (self.criticality, self.ends_at) = (criticality.unwrap_or(Criticality::Default), ends_at);
    }

    /// Records the failure.
    pub(crate) fn failed(&self, request: &Record, border: &Inner, status: StatusCode, now: Instant) {
        let failure = Failure {
            work: "request",
            name: request.route_name(),
            method: request.method().as_str(),
            status: Some(status.as_u16()),
            error: None,
            request_id: request.request_id(),
            trace: request.trace(),
            took: now.saturating_duration_since(request.started()),
            deadline_left: self.ends_at.map(|end| end.saturating_duration_since(now)),
            criticality: self.criticality.name(),
        };
        self.errors.record(&failure, || self.head(request, border));
    }

    fn head(&self, request: &Record, border: &Inner) -> RequestHead {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = KEPT.iter().map(HeaderName::as_str).zip(&self.headers);
        let headers = headers.filter_map(|(name, value)| Some((name, text(value.as_ref()?)))).collect();
        let mut load = vec![("in_flight_limit", border.limits.in_flight as u64)];
        if let Some(gate) = border.shed.snapshot() {
            load.extend([("executing", gate.in_flight as u64), ("executing_limit", gate.limit as u64)]);
        }
        let (path, query) = request.target();
        RequestHead { path: path.to_owned(), query: query.map(str::to_owned), headers, client: request.client(), load }
    }
}

/// True for an answer that says that the service failed, and did not merely refuse for lack of capacity.
pub(crate) fn is_failure(response: &Response) -> bool {
    response.status().is_server_error() && response.extensions().get::<Shed>().is_none()
}
