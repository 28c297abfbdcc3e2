//! Workers: handlers of jobs, and the loops that claim, run and finish them.
//!
//! Cancel-safe: a dropped run leaves the claimed jobs to the workers that find their leases over.

mod attempt_trace;
mod claiming;
mod collector;
mod execution;
mod handlers;
mod heartbeat;
mod in_flight;
mod manual;
mod observer;
mod queue;
mod rules;
mod run;
mod stats;
mod sweep;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[cfg(feature = "postgres")]
use ::store::StoreUrl;
use ::store::{BoxFuture, Store, Transaction};
use futures_util::future::join_all;
use supervision::Stop;
use telemetry::errors::Errors;
use telemetry::traces::Tracer;
use vitals::Registry;

#[cfg(feature = "postgres")]
use crate::doorbell;
use crate::error::WorkError;
use crate::job::context::JobContext;
use crate::job::outcome::JobError;
use crate::job::store::JobStore;
use crate::job::{Job, NewJob};
use crate::schedule::Schedule;
use crate::schedule::firing::Schedules;
use crate::worker::handlers::Handlers;
use crate::worker::observer::Observer;
use crate::worker::queue::Queue;

pub use manual::{MAX_MANUAL, Report};
pub use rules::{MAX_DRAIN, QueueRules};

/// The workers of one process: handlers by kind, and rules by queue.
///
/// Each queue has loops of its own: one claims and starts jobs, one stores their ends in batches, one sends heartbeats, and one ends
/// attempts whose lease is over. [`Workers::run`] runs them until the stop; `Service::jobs` does so as a supervised part.
#[derive(Debug)]
pub struct Workers {
    jobs: JobStore,
    handlers: Handlers,
    rules: BTreeMap<String, QueueRules>,
    schedules: Schedules,
    owner: String,
    /// The database without a pooler, for notifications between processes.
    #[cfg(feature = "postgres")]
    direct: Option<StoreUrl>,
    observer: Observer,
    tracer: Option<Tracer>,
    errors: Option<Errors>,
    companions: Vec<Companion>,
}

type RunBeside = dyn for<'r> Fn(&'r Registry, Stop) -> BoxFuture<'r, ()> + Send + Sync;

/// Work that runs beside the queues, until the stop.
struct Companion(Box<RunBeside>);

impl std::fmt::Debug for Companion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Companion")
    }
}

impl Workers {
    /// Workers without handlers, for the jobs of a store.
    pub fn new(store: &Store) -> Self {
        Self {
            jobs: JobStore::new(store),
            handlers: Handlers::default(),
            rules: BTreeMap::new(),
            schedules: Schedules::default(),
            owner: vitals::new_id("worker"),
            #[cfg(feature = "postgres")]
            direct: None,
            observer: Observer::default(),
            tracer: None,
            errors: None,
            companions: Vec::new(),
        }
    }

