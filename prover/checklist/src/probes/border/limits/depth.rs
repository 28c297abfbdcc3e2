//! JSON that is nested without end.

use keel_wire::http::Request;

use super::super::support::harmless::Harmless;
use super::super::support::writes::bodied;
use crate::clause::border::limits as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::listener::Listener;
use crate::recipe::{OnWire, Recipe};
use crate::subject::RequestSpec;

/// Levels of nesting, each for a service that refuses the one before for its size. At the first two any parser that recurses without a limit
/// has overflowed its stack; the others are half as deep as what does not fit, so that little more than they can be sent.
const LEVELS: [usize; 6] = [100_000, 10_000, 5_000, 2_500, 1_250, 625];
/// The most requests with JSON that are tried.
const TARGETS: usize = 4;
/// Refusals that speak of who asks, of what or how often: nothing has been parsed.
const UNREAD: [u16; 6] = [401, 403, 404, 405, 415, 429];

/// Kinds of nesting: name, opening, innermost value, closing.
const KINDS: [(&str, &str, &str, &str); 2] = [("arrays", "[", "", "]"), ("objects", "{\"a\":", "1", "}")];

/// Tries each write of the mix with JSON that is answered as declared. Of a service that takes no body, a POST to a path that exists must be refused.
pub(super) async fn examine(lab: &Lab, listener: &Listener, harmless: &Harmless, takes_bodies: bool) -> Vec<Evidence> {
    let specs: Vec<RequestSpec> = bodied(lab).into_iter().filter(|spec| spec.json.is_some()).collect();
    if specs.is_empty() && takes_bodies {
        return vec![clause::DEPTH.gap("no request with JSON is declared: its depth was not examined")];
    }
    if specs.is_empty() {
        let spec = guess(&harmless.request.path);
        let mut evidence = Vec::new();
        for kind in KINDS {
            evidence.push(nested(lab, listener, &spec, kind, false).await.by(&harmless.control));
        }
        return evidence;
    }
    let mut evidence = Vec::new();
    for spec in specs.iter().skip(TARGETS) {
        evidence.push(clause::DEPTH.gap(format!("{} was not tried: {TARGETS} requests with JSON were", spec.name)));
    }
    for spec in specs.iter().take(TARGETS) {
        match lab.control(spec).await {
            Ok(control) => {
                for kind in KINDS {
                    evidence.push(nested(lab, listener, spec, kind, true).await.by(&control));
                }
            }
            Err(failed) => evidence.push(clause::DEPTH.uncontrolled(&failed)),
        }
    }
    evidence
}

/// A POST with JSON to a path of which no write is known.
fn guess(path: &str) -> RequestSpec {
    RequestSpec {
        name: format!("POST {path}"),
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: [("Content-Type".to_owned(), "application/json".to_owned())].into(),
        ..RequestSpec::default()
    }
}

/// `known`: the request is answered as declared with the body as declared.
async fn nested(
    lab: &Lab,
    listener: &Listener,
    spec: &RequestSpec,
    (name, open, middle, close): (&str, &str, &str, &str),
    known: bool,
) -> Evidence {
    let (mut last, mut too_large) = (None, String::new());
    for levels in LEVELS {
        let text = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
        let exchange = lab.http().send(lab.fill(spec).body(text)).await;
        let status = exchange.status().map(|status| status.as_u16());
        let told = status.map_or_else(|| "not at all".to_owned(), |status| status.to_string());
        let what = format!("{levels} levels of JSON {name} to {} are answered {told}{too_large}", spec.name);
        let pieces = [(open, levels), (middle, 1), (close, levels)];
        let shown = recipe(listener, &lab.fill(spec), &pieces, status);
        last = Some(clause::DEPTH.maybe(judge(status, known), what).with(&exchange).reproduced_by(shown));
        if status != Some(413) {
            break;
        }
        too_large = format!(", {levels} are too large (413)");
    }
    last.unwrap_or_else(|| clause::DEPTH.gap("nothing was sent"))
}

/// Sends the same again: the fault is that it is answered with this status, or neither answered nor cut.
fn recipe(listener: &Listener, request: &Request, pieces: &[(&str, usize)], status: Option<u16>) -> Recipe {
    let length: usize = pieces.iter().map(|(piece, times)| piece.len() * times).sum();
    let bare = Request { body: Default::default(), ..request.clone() };
    let head = listener.head(&bare, &format!("Content-Length: {length}\r\n"));
    let body = pieces.iter().map(|(piece, times)| (piece.as_bytes().to_vec(), *times));
    let status = status.map_or_else(|| "5".to_owned(), |status| status.to_string());
    let fault = OnWire::ServedOrSilent(format!("HTTP/1[.][01] {status}"));
    Recipe::Wire { pieces: [(head, 1)].into_iter().chain(body).collect(), fault }
}

/// Judges the answer to JSON that is nested without end; `None` if it says nothing about depth.
fn judge(status: Option<u16>, known: bool) -> Option<bool> {
    match status {
        Some(413) => None,
        // No write is declared, and the path takes none: no JSON is parsed.
        Some(405 | 501) if !known => Some(true),
        Some(status) if UNREAD.contains(&status) => None,
        Some(200..=299) if !known => None,
        Some(status) => Some((400..500).contains(&status)),
        None => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_method_says_something_only_where_no_write_is_known() {
        assert_eq!(judge(Some(405), false), Some(true));
        assert_eq!(judge(Some(501), false), Some(true));
        assert_eq!(judge(Some(405), true), None);
        assert_eq!(judge(Some(404), false), None);
        assert_eq!(judge(Some(200), false), None, "it may not have read the body");
        assert_eq!(judge(Some(200), true), Some(false));
        assert_eq!(judge(Some(500), false), Some(false));
        assert_eq!(judge(Some(400), true), Some(true));
        assert_eq!(judge(None, false), Some(false));
    }
}
