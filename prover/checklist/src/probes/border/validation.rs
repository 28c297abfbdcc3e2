//! `border.validation`: input is validated by declared rules before the handler; output is escaped; what is refused says which field and why.
//!
//! - **Hypothesis**: a body that is no JSON, or whose field has another type, is refused with a 4xx that names the field; text that a client
//!   sends comes back escaped, or as JSON that no browser takes for a page.
//! - **Sent**: for each of the first `WRITES` JSON writes of the mix: the body cut short, with a word behind it, and with bytes that are no UTF-8;
//!   each of its first `FIELDS` fields with a value of another type; each text field with markup in it. Then `/` and each GET of the mix (at
//!   most `READS`) is read again, to see the markup where it was kept.
//! - **Decides**: malformed JSON, or nonsense in a number or a truth value, that is taken; a 5xx; a refusal that does not name the field; and markup that
//!   comes back as it was in a page, or without `nosniff` in an answer that is no JSON, fall short. A text field that takes an object may be free-form: a
//!   gap. Fields inside of fields, bounds of numbers and lengths, query parameters and forms are not examined.
//! - **Control**: the request is answered as declared with the body as declared.
//! - **Blast radius**: one row for each field that takes markup, and one for each write.
//! - **Bound in time**: 18 exchanges a write and `READS` more, each within the service's deadline plus 5 s.

use keel_wire::http::{Exchange, Request};
use serde_json::Value;

use self::wrong::{Case, Kind};
use super::support::writes::{Writes, changes_state, reads, writes};
use crate::clause::border::validation as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::{Recipe, Shows};
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
mod shown;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod wrong;

const ID: &str = "border.validation";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most writes that are examined.
const WRITES: usize = 4;
/// The most fields of a write that are made wrong.
const FIELDS: usize = 6;
/// The most GETs that are read again.
const READS: usize = 8;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut specs: Vec<RequestSpec> =
        lab.mix().into_iter().filter(|spec| spec.json.is_some() && changes_state(spec)).collect();
    if specs.is_empty() {
        return match writes(lab).await {
            Writes::None(reason, evidence) => {
                Finding::not_applicable(ID, format!("it takes no input: {reason}"), evidence)
            }
            Writes::Possible => {
                let reason =
                    "no write with JSON is declared: declare one with `json` in [[requests]], or state = \"none\"";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    }
    let left = specs.split_off(specs.len().min(WRITES));
    let mut evidence: Vec<Evidence> = left
        .iter()
        .map(|spec| clause::VALIDATED.gap(format!("{} was not tried: the first {WRITES} writes were", spec.name)))
        .collect();
    let mut answers = Vec::new();
    for spec in &specs {
        match lab.control(spec).await {
            Ok(control) => examine_write(lab, spec, &control, &mut evidence, &mut answers).await,
            Err(failed) => evidence.push(clause::VALIDATED.uncontrolled(&failed)),
        }
    }
    let kept = lab.mix().into_iter().filter(reads).map(|spec| lab.fill(&spec)).take(READS);
    for request in std::iter::once(Request::get("/")).chain(kept) {
        answers.push(lab.http().send(request).await);
    }
    evidence.extend(shown::judge(&answers));
    Finding::judge(ID, evidence)
}

/// Sends each wrong form of one write; the answers that may repeat markup go to `answers`.
async fn examine_write(
    lab: &Lab,
    spec: &RequestSpec,
    control: &Control,
    evidence: &mut Vec<Evidence>,
    answers: &mut Vec<Exchange>,
) {
    let Ok(Value::Object(body)) = serde_json::from_slice(&lab.fill(spec).body) else {
        return evidence.push(clause::VALIDATED.gap(format!("the body of {} is no JSON object", spec.name)));
    };
    if body.len() > FIELDS {
        let what = format!("of the {} fields of {}, the first {FIELDS} were made wrong", body.len(), spec.name);
        evidence.push(clause::VALIDATED.gap(what));
    }
    for case in wrong::cases(&body, FIELDS) {
        let exchange = lab.http().send(with_body(lab.fill(spec), case.body.clone())).await;
        let pieces = judge(&spec.name, &case, &exchange);
        evidence.extend(pieces.into_iter().map(|piece| piece.by(control)));
        answers.push(exchange);
    }
}

fn with_body(request: Request, body: Vec<u8>) -> Request {
    request.body(body)
}

/// Judges the answer to one wrong form of a write.
fn judge(name: &str, case: &Case, exchange: &Exchange) -> Vec<Evidence> {
    let what = format!("{name} with {}", case.what);
    let Some(answer) = exchange.answer() else {
        return vec![clause::VALIDATED.gap(format!("{what} is not answered")).with(exchange)];
    };
    match answer.status.as_u16() {
        status @ 500..=599 => {
            let piece =
                clause::VALIDATED.contradicts(format!("{what} is answered {status}: it was not refused at the edge"));
            let recipe = Recipe::again(exchange, Shows::Found("^5".to_owned()));
            vec![piece.with(exchange).reproduced_by(recipe)]
        }
        status @ 200..=399 => match case.kind {
            // A text may have markup in it: whether it comes back escaped is another clause.
            Kind::Markup => Vec::new(),
            Kind::FreeForm => {
                let why = "it may take values of any form";
                vec![clause::VALIDATED.gap(format!("{what} is answered {status}: {why}")).with(exchange)]
            }
            Kind::Malformed | Kind::Nonsense => {
                let recipe = Recipe::again(exchange, Shows::Found("^[23]".to_owned()));
                let piece = clause::VALIDATED.contradicts(format!("{what} is answered {status}: it was taken"));
                vec![piece.with(exchange).reproduced_by(recipe)]
            }
        },
        status @ (400 | 409 | 413 | 415 | 422) => {
            let refused = clause::VALIDATED.holds(format!("{what} is refused with {status}")).with(exchange);
            let Some(field) = &case.field else { return vec![refused] };
            let text = String::from_utf8_lossy(&answer.body);
            let named = names(&text, field);
            let told = if named { "and the answer names it" } else { "and the answer does not name the field" };
            let piece = clause::FIELD.saw(named, format!("{what} is refused with {status}, {told}")).with(exchange);
            let recipe = Recipe::again(exchange, Shows::Missing(format!(r"(?s)^4.*\b{}\b", regex::escape(field))));
            vec![refused, piece.reproduced_by(recipe)]
        }
        status => vec![
            clause::VALIDATED.gap(format!("{what} is answered {status}, which is about something else")).with(exchange),
        ],
    }
}

/// Returns true when a text has a name as a word of its own.
fn names(text: &str, field: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(field).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(is_word);
        let after = text[at + field.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}