    /// Wakes the workers of other processes after a commit that adds jobs, by notifications of PostgreSQL over this direct address of the database:
    /// behind a pooler in transaction mode nothing can listen. At most one notification each 5 ms and process, each for all queues of that time.
    ///
    /// Polling stays: a notification that is lost costs the wait until the next look. Without this, and on SQLite, jobs of other processes start at
    /// the next look for jobs; those of this process start at once either way.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn notify_over(mut self, direct: StoreUrl) -> Self {
        self.direct = Some(direct);
        self
    }

    /// Sets the rules of a queue. Queues of handlers have default rules without this.
    ///
    /// # Panics
    /// When a rule is out of its range.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>, change: impl FnOnce(QueueRules) -> QueueRules) -> Self {
        let (name, rules) = (name.into(), change(QueueRules::default()));
        if let Err(wrong) = rules.check() {
            panic!("the queue {name:?}: {wrong}");
        }
        self.rules.insert(name, rules);
        self
    }

    /// Handles jobs of a type at least once: the job is deleted after the handler returned `Ok`.
    ///
    /// An attempt that ended after its effect and before its deletion is repeated: give effects on others the message id as idempotency
    /// key, or use [`Workers::handle_in_transaction`]. A panic is an error. The handler is dropped at its next await when the job is
    /// cancelled, its deadline or the timeout of the queue is over, or its lease is lost.
    ///
    /// # Panics
    /// When the kind has a handler already.
    #[must_use]
    pub fn handle<J, F, R, E>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(J, JobContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<JobError> + 'static,
    {
        self.handlers.add::<J>(handlers::at_least_once(handler));
        self
    }

    /// Handles jobs of a type exactly once: the handler gets a transaction, in which the job is deleted too.
    ///
    /// The effect is in the store when and only when the job is done. The transaction is serializable and runs again after a conflict:
    /// the handler must have no effect but on it. Keep it shorter than the lease of the queue: heartbeats rest while it runs.
    ///
    /// # Panics
    /// When the kind has a handler already.
    #[must_use]
    pub fn handle_in_transaction<J, F>(mut self, handler: F) -> Self
    where
        J: Job,
        F: for<'t> Fn(&'t mut Transaction, Arc<J>, JobContext) -> BoxFuture<'t, Result<(), JobError>>
            + Send
            + Sync
            + 'static,
    {
        self.handlers.add::<J>(handlers::in_transaction(self.jobs.store().clone(), handler));
        self
    }

    /// Calls `observe` at the end of each attempt that succeeds or fails, with the kind of the job, true for a failure, and the time since the job was due.
    /// An attempt that is put off, cancelled, interrupted or lost is none of both. It must not wait: it runs in the task of the attempt.
    #[must_use]
    pub fn observed_by(mut self, observe: impl Fn(&str, bool, Duration) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Runs further work beside the queues, until the stop.
    pub(crate) fn beside<F>(mut self, work: F) -> Self
    where
        F: for<'r> Fn(&'r Registry, Stop) -> BoxFuture<'r, ()> + Send + Sync + 'static,
    {
        self.companions.push(Companion(Box::new(work)));
        self
    }

    /// Records a span for each attempt, in the trace of the work that enqueued the job. Without it, calls of handlers are of that trace too.
    #[must_use]
    pub fn traced_by(mut self, tracer: Tracer) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// Records each attempt that fails, in groups with reports.
    #[must_use]
    pub fn reported_by(mut self, errors: Errors) -> Self {
        self.errors = Some(errors);
        self
    }

    /// The kinds of jobs that have handlers.
    pub fn kinds(&self) -> Vec<String> {
        self.handlers.kinds()
    }

    /// Adds a job at each slot of a schedule, once over all processes that have the schedule. The job gets the slot, not the present time.
    ///
    /// # Panics
    /// When the pattern or the zone cannot be read, or two schedules have one name. [`Schedule::slots`] checks without a panic.
    #[must_use]
    pub fn schedule<N: Into<NewJob>>(
        mut self,
        schedule: Schedule,
        job: impl Fn(SystemTime) -> N + Send + Sync + 'static,
    ) -> Self {
        if let Err(wrong) = self.schedules.add(schedule, Box::new(move |slot| job(slot).into())) {
            panic!("{wrong}");
        }
        self
    }

    /// Fires the slots of schedules that have come; returns the number of jobs that were added. [`Workers::run`] does so each second.
    ///
    /// # Errors
    /// The store's.
    pub async fn fire_schedules(&self) -> Result<usize, WorkError> {
        self.schedules.register(&self.jobs).await?;
        self.schedules.fire(&self.jobs).await
    }

    /// The operations on the jobs of the store.
    pub fn jobs(&self) -> &JobStore {
        &self.jobs
    }

    /// Runs the workers until the stop: then no job is claimed any more, jobs that have not started are handed back, and those that run have
    /// the drain of their queue to end; after it they are interrupted and handed back.
    ///
    /// Dropped before its end it leaves the claimed jobs to the workers that find their leases over.
    pub async fn run(&self, registry: &Registry, stop: Stop) {
        let beats = JobStore::new(&self.jobs.store().reserved());
        let start = |(name, rules)| self.start(name, rules, &beats);
        let queues: Vec<Arc<Queue>> = self.queues().into_iter().map(start).collect();
        let stats = Arc::new(table::QueueTable::new(&queues));
        registry.register(stats.clone());
        let loops = queues.into_iter().map(|queue| {
            let stop = stop.clone();
            async move { run::run(&queue, &stop).await }
        });
        let doorbell = async {
            #[cfg(feature = "postgres")]
            doorbell::notifications::run(self.direct.as_ref(), &stop).await;
        };
        let companions = self.companions.iter().map(|Companion(work)| work(registry, stop.clone()));
        tokio::join!(join_all(loops), join_all(companions), self.schedules.run(&self.jobs, registry, &stop), doorbell);
    }

    fn start(&self, name: &str, rules: QueueRules, beats: &JobStore) -> Arc<Queue> {
        let stores = (self.jobs.clone(), beats.clone());
        let handlers = (self.handlers.clone(), self.observer.clone(), self.tracer.clone(), self.errors.clone());
        Arc::new(Queue::new(name, rules, stores, handlers, self.owner.clone()))
    }

    /// Returns the queues of the handlers and of the rules.
    fn queues(&self) -> BTreeMap<&str, QueueRules> {
        let of_handlers = self.handlers.queues().map(|queue| (queue, QueueRules::default()));
        let mut queues: BTreeMap<&str, QueueRules> = of_handlers.collect();
        queues.extend(self.rules.iter().map(|(name, rules)| (name.as_str(), rules.clone())));
        queues
    }
}
