//! State-changing requests of the service: several attributes apply only if there are some.

use http::Method;
use keel_wire::http::Request;

use crate::finding::Evidence;
use crate::lab::Lab;
use crate::subject::{RequestSpec, State};

/// A path that no service has.
pub(crate) const NOWHERE: &str = "/keel-probe-nothing-is-here-6b0e2f91";

/// Knowledge about state-changing requests.
pub(crate) enum Writes {
    /// There are none: declared, or seen. The text says which.
    None(String, Vec<Evidence>),
    /// Some were declared, or nothing is known.
    Possible,
}

/// Finds out. Sends at most four requests, to a path that does not exist.
///
/// Only 501 is taken as seen: it says that the server knows the method nowhere (RFC 9110, 15.6.2). A 405 speaks for one
/// path alone, and a service may have undeclared paths.
pub(crate) async fn writes(lab: &Lab) -> Writes {
    if lab.subject.state == State::None {
        return Writes::None("state = \"none\" is declared: no request changes anything".into(), Vec::new());
    }
    if lab.subject.requests.iter().any(changes_state) {
        return Writes::Possible;
    }
    let client = lab.http();
    let mut evidence = Vec::new();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let exchange = client.send(Request::new(method.clone(), NOWHERE)).await;
        if exchange.status().is_none_or(|status| status.as_u16() != 501) {
            return Writes::Possible;
        }
        evidence.push(Evidence::note(format!("{method} is not implemented by this server")).with(&exchange));
    }
    Writes::None("POST, PUT, PATCH and DELETE are answered 501: this server implements none of them".into(), evidence)
}

/// Returns true if a request of the mix changes state, by its method.
pub(crate) fn changes_state(spec: &RequestSpec) -> bool {
    !["", "GET", "HEAD", "OPTIONS"].contains(&spec.method.to_ascii_uppercase().as_str())
}

/// The requests of the mix that change state and carry a body.
pub(crate) fn bodied(lab: &Lab) -> Vec<RequestSpec> {
    let carries = |spec: &RequestSpec| changes_state(spec) && (spec.json.is_some() || spec.body.is_some());
    lab.mix().into_iter().filter(carries).collect()
}

/// Returns true if the service may read the body of a request: one with a body is declared, or nothing is known of its writes. A request that
/// only reads can have a body.
pub(crate) async fn takes_bodies(lab: &Lab) -> bool {
    !bodied(lab).is_empty() || matches!(writes(lab).await, Writes::Possible)
}

/// Returns true if a request of the mix is a GET.
pub(crate) fn reads(spec: &RequestSpec) -> bool {
    ["", "GET"].contains(&spec.method.to_ascii_uppercase().as_str())
}

/// The first request of the mix that carries JSON.
pub(crate) fn json_spec(lab: &Lab) -> Option<RequestSpec> {
    lab.mix().into_iter().find(|spec| spec.json.is_some() && changes_state(spec))
}
