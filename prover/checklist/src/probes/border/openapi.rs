//! `border.openapi`: REST, described by an OpenAPI 3.1 document, to which the service conforms under a property-based tester.
//!
//! - **Hypothesis**: there is a document; its references lead somewhere; every answer is documented, and wrong
//!   input never gives a 5xx (502 to 504 aside, where they are documented).
//! - **Sent**: a GET of the declared path, or of the usual ones; each documented GET that needs no parameters; the mix;
//!   then at most 200 requests with bodies, path and query parameters made wrong from the schemas, always the same ones.
//! - **Decides**: no document although there is an API, a version before 3.1, a reference that leads nowhere, an answer with a
//!   status that is not documented or a body against its schema, a request of the mix that is not documented, or a 5xx fall
//!   short. A document that keel cannot read is unknown; 401 and 403 where `security` is declared, references to other
//!   documents, and servers with variables that have no default are gaps.
//! - **Blast radius**: some generated bodies are valid and take effect. Writes that the mix does not declare are not sent (a gap), and
//!   operations that it declares slow or crashing are left out.
//! - **Bound in time**: 250 exchanges, each within the service's deadline plus 5 s; it stops after 60 s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use keel_wire::http::{Exchange, Request};

use super::support::writes::{Writes, changes_state, reads, writes};
use crate::clause::border::openapi as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::openapi::{Document, NoDocument, Operation, USUAL_PATHS, Version, looks_like_one};
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
mod schema;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
mod tester;
#[cfg(test)]
mod tests;

const ID: &str = "border.openapi";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most generated requests.
const GENERATED: usize = 200;
/// Time after which no further request is begun.
const BOUND: Duration = Duration::from_secs(60);
/// The most pieces of evidence of one kind.
const SHOWN: usize = 5;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let exchange = match find(lab).await {
        Ok(exchange) => exchange,
        Err(tried) => return without_document(lab, tried).await,
    };
    let path = exchange.request.path.clone();
    let text = exchange.answer().map(|answer| answer.body.clone()).unwrap_or_default();
    let document = match Document::parse(&text, &path) {
        Ok(document) => document,
        Err(NoDocument::Lacks(reason)) => {
            let evidence = vec![
                clause::DOCUMENT.contradicts(format!("{path} is no OpenAPI 3.1 document: {reason}")).with(&exchange),
            ];
            return Finding::judge(ID, evidence);
        }
        Err(NoDocument::Unreadable(reason)) => {
            let reason = format!("{path} could not be read: {reason}");
            return Finding::unknown(ID, reason, vec![Evidence::note(format!("what {path} is")).with(&exchange)]);
        }
    };
    let operations = document.operations().len();
    let is_new = document.version() != Version::V3_0;
    let version = if is_new { "3.1 or 3.2" } else { "3.0, which is older than 3.1," };
    let what = format!("{path} is a document of OpenAPI {version} with {operations} operations");
    let mut evidence = vec![clause::DOCUMENT.saw(is_new, what)];
    for (left, why) in [
        (document.unplaced(), "their servers have a variable without a default"),
        (document.foreign(), "references to other documents are not followed"),
    ] {
        if !left.is_empty() {
            let (count, first) = (left.len(), left.into_iter().take(SHOWN).collect::<Vec<_>>().join(", "));
            evidence.push(clause::CONFORMS.gap(format!("not examined, as {why}: {first} ({count} in all)")));
        }
    }
    evidence.push(
        clause::FROM_CODE
            .gap("whether the document is made from the code cannot be seen from outside: say so in decisions.toml"),
    );
    let dangling = document.dangling();
    if !dangling.is_empty() {
        evidence.push(clause::DOCUMENT.contradicts(format!("references lead nowhere: {}", dangling.join(", "))));
    }
    evidence.extend(plain_reads(lab, &document).await);
    evidence.extend(mix(lab, &document).await);
    evidence.extend(generated(lab, &document).await);
    Finding::judge(ID, evidence)
}

/// The document's exchange, or what was tried.
async fn find(lab: &Lab) -> Result<Exchange, Vec<Evidence>> {
    let declared = lab.subject.openapi.clone();
    let paths = declared.map_or_else(|| USUAL_PATHS.map(ToOwned::to_owned).to_vec(), |path| vec![path]);
    let mut tried = Vec::new();
    for path in paths {
        let exchange = lab.http().send(Request::get(path.clone())).await;
        let found = exchange.answer().is_some_and(|answer| {
            let text = answer.text();
            answer.status.is_success() && looks_like_one(&text)
        });
        if found || lab.subject.openapi.is_some() {
            return Ok(exchange);
        }
        let status = exchange.status().map_or_else(|| "nothing".to_owned(), |status| status.as_u16().to_string());
        tried.push(clause::DOCUMENT.figure(format!("GET {path} gives {status}")));
    }
    Err(tried)
}

