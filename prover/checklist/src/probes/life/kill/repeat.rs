//! Repeats under the keys of writes from before the kill.

use keel_wire::http::Exchange;

use super::answers::same;
use super::kinds::Kind;
use crate::clause::life::kill as clause;
use crate::finding::Evidence;
use crate::lab::Lab;

/// Writes that are repeated in a round.
const MAX_REPEATED: usize = 10;

/// Repeats of acknowledged writes give the first answer; repeats of cut ones succeed, and then give that.
pub(super) async fn repeat(
    lab: &Lab,
    kinds: &[Kind],
    done: &[(usize, Exchange)],
    cut: &[(usize, Exchange)],
) -> Vec<Evidence> {
    let client = lab.http();
    let mut evidence = Vec::new();
    let idempotent = |(kind, _): &&(usize, Exchange)| kinds[*kind].spec.idempotent.is_some();
    let mut repeated = vec![0; kinds.len()];
    for (kind, first) in done.iter().rev().filter(idempotent).take(MAX_REPEATED) {
        let spec = &kinds[*kind].spec;
        let again = client.send(first.request.clone()).await;
        repeated[*kind] += 1;
        if !same(spec, first, &again) {
            let what =
                format!("{} repeated after the kill is not answered as before ({})", spec.name, first.came_back());
            evidence.push(clause::NO_LOSS.contradicts(what).with(&again));
        }
    }
    for (kind, lost) in cut.iter().filter(idempotent).take(MAX_REPEATED) {
        let spec = &kinds[*kind].spec;
        let first = client.send(lost.request.clone()).await;
        let again = client.send(lost.request.clone()).await;
        repeated[*kind] += 1;
        let accepted = first.status().is_some_and(|status| spec.expects(status.as_u16()));
        if !accepted || !same(spec, &first, &again) {
            let what = format!("{}, cut off by the kill, cannot be repeated to one effect", spec.name);
            evidence.push(clause::NO_LOSS.contradicts(what).with(if accepted { &again } else { &first }));
        }
    }
    if evidence.is_empty() {
        for (kind, count) in kinds.iter().zip(repeated).filter(|(_, count)| *count > 0) {
            let what =
                format!("{count} {} repeated under their keys after the kill give their first answers", kind.spec.name);
            evidence.push(match &kind.answer {
                Ok(control) => clause::NO_LOSS.holds(what).by(control),
                Err(failed) => clause::NO_LOSS.uncontrolled(failed),
            });
        }
    }
    evidence
}
