//! Markup of a client in answers: escaped in a page, or in an answer that no browser takes for a page.

use keel_wire::http::{Answer, Exchange};

use crate::clause::border::validation as clause;
use crate::finding::Evidence;
use crate::recipe::{Recipe, Shows};

/// Markup that is sent as a text.
pub(super) const MARKUP: &str = "<keel-markup a=\"1\">";
/// Its beginning, as it was sent, as pages escape it, and as JSON can.
const RAW: &str = "<keel-markup";
const ESCAPED: [&str; 3] = ["&lt;keel-markup", "&#60;keel-markup", "&#x3c;keel-markup"];
const IN_JSON: [&str; 2] = ["\\u003ckeel-markup", "\\u003Ckeel-markup"];

/// Form in which an answer shows the markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Escaped, or in an answer that is no page.
    Harmless,
    /// As it was sent, in a page.
    InPage,
    /// As it was sent, in an answer that a browser may take for a page.
    Sniffable,
}

/// The form in which an answer shows the markup; none where it does not.
pub(super) fn form(answer: &Answer) -> Option<Form> {
    let text = String::from_utf8_lossy(&answer.body);
    let is_escaped = ESCAPED.iter().chain(&IN_JSON).any(|escaped| text.contains(escaped));
    if !text.contains(RAW) {
        return is_escaped.then_some(Form::Harmless);
    }
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind.contains("html") || kind.contains("xml") {
        return Some(Form::InPage);
    }
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let is_fixed = header("x-content-type-options").eq_ignore_ascii_case("nosniff");
    Some(if is_json || (is_fixed && !kind.is_empty()) { Form::Harmless } else { Form::Sniffable })
}

/// Judges all answers together.
pub(super) fn judge(answers: &[Exchange]) -> Vec<Evidence> {
    let shown = answers.iter().filter_map(|exchange| Some((exchange, form(exchange.answer()?)?)));
    let (harmless, harmful): (Vec<_>, Vec<_>) = shown.partition(|(_, form)| *form == Form::Harmless);
    let mut evidence = Vec::new();
    if let Some((exchange, form)) = harmful.first() {
        let where_ =
            if *form == Form::InPage { "in a page" } else { "in an answer that a browser may take for a page" };
        let request = &exchange.request;
        let what = format!("{} {} shows markup of a client as it was sent, {where_}", request.method, request.path);
        let recipe = Recipe::again(exchange, Shows::Found(RAW.to_owned()));
        evidence.push(clause::ESCAPED.contradicts(what).with(exchange).reproduced_by(recipe));
    }
    match harmless.first() {
        Some((exchange, _)) => {
            let (count, path) = (harmless.len(), &exchange.request.path);
            let what = format!(
                "{count} answers show markup of a client escaped, or where no browser reads it: {path} for one"
            );
            evidence.push(clause::ESCAPED.holds(what).with(exchange));
        }
        None if harmful.is_empty() => {
            evidence.push(
                clause::ESCAPED.gap("no answer shows a text that a client sent: declare a request that reads it"),
            );
        }
        None => {}
    }
    evidence
}