/// No document: that speaks against an API, and says nothing about a service that has none.
async fn without_document(lab: &mut Lab, mut evidence: Vec<Evidence>) -> Finding {
    let mut requests: Vec<Request> = lab.mix().iter().filter(|spec| reads(spec)).map(|spec| lab.fill(spec)).collect();
    requests.push(Request::get("/"));
    for request in requests {
        let exchange = lab.http().send(request).await;
        let json = exchange.answer().is_some_and(|answer| answer.header("content-type").contains("json"));
        if json && exchange.status().is_some_and(|status| status.is_success()) {
            let what = format!("GET {} answers JSON, and no OpenAPI document describes it", exchange.request.path);
            let paths = USUAL_PATHS.map(ToOwned::to_owned).to_vec();
            let recipe = Recipe::Undescribed { request: exchange.request.clone(), paths };
            evidence.push(clause::DOCUMENT.contradicts(what).with(&exchange).reproduced_by(recipe));
        }
    }
    if let Some(spec) = lab.subject.requests.iter().find(|spec| changes_state(spec)) {
        let what = format!("{} is an API's request, and no OpenAPI document describes it", spec.name);
        let paths = USUAL_PATHS.map(ToOwned::to_owned).to_vec();
        let recipe = Recipe::Undescribed { request: lab.fill(spec), paths };
        evidence.push(clause::CONFORMS.contradicts(what).reproduced_by(recipe));
    }
    if evidence.iter().any(|piece| piece.is_against()) {
        return Finding::judge(ID, evidence);
    }
    if let Writes::None(reason, seen) = writes(lab).await {
        evidence.extend(seen);
        return Finding::not_applicable(
            ID,
            format!("nothing answers JSON, and {reason}: there is no API to describe"),
            evidence,
        );
    }
    let reason = "no OpenAPI document was found, and nothing that was seen is an API: declare `openapi`, requests, or state = \"none\"";
    Finding::unknown(ID, reason, evidence)
}

/// Returns true if an answer only says that credentials are missing, where the document asks for them: it was not examined.
fn needs_credentials(document: &Document, operation: &Operation<'_>, exchange: &Exchange) -> bool {
    let refused = exchange.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403));
    refused && operation.is_secured(document)
}

/// Returns the fault of an answer, by the document; `None` if it is documented.
fn faults(document: &Document, operation: &Operation<'_>, exchange: &Exchange) -> Option<String> {
    let Some(answer) = exchange.answer() else { return Some("no answer".into()) };
    let status = answer.status.as_u16();
    // 502 to 504 speak of others and of time; what is wrong with the input is never a reason for the rest.
    if status >= 500 && !(502..=504).contains(&status) {
        return Some(format!("answered {status}"));
    }
    let Some(response) = operation.response(document, status) else {
        return Some(format!("{status} is not documented"));
    };
    let schema = document.json_schema(response)?;
    let content_type = answer.header("content-type");
    if !content_type.contains("json") {
        return None; // an alternative of another media type
    }
    let Some(body) = answer.json() else {
        return (answer.body_length <= answer.body.len() as u64).then(|| "its JSON cannot be read".to_owned());
    };
    schema::validate(document, schema, &body).err().map(|fault| format!("its {status} is against the schema: {fault}"))
}

/// Each documented GET that needs nothing.
async fn plain_reads(lab: &Lab, document: &Document) -> Vec<Evidence> {
    let mut tally = Tally::default();
    for operation in document.operations() {
        let needs = operation.parameters(document).iter().any(|parameter| parameter.required);
        if operation.method != "get" || operation.template.contains('{') || needs || left_out(lab, document, &operation)
        {
            continue;
        }
        let exchange = lab.http().send(Request::get(document.path(&operation, operation.template))).await;
        tally.judge(document, &operation, &exchange, "");
    }
    tally.evidence("documented GETs without parameters are answered as documented")
}

/// The requests of the mix must be documented, and so must their answers.
async fn mix(lab: &mut Lab, document: &Document) -> Vec<Evidence> {
    let mut tally = Tally::default();
    for (spec, exchange) in lab.send_mix().await {
        let json = exchange.answer().is_some_and(|answer| answer.header("content-type").contains("json"));
        let method = exchange.request.method.as_str();
        match document.matching(method, &exchange.request.path) {
            Some(operation) => tally.judge(document, &operation, &exchange, ""),
            // Pages, style sheets and the like are no part of an API.
            None if spec.json.is_none() && !json => {}
            None if Some(exchange.request.path.as_str()) == lab.subject.openapi.as_deref() => {}
            None => tally.count(Some("the request is not documented".into()), &exchange),
        }
    }
    tally.evidence("requests of the mix are documented and answered as documented")
}

