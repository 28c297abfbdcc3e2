//! Where a browser would look.

use keel_wire::http::Request;

use crate::lab::Lab;

/// A path that no service has.
pub(super) const NOWHERE: &str = "/keel-probe-nothing-is-here-41c7d20e";
/// The most requests that are made of the mix.
const MAX: usize = 20;

/// `/` and each GET of the mix, without repetition, at most twenty. With the values that the mix has saved.
pub(super) fn reads(lab: &Lab) -> Vec<Request> {
    let mut requests = vec![Request::get("/")];
    let gets = lab.mix().into_iter().filter(|spec| spec.method.is_empty() || spec.method.eq_ignore_ascii_case("GET"));
    for request in gets.map(|spec| lab.fill(&spec)) {
        let known = |other: &Request| other.path == request.path && other.headers == request.headers;
        if requests.len() < MAX && !requests.iter().any(known) {
            requests.push(request);
        }
    }
    requests
}
