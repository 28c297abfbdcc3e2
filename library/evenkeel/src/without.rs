//! Guards that are turned off by name, so that a test can show the harm that a guard prevents. Only builds with the feature
//! `without-guards` have this.
//!
//! Names are the attributes that the guards provide. Every guard that is turned off is logged at start, and is a row of the
//! table `turned_off`.
#![cfg_attr(not(feature = "without-guards"), allow(dead_code, reason = "only the tests of this file use it"))]

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use border::Limits;
use client::{Bounds, Check, Endpoints};
use resilience::ticker::First;
use resilience::{CpuRules, Rules};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

#[cfg(feature = "without-guards")]
use crate::Dependency;

/// Everything that can be turned off.
pub const GUARDS: [&str; 14] = [
    "call.deadline",
    "call.timeout",
    "call.hedge",
    "call.retry",
    "call.retry-budget",
    "call.bulkhead",
    "call.cpu-bulkhead",
    "call.breaker",
    "call.bad-answers",
    "call.balance",
    "call.discovery",
    "call.breaker-manual",
    "call.jitter",
    "call.fallback",
];

/// Bound for an answer's body without limits, in bytes: the memory of a machine.
const UNBOUNDED_ANSWER: usize = 1 << 30;

const TURNED_OFF: Table = Table {
    name: "turned_off",
    help: "Guards that were turned off by name.",
    columns: &[Column::label("guard", "Name of the guard."), Column::gauge("off", "Always 1.")],
};

/// A budget that pays for everything.
const UNBOUNDED: resilience::budget::BudgetRules = resilience::budget::BudgetRules::of(1.0, 1e6).savings(u32::MAX);

/// Guards that are turned off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Without(Vec<&'static str>);

/// A name that is not one of [`GUARDS`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be turned off; these can: {}", GUARDS.join(", "))]
#[non_exhaustive]
pub struct UnknownGuard {
    /// The name.
    pub name: String,
}

impl Without {
    /// Reads names with commas between.
    ///
    /// # Errors
    /// The first that is unknown, with those that are known.
    pub fn parse(text: &str) -> Result<Self, UnknownGuard> {
        let known = |name: &str| {
            let found = GUARDS.into_iter().find(|guard| *guard == name);
            found.ok_or_else(|| UnknownGuard { name: name.to_owned() })
        };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(known).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, guard: &str) -> bool {
        self.0.contains(&guard)
    }

    /// Logs the guards that are turned off, and shows them for as long as the result lives.
    pub(crate) fn show(&self, registry: &Registry) -> Arc<Self> {
        for guard in &self.0 {
            tracing::warn!(guard, "turned off by WITHOUT");
        }
        let shown = Arc::new(self.clone());
        registry.register(Arc::clone(&shown));
        shown
    }

    /// The rules of a dependency without them.
    pub(crate) fn rules(&self, mut rules: Rules) -> Rules {
        if self.has("call.retry-budget")
            && let Some(retry) = &mut rules.retry
        {
            retry.budget = UNBOUNDED;
        }
        rules.fallback &= !self.has("call.fallback");
        rules.timeout = rules.timeout.filter(|_| !self.has("call.timeout"));
        rules.hedge = rules.hedge.filter(|_| !self.has("call.hedge"));
        rules.retry = rules.retry.filter(|_| !self.has("call.retry"));
        rules.bulkhead = rules.bulkhead.filter(|_| !self.has("call.bulkhead"));
        rules.adaptive = rules.adaptive.filter(|_| rules.bulkhead.is_some());
        rules.breaker = rules.breaker.filter(|_| !self.has("call.breaker"));
        rules
    }

    /// The client's bounds without them.
    pub(crate) fn bounds(&self, bounds: Bounds) -> Bounds {
        let tells_deadline = bounds.tells_deadline && !self.has("call.deadline");
        let answer_bytes = if self.has("call.bad-answers") { UNBOUNDED_ANSWER } else { bounds.answer_bytes };
        let bounds = bounds.tells_deadline(tells_deadline).answer_bytes(answer_bytes);
        if self.has("call.timeout") { bounds.without_times() } else { bounds }
    }

    /// Returns the endpoints of a dependency without discovery: always the first instance, or those that were found first.
    pub(crate) fn endpoints(&self, endpoints: Endpoints) -> Endpoints {
        let endpoints = if self.has("call.balance") { endpoints.first_alone() } else { endpoints };
        if self.has("call.discovery") { endpoints.once() } else { endpoints }
    }

