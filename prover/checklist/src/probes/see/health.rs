//! `see.health`: live, ready and start-up answers, and a document that says what runs and how it is.
//!
//! - **Hypothesis**: liveness, readiness and start-up answer 2xx promptly; the health document is JSON with version, commit, host and
//!   the state of parts. With a dependency silent the document shows it, and liveness stays.
//! - **Sent**: GETs of these paths and of one that does not exist, which must not be answered 2xx: else an answer at a usual path
//!   says nothing. With each dependency silent in turn, the requests that use it, at most three times.
//! - **Decides**: any of these not being so. Undeclared paths are looked for under the usual names; where none is found
//!   the clause is a gap. A change shows a dependency when its place or its value names the dependency or speaks of a state
//!   (`status`, `breaker`, `errors`, …), and when it is not seen in peace; numbers of threads or requests in flight show nothing.
//!   A dependency that no call reached while it was silent is a gap.
//! - **Blast radius**: the dependency's proxy is silent meanwhile, and is mended at the end.
//! - **Bound in time**: for each dependency three times the deadline, at most 20 s, and some exchanges.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::Fault;
use keel_wire::http::{Client, Exchange, Request};
use serde_json::Value;

use self::leaves::{Leaves, shows};
use crate::clause::Clause;
use crate::clause::see::health as clause;
use crate::contention::{self, Contention};
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::{Dependency, Manner, Shows, WithDependency};
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod judge_tests;
mod leaves;
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

/// Time limit of each answer.
const PROMPT: Duration = Duration::from_secs(1);
/// Time that a change is waited for while a dependency is silent.
const CHANGE_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// A path that no service has.
const NOWHERE: &str = "/keel-probe-nothing-is-here-41c7d20e";
/// The most requests that use a dependency at a time.
const AT_A_TIME: usize = 4;
/// Number of times that the same requests are sent in peace, to learn the changes there.
const ROUNDS_IN_PEACE: usize = 4;
/// Number of times that they are sent while a dependency is silent: a breaker or a count of failures needs more than one.
const ROUNDS_IN_SILENCE: usize = 3;
/// Usual paths of liveness, tried if none is declared.
const LIVE: [&str; 6] = ["/livez", "/live", "/health/live", "/healthz", "/-/healthy", "/actuator/health/liveness"];
const READY: [&str; 5] = ["/readyz", "/ready", "/health/ready", "/-/ready", "/actuator/health/readiness"];
const STARTUP: [&str; 4] = ["/startupz", "/startup", "/health/startup", "/health/started"];
const HEALTH: [&str; 6] = ["/health", "/healthz", "/status", "/actuator/health", "/api/health", "/-/health"];
/// Facts that the document must name, under any of these keys.
const NAMED: [(&str, &[&str]); 3] = [
    ("version", &["version", "release", "app_version"]),
    ("commit", &["commit", "revision", "git_commit", "commit_id", "sha", "git"]),
    ("host", &["host", "hostname", "instance", "pod", "node"]),
];
/// The members in which the service speaks of itself, beside the document's own: a version elsewhere is that of something else.
const OF_ITSELF: [&str; 8] = ["app", "application", "build", "git", "info", "release", "server", "service"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let admin = lab.admin();
    let nowhere = absent(&admin.send(Request::get(NOWHERE)).await);
    let declared = (lab.subject.ready.clone(), lab.subject.health.clone());
    let mut evidence = Vec::new();
    let mut live = None;
    for (clause, what, path, guesses) in [
        (clause::LIVE, "liveness", None, &LIVE[..]),
        (clause::READY, "readiness", declared.0, &READY),
        (clause::START_UP, "start-up", None, &STARTUP),
    ] {
        let contention = contention::Watch::begin(lab);
        match find(clause, &admin, path, guesses, &nowhere).await {
            Ok(exchange) => {
                evidence.push(prompt(clause, what, &exchange, contention.end()));
                if what == "liveness" {
                    live = Some(exchange.request.path);
                }
            }
            Err(told) => evidence.push(told),
        }
    }
    let contention = contention::Watch::begin(lab);
    let health = match find(clause::STATE, &admin, declared.1, &HEALTH, &nowhere).await {
        Ok(exchange) => {
            evidence.extend(document(&exchange, contention.end()));
            Some(exchange.request.path)
        }
        Err(told) => {
            evidence.push(told);
            None
        }
    };
    evidence.extend(sickness(lab, health.as_deref(), live.as_deref()).await);
    Finding::judge(ID, evidence)
}

/// The control of a path's answer: one that does not exist is answered otherwise.
fn absent(nowhere: &Exchange) -> Result<Control, Uncontrolled> {
    let found = nowhere.status().is_some_and(|status| status.is_success());
    let what = format!("{NOWHERE}, which does not exist, is not answered 2xx");
    Control::seen(
        nowhere.answer().is_some() && !found,
        what,
        format!("{NOWHERE}, which does not exist, is answered 2xx too"),
    )
}

