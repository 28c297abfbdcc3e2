//! Long-running parts that are restarted when they fail, and stopped in the reverse order of their start.
//!
//! After OTP's supervisor: a child that ends without having been asked is restarted; one that fails more often than
//! [`INTENSITY`] times in [`INTENSITY_WINDOW`] cannot be healed from here, and the failure escalates to the process.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use resilience::Backoff;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::{Stop, StopSource};

/// A child that fails more often than this within [`INTENSITY_WINDOW`] escalates.
pub const INTENSITY: usize = 5;
/// See [`INTENSITY`].
pub const INTENSITY_WINDOW: Duration = Duration::from_secs(30);

const RESTART: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(2));

const CHILD: Table = Table {
    name: "child",
    help: "A supervised part of the process.",
    columns: &[
        Column::label("name", "The child."),
        Column::state("state", "running, restarting, ended or given_up."),
        Column::counter("restarts", "How often it was restarted."),
        Column::state("last_failure", "Why it last failed; empty when it never did."),
    ],
};

/// The supervised parts of one process.
#[derive(Debug)]
pub struct Children {
    registry: Registry,
    children: Vec<Child>,
    escalated: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct Child {
    status: Arc<Status>,
    stop: StopSource,
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
    /// None yet.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone(), children: Vec::new(), escalated: watch::Sender::new(None) }
    }

    /// Starts a child. `run` is called again for every restart; it ends well by returning after its [`Stop`] asked.
    ///
    /// A panic, or an end that nobody asked for, is a failure.
    pub fn start<F, R>(&mut self, name: impl Into<String>, run: F)
    where
        F: Fn(Stop) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let status = Arc::new(Status {
            name: name.into(),
            state: AtomicU8::new(State::Running as u8),
            restarts: AtomicU64::new(0),
            last_failure: Mutex::default(),
        });
        self.registry.register(status.clone());
        let stop = StopSource::new();
        let supervision = supervise(run, stop.listen(), status.clone(), self.registry.clone(), self.escalated.clone());
        self.children.push(Child { status, stop, task: tokio::spawn(supervision) });
    }

    /// Returns the reason when a child could not be healed: the process should end and be started anew. Cancel-safe.
    pub fn escalation(&self) -> impl Future<Output = String> + use<> {
        let mut watching = self.escalated.subscribe();
        async move {
            match watching.wait_for(Option::is_some).await {
                Ok(reason) => reason.clone().unwrap_or_default(),
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Stops all children, the last started first, each within `bound`; one that does not end in time is aborted.
    /// Returns the names of those.
    pub async fn stop_all(mut self, bound: Duration) -> Vec<String> {
        let mut aborted = Vec::new();
        while let Some(mut child) = self.children.pop() {
            child.stop.request();
            if tokio::time::timeout(bound, &mut child.task).await.is_err() {
                child.task.abort();
                aborted.push(child.status.name.clone());
            }
        }
        aborted
    }
}

async fn supervise<F, R>(
    run: F,
    stop: Stop,
    status: Arc<Status>,
    registry: Registry,
    escalated: watch::Sender<Option<String>>,
) where
    F: Fn(Stop) -> R,
    R: Future<Output = ()>,
{
    let mut failures: VecDeque<Instant> = VecDeque::with_capacity(INTENSITY + 1);
    loop {
        status.enter(State::Running);
        let outcome = AssertUnwindSafe(async { run(stop.clone()).await }).catch_unwind().await;
        if stop.is_requested() && outcome.is_ok() {
            return status.enter(State::Ended);
        }
        let reason = match outcome {
            Ok(()) => "it ended although nobody asked it to".to_owned(),
            Err(panic) => format!("it panicked: {}", panic_text(&*panic)),
        };
        status.failed(&reason);
        registry.bus().publish("child", &status.name, "failed", &reason);
        tracing::error!(child = %status.name, %reason, "a supervised part failed");

        let now = Instant::now();
        failures.push_back(now);
        failures.retain(|failure| now - *failure < INTENSITY_WINDOW);
        if failures.len() > INTENSITY {
            status.enter(State::GivenUp);
            let reason = format!(
                "{} failed {} times within {INTENSITY_WINDOW:?}, last because {reason}",
                status.name,
                failures.len()
            );
            escalated.send_replace(Some(reason));
            return;
        }
        status.enter(State::Restarting);
        let wait = RESTART.wait(u32::try_from(failures.len()).unwrap_or(u32::MAX));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.requested() => return status.enter(State::Ended),
        }
        status.restarts.fetch_add(1, Ordering::Relaxed);
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
        const NAMES: [&str; 4] = ["running", "restarting", "ended", "given_up"];
        let state = NAMES[usize::from(self.state.load(Ordering::Relaxed))];
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

    #[tokio::test(start_paused = true)]
    async fn a_child_that_cannot_be_healed_escalates() {
        let mut children = Children::new(&Registry::new());
        children.start("hopeless", |_stop| async { panic!("always") });
        let reason = children.escalation().await;
        assert!(reason.contains("hopeless failed 6 times") && reason.contains("always"), "{reason}");
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
}
