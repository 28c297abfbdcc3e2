//! The ratchets of one process, and the handler of their turns.
//!
//! Cancel-safe: workers that are dropped leave the counts as they were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::store::Store;
use supervision::Stop;
use vitals::Registry;

use super::RunInput;
use super::begun;
use super::definition::{Ratchet, Step};
use super::driver::Driver;
use super::stats::Stats;
use super::store::RunStore;
use super::turn::Turn;
use crate::job::context::JobContext;
use crate::job::outcome::JobError;
use crate::worker::Workers;

/// Wait before another process looks at a run of a later version than this one has.
const LATER_VERSION: Duration = Duration::from_secs(10);
/// Time between two readings of the counts of runs.
const LOOK: Duration = Duration::from_secs(5);

/// The steps of each ratchet by its kind and version.
type Definitions = BTreeMap<String, BTreeMap<u16, Arc<[Step]>>>;

/// The ratchets of one process. Cheap to clone.
#[derive(Clone)]
pub struct Ratchets {
    store: Store,
    definitions: Arc<Definitions>,
    stats: Arc<Stats>,
}

impl std::fmt::Debug for Ratchets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.definitions.keys()).finish()
    }
}

impl Ratchets {
    /// No ratchets yet, for the runs of a store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), definitions: Arc::default(), stats: Arc::default() }
    }

    /// Adds a ratchet. Versions of one kind stand side by side.
    ///
    /// # Panics
    /// When there is one of this kind and version.
    #[must_use]
    pub fn with<I: RunInput>(mut self, ratchet: Ratchet<I>) -> Self {
        let mut definitions = (*self.definitions).clone();
        let versions = definitions.entry(I::KIND.to_owned()).or_default();
        let before = versions.insert(ratchet.version, ratchet.steps.into());
        assert!(before.is_none(), "there are two ratchets of {}, version {}", I::KIND, ratchet.version);
        self.definitions = Arc::new(definitions);
        self.stats.add_kind(I::KIND);
        self
    }

    /// The runs of the store, and their levers.
    pub fn runs(&self) -> RunStore {
        RunStore::new(&self.store)
    }

    /// Adds the handler that drives runs to workers, and the table `ratchet` to their vitals. Its jobs are in the queue [`QUEUE`](super::QUEUE), whose rules hold for the steps.
    ///
    /// # Panics
    /// When the workers have one.
    #[must_use]
    pub fn handle_in(&self, workers: Workers) -> Workers {
        let (ratchets, watched) = (self.clone(), self.clone());
        let workers = workers.beside(move |registry, stop| {
            let ratchets = watched.clone();
            Box::pin(async move { ratchets.watch(registry, stop).await })
        });
        workers.handle(move |turn: Turn, job: JobContext| {
            let ratchets = ratchets.clone();
            async move { ratchets.drive(turn, &job).await }
        })
    }

    /// Adds the vitals to a registry and keeps their counts up to date until the stop.
    async fn watch(&self, registry: &Registry, stop: Stop) {
        registry.register(self.stats.clone());
        let runs = self.runs();
        while !stop.is_requested() {
            match runs.counts().await {
                Ok(counts) => self.stats.set_runs(&counts, |kind, version| {
                    self.definitions.get(kind).is_some_and(|versions| versions.contains_key(&version))
                }),
                Err(error) => tracing::warn!(%error, "the runs could not be counted; trying again"),
            }
            tokio::select! {
                () = stop.requested() => {}
                () = tokio::time::sleep(LOOK.mul_f64(0.5 + vitals::random_fraction())) => {}
            }
        }
    }

    async fn drive(&self, turn: Turn, job: &JobContext) -> Result<(), JobError> {
        // None: the run has moved on or has ended.
        let Some(run) = begun::begin(&self.store, turn).await? else { return Ok(()) };
        let versions = self.definitions.get(&run.kind);
        let definition = versions.and_then(|versions| versions.get(&run.version)).cloned();
        let last = versions.and_then(|versions| versions.keys().next_back()).copied();
        let (kind, version) = (run.kind.clone(), run.version);
        let driver = Driver { store: &self.store, stats: &self.stats, job, run };
        match definition {
            Some(definition) => driver.drive(&definition).await,
            // A newer release has it: this process is about to be replaced.
            None if last.is_none_or(|last| last < version) => Err(JobError::snooze(LATER_VERSION)),
            None => {
                driver.stop(&format!("version {version} of the ratchet {kind} is not in the program any more")).await
            }
        }
    }
}
