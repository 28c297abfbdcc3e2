//! JSON that is nested without end.

use super::super::support::writes::bodied;
use crate::clause::border::limits as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Levels of nesting: any parser that recurses without a limit has overflowed its stack before. The second is for a service that
/// refuses the first for its size.
const LEVELS: [usize; 2] = [100_000, 10_000];
/// The most requests with JSON that are tried.
const TARGETS: usize = 4;
/// Refusals that speak of who asks, of what or how often: nothing has been parsed.
const UNREAD: [u16; 6] = [401, 403, 404, 405, 415, 429];

/// Tries each write of the mix with JSON that is answered as declared.
pub(super) async fn examine(lab: &Lab) -> Vec<Evidence> {
    let specs: Vec<RequestSpec> = bodied(lab).into_iter().filter(|spec| spec.json.is_some()).collect();
    if specs.is_empty() {
        return vec![clause::DEPTH.gap("no request with JSON is declared: its depth was not examined")];
    }
    let mut evidence = Vec::new();
    for spec in specs.iter().skip(TARGETS) {
        evidence.push(clause::DEPTH.gap(format!("{} was not tried: {TARGETS} requests with JSON were", spec.name)));
    }
    for spec in specs.iter().take(TARGETS) {
        match lab.control(spec).await {
            Ok(control) => {
                for (name, open, middle, close) in [("arrays", "[", "", "]"), ("objects", "{\"a\":", "1", "}")] {
                    evidence.push(nested(lab, spec, (name, open, middle, close)).await.by(&control));
                }
            }
            Err(failed) => evidence.push(clause::DEPTH.uncontrolled(&failed)),
        }
    }
    evidence
}

async fn nested(lab: &Lab, spec: &RequestSpec, (name, open, middle, close): (&str, &str, &str, &str)) -> Evidence {
    let mut last = None;
    for levels in LEVELS {
        let text = format!("{}{middle}{}", open.repeat(levels), close.repeat(levels));
        let exchange = lab.http().send(lab.fill(spec).body(text)).await;
        let status = exchange.status().map(|status| status.as_u16());
        let told = status.map_or_else(|| "not at all".to_owned(), |status| status.to_string());
        let what = format!("{levels} levels of JSON {name} to {} are answered {told}", spec.name);
        let good = match status {
            Some(413) => None,
            Some(status) if UNREAD.contains(&status) => None,
            Some(status) => Some((400..500).contains(&status)),
            None => Some(false),
        };
        last = Some(clause::DEPTH.maybe(good, what).with(&exchange));
        if status != Some(413) {
            break;
        }
    }
    last.unwrap_or_else(|| clause::DEPTH.gap("nothing was sent"))
}
