//! Supervised children: long-running parts, restarted when they fail, and stopped in the reverse order of their start.
//!
//! After OTP's supervisor (one_for_one). A child that fails is restarted as its [`RestartRules`](crate::RestartRules) say; one that fails
//! for too long escalates, and the process should end and be started anew.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::restart::{Failures, Verdict};
use crate::spec::{ChildSpec, Restart};
use crate::stop::{Stop, StopSource};

/// Time for the task of an aborted child to be dropped.
const ABORT: Duration = Duration::from_millis(100);

/// States of a child.
const STATES: [&str; 4] = ["running", "restarting", "ended", "given_up"];

const CHILD: Table = Table {
    name: "child",
    help: "A supervised part of the process.",
    columns: &[
        Column::label("name", "The child."),
        Column::words("state", &STATES, "running, restarting, ended or given_up.")
            .degraded(&["restarting", "given_up"]),
        Column::counter("restarts", "Number of restarts."),
        Column::state("last_failure", "Reason of the last failure; empty before the first."),
    ],
};

/// A child that failed for too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{child} has been failing for {}s, {failures} times, last because {reason}", .failing_for.as_secs())]
#[non_exhaustive]
pub struct Escalation {
    /// Its name.
    pub child: String,
    /// Failures since it last worked.
    pub failures: u32,
    /// Time since the first failure without a recovery.
    pub failing_for: Duration,
    /// The last failure.
    pub reason: String,
}

/// The supervised parts of one process.
#[derive(Debug)]
pub struct Children {
    registry: Registry,
    children: Vec<Child>,
    escalated: watch::Sender<Option<Escalation>>,
}

#[derive(Debug)]
struct Child {
    status: Arc<Status>,
    stop: StopSource,
    stop_within: Duration,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Status {
    name: String,
    state: AtomicU8,
    restarts: AtomicU64,
    last_failure: Mutex<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Running,
    Restarting,
    Ended,
    GivenUp,
}

impl Children {
    /// Creates an empty set, whose children appear in this registry.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone(), children: Vec::new(), escalated: watch::Sender::new(None) }
    }

