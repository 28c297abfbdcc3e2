//! A policy's vitals: what its guards are at, and what they made of the calls.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;
use vitals::{Column, Row, Source, Table, Value};

use super::{Guard, Shared};
use crate::Count;
use crate::breaker::{Change, Order, Position};

const POLICY: Table = Table {
    name: "policy",
    help: "What protects the calls of a dependency.",
    columns: &[
        Column::label("name", "The dependency."),
        Column::state("breaker", "closed, open or half-open; what was ordered by hand, by whom and why."),
        Column::gauge("breaker_open", "1 while calls are refused by the breaker."),
        Column::gauge("failure_share", "The share of failed calls in the breaker's window."),
        Column::gauge("calls_at_a_time", "Places in the bulkhead; 0 where there is none."),
        Column::gauge("calls_in_flight", "Tries that hold a place in the bulkhead."),
        Column::gauge("calls_waiting", "Tries that wait for a place."),
        Column::gauge("retries_saved", "Repeats that the budget could pay for, the floor not counted."),
        Column::counter("calls_answered", "Tries that were answered well, or in a way that is nobody's fault."),
        Column::counter("calls_failed", "Tries that failed."),
        Column::counter("calls_timed_out", "Tries that were not over in their time."),
        Column::counter("calls_retried", "Tries beyond the first of a call."),
        Column::counter("calls_hedged", "Second calls because the first was slow."),
        Column::counter("calls_fallen_back", "Calls that were given something else in the place of an answer."),
        Column::counter("refused_by_rate_limit", "Tries that came too soon."),
        Column::counter("refused_by_breaker", "Tries that the breaker refused."),
        Column::counter("refused_by_bulkhead", "Tries that found the bulkhead full for too long."),
        Column::counter("refused_by_throttle", "Tries that a callee which refuses most was spared."),
    ],
};

/// What became of calls, counted since the policy's birth.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Raised by every call, where all is well.
    pub(super) answered: Count,
    pub(super) failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) hedged: AtomicU64,
    pub(super) fell_back: AtomicU64,
    refused_by_rate_limit: AtomicU64,
    refused_by_breaker: AtomicU64,
    refused_by_bulkhead: AtomicU64,
    refused_by_throttle: AtomicU64,
}

impl Tally {
    pub(super) fn refused(&self, guard: Guard) {
        let counter = match guard {
            Guard::RateLimit => &self.refused_by_rate_limit,
            Guard::Bulkhead => &self.refused_by_bulkhead,
            Guard::Breaker => &self.refused_by_breaker,
            Guard::Throttle => &self.refused_by_throttle,
        };
        counter.fetch_add(1, Relaxed);
    }
}

impl Position {
    /// Its name for people and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

impl Order {
    /// Its name for people and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "forced open",
            Self::Closed => "forced closed",
            Self::Disabled => "disabled",
        }
    }
}

impl Shared {
    /// Publishes what a call changed in the breaker.
    pub(super) fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.tell(change.position.name(), change.why);
        }
    }

    /// Publishes what the breaker is now, and why, where there is a registry.
    pub(super) fn tell(&self, state: &str, reason: &str) {
        if let Some(bus) = self.bus.get() {
            bus.publish("breaker", &*self.name, state, reason);
        }
    }
}

impl Source for Shared {
    fn table(&self) -> &'static Table {
        &POLICY
    }

    fn rows(&self) -> Vec<Row> {
        let rules = self.rules.get();
        let (position, ordered) = (self.breaker.position(), self.breaker.ordered());
        let state = match (&rules.breaker, &ordered) {
            (None, _) => "off".to_owned(),
            (_, None) => position.name().to_owned(),
            (_, Some(order)) => format!("{} by {}: {}", order.order.name(), order.author, order.reason),
        };
        let open = match (&rules.breaker, ordered) {
            (None, _) => false,
            (_, None) => position == Position::Open,
            (_, Some(ordered)) => ordered.order == Order::Open,
        };
        let share = rules.breaker.as_ref().map_or(0.0, |breaker| {
            let totals = self.breaker.totals(breaker, Instant::now());
            f64::from(totals.failed) / f64::from(totals.calls.max(1))
        });
        let load = self.bulkhead.load();
        let count = |counter: &AtomicU64| Value::Count(counter.load(Relaxed));
        vec![vec![
            Value::text(&*self.name),
            Value::text(state),
            Value::Flag(open),
            Value::Level(share),
            Value::Level(rules.bulkhead_now(&self.adaptive).map_or(0.0, |bulkhead| f64::from(bulkhead.permits))),
            Value::Level(f64::from(load.in_flight)),
            Value::Level(f64::from(load.waiting)),
            Value::Level(self.budget.saved()),
            Value::Count(self.tally.answered.get()),
            count(&self.tally.failed),
            count(&self.tally.timed_out),
            count(&self.tally.retried),
            count(&self.tally.hedged),
            count(&self.tally.fell_back),
            count(&self.tally.refused_by_rate_limit),
            count(&self.tally.refused_by_breaker),
            count(&self.tally.refused_by_bulkhead),
            count(&self.tally.refused_by_throttle),
        ]]
    }
}
