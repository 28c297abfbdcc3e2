//! `see.health`: live, ready and start-up answers, and a document that says what runs and how it is.
//!
//! - **Hypothesis**: liveness, readiness and start-up answer 2xx promptly; the health document is JSON with version, commit, host and
//!   the state of parts; a path that does not exist does not answer the same. With a dependency silent the document
//!   shows a change that it does not show in peace, and liveness stays.
//! - **Sent**: GETs of these paths; with each dependency silent in turn, the requests that use it.
//! - **Decides**: any of these not being so. Paths that nobody declared are looked for under the usual names; where none is found
//!   the attribute is unknown.
//! - **Blast radius**: the dependency's proxy is silent meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency the deadline, at most 20 s, and some exchanges.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::Fault;
use keel_wire::http::{Client, Exchange, Request};
use serde_json::Value;

use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::{Dependencies, RequestSpec};

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.health";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// How soon each of these must be answered.
const PROMPT: Duration = Duration::from_secs(1);
/// How long a change is waited for while a dependency is silent.
const CHANGE_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// A path that no service has.
const NOWHERE: &str = "/keel-probe-nothing-is-here-41c7d20e";
/// The most requests that use a dependency at a time.
const AT_A_TIME: usize = 4;

/// Where each is looked for when nobody said.
const LIVE: [&str; 6] = ["/livez", "/live", "/health/live", "/healthz", "/-/healthy", "/actuator/health/liveness"];
const READY: [&str; 5] = ["/readyz", "/ready", "/health/ready", "/-/ready", "/actuator/health/readiness"];
const STARTUP: [&str; 4] = ["/startupz", "/startup", "/health/startup", "/health/started"];
const HEALTH: [&str; 6] = ["/health", "/healthz", "/status", "/actuator/health", "/api/health", "/-/health"];

/// Words in names of values that change with time or luck: they show no sickness.
const TIMING: [&str; 10] =
    ["uptime", "time", "duration", "latency", "p50", "p90", "p95", "p99", "quantile", "percentile"];
/// How often the same requests are sent in peace, to learn what changes then too.
const ROUNDS_IN_PEACE: usize = 4;

/// What the document must name, under any of these keys, at any depth.
const NAMED: [(&str, &[&str]); 3] = [
    ("version", &["version", "release", "app_version"]),
    ("commit", &["commit", "revision", "git_commit", "commit_id", "sha", "git"]),
    ("host", &["host", "hostname", "instance", "pod", "node"]),
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let admin = lab.admin();
    let nowhere = admin.send(Request::get(NOWHERE)).await;
    let declared = (lab.subject.ready.clone(), lab.subject.health.clone());
    let (mut evidence, mut missing) = (Vec::new(), Vec::new());
    let mut live = None;
    for (what, path, guesses) in
        [("liveness", None, &LIVE[..]), ("readiness", declared.0, &READY), ("start-up", None, &STARTUP)]
    {
        match find(&admin, path, guesses, &nowhere).await {
            Ok(exchange) => {
                evidence.push(prompt(what, &exchange));
                if what == "liveness" {
                    live = Some(exchange.request.path);
                }
            }
            Err(told) => {
                missing.push(what);
                evidence.push(told);
            }
        }
    }
    let health = match find(&admin, declared.1, &HEALTH, &nowhere).await {
        Ok(exchange) => {
            evidence.extend(document(&exchange));
            Some(exchange.request.path)
        }
        Err(told) => {
            missing.push("health");
            evidence.push(told);
            None
        }
    };
    if let Some(health) = &health {
        evidence.extend(sickness(lab, health, live.as_deref()).await);
    }
    let against = evidence.iter().any(|piece| piece.good == Some(false));
    if !missing.is_empty() && !against {
        let reason =
            format!("no answer was found for {}: say `ready`, `health` and `admin` in keel.toml", missing.join(", "));
        return Finding::unknown(ID, reason, evidence);
    }
    Finding::judge(
        ID,
        "live, ready and start-up answer promptly, and the document says what runs and how its parts are",
        evidence,
    )
}

/// The answer of the declared path, or of the first usual one that answers 2xx and not what nowhere answers.
async fn find(
    admin: &Client,
    path: Option<String>,
    guesses: &[&str],
    nowhere: &Exchange,
) -> Result<Exchange, Evidence> {
    if let Some(path) = path {
        return Ok(admin.send(Request::get(path)).await);
    }
    for path in guesses {
        let exchange = admin.send(Request::get(*path)).await;
        if exchange.status().is_some_and(|status| status.is_success()) && !same(&exchange, nowhere) {
            return Ok(exchange);
        }
    }
    Err(Evidence::note(format!("none of {} answers 2xx", guesses.join(", "))))
}

/// Whether a path is answered just as one that does not exist: everything is, then.
fn same(exchange: &Exchange, nowhere: &Exchange) -> bool {
    match (exchange.answer(), nowhere.answer()) {
        (Some(one), Some(other)) => one.status == other.status && one.body == other.body,
        _ => false,
    }
}

fn prompt(what: &str, exchange: &Exchange) -> Evidence {
    let path = &exchange.request.path;
    let good = exchange.status().is_some_and(|status| status.is_success()) && exchange.took <= PROMPT;
    let told = if good { "answers 2xx promptly" } else { "does not answer 2xx promptly" };
    Evidence::exchange(good, format!("{what} ({path}) {told}"), exchange)
}