    /// Starts a child. `run` is called again for every restart; it ends well by returning after its [`Stop`] is requested.
    ///
    /// A panic is a failure, and so is a return of a permanent child without a stop request. By default a child is permanent, restarts after up to
    /// 10 ms growing to 5 s, and is failing for too long after 5 min ([`RestartRules`](crate::RestartRules)).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<F, R>(&mut self, spec: impl Into<ChildSpec>, run: F)
    where
        F: Fn(Stop) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let spec = spec.into();
        let status = Arc::new(Status {
            name: spec.name.clone(),
            state: AtomicU8::new(State::Running as u8),
            restarts: AtomicU64::new(0),
            last_failure: Mutex::default(),
        });
        self.registry.register(status.clone());
        let (stop, stop_within) = (StopSource::new(), spec.stop_within);
        let supervision = Supervision {
            spec,
            stop: stop.listen(),
            status: status.clone(),
            registry: self.registry.clone(),
            escalated: self.escalated.clone(),
        };
        self.children.push(Child { status, stop, stop_within, task: tokio::spawn(supervision.run(run)) });
    }

    /// Returns when a child has failed for too long: the process should end and be started anew. Cancel-safe.
    pub fn escalation(&self) -> impl Future<Output = Escalation> + use<> {
        let mut watching = self.escalated.subscribe();
        async move {
            loop {
                if let Some(escalation) = watching.borrow_and_update().clone() {
                    return escalation;
                }
                if watching.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Stops all children within `bound`, the last started first. Returns the names of those that had to be aborted.
    ///
    /// A child is asked to stop when those that were started after it have ended, or have had an equal share of the time; a late one goes on
    /// beside the others until its own [`ChildSpec::stop_within`] or `bound` is over, and is aborted then.
    ///
    /// When the future is dropped (it is not cancel-safe), all children are asked to stop, and none is waited for or aborted.
    pub async fn stop_all(mut self, bound: Duration) -> Vec<String> {
        let until = Instant::now() + bound;
        let (mut late, mut aborted) = (Vec::new(), Vec::new());
        while let Some(mut child) = self.children.pop() {
            let now = Instant::now();
            let deadline = (now + child.stop_within).min(until);
            let waiting = u32::try_from(self.children.len()).unwrap_or(u32::MAX).saturating_add(1);
            let share = until.saturating_duration_since(now) / waiting;
            child.stop.request();
            if tokio::time::timeout_at(deadline.min(now + share), &mut child.task).await.is_err() {
                late.push((child, deadline));
            }
        }
        for (mut child, deadline) in late {
            if tokio::time::timeout_at(deadline, &mut child.task).await.is_err() {
                child.task.abort();
                let _ = tokio::time::timeout(ABORT, child.task).await;
                aborted.push(child.status.name.clone());
            }
        }
        aborted
    }
}

/// The task that runs one child and restarts it.
struct Supervision {
    spec: ChildSpec,
    stop: Stop,
    status: Arc<Status>,
    registry: Registry,
    escalated: watch::Sender<Option<Escalation>>,
}

impl Supervision {
    async fn run<F, R>(self, run: F)
    where
        F: Fn(Stop) -> R,
        R: Future<Output = ()>,
    {
        let Self { spec, stop, status, .. } = &self;
        let mut failures = Failures::default();
        loop {
            status.enter(State::Running);
            let started = Instant::now();
            let outcome = AssertUnwindSafe(async { run(stop.clone()).await }).catch_unwind().await;
            let reason = match outcome {
                Ok(()) if stop.is_requested() || spec.restart != Restart::Permanent => {
                    return status.enter(State::Ended);
                }
                Ok(()) => "it returned without a stop request".to_owned(),
                Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
            };
            status.failed(&reason);
            self.registry.bus().publish("child", &status.name, "failed", &reason);
            tracing::error!(child = %status.name, %reason, "a supervised part failed");
            if spec.restart == Restart::Temporary {
                return status.enter(State::Ended);
            }
            let wait = match failures.failed(started, Instant::now(), &spec.rules) {
                Verdict::Restart(wait) => wait,
                Verdict::GiveUp { failures, failing_for } => {
                    status.enter(State::GivenUp);
                    let child = status.name.clone();
                    self.escalated.send_replace(Some(Escalation { child, failures, failing_for, reason }));
                    return;
                }
            };
            status.enter(State::Restarting);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.requested() => return status.enter(State::Ended),
            }
            status.restarts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

impl Status {
    fn enter(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    fn failed(&self, reason: &str) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = reason.into();
    }
}

impl Source for Status {
    fn table(&self) -> &'static Table {
        &CHILD
    }

    fn rows(&self) -> Vec<TableRow> {
        let state = STATES[usize::from(self.state.load(Ordering::Relaxed))];
        let last_failure = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        vec![vec![
            TableValue::text(self.name.as_str()),
            TableValue::text(state),
            TableValue::from(self.restarts.load(Ordering::Relaxed)),
            TableValue::Text(last_failure),
        ]]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_child_that_panics_is_started_again() {
        let runs = Arc::new(AtomicUsize::new(0));
        let (again, mut has_run_again) = tokio::sync::mpsc::channel(1);
        let mut children = Children::new(&Registry::new());
        children.start("fragile", {
            let runs = runs.clone();
            move |stop| {
                let (run, again) = (runs.fetch_add(1, Ordering::Relaxed), again.clone());
                async move {
                    assert!(run > 0, "the first run fails");
                    let _ = again.send(()).await;
                    stop.requested().await;
                }
            }
        });
        has_run_again.recv().await.unwrap();
        assert_eq!(children.children[0].status.restarts.load(Ordering::Relaxed), 1);
        assert!(children.stop_all(Duration::from_secs(1)).await.is_empty());
    }

    /// Child that fails until its dependency is back after `away`, then works, and reports that on `works`.
    fn dependent(children: &mut Children, away: Duration) -> tokio::sync::mpsc::Receiver<()> {
        let (works, has_worked) = tokio::sync::mpsc::channel(1);
        let back = Instant::now() + away;
        children.start("dependent", move |stop| {
            let works = works.clone();
            async move {
                assert!(Instant::now() >= back, "the dependency is away");
                let _ = works.send(()).await;
                stop.requested().await;
            }
        });
        has_worked
    }

    #[tokio::test(start_paused = true)]
    async fn a_dependency_that_is_away_for_a_minute_does_not_end_the_process() {
        let mut children = Children::new(&Registry::new());
        let mut works = dependent(&mut children, Duration::from_secs(60));
        tokio::select! {
            escalation = children.escalation() => panic!("{escalation}"),
            worked = works.recv() => assert!(worked.is_some()),
        }
        let restarts = children.children[0].status.restarts.load(Ordering::Relaxed);
        assert!((5..100).contains(&restarts), "the waits have grown: {restarts} restarts");
        assert!(children.stop_all(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_child_that_never_works_escalates_when_its_time_is_over() {
        let mut children = Children::new(&Registry::new());
        let begun = Instant::now();
        children.start("hopeless", |_stop| async { panic!("always") });
        let escalation = children.escalation().await;
        assert_eq!((escalation.child.as_str(), escalation.reason.as_str()), ("hopeless", "it panicked: always"));
        let given_up = begun.elapsed();
        assert!(Duration::from_secs(300) <= given_up && given_up < Duration::from_secs(310), "{given_up:?}");
        assert!(escalation.to_string().starts_with("hopeless has been failing for 30"), "{escalation}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_permanent_children_are_restarted_when_they_return_and_temporary_ones_never() {
        for (restart, panics, runs_expected) in [
            (Restart::Permanent, false, 2),
            (Restart::Transient, false, 1),
            (Restart::Transient, true, 2),
            (Restart::Temporary, true, 1),
        ] {
            let runs = Arc::new(AtomicUsize::new(0));
            let mut children = Children::new(&Registry::new());
            let counted = runs.clone();
            children.start(ChildSpec::new("worker").restart(restart), move |stop| {
                let run = counted.fetch_add(1, Ordering::Relaxed);
                async move {
                    match (run, panics) {
                        (0, false) => {}
                        (0, true) => panic!("the first run fails"),
                        _ => stop.requested().await,
                    }
                }
            });
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(runs.load(Ordering::Relaxed), runs_expected, "{restart:?}, panics: {panics}");
            assert!(children.stop_all(Duration::from_secs(1)).await.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn children_stop_in_the_reverse_order_and_a_deaf_one_is_aborted() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut children = Children::new(&Registry::new());
        for name in ["first", "second"] {
            let order = order.clone();
            children.start(name, move |stop| {
                let order = order.clone();
                async move {
                    stop.requested().await;
                    order.lock().unwrap().push(name);
                }
            });
        }
        children.start("deaf", |_stop| std::future::pending());
        assert_eq!(children.stop_all(Duration::from_secs(1)).await, ["deaf"]);
        assert_eq!(*order.lock().unwrap(), ["second", "first"]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_deaf_children_end_within_one_bound_and_a_slow_one_has_the_time_of_all() {
        let mut children = Children::new(&Registry::new());
        let saved = Arc::new(AtomicUsize::new(0));
        for _ in 0..10 {
            children.start("deaf", |_stop| std::future::pending());
        }
        children.start("slow", {
            let saved = saved.clone();
            move |stop| {
                let saved = saved.clone();
                async move {
                    stop.requested().await;
                    // Longer than its share of an eleventh, shorter than the bound.
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    saved.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let begun = Instant::now();
        let aborted = children.stop_all(Duration::from_secs(3)).await;
        assert_eq!((aborted.len(), saved.load(Ordering::Relaxed)), (10, 1), "{aborted:?}");
        assert!(begun.elapsed() <= Duration::from_secs(3) + 10 * ABORT, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_has_no_longer_than_its_own_bound() {
        let mut children = Children::new(&Registry::new());
        children.start(ChildSpec::new("deaf").stop_within(Duration::from_millis(100)), |_stop| std::future::pending());
        let begun = Instant::now();
        assert_eq!(children.stop_all(Duration::from_secs(60)).await, ["deaf"]);
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
