//! A policy's vitals: the state of its guards, and the counts of its calls.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;
use vitals::{Column, Source, Table, TableRow, TableValue};

use super::shared::Shared;
use crate::breaker::{Order, Position};

const POLICY: Table = Table {
    name: "policy",
    help: "What protects the calls of a dependency.",
    columns: &[
        Column::label("name", "The dependency."),
        Column::state(
            "breaker",
            "closed, open or half-open; the operator override in force, with its author and reason.",
        ),
        Column::gauge("breaker_open", "1 while calls are refused by the breaker."),
        Column::gauge("failure_share", "The share of failed calls in the breaker's window."),
        Column::gauge("calls_at_a_time", "Permits in the bulkhead; 0 where there is none."),
        Column::gauge("calls_in_flight", "Attempts that hold a permit in the bulkhead."),
        Column::gauge("calls_waiting", "Attempts that wait for a permit."),
        Column::gauge("retries_saved", "Repeats that the budget could pay for, the floor not counted."),
        Column::counter("calls_answered", "Attempts that were answered well, or in a way that is nobody's fault."),
        Column::counter("calls_failed", "Attempts that failed."),
        Column::counter("calls_timed_out", "Attempts that were not over in their time."),
        Column::counter("calls_retried", "Attempts beyond the first of a call."),
        Column::counter("calls_hedged", "Second calls because the first was slow."),
        Column::counter("calls_fallen_back", "Calls that were given something else instead of an answer."),
        Column::counter("refused_by_rate_limit", "Attempts that came too soon."),
        Column::counter("refused_by_breaker", "Attempts that the breaker refused."),
        Column::counter("refused_by_bulkhead", "Attempts that found the bulkhead full for too long."),
        Column::counter("refused_by_throttle", "Attempts that a callee which refuses most was spared."),
    ],
};

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

impl Source for Shared {
    fn table(&self) -> &'static Table {
        &POLICY
    }

    fn rows(&self) -> Vec<TableRow> {
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
        let count = |counter: &AtomicU64| TableValue::Count(counter.load(Relaxed));
        vec![vec![
            TableValue::text(&*self.name),
            TableValue::text(state),
            TableValue::Flag(open),
            TableValue::Level(share),
            TableValue::Level(rules.bulkhead_now(&self.adaptive).map_or(0.0, |bulkhead| f64::from(bulkhead.permits))),
            TableValue::Level(f64::from(load.in_flight)),
            TableValue::Level(f64::from(load.waiting)),
            TableValue::Level(self.budget.saved()),
            TableValue::Count(self.tally.answered.get()),
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
