//! `border.cacheable`: answers carry correct Cache-Control, ETag and Vary, so that a caching proxy in front helps and never leaks.
//!
//! - **Hypothesis**: every good answer says whether it may be kept; what may be kept has a validator that works; what is personal
//!   is never public; what depends on a request header says so; errors are not kept.
//! - **Sent**: each GET of the mix (at most 20) and `/`: plainly, with the validator it gave, with and without
//!   `Accept-Encoding`; and a path that does not exist.
//! - **Decides**: no Cache-Control, contradictions in it, a validator that does not give 304, Set-Cookie in a public answer,
//!   an encoding that changes without `Vary`, or a 404 that may be kept longer than 60 s fall short.
//! - **Blast radius**: none; it only reads.
//! - **Bound in time**: four exchanges a path, each within the service's deadline plus 5 s.

use keel_wire::http::{Answer, Exchange, Request};

use self::control::Control;
use super::support::writes::{NOWHERE, reads};
use crate::clause::Clause;
use crate::clause::border::cacheable as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;

mod control;
#[cfg(test)]
mod judge_tests;
mod personal;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.cacheable";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most paths that are examined.
const EXAMINED: usize = 20;
/// Maximum age of a cached error, in seconds.
const ERROR_AGE: u64 = 60;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut evidence = Vec::new();
    let mut requests: Vec<Request> = vec![Request::get("/")];
    let mut gaps = Vec::new();
    for spec in lab.mix().iter().filter(|spec| reads(spec) && spec.expect.is_none_or(|status| status < 300)) {
        let request = lab.fill(spec);
        if requests.iter().any(|known| known.path == request.path) {
            continue;
        }
        if requests.len() >= EXAMINED {
            gaps.push(clause::CACHE_CONTROL.gap(format!("{} was not tried: {EXAMINED} paths were", spec.name)));
        } else if let Err(failed) = lab.control(spec).await {
            gaps.push(clause::CACHE_CONTROL.uncontrolled(&failed));
        } else {
            requests.push(request);
        }
    }
    for request in requests {
        evidence.extend(personal::examine(lab, &request).await);
        evidence.extend(examine_path(lab, request).await);
    }
    evidence.extend(gaps);
    if evidence.iter().all(|piece| !piece.decides()) {
        let reason = "no GET gives a 2xx: declare one in [[requests]]";
        return Finding::unknown(ID, reason, evidence);
    }
    evidence.push(absent(&lab.http().send(Request::get(NOWHERE)).await));
    Finding::judge(ID, evidence)
}

/// A piece of evidence for each clause; none when the path is not answered 2xx.
async fn examine_path(lab: &Lab, request: Request) -> Vec<Evidence> {
    let exchange = lab.http().send(request.clone()).await;
    let Some(answer) = exchange.answer().filter(|answer| answer.status.is_success()) else { return Vec::new() };
    let control = Control::of(answer);
    let validators = match control.no_store || is_empty(answer) {
        true => None,
        false => validator(lab, &request, answer, control.is_aged()).await,
    };
    let varies = encoding(lab, &request).await;
    let path = &request.path;
    let told = |clause: Clause, faults: Vec<String>, sound: String| {
        let what = if faults.is_empty() { sound } else { faults.join(", ") };
        let piece = clause.saw(faults.is_empty(), format!("GET {path}: {what}")).with(&exchange);
        match recipe(clause, &exchange, faults.first()) {
            Some(recipe) => piece.reproduced_by(recipe),
            None => piece,
        }
    };
    let says = format!("says how it may be kept: {}", answer.header("cache-control"));
    vec![
        told(clause::CACHE_CONTROL, control.faults(), says),
        told(clause::VALIDATORS, validators.into_iter().collect(), "what may be kept can be validated".to_owned()),
        told(clause::VARY, varies, "Vary names what changes the encoding".to_owned()),
        told(
            clause::SHARED_CACHES,
            cookie(answer, &control).into_iter().collect(),
            "no cookie may be shared".to_owned(),
        ),
    ]
}

/// Asks again, and looks for this fault.
fn recipe(clause: Clause, exchange: &Exchange, fault: Option<&String>) -> Option<Recipe> {
    let fault = fault?;
    let request = exchange.request.clone();
    let shown = match clause {
        clause::CACHE_CONTROL if fault.contains("no Cache-Control") => {
            return Some(Recipe::again(exchange, Shows::no_header("cache-control")));
        }
        clause::VALIDATORS => {
            let (name, rest) = fault.split_once(": ").filter(|(name, _)| name.starts_with("If-"))?;
            let (value, _) = rest.split_once(" gives ")?;
            let fault = Shows::Found("^2".to_owned());
            return Some(Recipe::ask(vec![request.header(name, value)], fault));
        }
        clause::VARY if fault.contains("compressed answer lacks Vary") => {
            let packed = request.header("Accept-Encoding", "gzip, br, zstd");
            let fault = r"(?is)^2(?=.*\ncontent-encoding: )(?!.*\nvary: [^\n]*(accept-encoding|\*))";
            return Some(Recipe::ask(vec![packed], Shows::Found(fault.to_owned())));
        }
        clause::SHARED_CACHES => r"(?is)^2(?=.*\nset-cookie: )(?=.*\ncache-control: [^\n]*(public|max-age))",
        _ => return None,
    };
    Some(Recipe::again(exchange, Shows::Found(shown.to_owned())))
}

