//! `see.logs`: structured events on standard output, with ids, without secrets, with a bound.
//!
//! - **Hypothesis**: nearly all lines are JSON objects of one schema (time, level, message); a request is found by its
//!   X-Request-Id or trace id; marker secrets of headers, query and body appear nowhere; a flood of requests makes a bounded volume.
//! - **Sent**: harmless requests with known ids, with marker secrets in Authorization, Cookie, the query and a JSON body; then
//!   `FLOOD` harmless requests as fast as they are answered, at most 5 s.
//!   Then its output is not read any more, then the reading end is closed, then it starts with both streams on a full disk; each time with
//!   requests that made it print before.
//! - **Decides**: no line at all; more than one line in twenty that is no JSON object or has no time, level and message under the
//!   same names as the others; no line with an id that was sent; a marker in any line; a line or more for each request of a flood.
//!   A flood that is less than 300 requests and makes less than 300 lines a second decides nothing, and when the requests with
//!   markers made no line, nothing is known of what is redacted. A file with an id that was sent is a log file, whose bound is not
//!   seen in so short a time; where none of the files that changed has one, there is none. Log records that come over OTLP to keel's
//!   collector with the trace id that was sent are shipped.
//!   Requests that are not answered because the output is not read, an end or a spin (half a core) once the reader is gone or the
//!   disk is full, a start on a full disk that hangs or ends without a reason, fall short. One that prints nothing cannot be stopped so.
//! - **Blast radius**: load of one client for some seconds; the service is stopped and started.
//! - **Bound in time**: 50 s, and four times the declared start and drain time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use http::Method;
use keel_wire::http::Request;
use serde_json::{Map, Value};

use keel_drill::process::MAX_LINES;

use crate::clause::see::logs as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Printed;
use crate::recipe::Recipe;

mod files;
#[cfg(test)]
mod judge_tests;
mod otlp;
mod reader;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.logs";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
const REQUEST_ID: &str = "keel-7c0ffee5eed5";
const TRACE_ID: &str = "5ca1ab1e0ddba11d15ea5ed0b5e55ed1";
/// Requests of the flood.
const FLOOD: usize = 3000;
/// Number of concurrent requests.
const AT_A_TIME: usize = 32;
/// Time limit of the flood.
const FLOOD_BOUND: Duration = Duration::from_secs(5);
/// Slower than this it is no flood.
const LEAST_RATE: f64 = 300.0;
/// Time that lines are waited for.
const LINES_PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// One line in so many may be something else: a banner, a panic's message.
const ONE_IN: usize = 20;

const TIME: [&str; 8] = ["ts", "time", "timestamp", "@timestamp", "datetime", "t", "asctime", "Timestamp"];
const LEVEL: [&str; 7] = ["level", "severity", "lvl", "levelname", "log.level", "loglevel", "SeverityText"];
const MESSAGE: [&str; 6] = ["message", "msg", "event", "body", "Body", "MESSAGE"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let markers = markers();
    let (before, since) = (lab.uptime(), SystemTime::now());
    tell_secrets(lab, &markers).await;
    let found = await_id(lab).await;
    let told = lab.output().iter().filter(|line| line.at >= before).count();
    let lines: Vec<String> = lab
        .earlier_output
        .iter()
        .cloned()
        .chain(lab.output())
        .map(|line| line.text)
        .filter(|line| !line.trim().is_empty())
        .collect();
    let files = files::judge(&files::written(lab, since), &[REQUEST_ID, TRACE_ID]);
    if lines.is_empty() {
        let what = "it printed nothing, neither at its start nor for requests";
        let recipe = Recipe::Output { requests: vec![lab.harmless()], fault: Printed::Nothing };
        let mut evidence = reader::unknown(&format!("{what}: its output cannot stop it"));
        evidence.push(clause::STRUCTURED.contradicts(what).reproduced_by(recipe));
        evidence.push(files);
        return Finding::judge(ID, evidence);
    }
    let requests = telling(lab, &markers);
    let mut evidence = schema(&lines, &requests);
    evidence.push(match found {
        Some(line) => clause::IDS
            .holds(format!("a request with X-Request-Id {REQUEST_ID} is found by its id"))
            .showing(cut(&line)),
        None => {
            let what = format!("no line has the X-Request-Id {REQUEST_ID} or the trace id {TRACE_ID} that were sent");
            let fault = Printed::NoLine(vec![REQUEST_ID.to_owned(), TRACE_ID.to_owned()]);
            clause::IDS.contradicts(what).reproduced_by(Recipe::Output { requests: requests.clone(), fault })
        }
    });
    evidence.extend(secrets(&lines, &markers, told, &requests));
    evidence.push(flood(lab).await);
    evidence.push(files);
    evidence.extend(reader::examine(lab).await);
    evidence.push(otlp::examine(lab).await);
    Finding::judge(ID, evidence)
}