    /// A dependency without them.
    #[cfg(feature = "without-guards")]
    pub(crate) fn dependency(&self, mut dependency: Dependency) -> Dependency {
        dependency.endpoints = self.endpoints(dependency.endpoints);
        dependency.rules = self.rules(dependency.rules);
        dependency.check = dependency.check.map(|check| self.check(check));
        dependency
    }

    /// Returns the health check without jitter: in step with every process that was started together.
    pub(crate) fn check(&self, check: Check) -> Check {
        let ticks = check.ticks.jitter(0.0).first(First::AfterAPeriod);
        if self.has("call.jitter") { check.every(ticks) } else { check }
    }

    /// The pool for work that computes without it: it is done where everything else is.
    pub(crate) fn cpu(&self, rules: CpuRules) -> CpuRules {
        if self.has("call.cpu-bulkhead") { rules.threads(0) } else { rules }
    }

    /// Returns true when an unanswered call becomes a clear refusal, and not a failure like any other.
    pub(crate) fn refuses_clearly(&self) -> bool {
        !self.has("call.fallback")
    }

    /// Returns true when operators can override policies.
    pub(crate) fn takes_orders(&self) -> bool {
        !self.has("call.breaker-manual")
    }

    /// Returns the service's routes without cancellation: work goes on after its client has left.
    pub(crate) fn routes(&self, routes: Router) -> Router {
        let ends = !self.has("call.deadline") && !self.has("call.timeout");
        if ends { routes } else { routes.layer(axum::middleware::from_fn(detached)) }
    }

    /// A listener's limits without them.
    pub(crate) fn limits(&self, limits: Limits) -> Limits {
        limits.with(|limits| limits.hears_deadline &= !self.has("call.deadline"))
    }
}

/// Handles a request in a task of its own, which ends when it is done and not when its caller leaves.
async fn detached(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

impl Source for Without {
    fn table(&self) -> &'static Table {
        &TURNED_OFF
    }

    fn rows(&self) -> Vec<TableRow> {
        self.0.iter().map(|guard| vec![TableValue::text(*guard), TableValue::Level(1.0)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_guard_can_be_turned_off_by_name_and_no_other() {
        let whole = client::default_rules().hedge(resilience::hedge::HedgeRules::default());
        for guard in GUARDS {
            let without = Without::parse(guard).expect("a known name");
            let rules = without.rules(whole.clone()) != whole;
            let bounds = without.bounds(Bounds::default()) != Bounds::default();
            let hears = without.limits(Limits::default()).hears_deadline;
            let in_bounds = matches!(guard, "call.deadline" | "call.timeout" | "call.bad-answers");
            let in_rules = !matches!(guard, "call.deadline" | "call.bad-answers");
            let of_instances = matches!(guard, "call.balance" | "call.discovery");
            let found: Endpoints = "http://a,http://b".parse().expect("two places");
            assert_eq!(without.endpoints(found.clone()) != found, of_instances, "{guard}");
            let in_step = without.check(Check::at("/livez")) != Check::at("/livez");
            assert_eq!(
                (in_step, !without.takes_orders()),
                (guard == "call.jitter", guard == "call.breaker-manual"),
                "{guard}"
            );
            let threads = without.cpu(CpuRules::default()).threads;
            assert_eq!(
                (threads == 0, !without.refuses_clearly()),
                (guard == "call.cpu-bulkhead", guard == "call.fallback"),
                "{guard}"
            );
            let elsewhere = ["call.jitter", "call.breaker-manual", "call.cpu-bulkhead"];
            let in_rules = in_rules && !of_instances && !elsewhere.contains(&guard);
            assert_eq!((rules, bounds, hears), (in_rules, in_bounds, guard != "call.deadline"), "{guard}");
        }
        assert_eq!(Without::parse("").expect("nothing").rules(whole.clone()), whole);
    }

    #[test]
    fn an_unknown_guard_is_refused_with_a_list_of_the_known_ones() {
        let told = Without::parse("call.retry, call.retires").unwrap_err().to_string();
        assert!(told.contains("\"call.retires\"") && told.contains("call.retry-budget"), "{told}");
    }
}
