//! The recorder of failures.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::SystemTime;

use serde_json::Value as Json;
use tokio::time::Instant;
use vitals::{Instance, Registry};

use super::failure::{Failure, RequestHead};
use super::fingerprint::fingerprint;
use super::groups::{Group, Groups, Identity, lock};
use super::note::{cause, place_of};
use super::report::{Parts, report};
use super::table::{GroupRows, SumRows};
use super::trail::{CallOutcome, Trail};
use crate::context::take_trail;

/// Records failures in groups. Clones are cheap, and share the groups.
#[derive(Clone, Debug)]
pub struct Errors {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    groups: Arc<Mutex<Groups>>,
    instance: Instance,
    registry: Registry,
    outlet: OnceLock<Outlet>,
    /// The tables, which live as long as the recorder.
    _sources: (Arc<GroupRows>, Arc<SumRows>),
}

/// Takes each report that is made.
struct Outlet(Box<dyn Fn(Arc<Json>) + Send + Sync>);

/// A group with its reports.
#[derive(Clone, Debug)]
pub struct ErrorGroup {
    /// The fingerprint: sixteen hexadecimal digits.
    pub fingerprint: String,
    /// `request` or `job`.
    pub work: &'static str,
    /// The route's pattern, or the kind of the job.
    pub name: String,
    /// The method; empty for a job.
    pub method: String,
    /// The type of the error, `panic`, a failed call, or the status.
    pub kind: String,
    /// File and line; empty where it is not known.
    pub place: String,
    /// The message of the first failure.
    pub message: String,
    /// Its failures.
    pub count: u64,
    /// Time of the first one.
    pub first: SystemTime,
    /// Time of the last one.
    pub last: SystemTime,
    /// The reports, the oldest first.
    pub reports: Vec<Arc<Json>>,
}

impl Errors {
    /// Creates the recorder of a running service, and registers the tables `errors` and `error_reports`.
    pub fn new(instance: &Instance, registry: &Registry) -> Self {
        let groups: Arc<Mutex<Groups>> = Arc::default();
        let sources = (Arc::new(GroupRows(groups.clone())), Arc::new(SumRows(groups.clone())));
        registry.register(sources.0.clone());
        registry.register(sources.1.clone());
        let inner = Inner {
            groups,
            instance: instance.clone(),
            registry: registry.clone(),
            outlet: OnceLock::new(),
            _sources: sources,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Records a failure of the running task's work, with what was noted about it. `head` is called where a report is made. Never waits for anything but
    /// other failures.
    ///
    /// The first failure of a group writes a line to the log, as does each that gets a report.
    pub fn record(&self, failure: &Failure<'_>, head: impl FnOnce() -> RequestHead) {
        let trail = take_trail().unwrap_or_default();
        let (kind, place) = kind_and_place(failure, &trail);
        let fingerprint = fingerprint(&[failure.method, failure.name, &kind, &place]);
        let identity = || Identity {
            fingerprint: fingerprint.clone(),
            work: failure.work,
            name: failure.name.to_owned(),
            method: failure.method.to_owned(),
            kind: kind.clone(),
            place: place.clone(),
            message: message(failure, &trail),
        };
        if !self.groups().count(&fingerprint, identity, Instant::now()) {
            return;
        }
        let identity = identity();
        // Made outside of the lock: it reads other parts.
        let (instance, registry) = (&self.inner.instance, &self.inner.registry);
        let parts = Parts { identity: &identity, failure, head: head(), trail: &trail, instance, registry };
        let report = Arc::new(report(&parts));
        self.groups().keep(&fingerprint, report.clone());
        let (route, message) = (failure.name, &identity.message);
        tracing::error!(
            fingerprint,
            kind,
            place,
            route,
            status = failure.status,
            error = message,
            "failure reported; /debug/errors has the report"
        );
        if let Some(outlet) = self.inner.outlet.get() {
            (outlet.0)(report);
        }
    }

    /// Passes each report on from now on; true for the first that asks. `take` must not wait.
    pub fn export_to(&self, take: impl Fn(Arc<Json>) + Send + Sync + 'static) -> bool {
        self.inner.outlet.set(Outlet(Box::new(take))).is_ok()
    }

    /// Returns all groups, the one with the last failure first.
    pub fn groups_now(&self) -> Vec<ErrorGroup> {
        let mut all: Vec<ErrorGroup> = self.groups().groups.values().map(ErrorGroup::of).collect();
        all.sort_by(|a, b| (b.last, &b.fingerprint).cmp(&(a.last, &a.fingerprint)));
        all
    }

    /// Returns the group of a fingerprint.
    pub fn group(&self, fingerprint: &str) -> Option<ErrorGroup> {
        self.groups().groups.get(fingerprint).map(ErrorGroup::of)
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        lock(&self.inner.groups)
    }
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outlet")
    }
}

impl ErrorGroup {
    fn of(group: &Group) -> Self {
        let identity = (*group.identity).clone();
        Self {
            fingerprint: identity.fingerprint,
            work: identity.work,
            name: identity.name,
            method: identity.method,
            kind: identity.kind,
            place: identity.place,
            message: identity.message,
            count: group.count,
            first: group.first,
            last: group.last,
            reports: group.reports.iter().cloned().collect(),
        }
    }
}

/// Returns the kind and the place of the error: those of the noted error, else the call that failed, else the error that was logged, else the status.
fn kind_and_place(failure: &Failure<'_>, trail: &Trail) -> (String, String) {
    let logged = || trail.logged_at.map(|(file, line)| place_of(file, line)).unwrap_or_default();
    if let Some(error) = &trail.error {
        return (error.kind.clone(), error.place.clone());
    }
    if let Some(call) = trail.failed_call() {
        return (format!("call to {}: {}", call.peer, call.outcome), logged());
    }
    let kind = match (failure.status, failure.error) {
        (Some(status), _) => format!("status {status}"),
        (None, Some((kind, _))) => kind.to_owned(),
        (None, None) => "failed".to_owned(),
    };
    (kind, logged())
}

fn message(failure: &Failure<'_>, trail: &Trail) -> String {
    if let Some(text) = trail.error.as_ref().and_then(|error| error.causes.first()) {
        return text.clone();
    }
    if let Some((_, text)) = failure.error.filter(|(_, text)| !text.is_empty()) {
        return cause(text);
    }
    match (trail.failed_call().map(|call| (&call.peer, call.attempt, call.outcome)), failure.status) {
        (Some((peer, attempt, CallOutcome::Answered(status))), _) => {
            format!("attempt {attempt} of a call to {peer} was answered with {status}")
        }
        (Some((peer, attempt, outcome)), _) => {
            format!("attempt {attempt} of a call to {peer} has no answer: {outcome}")
        }
        (None, Some(status)) => format!("answered with {status}"),
        (None, None) => "failed".to_owned(),
    }
}

#[cfg(test)]
mod tests;