/// A marker for each place that a secret travels in.
fn markers() -> BTreeMap<&'static str, String> {
    let places = [
        "Authorization",
        "Cookie",
        "?password=",
        "?token=",
        "\"password\" in a JSON body",
        "\"card_number\" in a JSON body",
    ];
    let numbered = places.into_iter().enumerate();
    numbered.map(|(number, place)| (place, format!("keelmarker{number}x{:08x}q", std::process::id()))).collect()
}

async fn tell_secrets(lab: &Lab, markers: &BTreeMap<&'static str, String>) {
    let client = lab.http();
    for request in telling(lab, markers) {
        client.send(request).await;
    }
}

/// Requests that carry the markers, and ids.
fn telling(lab: &Lab, markers: &BTreeMap<&'static str, String>) -> Vec<Request> {
    let harmless = lab.harmless();
    let trace = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
    let identified = |request: Request| request.header("X-Request-Id", REQUEST_ID).header("traceparent", &trace);
    let marker = |place: &str| markers.get(place).map_or("", String::as_str);
    let credentials = harmless
        .clone()
        .header("Authorization", format!("Bearer {}", marker("Authorization")))
        .header("Cookie", format!("session={}", marker("Cookie")));
    let joint = if harmless.path.contains('?') { '&' } else { '?' };
    let path = format!("{}{joint}password={}&token={}", harmless.path, marker("?password="), marker("?token="));
    let body = serde_json::json!({
        "password": marker("\"password\" in a JSON body"),
        "card_number": marker("\"card_number\" in a JSON body"),
    });
    let target = lab
        .mix()
        .into_iter()
        .find(|spec| spec.json.is_some())
        .map_or_else(|| "/".to_owned(), |spec| lab.fill(&spec).path);
    [credentials, Request::get(path), Request::new(Method::POST, target).json(&body)].map(identified).to_vec()
}

