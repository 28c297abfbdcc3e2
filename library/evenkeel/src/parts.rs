//! The parts of one run that have started, and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use border::Listener;
use resilience::Backoff;
use supervision::{ChildSpec, Children, Escalation, Lifecycle, Manager, Phase, RestartRules, Stop, StopSource};
use vitals::Registry;

use crate::asked::Haste;
use crate::database::Database;
use crate::order::{Part, Record};
use crate::stop_budget::StopBudget;

/// Slack for connections that end with the drain, beyond its bound.
const SLACK: Duration = Duration::from_millis(500);
/// Startup extension that is requested of the process manager, repeatedly while the service starts.
const START_EXTENSION: Duration = Duration::from_secs(30);
/// Period of those requests.
const START_EXTENDED: Duration = Duration::from_secs(10);

/// The report of a service that has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// True when the service ever became ready.
    pub was_ready: bool,
    /// Connections that were open when the time to drain was over.
    pub connections_cut: u64,
    /// Background parts that did not end in time and were aborted.
    pub parts_aborted: Vec<String>,
    /// True when every connection of the store came back and was closed in time; true without a store.
    pub store_closed: bool,
    /// The parts that were started, in order.
    pub started: Vec<Part>,
    /// The parts that were stopped, in order.
    pub stopped: Vec<Part>,
}

/// Parts that have started so far. A cancelled start leaves here the parts to be stopped.
pub(crate) struct Parts<D> {
    pub(crate) record: Record,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) manager: Arc<Manager>,
    pub(crate) budget: StopBudget,
    /// Requested when the drain begins.
    pub(crate) drains: StopSource,
    pub(crate) database: Option<D>,
    pub(crate) background: Children,
    admin: Supervised,
    public: Supervised,
}

/// Listener with its accept loop as a supervised child.
struct Supervised {
    part: Part,
    children: Children,
    bound: Duration,
    open: Arc<AtomicU64>,
}

impl<D: Database> Parts<D> {
    pub(crate) fn new(
        registry: &Registry,
        lifecycle: Lifecycle,
        manager: Manager,
        budget: StopBudget,
        record: Record,
    ) -> Self {
        let manager = Arc::new(manager);
        Self {
            record,
            lifecycle,
            manager,
            budget,
            drains: StopSource::new(),
            database: None,
            background: Children::new(registry),
            admin: Supervised::new(Part::AdminListener, registry, budget.admin()),
            public: Supervised::new(Part::PublicListener, registry, budget.drain),
        }
    }

    pub(crate) fn start_admin(&mut self, listener: Listener, routes: Router) {
        self.record.start(Part::AdminListener, || self.admin.start(listener, routes));
    }

    pub(crate) fn start_public(&mut self, listener: Listener, routes: Router) {
        self.record.start(Part::PublicListener, || self.public.start(listener, routes));
    }

    pub(crate) fn become_ready(&self) {
        self.record.start(Part::Readiness, || {
            self.lifecycle.enter(Phase::Ready);
            self.manager.ready();
        });
    }

    /// Returns when a part has failed for too long.
    pub(crate) fn escalation(&self) -> impl Future<Output = Escalation> + use<D> {
        let parts = [&self.admin.children, &self.public.children, &self.background].map(Children::escalation);
        let [mut admin, mut public, mut background] = parts.map(Box::pin);
        async move {
            tokio::select! {
                escalation = &mut admin => escalation,
                escalation = &mut public => escalation,
                escalation = &mut background => escalation,
            }
        }
    }

    /// Stops the started parts, in the order of `STOP_ORDER`, within the budget.
    pub(crate) async fn stop(mut self, haste: Haste) -> Stopped {
        let left = self.budget.begin();
        let started = self.record.started();
        let was_ready = started.contains(&Part::Readiness);
        let record = self.record.clone();
        let when_started = |part| started.contains(&part).then_some(part);

        let begin_to_end = || {
            self.lifecycle.enter(Phase::Draining);
            self.manager.stopping(self.budget.total);
            self.drains.request();
        };
        match when_started(Part::Readiness) {
            Some(part) => record.stop(part, begin_to_end),
            None => begin_to_end(),
        }
        tracing::info!(within = ?self.budget.total, "stopping: not ready any more");
        if was_ready && haste == Haste::AfterDelay {
            tokio::time::sleep(self.budget.delay).await;
        }
        self.lifecycle.enter(Phase::Stopping);
        let connections_cut =
            self.public.stop(&record, when_started(Part::PublicListener), self.budget.drain + SLACK).await;
        let parts_aborted = match when_started(Part::BackgroundParts) {
            Some(part) => record.stop(part, || self.background.stop_all(left.half())).await,
            None => Vec::new(),
        };
        let store_closed = match self.database.take() {
            Some(database) => {
                record.stop(Part::Store, || tokio::time::timeout(left.half(), database.close())).await.is_ok()
            }
            None => true,
        };
        self.admin.stop(&record, when_started(Part::AdminListener), left.half()).await;
        if !store_closed {
            tracing::warn!("the store was not closed: a connection of it did not come back in time");
        }
        tracing::info!(connections_cut, ?parts_aborted, store_closed, "stopped");
        let (started, stopped) = (record.started(), record.stopped());
        Stopped { was_ready, connections_cut, parts_aborted, store_closed, started, stopped }
    }
}