/// The answer of the declared path, or of the first usual one that answers 2xx.
async fn find(
    clause: Clause,
    admin: &Client,
    path: Option<String>,
    guesses: &[&str],
    nowhere: &Result<Control, Uncontrolled>,
) -> Result<Exchange, Evidence> {
    if let Err(failed) = nowhere {
        return Err(clause.gap(format!("{}: no answer says that a path is there", failed.what)));
    }
    if let Some(path) = path {
        return Ok(admin.send(Request::get(path)).await);
    }
    for path in guesses {
        let exchange = admin.send(Request::get(*path)).await;
        if exchange.status().is_some_and(|status| status.is_success()) {
            return Ok(exchange);
        }
    }
    Err(clause
        .gap(format!("none of {} answers 2xx: say `ready`, `health` and `admin` in keel.toml", guesses.join(", "))))
}

/// Judges that it is answered 2xx in time; a late answer may be late as the machine was busy.
fn prompt(clause: Clause, what: &str, exchange: &Exchange, contention: Contention) -> Evidence {
    let path = &exchange.request.path;
    let good = exchange.status().is_some_and(|status| status.is_success()) && exchange.took <= PROMPT;
    let told = if good { "answers 2xx promptly" } else { "does not answer 2xx promptly" };
    let recipe = Recipe::again_to_admin(exchange, Shows::Missing("^2".to_owned()));
    let piece = clause.saw(good, format!("{what} ({path}) {told}")).with(exchange).reproduced_by(recipe);
    match exchange.status().is_none_or(|status| status.is_success()) {
        true => contention.excuse(piece, exchange.took, PROMPT),
        false => piece,
    }
}

/// Judges the health document.
fn document(exchange: &Exchange, contention: Contention) -> Vec<Evidence> {
    let path = &exchange.request.path;
    let mut evidence = vec![prompt(clause::STATE, "health", exchange, contention)];
    let Some(json) = exchange.answer().and_then(keel_wire::http::Answer::json).filter(Value::is_object) else {
        let what = format!("{path} is no JSON object");
        let recipe = || Recipe::again_to_admin(exchange, Shows::Missing(r"\n\n\s*\{".to_owned()));
        evidence.push(clause::BUILD.contradicts(what.clone()).reproduced_by(recipe()));
        evidence.push(clause::STATE.contradicts(what).with(exchange).reproduced_by(recipe()));
        return evidence;
    };
    for (what, keys) in NAMED {
        let named = named(&json, keys);
        let told = if named { "names its" } else { "does not name its" };
        let shown = Shows::Missing(format!("(?i)\"({})\"", keys.join("|")));
        let recipe = Recipe::again_to_admin(exchange, shown);
        evidence.push(clause::BUILD.saw(named, format!("{path} {told} {what}")).reproduced_by(recipe));
    }
    let parts = json.as_object().into_iter().flatten().any(|(_, part)| match part {
        Value::Object(parts) => parts.values().any(|part| part.is_object() || part.is_array()),
        Value::Array(parts) => parts.iter().any(Value::is_object),
        _ => false,
    });
    let told = if parts { "tells the state of parts" } else { "tells the state of no part" };
    evidence.push(clause::STATE.saw(parts, format!("{path} {told}")));
    evidence
}

/// Returns true if any of these keys has a value that is not empty, in the document itself or in its part about the service.
fn named(json: &Value, keys: &[&str]) -> bool {
    let says = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Null => false,
        _ => true,
    };
    let is_one_of = |name: &str, names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    json.as_object()
        .into_iter()
        .flatten()
        .any(|(name, value)| is_one_of(name, keys) && says(value) || is_one_of(name, &OF_ITSELF) && named(value, keys))
}

/// Observes the document and liveness while a dependency is silent.
async fn sickness(lab: &Lab, health: Option<&str>, live: Option<&str>) -> Vec<Evidence> {
    let both = |what: &str| vec![clause::SICK_DEPENDENCY.gap(what), clause::LIVENESS.gap(what)];
    let Dependencies::Declared(dependencies) = &lab.subject.dependencies else {
        return both("its dependencies are not declared, so no dependency was made sick: declare [dependencies.NAME]");
    };
    if dependencies.is_empty() {
        let declaration = "dependencies = \"none\"";
        return vec![clause::SICK_DEPENDENCY.is_void(declaration), clause::LIVENESS.is_void(declaration)];
    }
    let mut evidence = Vec::new();
    for dependency in dependencies {
        let name = &dependency.name;
        let users = lab.mix().into_iter().filter(|spec| spec.uses.contains(name));
        let users: Vec<RequestSpec> = users.take(AT_A_TIME).collect();
        let Some(proxy) = lab.proxy(name).filter(|_| !users.is_empty()) else {
            evidence.extend(both(&format!("{name} could not be made sick, or no request is declared to use it")));
            continue;
        };
        let part = Part { lab, health, live, name, users: &users };
        // What changes in peace too shows nothing.
        let usual = part.changes_in_peace().await;
        let before = part.leaves().await;
        let heard = proxy.heard();
        proxy.set(Fault::Hang).await;
        let seen = part.while_silent(&usual, &before).await;
        let control = Control::fault_met(proxy.heard().saturating_sub(heard), name);
        proxy.set(Fault::None).await;
        match control {
            Ok(control) => evidence.extend(seen.into_iter().map(|piece| piece.by(&control))),
            Err(failed) => evidence.extend(both(&failed.what)),
        }
    }
    evidence
}

