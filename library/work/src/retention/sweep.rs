//! The rounds that delete old rows.
//!
//! Cancel-safe: a dropped round leaves each batch whole or undone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::{Isolation, Store, args};
use supervision::Stop;
use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use super::rule::RetentionRule;
use crate::error::WorkError;
use crate::job::enqueue::moment;
use crate::lease::{Leader, Lease, SHORTEST_TTL};
use crate::statement::{Statement, statement};

const NOW: Statement = statement!("schedule_now");
/// Maximum number of batches of one rule in one round; the next round goes on.
pub const MAX_BATCHES: usize = 100;
/// The shortest pause between two batches.
const PAUSE: Duration = Duration::from_millis(5);

const RETENTION: Table = Table {
    name: "retention",
    help: "A retention rule, on the instance that deletes.",
    columns: &[
        Column::label("rule", "The rule."),
        Column::words(
            "state",
            &["unknown", "clean", "behind"],
            "clean when the last round left no old row; unknown before the first round.",
        ),
        Column::gauge("round", "Time since the last round; -1 before the first.").in_unit(Unit::Seconds),
        Column::counter("deleted", "Rows deleted."),
        Column::counter("batches", "Batches."),
        Column::counter("errors", "Batches that failed."),
    ],
};

/// Counters of one rule.
#[derive(Debug, Default)]
struct Counts {
    is_clean: AtomicBool,
    deleted: AtomicU64,
    batches: AtomicU64,
    errors: AtomicU64,
    last: Mutex<Option<Instant>>,
}

/// The row source of all rules.
#[derive(Debug)]
struct Stats(Vec<(&'static str, Counts)>);

impl Source for Stats {
    fn table(&self) -> &'static Table {
        &RETENTION
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |(name, counts): &(&'static str, Counts)| {
            let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
            let last = *counts.last.lock().unwrap_or_else(PoisonError::into_inner);
            let state = match (last, counts.is_clean.load(Ordering::Relaxed)) {
                (None, _) => "unknown",
                (_, true) => "clean",
                (_, false) => "behind",
            };
            vec![
                TableValue::text(*name),
                TableValue::text(state),
                TableValue::Level(last.map_or(-1.0, |last| last.elapsed().as_secs_f64())),
                count(&counts.deleted),
                count(&counts.batches),
                count(&counts.errors),
            ]
        };
        self.0.iter().map(row).collect()
    }
}

/// The retention rules of a service.
#[derive(Debug)]
pub struct Retention {
    store: Store,
    rules: Vec<RetentionRule>,
    every: Duration,
    lease: Duration,
}

impl Retention {
    /// No rules yet, for the tables of a store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), rules: Vec::new(), every: Duration::from_secs(60), lease: Duration::from_secs(15) }
    }

    /// Adds a rule.
    ///
    /// # Panics
    /// When there is one of its name.
    #[must_use]
    pub fn rule(mut self, rule: RetentionRule) -> Self {
        let is_new = self.rules.iter().all(|known| known.name != rule.name);
        assert!(is_new, "there are two retention rules of the name {:?}", rule.name);
        self.rules.push(rule);
        self
    }

    /// Sets the time between two rounds. Default 60 s, at least 1 s.
    #[must_use]
    pub fn every(self, time: Duration) -> Self {
        Self { every: time.max(Duration::from_secs(1)), ..self }
    }

    /// Sets the time after which another instance deletes when this one gives no sign of life. Default 15 s, at least
    /// [`SHORTEST_TTL`](crate::lease::SHORTEST_TTL).
    #[must_use]
    pub fn lease(self, time: Duration) -> Self {
        Self { lease: time.max(SHORTEST_TTL), ..self }
    }

    /// Deletes old rows in rounds until the stop, on one instance of all.
    pub async fn run(&self, registry: &Registry, stop: Stop) {
        let stats = Arc::new(Stats(self.rules.iter().map(|rule| (rule.name, Counts::default())).collect()));
        registry.register(stats.clone());
        let work = |lease: Lease| {
            let stats = stats.clone();
            async move {
                loop {
                    for (rule, (_, counts)) in self.rules.iter().zip(&stats.0) {
                        if let Err(error) = self.round(rule, Some(&lease), counts).await {
                            tracing::warn!(rule = rule.name, %error, "old rows could not be deleted; the next round tries again");
                            counts.errors.fetch_add(1, Ordering::Relaxed);
                            counts.is_clean.store(false, Ordering::Relaxed);
                        }
                    }
                    // A tenth early or late.
                    tokio::time::sleep(self.every.mul_f64(0.9 + vitals::random_fraction() / 5.0)).await;
                }
            }
        };
        Leader::new(&self.store, "retention").ttl(self.lease).run(registry, stop, work).await;
    }

    /// Runs one round of all rules, for tests and for a program that a scheduler starts; returns the number of deleted rows. At most
    /// [`MAX_BATCHES`] batches of each rule.
    ///
    /// # Errors
    /// The store's; batches before the error stay deleted.
    pub async fn purge(&self) -> Result<u64, WorkError> {
        let counts = Counts::default();
        for rule in &self.rules {
            self.round(rule, None, &counts).await?;
        }
        Ok(counts.deleted.load(Ordering::Relaxed))
    }

    async fn round(&self, rule: &RetentionRule, lease: Option<&Lease>, counts: &Counts) -> Result<(), WorkError> {
        let mut is_clean = false;
        for _ in 0..MAX_BATCHES {
            let begun = Instant::now();
            let deleted = self.delete(rule, lease).await?;
            counts.deleted.fetch_add(deleted, Ordering::Relaxed);
            counts.batches.fetch_add(1, Ordering::Relaxed);
            if deleted < rule.batch as u64 {
                is_clean = true;
                break;
            }
            tokio::time::sleep(begun.elapsed().max(PAUSE)).await;
        }
        counts.is_clean.store(is_clean, Ordering::Relaxed);
        *counts.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// Deletes one batch. The moment is one of the database's clock.
    async fn delete(&self, rule: &RetentionRule, lease: Option<&Lease>) -> Result<u64, WorkError> {
        let engine = self.store.engine();
        self.store
            .write_at(Isolation::ReadCommitted, |tx| {
                let (rule, lease) = (rule.clone(), lease.cloned());
                Box::pin(async move {
                    if let Some(lease) = lease {
                        lease.guard(tx).await?;
                    }
                    let now = moment(tx.fetch_one(NOW.on(engine), args![]).await?.get("now")?);
                    Ok(tx.execute(rule.statement(engine), rule.values(now)).await?)
                })
            })
            .await
    }
}