impl Supervised {
    fn new(part: Part, registry: &Registry, bound: Duration) -> Self {
        Self { part, children: Children::new(registry), bound, open: Arc::default() }
    }

    fn start(&mut self, listener: Listener, routes: Router) {
        let (listener, bound) = (Arc::new(listener), self.bound);
        self.supervise(move |stop| {
            let (listener, routes) = (listener.clone(), routes.clone());
            async move { listener.serve(routes, stop, bound).await }
        });
    }

    /// Runs an accept loop, which returns how many connections it leaves open.
    fn supervise<R: Future<Output = u64> + Send + 'static>(
        &mut self,
        serve: impl Fn(Stop) -> R + Send + Sync + 'static,
    ) {
        let open = self.open.clone();
        self.children.start(self.spec(), move |stop| {
            let (served, open) = (serve(stop), open.clone());
            async move { open.store(served.await, Ordering::Relaxed) }
        });
    }

    /// Restart rules of an accept loop: one that panics goes on at once with the same socket; one that only panics ends the process soon,
    /// because a process must not stay ready without accepting connections.
    fn spec(&self) -> ChildSpec {
        let backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
        let rules = RestartRules::default()
            .backoff(backoff)
            .healthy_after(Duration::from_secs(5))
            .give_up_after(Some(Duration::from_secs(10)));
        ChildSpec::new(self.part.name()).rules(rules).stop_within(self.bound + SLACK)
    }

    /// Stops it within this bound; returns how many connections were still open at the end of its own.
    async fn stop(&mut self, record: &Record, started: Option<Part>, within: Duration) -> u64 {
        let Some(part) = started else { return 0 };
        let registry = Registry::new();
        let children = std::mem::replace(&mut self.children, Children::new(&registry));
        record.stop(part, || children.stop_all(within)).await;
        self.open.load(Ordering::Relaxed)
    }
}

/// Notifies the process manager that this process works, and while it starts, that it needs more time. Until dropped.
///
/// The first request for time is sent at once.
pub(crate) fn notify(manager: Arc<Manager>, lifecycle: Lifecycle) -> impl Future<Output = ()> {
    manager.extend(START_EXTENSION);
    let extensions = {
        let manager = manager.clone();
        async move {
            while tokio::time::timeout(START_EXTENDED, lifecycle.reached(Phase::Ready)).await.is_err() {
                manager.extend(START_EXTENSION);
            }
        }
    };
    async move {
        tokio::join!(manager.keep_alive(), extensions);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::time::Instant;

    use super::*;

    /// Listener whose accept loop panics in its first `panics` runs, with a channel that reports a working one.
    fn listener(panics: u32) -> (Supervised, tokio::sync::mpsc::Receiver<()>) {
        let mut listener = Supervised::new(Part::PublicListener, &Registry::new(), Duration::from_secs(1));
        let (works, has_worked) = tokio::sync::mpsc::channel(1);
        let runs = AtomicU32::new(0);
        listener.supervise(move |stop| {
            let (run, works) = (runs.fetch_add(1, Ordering::Relaxed), works.clone());
            async move {
                assert!(run >= panics, "the accept loop panics");
                let _ = works.send(()).await;
                stop.requested().await;
                7
            }
        });
        (listener, has_worked)
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_loop_that_panics_is_run_again() {
        let (mut listener, mut works) = listener(3);
        works.recv().await.expect("it works again");
        let (record, within) = (Record::default(), Duration::from_secs(1));
        assert_eq!(listener.stop(&record, Some(Part::PublicListener), within).await, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn an_accept_loop_that_does_nothing_but_panic_ends_the_process_soon() {
        let (begun, (listener, _works)) = (Instant::now(), listener(u32::MAX));
        let escalation = listener.children.escalation().await;
        assert_eq!(escalation.child, "public listener");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}