/// A dependency, the requests that use it, and where it could show.
struct Part<'a> {
    lab: &'a Lab,
    health: Option<&'a str>,
    live: Option<&'a str>,
    name: &'a str,
    users: &'a [RequestSpec],
}

impl Part<'_> {
    /// The pointers of all that changes when the same requests are answered as they should, while they are in flight and after.
    async fn changes_in_peace(&self) -> Vec<String> {
        let before = self.leaves().await;
        let mut changed = Vec::new();
        for _ in 0..ROUNDS_IN_PEACE {
            let ((), during) = tokio::join!(self.ask(), self.leaves());
            changed.extend(leaves::differences(&before, &during));
            // Work behind the answers is to be seen in peace too.
            tokio::time::sleep(LOOK * 2).await;
            changed.extend(leaves::differences(&before, &self.leaves().await));
        }
        changed
    }

    async fn ask(&self) {
        let client = self.lab.http();
        join_all(self.users.iter().map(|spec| client.send(self.lab.fill(spec)))).await;
    }

    async fn leaves(&self) -> Leaves {
        let Some(health) = self.health else { return Leaves::new() };
        let exchange = self.lab.admin().send(Request::get(health)).await;
        exchange.answer().and_then(keel_wire::http::Answer::json).map(|json| leaves::of(&json)).unwrap_or_default()
    }

    /// Sends the requests again and again until the document shows the dependency, and looks at liveness at the end.
    async fn while_silent(&self, usual: &[String], before: &Leaves) -> Vec<Evidence> {
        let (since, patience) = (Instant::now(), self.lab.pace.of(CHANGE_PATIENCE));
        let mut asking = std::pin::pin!(async {
            for _ in 0..ROUNDS_IN_SILENCE {
                self.ask().await;
            }
        });
        let mut asked = false;
        let mut others = Vec::new();
        let shown = loop {
            let now = self.leaves().await;
            let new: Vec<String> =
                leaves::differences(before, &now).into_iter().filter(|pointer| !usual.contains(pointer)).collect();
            if let Some(pointer) = new.iter().find(|pointer| shows(pointer, &now, self.name)) {
                break Some(pointer.clone());
            }
            others = new;
            if self.health.is_none() && asked || since.elapsed() > patience {
                break None;
            }
            tokio::select! {
                () = &mut asking, if !asked => asked = true,
                () = tokio::time::sleep(LOOK) => {}
            }
        };
        // What is still asked when all has been seen is dropped.
        self.told(shown, &others, since.elapsed()).await
    }

    async fn told(&self, shown: Option<String>, others: &[String], after: Duration) -> Vec<Evidence> {
        let (name, admin) = (self.name, self.lab.admin().with_timeout(5 * PROMPT));
        let mut evidence = Vec::new();
        match (self.health, shown) {
            (None, _) => evidence.push(clause::SICK_DEPENDENCY.gap("no health document was found")),
            (Some(health), Some(pointer)) => {
                let what = format!("with {name} silent {health} shows it after {after:.1?}, at {pointer}");
                evidence.push(clause::SICK_DEPENDENCY.holds(what));
            }
            (Some(health), None) => {
                let what = match others.first() {
                    None => format!("with {name} silent {health} shows nothing that it does not show in peace"),
                    Some(other) => format!("with {name} silent {health} shows nothing of it, only another {other}"),
                };
                evidence.push(clause::SICK_DEPENDENCY.contradicts(what));
            }
        }
        if let Some(health) = self.health {
            let contention = contention::Watch::begin(self.lab);
            let exchange = admin.send(Request::get(health)).await;
            let what = format!("health with {name} silent");
            evidence.push(prompt(clause::SICK_DEPENDENCY, &what, &exchange, contention.end()));
        }
        evidence.push(match self.live {
            Some(live) => {
                let contention = contention::Watch::begin(self.lab);
                let exchange = admin.send(Request::get(live)).await;
                let what = format!("liveness with {name} silent");
                let piece = prompt(clause::LIVENESS, &what, &exchange, contention.end());
                let fault = WithDependency::Answer(Shows::Missing("^2".to_owned()));
                let ask = (Request::get(live), 5 * PROMPT);
                let on_the_public_one = self.lab.subject.admin.is_none();
                let recipe = Dependency::of(&self.lab.subject, name, Manner::Hangs, ask, fault);
                recipe.filter(|_| on_the_public_one).into_iter().fold(piece, Evidence::reproduced_by)
            }
            None => clause::LIVENESS.gap("no liveness path was found"),
        });
        evidence
    }
}