fn is_empty(answer: &Answer) -> bool {
    answer.status.as_u16() == 204 || answer.body_length == 0
}

fn cookie(answer: &Answer, control: &Control) -> Option<String> {
    let sets = answer.headers.contains_key("set-cookie");
    (sets && control.is_shared()).then(|| "Set-Cookie in an answer that shared caches may keep".to_owned())
}

/// Checks that an answer with an age has a validator, and that any validator saves the body.
async fn validator(lab: &Lab, request: &Request, answer: &Answer, aged: bool) -> Option<String> {
    let etag = answer.header("etag").to_owned();
    let modified = answer.header("last-modified").to_owned();
    let (name, value) = match (etag.is_empty(), modified.is_empty()) {
        (false, _) => ("If-None-Match", etag),
        (true, false) => ("If-Modified-Since", modified),
        (true, true) => return aged.then(|| "it may be kept and has neither ETag nor Last-Modified".into()),
    };
    if name == "If-None-Match" && !is_entity_tag(&value) {
        return Some(format!("its ETag is not quoted: {value}"));
    }
    let again = lab.http().send(request.clone().header(name, value.clone())).await;
    match again.answer() {
        Some(answer) if answer.status.as_u16() == 304 => None,
        // It changed in between, and says so.
        Some(answer) if answer.status.is_success() && name == "If-None-Match" && answer.header("etag") != value => None,
        _ => {
            let status = again.status().map_or_else(|| "nothing".to_owned(), |status| status.as_u16().to_string());
            Some(format!("{name}: {value} gives {status}, not 304"))
        }
    }
}

/// `"..."` or `W/"..."` (RFC 9110, 8.8.3).
fn is_entity_tag(value: &str) -> bool {
    let value = value.strip_prefix("W/").unwrap_or(value);
    value.len() >= 2 && value.starts_with('"') && value.ends_with('"')
}

/// Checks that an encoding that depends on the request is declared to caches, and has a strong validator of its own.
async fn encoding(lab: &Lab, request: &Request) -> Vec<String> {
    let mut plain = request.clone();
    plain.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    let packed = lab.http().send(plain.clone().header("Accept-Encoding", "gzip, br, zstd")).await;
    let plain = lab.http().send(plain.header("Accept-Encoding", "identity")).await;
    let (Some(packed), Some(plain)) = (packed.answer(), plain.answer()) else { return Vec::new() };
    if packed.header("content-encoding") == plain.header("content-encoding") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (answer, which) in [(packed, "compressed"), (plain, "plain")] {
        let varies = answer.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok()).any(|value| {
            let mut names = value.split(',').map(str::trim);
            names.any(|name| name == "*" || name.eq_ignore_ascii_case("accept-encoding"))
        });
        if !varies {
            faults.push(format!("the {which} answer lacks Vary: Accept-Encoding"));
        }
    }
    let etag = packed.header("etag");
    if !etag.is_empty() && !etag.starts_with("W/") && etag == plain.header("etag") {
        faults.push(format!("one strong ETag names two encodings: {etag}"));
    }
    faults
}

/// An error that is kept outlives its cause.
fn absent(exchange: &Exchange) -> Evidence {
    let Some(answer) = exchange.answer().filter(|answer| answer.status.as_u16() >= 400) else {
        return clause::SHARED_CACHES
            .gap("a path that does not exist is not answered with an error: whether errors are kept was not examined");
    };
    let control = Control::of(answer);
    let status = answer.status.as_u16();
    let age = control.shared_age.or(control.max_age).unwrap_or(0);
    let kept = !control.no_store && age > ERROR_AGE;
    let heuristic = !control.said && !answer.header("last-modified").is_empty();
    match (kept, heuristic) {
        (true, _) => clause::SHARED_CACHES.contradicts(format!("a {status} may be kept for {age} s")).with(exchange),
        (_, true) => clause::SHARED_CACHES
            .contradicts(format!("a {status} has a Last-Modified and no Cache-Control: caches may keep it"))
            .with(exchange),
        _ => clause::SHARED_CACHES.holds(format!("a {status} is not kept for long")).with(exchange),
    }
}
