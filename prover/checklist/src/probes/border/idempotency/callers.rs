//! The same key of two callers: each has its own.

use keel_wire::http::Exchange;

use super::effects::{Effects, Seen};
use super::exchange::{keyed, same, send, succeeded};
use crate::clause::border::idempotency as clause;
use crate::evidence::Evidence;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Headers that say who the caller is, by a part of their name.
const CREDENTIALS: [&str; 5] = ["authorization", "cookie", "api-key", "token", "secret"];

/// Sends one caller's key as another caller; nothing where callers are not told apart.
pub(super) async fn apart(lab: &Lab, spec: &RequestSpec, effects: &Effects) -> Option<Evidence> {
    let name = &spec.name;
    let own = credentials(spec);
    if own.is_empty() {
        return None;
    }
    let alike = |other: &RequestSpec| other.method.eq_ignore_ascii_case(&spec.method) && other.path == spec.path;
    let Some(other) = lab.mix().into_iter().find(|other| alike(other) && credentials(other) != own) else {
        let what = format!(
            "whether another caller's same key for {name} is kept apart: declare it a second time with that caller's \
             credentials"
        );
        return Some(clause::ONCE.gap(what));
    };
    let before = effects.look(lab, spec).await;
    let first = send(lab, keyed(lab, spec)).await;
    let mut foreign = first.request.clone();
    let theirs = lab.fill(&other).headers;
    foreign.headers.retain(|(name, _)| !is_credential(name));
    foreign.headers.extend(theirs.into_iter().filter(|(name, _)| is_credential(name)));
    let second = send(lab, foreign).await;
    let seen = effects.since(lab, spec, &before, &second).await;
    let told = format!("{name} under a key that another caller has used");
    let came_back = format!("first: {}\nthen: {}", first.came_back(), second.came_back());
    let judged = match judge(spec, &first, &second, seen) {
        Some(true) => clause::ONCE.holds(format!("{told} is a request of its own")).by(&effects.control),
        Some(false) => clause::ONCE.contradicts(format!("{told} gets that caller's answer")),
        None => clause::ONCE.gap(format!("{told}: the answer does not say whether it is a request of its own")),
    };
    Some(judged.exchanged(second.sent(), came_back))
}

pub(super) fn judge(spec: &RequestSpec, first: &Exchange, second: &Exchange, seen: Seen) -> Option<bool> {
    match seen {
        _ if !succeeded(first) || !succeeded(second) => None,
        Seen::Times(0) => None,
        Seen::Times(times) => Some(times > 1),
        Seen::There => Some(!same(spec, first, second)),
        Seen::Unclear => None,
    }
}

fn credentials(spec: &RequestSpec) -> Vec<(String, String)> {
    let named = spec.headers.iter().filter(|(name, _)| is_credential(name));
    named.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|part| name.contains(part))
}
