//! Requests under a key, and their answers compared.

use keel_wire::http::{Exchange, Request};

use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The request filled in, with a key even when the mix forgot the header.
pub(super) fn keyed(lab: &Lab, spec: &RequestSpec) -> Request {
    let header = spec.idempotent.clone().unwrap_or_default();
    let mut spec = spec.clone();
    if !spec.headers.keys().any(|name| name.eq_ignore_ascii_case(&header)) {
        spec.headers.insert(header, "{key}".into());
    }
    lab.fill(&spec)
}

/// Sends it.
pub(super) async fn send(lab: &Lab, request: Request) -> Exchange {
    lab.http().send(request).await
}

/// Returns true for a 2xx answer.
pub(super) fn succeeded(exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| status.is_success())
}

/// Returns true if two answers are the same: status, and the document, or at least all that names the created object.
pub(super) fn same(spec: &RequestSpec, one: &Exchange, other: &Exchange) -> bool {
    let (Some(one), Some(other)) = (one.answer(), other.answer()) else { return false };
    if one.status != other.status {
        return false;
    }
    match (one.json(), other.json()) {
        (Some(one), Some(other)) if one != other => {
            let mut names = spec.save.values().map(|pointer| (one.pointer(pointer), other.pointer(pointer))).peekable();
            names.peek().is_some() && names.all(|(one, other)| one.is_some() && one == other)
        }
        (Some(_), Some(_)) => true,
        _ => one.body == other.body,
    }
}
