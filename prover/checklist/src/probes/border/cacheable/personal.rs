//! Answers that only one caller gets: a shared cache must not give them to others.

use keel_wire::http::{Answer, Request};

use super::control::Control;
use crate::clause::border::cacheable as clause;
use crate::finding::Evidence;
use crate::lab::Lab;

/// Headers that say who the caller is, by a part of their name.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "api-key", "token"];

/// Asks with the declared credentials and without; nothing for a request without any, or whose answer is not shared.
pub(super) async fn examine(lab: &Lab, request: &Request) -> Option<Evidence> {
    let is_credential = |name: &str| CREDENTIALS.iter().any(|part| name.to_ascii_lowercase().contains(part));
    let named: Vec<&String> = request.headers.iter().map(|(name, _)| name).filter(|name| is_credential(name)).collect();
    if named.is_empty() {
        return None;
    }
    let mut stranger = request.clone();
    stranger.headers.retain(|(name, _)| !is_credential(name));
    let own = lab.http().send(request.clone()).await;
    let other = lab.http().send(stranger).await;
    let (answer, others) = (own.answer().filter(|answer| answer.status.is_success())?, other.answer()?);
    let authorized = named.iter().any(|name| name.eq_ignore_ascii_case("authorization"));
    let shared = is_shared(answer, authorized) && !named.iter().all(|name| varies(answer, name));
    let path = &request.path;
    let came_back = format!("with credentials: {}\nwithout: {}", own.came_back(), other.came_back());
    let evidence = match (shared, others.status.is_success() && others.body == answer.body) {
        (false, _) => clause::SHARED_CACHES.holds(format!("GET {path}, with credentials, is for its caller alone")),
        (true, true) => clause::SHARED_CACHES.holds(format!("GET {path} is the same with and without credentials")),
        (true, false) => clause::SHARED_CACHES.contradicts(format!(
            "GET {path} is another one with credentials, and shared caches may give it to anybody"
        )),
    };
    Some(evidence.exchanged(own.sent(), came_back))
}

/// Returns true if a shared cache may keep it: an answer to Authorization only when it says so (RFC 9111, 3.5).
fn is_shared(answer: &Answer, authorized: bool) -> bool {
    let control = Control::of(answer);
    control.is_shared() && (!authorized || control.public || control.shared_age.is_some())
}

fn varies(answer: &Answer, header: &str) -> bool {
    answer.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let mut names = value.split(',').map(str::trim);
        names.any(|name| name == "*" || name.eq_ignore_ascii_case(header))
    })
}