/// The first line with one of the ids that were sent.
async fn await_id(lab: &Lab) -> Option<String> {
    let since = Instant::now();
    loop {
        let lines = lab.output();
        let found = lines.iter().find(|line| line.text.contains(REQUEST_ID) || line.text.contains(TRACE_ID));
        if let Some(line) = found {
            return Some(line.text.clone());
        }
        if since.elapsed() > LINES_PATIENCE {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Counts the lines that have time, level and message under the names that most of them use.
fn schema(lines: &[String], requests: &[Request]) -> Vec<Evidence> {
    let objects: Vec<Map<String, Value>> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let common = |names: &[&'static str]| {
        let uses = |name: &str| objects.iter().filter(|object| object.contains_key(name)).count();
        names.iter().copied().max_by_key(|name| uses(name)).filter(|name| uses(name) > 0)
    };
    let names = [common(&TIME), common(&LEVEL), common(&MESSAGE)];
    let sound = |line: &&String| {
        let object: Option<Map<String, Value>> = serde_json::from_str(line).ok();
        object.is_some_and(|object| names.iter().all(|name| name.is_some_and(|name| object.contains_key(name))))
    };
    let good = lines.iter().filter(sound).count();
    let odd = lines.iter().find(|line| !sound(line)).map(|line| cut(line));
    let holds = (lines.len() - good) * ONE_IN <= lines.len();
    let told: Vec<&str> = names.iter().flatten().copied().collect();
    let called = if told.is_empty() { String::new() } else { format!(" (called {})", told.join(", ")) };
    let what = format!("{good} of {} lines are JSON objects with time, level and message{called}", lines.len());
    let shown = odd.or_else(|| lines.last().map(|line| cut(line))).unwrap_or_default();
    let parsed = format!("{} of {} lines are JSON objects", objects.len(), lines.len());
    let structured = (lines.len() - objects.len()) * ONE_IN <= lines.len();
    let recipe = Recipe::Output { requests: requests.to_vec(), fault: Printed::NotJson };
    vec![
        clause::STRUCTURED.saw(structured, parsed).reproduced_by(recipe),
        clause::SCHEMA.saw(holds, what).showing(shown),
    ]
}

/// Searches the lines for the markers; the requests that carried them made so many lines.
fn secrets(
    lines: &[String],
    markers: &BTreeMap<&'static str, String>,
    told: usize,
    requests: &[Request],
) -> Vec<Evidence> {
    let shown: Vec<Evidence> = markers
        .iter()
        .filter_map(|(place, marker)| {
            let line = lines.iter().find(|line| line.contains(marker.as_str()))?;
            let what = format!("what was sent in {place} is printed");
            let recipe = Recipe::Output { requests: requests.to_vec(), fault: Printed::Line(marker.clone()) };
            Some(clause::REDACTED.contradicts(what).showing(cut(line)).reproduced_by(recipe))
        })
        .collect();
    if shown.is_empty() && told == 0 {
        return vec![
            clause::REDACTED
                .gap("the requests that carried secrets made no line, so nothing is known of what is left out"),
        ];
    }
    if shown.is_empty() {
        let places: Vec<&str> = markers.keys().copied().collect();
        return vec![clause::REDACTED.holds(format!("nothing that was sent in {} is printed", places.join(", ")))];
    }
    shown
}

/// Counts the lines that a flood makes.
async fn flood(lab: &Lab) -> Evidence {
    let client = lab.http();
    let harmless = lab.harmless();
    let before = lab.uptime();
    let begun = Instant::now();
    let senders = (0..AT_A_TIME).map(|_| async {
        let mut sent = 0;
        while sent < FLOOD / AT_A_TIME && begun.elapsed() < FLOOD_BOUND {
            sent += usize::from(client.send(harmless.clone()).await.answer().is_some());
        }
        sent
    });
    let sent: usize = join_all(senders).await.iter().sum();
    let took = begun.elapsed().as_secs_f64();
    // The last lines may still be on their way.
    tokio::time::sleep(LINES_PATIENCE / 4).await;
    // By their time: the oldest lines are forgotten.
    let output = lab.output();
    let lines = output.iter().filter(|line| line.at >= before).count();
    let forgotten = lines == output.len() && lines >= MAX_LINES;
    let (rate, a_second) = (sent as f64 / took, lines as f64 / took);
    let least = if forgotten { "at least " } else { "" };
    let what = format!("{sent} requests at {rate:.0} a second made {least}{lines} lines");
    match bounded(sent, rate, lines, a_second) {
        None => clause::RATE_BOUNDED.gap(format!("{what}: too few to see a bound")),
        Some(bounded) => clause::RATE_BOUNDED.saw(bounded, what),
    }
}

/// Judges that lines are bounded, if there were enough requests or lines to see it: many requests that make fewer lines than
/// they are show a bound, a line or more for each request at a high rate of lines shows none.
fn bounded(sent: usize, rate: f64, lines: usize, a_second: f64) -> Option<bool> {
    if lines >= sent { (a_second >= LEAST_RATE).then_some(false) } else { (rate >= LEAST_RATE).then_some(true) }
}

fn cut(line: &str) -> String {
    line.chars().take(400).collect()
}
