//! Background jobs as a supervised part of the service.

mod change;
pub(crate) mod command;
mod documents;
mod event_routes;
mod operation;
mod routes;
mod run_routes;
mod subscription_routes;

use std::sync::Arc;

use store::Store;
use supervision::ChildSpec;
use work::{JobStore, Workers};

use crate::objectives::check_jobs;
use crate::{Context, Service};

/// The name of the part.
const NAME: &str = "jobs";

impl<S: clap::Args + Clone + Send + Sync + 'static> Service<S, Store> {
    /// Adds background jobs: handlers of their types, rules of their queues, and schedules. Adds the tables of jobs to the migrations.
    ///
    /// The workers are a supervised part named `jobs`. When the service begins to drain they claim nothing more, hand back the jobs that have
    /// not started, and give those that run the drain of their queue (10 s), as far as the stop of the service has time for it.
    /// [`work::enqueue`] adds jobs, in the transaction of the change that asks for them. A job carries the trace of the request that enqueued it:
    /// the calls of its handler are of that trace, and each attempt is a span of it.
    ///
    /// The admin listener gets the routes below `/jobs`, `/dead-letters`, `/queues`, `/kinds`, `/schedules`, `/runs`, `/events`, `/subscriptions`
    /// and `/leases`, and the program the subcommand `jobs`: both list, retry, cancel, redrive and pause.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Welcome { account: i64 }
    /// impl Job for Welcome {
    ///     const KIND: &'static str = "welcome";
    /// }
    ///
    /// Service::new(build_info!()).store(Vec::new()).jobs(|context| {
    ///     Workers::new(context.store()).handle(|job: Welcome, _context| async move {
    ///         println!("a letter to account {}", job.account);
    ///         Ok::<_, JobError>(())
    ///     })
    /// });
    /// ```
    pub fn jobs(mut self, workers: impl Fn(&Context<S, Store>) -> Workers + Send + Sync + 'static) -> Self {
        self.database.migrations = work::add_schema(std::mem::take(&mut self.database.migrations));
        self.database.has_jobs = true;
        let this = self.admin_routes(|context| {
            let (store, registry) = (context.store(), context.registry());
            routes::routes(JobStore::new(store), registry.clone())
                .merge(run_routes::routes(store, registry.clone()))
                .merge(subscription_routes::routes(store, registry.clone()))
                .merge(event_routes::routes(store))
        });
        let workers = Arc::new(workers);
        // The budget of the whole stop is the bound.
        let spec = ChildSpec::new(NAME).stop_within(work::worker::MAX_DRAIN);
        this.background(spec, move |context, stop| {
            let objectives = context.objectives().clone();
            let workers = workers(&context);
            check_jobs(&objectives, &workers.kinds());
            let workers = workers.observed_by(move |kind, failed, took| {
                objectives.of_job(kind).for_each(|objective| objective.record_end(failed, took));
            });
            let workers = match context.tracer() {
                Some(tracer) => workers.traced_by(tracer.clone()),
                None => workers,
            };
            let workers = match context.errors() {
                Some(errors) => workers.reported_by(errors.clone()),
                None => workers,
            };
            async move {
                // Beside the drain of the listener: both have the same time.
                workers.run(context.registry(), context.stop()).await;
                stop.requested().await;
            }
        })
    }
}
