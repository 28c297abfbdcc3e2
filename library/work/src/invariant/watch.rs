//! The rounds that check invariants, and their vitals.
//!
//! Cancel-safe: a dropped round has no verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::Store;
use supervision::Stop;
use tokio::time::Instant;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use super::check::{Invariant, Verdict};
use crate::error::WorkError;
use crate::lease::{Leader, SHORTEST_TTL};

const INVARIANT: Table = Table {
    name: "invariant",
    help: "A declared invariant of the data, on the instance that checks.",
    columns: &[
        Column::label("invariant", "The invariant."),
        Column::words(
            "state",
            &["unknown", "holds", "breached"],
            "The verdict of the last check; unknown when it failed.",
        )
        .degraded(&["breached"]),
        Column::state("rows", "The first rows that break it."),
        Column::gauge("checked", "Time since the last verdict; -1 before the first.").in_unit(Unit::Seconds),
        Column::counter("checks", "Checks with a verdict."),
        Column::counter("breaches", "Checks that found a breach."),
        Column::counter("errors", "Checks that failed."),
    ],
};

/// The last check of an invariant.
#[derive(Clone, Debug, Default)]
struct Last {
    /// None when nothing is known.
    verdict: Option<Verdict>,
    at: Option<Instant>,
    checks: u64,
    breaches: u64,
    errors: u64,
}

impl Last {
    /// Notes a check; returns true when it is the first one to find a breach.
    fn note(&mut self, checked: Result<Verdict, &WorkError>) -> bool {
        let was_breached = matches!(self.verdict, Some(Verdict::Breached { .. }));
        let Ok(verdict) = checked else {
            self.errors += 1;
            self.verdict = None;
            return false;
        };
        let is_breached = matches!(verdict, Verdict::Breached { .. });
        self.checks += 1;
        self.breaches += u64::from(is_breached);
        (self.verdict, self.at) = (Some(verdict), Some(Instant::now()));
        is_breached && !was_breached
    }
}

/// The row source of all invariants.
#[derive(Debug)]
struct Stats(Vec<(&'static str, Mutex<Last>)>);

impl Source for Stats {
    fn table(&self) -> &'static Table {
        &INVARIANT
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |(name, last): &(&'static str, Mutex<Last>)| {
            let last = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (state, rows) = match last.verdict {
                None => ("unknown", String::new()),
                Some(Verdict::Holds) => ("holds", String::new()),
                Some(Verdict::Breached { rows, has_more }) => ("breached", listed(&rows, has_more)),
            };
            vec![
                TableValue::text(*name),
                TableValue::text(state),
                TableValue::text(rows),
                TableValue::Level(last.at.map_or(-1.0, |at| at.elapsed().as_secs_f64())),
                TableValue::from(last.checks),
                TableValue::from(last.breaches),
                TableValue::from(last.errors),
            ]
        };
        self.0.iter().map(row).collect()
    }
}

fn listed(rows: &[String], has_more: bool) -> String {
    let more = if has_more { "; and more" } else { "" };
    format!("{}{more}", rows.join("; "))
}

/// The invariants of a service.
#[derive(Debug)]
pub struct Invariants {
    store: Store,
    invariants: Vec<Invariant>,
    every: Duration,
    lease: Duration,
}

impl Invariants {
    /// No invariants yet, on the tables of a store.
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            invariants: Vec::new(),
            every: Duration::from_secs(60),
            lease: Duration::from_secs(15),
        }
    }

    /// Adds an invariant.
    ///
    /// # Panics
    /// When there is one of its name.
    #[must_use]
    pub fn declare(mut self, invariant: Invariant) -> Self {
        let is_new = self.invariants.iter().all(|known| known.name != invariant.name);
        assert!(is_new, "there are two invariants of the name {:?}", invariant.name);
        self.invariants.push(invariant);
        self
    }

    /// Sets the time between two rounds. Default 60 s, at least 1 s.
    #[must_use]
    pub fn every(self, time: Duration) -> Self {
        Self { every: time.max(Duration::from_secs(1)), ..self }
    }

    /// Sets the time after which another instance checks when this one gives no sign of life. Default 15 s, at least
    /// [`SHORTEST_TTL`](crate::lease::SHORTEST_TTL).
    #[must_use]
    pub fn lease(self, time: Duration) -> Self {
        Self { lease: time.max(SHORTEST_TTL), ..self }
    }

    /// Checks the invariants in rounds until the stop, on one instance of all. A breach is logged as an error with its rows when it is found
    /// first, and shown in the table `invariant` for as long as it lasts.
    pub async fn run(&self, registry: &Registry, stop: Stop) {
        let stats = Stats(self.invariants.iter().map(|invariant| (invariant.name, Mutex::default())).collect());
        let stats = Arc::new(stats);
        registry.register(stats.clone());
        let work = |_lease| {
            let stats = stats.clone();
            async move {
                loop {
                    for (invariant, (_, last)) in self.invariants.iter().zip(&stats.0) {
                        self.round(invariant, last).await;
                    }
                    // A tenth early or late.
                    tokio::time::sleep(self.every.mul_f64(0.9 + vitals::random_fraction() / 5.0)).await;
                }
            }
        };
        Leader::new(&self.store, "invariants").ttl(self.lease).run(registry, stop, work).await;
    }

    /// Checks each invariant once; returns their names and verdicts.
    ///
    /// # Errors
    /// The store's, of the first check that failed.
    pub async fn check(&self) -> Result<Vec<(&'static str, Verdict)>, WorkError> {
        let mut verdicts = Vec::with_capacity(self.invariants.len());
        for invariant in &self.invariants {
            verdicts.push((invariant.name, invariant.check(&self.store).await?));
        }
        Ok(verdicts)
    }

    async fn round(&self, invariant: &Invariant, last: &Mutex<Last>) {
        let checked = invariant.check(&self.store).await;
        if let Err(error) = &checked {
            tracing::warn!(invariant = invariant.name, %error, "an invariant could not be checked; the next round tries again");
        }
        let rows = match &checked {
            Ok(Verdict::Breached { rows, has_more }) => listed(rows, *has_more),
            _ => String::new(),
        };
        let is_new = last.lock().unwrap_or_else(PoisonError::into_inner).note(checked.as_ref().map(Verdict::clone));
        if is_new {
            tracing::error!(invariant = invariant.name, rows, "an invariant of the data is breached");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    #[test]
    fn a_check_that_fails_leaves_nothing_known_and_a_breach_alarms_once() {
        let breach = || Verdict::Breached { rows: vec!["id=7".to_owned()], has_more: false };
        let error = WorkError::from(Refusal::NoHandler { kind: "x".to_owned() });
        let mut last = Last::default();
        assert!(!last.note(Ok(Verdict::Holds)));
        assert!(last.note(Ok(breach())) && !last.note(Ok(breach())));
        assert!(!last.note(Err(&error)));
        assert_eq!(last.verdict, None);
        assert!(last.note(Ok(breach())), "it was unknown meanwhile");
        assert_eq!((last.checks, last.breaches, last.errors), (4, 3, 1));
    }

    #[test]
    fn rows_of_a_breach_are_named() {
        assert_eq!(listed(&["id=1".to_owned(), "id=2".to_owned()], true), "id=1; id=2; and more");
    }
}
