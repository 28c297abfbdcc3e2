//! A policy's vitals: the state of its guards, and the counts of its calls.

use tokio::time::Instant;
use vitals::{Column, Source, Table, TableRow, TableValue};

use super::shared::Shared;
use super::tally::Tally;
use crate::breaker::{Order, Position};

/// The state of the guards.
const STATE: &[Column] = &[
    Column::label("name", "The dependency."),
    Column::words("breaker", &WORDS, "State of the breaker, or the operator's order in force.").degraded(&DEGRADED),
    Column::state("breaker_order", "Author and reason of the operator's order; empty without one."),
    Column::gauge("breaker_open", "1 while calls are refused by the breaker."),
    Column::gauge("failure_share", "The share of failed calls in the breaker's window."),
    Column::gauge("calls_at_a_time", "Permits in the bulkhead; 0 without a bulkhead."),
    Column::gauge("calls_in_flight", "Attempts that hold a permit in the bulkhead."),
    Column::gauge("calls_waiting", "Attempts that wait for a permit."),
    Column::gauge("retries_saved", "Repeats that the budget could pay for, the floor not counted."),
];

/// States of the breaker; off: the rules have none.
const WORDS: [&str; 7] = ["off", "closed", "open", "half-open", "forced open", "forced closed", "disabled"];
const DEGRADED: [&str; 3] = ["open", "half-open", "forced open"];

/// The state of the guards, and then the counts.
const COLUMNS: [Column; STATE.len() + Tally::COLUMNS.len()] = {
    let (mut columns, mut at) = ([STATE[0]; STATE.len() + Tally::COLUMNS.len()], 0);
    while at < columns.len() {
        columns[at] = if at < STATE.len() { STATE[at] } else { Tally::COLUMNS[at - STATE.len()] };
        at += 1;
    }
    columns
};

const POLICY: Table = Table { name: "policy", help: "Guards of the calls of a dependency.", columns: &COLUMNS };

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
        let rules = self.rules();
        let (position, ordered) = (self.breaker.position(), self.breaker.ordered());
        let state = match (&rules.breaker, &ordered) {
            (None, _) => "off",
            (_, None) => position.name(),
            (_, Some(order)) => order.order.name(),
        };
        let order = ordered.as_ref().map(|order| format!("{}: {}", order.author, order.reason)).unwrap_or_default();
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
        let state = [
            TableValue::text(&*self.name),
            TableValue::text(state),
            TableValue::text(order),
            TableValue::Flag(open),
            TableValue::Level(share),
            TableValue::Level(rules.bulkhead_now(&self.adaptive).map_or(0.0, |bulkhead| f64::from(bulkhead.permits))),
            TableValue::Level(f64::from(load.in_flight)),
            TableValue::Level(f64::from(load.waiting)),
            TableValue::Level(self.budget.saved()),
        ];
        vec![state.into_iter().chain(self.tally.values()).collect()]
    }
}