/// What the document says.
fn document(exchange: &Exchange) -> Vec<Evidence> {
    let path = &exchange.request.path;
    let mut evidence = vec![prompt("health", exchange)];
    let Some(json) = exchange.answer().and_then(keel_wire::http::Answer::json).filter(Value::is_object) else {
        evidence.push(Evidence::exchange(false, format!("{path} is no JSON object"), exchange));
        return evidence;
    };
    for (what, keys) in NAMED {
        let named = named(&json, keys);
        let told = if named { "names its" } else { "does not name its" };
        evidence.push(Evidence::saw(named, format!("{path} {told} {what}")));
    }
    let parts = json.as_object().into_iter().flatten().any(|(_, part)| match part {
        Value::Object(parts) => parts.values().any(|part| part.is_object() || part.is_array()),
        Value::Array(parts) => parts.iter().any(Value::is_object),
        _ => false,
    });
    let told = if parts { "tells the state of parts" } else { "tells the state of no part" };
    evidence.push(Evidence::saw(parts, format!("{path} {told}")));
    evidence
}

/// Whether any of these keys has a value that says something.
fn named(json: &Value, keys: &[&str]) -> bool {
    let says = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Null => false,
        _ => true,
    };
    match json {
        Value::Object(object) => object.iter().any(|(name, value)| {
            keys.iter().any(|key| name.eq_ignore_ascii_case(key)) && says(value) || named(value, keys)
        }),
        Value::Array(list) => list.iter().any(|value| named(value, keys)),
        _ => false,
    }
}

/// What the document and liveness show while a dependency is silent.
async fn sickness(lab: &Lab, health: &str, live: Option<&str>) -> Vec<Evidence> {
    let Dependencies::Declared(dependencies) = &lab.subject.dependencies else {
        return vec![Evidence::note("nobody said what it calls, so no dependency was made sick")];
    };
    let mut evidence = Vec::new();
    for dependency in dependencies {
        let users = lab.mix().into_iter().filter(|spec| spec.uses.contains(&dependency.name));
        let users: Vec<RequestSpec> = users.take(AT_A_TIME).collect();
        let Some(proxy) = lab.proxy(&dependency.name).filter(|_| !users.is_empty()) else {
            evidence.push(Evidence::note(format!(
                "{} could not be made sick, or no request is declared to use it",
                dependency.name
            )));
            continue;
        };
        // What changes in peace too shows nothing.
        let usual = changes_in_peace(lab, health, &users).await;
        let before = leaves(lab, health).await;
        proxy.set(Fault::Hang).await;
        evidence.extend(while_silent(lab, health, live, &dependency.name, &users, (&usual, &before)).await);
        proxy.set(Fault::None).await;
    }
    evidence
}

type Leaves = BTreeMap<String, String>;

/// The pointers of all that changes when the same requests are answered as they should.
async fn changes_in_peace(lab: &Lab, health: &str, users: &[RequestSpec]) -> Vec<String> {
    let before = leaves(lab, health).await;
    let client = lab.http();
    let mut changed = Vec::new();
    for _ in 0..ROUNDS_IN_PEACE {
        join_all(users.iter().map(|spec| client.send(lab.fill(spec)))).await;
        // Work behind the answers is to be seen in peace too.
        tokio::time::sleep(LOOK * 2).await;
        changed.extend(differences(&before, &leaves(lab, health).await));
    }
    changed
}

async fn while_silent(
    lab: &Lab,
    health: &str,
    live: Option<&str>,
    name: &str,
    users: &[RequestSpec],
    (usual, before): (&[String], &Leaves),
) -> Vec<Evidence> {
    let (client, admin) = (lab.http(), lab.admin().with_timeout(5 * PROMPT));
    let asking = join_all(users.iter().map(|spec| client.send(lab.fill(spec))));
    let looking = async {
        let since = Instant::now();
        loop {
            let shown: Vec<String> = differences(before, &leaves(lab, health).await)
                .into_iter()
                .filter(|pointer| !usual.contains(pointer))
                .collect();
            if !shown.is_empty() || since.elapsed() > lab.pace.of(CHANGE_PATIENCE) {
                return (shown, since.elapsed());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let watching = async {
        let (shown, after) = looking.await;
        let mut evidence = vec![match shown.first() {
            Some(pointer) => {
                Evidence::saw(true, format!("with {name} silent {health} shows it after {after:.1?}, at {pointer}"))
            }
            None => Evidence::saw(
                false,
                format!("with {name} silent {health} shows nothing that it does not show in peace"),
            ),
        }];
        evidence.push(prompt(&format!("health with {name} silent"), &admin.send(Request::get(health)).await));
        if let Some(live) = live {
            evidence.push(prompt(&format!("liveness with {name} silent"), &admin.send(Request::get(live)).await));
        }
        evidence
    };
    // What is still asked when all has been seen is dropped.
    tokio::select! {
        evidence = watching => evidence,
        () = async { asking.await; std::future::pending::<()>().await } => Vec::new(),
    }
}

/// Every plain value of the document by its pointer.
async fn leaves(lab: &Lab, health: &str) -> Leaves {
    let exchange = lab.admin().send(Request::get(health)).await;
    let mut leaves = Leaves::new();
    if let Some(json) = exchange.answer().and_then(keel_wire::http::Answer::json) {
        gather(&json, String::new(), &mut leaves);
    }
    leaves
}

fn gather(json: &Value, pointer: String, leaves: &mut Leaves) {
    match json {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| gather(value, format!("{pointer}/{name}"), leaves))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, value)| gather(value, format!("{pointer}/{number}"), leaves));
        }
        plain => {
            leaves.insert(pointer, plain.to_string());
        }
    }
}

/// The pointers whose value is new or another, those of times left out.
fn differences(before: &Leaves, after: &Leaves) -> Vec<String> {
    let times = |pointer: &str| TIMING.iter().any(|word| pointer.contains(word));
    after
        .iter()
        .filter(|(pointer, value)| before.get(*pointer) != Some(value) && !times(pointer))
        .map(|(pointer, _)| pointer.clone())
        .collect()
}