/// Sends the requests of the generator.
async fn generated(lab: &Lab, document: &Document) -> Vec<Evidence> {
    let began = Instant::now();
    let specs = known_requests(lab, document);
    let known = |operation: &Operation<'_>| {
        specs.get(&(operation.method.to_owned(), operation.template.to_owned())).map(|spec| lab.fill(spec))
    };
    let mut tally = Tally::default();
    let mut undeclared = BTreeSet::new();
    for case in tester::cases(document, &known, GENERATED) {
        if began.elapsed() > BOUND {
            tally.notes.push(format!("stopped after {BOUND:?}"));
            break;
        }
        if left_out(lab, document, &case.operation) {
            continue;
        }
        let writes = case.operation.method != "get";
        if writes && !specs.contains_key(&(case.operation.method.to_owned(), case.operation.template.to_owned())) {
            undeclared.insert(format!("{} {}", case.operation.method.to_uppercase(), case.operation.template));
            continue;
        }
        let exchange = lab.http().send(case.request).await;
        // Being limited is no answer to the input.
        if exchange.status().is_some_and(|status| status.as_u16() == 429) {
            tally.notes.push("stopped because requests are limited (429)".into());
            break;
        }
        tally.judge(document, &case.operation, &exchange, &format!("with {}: ", case.what));
    }
    let mut evidence =
        tally.evidence("generated requests, most of them wrong, are answered as documented and without a 5xx");
    if !undeclared.is_empty() {
        let all: Vec<String> = undeclared.into_iter().collect();
        let what = format!("writes that [[requests]] does not declare were not sent: {}", all.join(", "));
        evidence.push(clause::CONFORMS.gap(what));
    }
    evidence
}

/// For each operation, a request that is declared and right, one of the mix before others: its headers and path parameters are used.
fn known_requests(lab: &Lab, document: &Document) -> BTreeMap<(String, String), RequestSpec> {
    let mut known = BTreeMap::new();
    let apart = lab.subject.work.iter().map(|spec| spec.with_values(&spec.dead));
    for spec in lab.mix().into_iter().chain(apart) {
        let request = lab.fill(&spec);
        if let Some(operation) = document.matching(request.method.as_str(), &request.path) {
            known.entry((operation.method.to_owned(), operation.template.to_owned())).or_insert(spec);
        }
    }
    known
}

/// Returns true if the mix declares this operation as slow or crashing: other probes examine that.
fn left_out(lab: &Lab, document: &Document, operation: &Operation<'_>) -> bool {
    lab.subject.requests.iter().filter(|spec| spec.slow || spec.crash).any(|spec| {
        let method = if spec.method.is_empty() { "GET" } else { &spec.method };
        document
            .matching(method, &spec.path)
            .is_some_and(|other| other.template == operation.template && other.method == operation.method)
    })
}

/// Number of right answers, and the first wrong ones.
#[derive(Default)]
struct Tally {
    right: usize,
    wrong: usize,
    /// Refused for want of credentials that the document asks for.
    without_credentials: usize,
    shown: Vec<Evidence>,
    notes: Vec<String>,
}

impl Tally {
    /// Counts an answer by the document; `with` says what was wrong with the request.
    fn judge(&mut self, document: &Document, operation: &Operation<'_>, exchange: &Exchange, with: &str) {
        if needs_credentials(document, operation, exchange) {
            self.without_credentials += 1;
            return;
        }
        let fault = faults(document, operation, exchange);
        self.count(fault.map(|fault| format!("{with}{fault}")), exchange);
    }

    fn count(&mut self, fault: Option<String>, exchange: &Exchange) {
        let Some(fault) = fault else {
            self.right += 1;
            return;
        };
        self.wrong += 1;
        if self.shown.len() < SHOWN {
            let what = format!("{} {} {fault}", exchange.request.method, shortened(&exchange.request.path));
            let piece = clause::CONFORMS.contradicts(what).with(exchange);
            let status = exchange.status().map(|status| status.as_u16());
            self.shown.push(match status {
                Some(500..) => piece.reproduced_by(Recipe::again(exchange, Shows::Found("^5".to_owned()))),
                None => piece.reproduced_by(Recipe::again(exchange, Shows::Missing("^[1-5]".to_owned()))),
                Some(_) => piece,
            });
        }
    }

    fn evidence(self, what: &str) -> Vec<Evidence> {
        let all = self.right + self.wrong;
        let mut evidence = self.shown;
        evidence.extend(self.notes.into_iter().map(Evidence::note));
        if self.without_credentials > 0 {
            evidence.push(clause::CONFORMS.gap(format!(
                "{} requests to operations with `security` were refused with 401 or 403: declare them in [[requests]], with \
                 the header that carries the credentials",
                self.without_credentials
            )));
        }
        let told = format!("{} of {all} {what}", self.right);
        match all {
            0 => {}
            // The faults speak for themselves; the count is a figure beside them.
            _ if self.wrong > 0 => evidence.push(clause::CONFORMS.figure(told)),
            _ => evidence.push(clause::CONFORMS.holds(told)),
        }
        evidence
    }
}

fn shortened(path: &str) -> String {
    let short: String = path.chars().take(80).collect();
    if short.len() < path.len() { format!("{short}...") } else { short }
}
