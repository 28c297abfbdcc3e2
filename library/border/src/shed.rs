//! Load shedding: the gate of a listener (`resilience::admission`), with what HTTP knows of a request.
//!
//! A request is decided about where its route is known ([`Shed::decide`]). While the queue is full, most arrivals would be refused there, so
//! they are refused before they have cost a route, a span and a record ([`Shed::refuse_early`]): in front of the router, and for idle HTTP/1.1
//! connections below the HTTP server ([`crate::below`]).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::Method;
use resilience::Criticality;
use resilience::admission::{
    AdmissionRules, AdmissionSnapshot, Arrival, Entry, Gate, MAX_OBJECTIVE, OBJECTIVE, Processors, Reason, RouteId,
    RoutePools, RouteRules, Share,
};
use telemetry::objectives::Objectives;
use tokio::time::Instant;

use crate::Limits;
use crate::access_log::AccessLog;
use crate::heavy_clients::Ended;
use crate::known_paths::KnownPaths;
use crate::lag::Lag;
use crate::traffic::{Refusals, Traffic, UNROUTED};

/// Health checks by their usual paths: they are never refused, delayed or counted, so that no orchestrator restarts what is only busy.
const HEALTH: [&str; 5] = ["/livez", "/readyz", "/healthz", "/health", "/ping"];
/// Objectives for which a client that is far over its share waits for its refusal, and the longest such time. Its connection is not read meanwhile.
const HELD: f64 = 0.5;
const LONGEST_HOLD: Duration = Duration::from_secs(1);
/// The shortest objective.
const SHORTEST: Duration = Duration::from_millis(1);

/// A listener's gate.
#[derive(Debug)]
pub(crate) struct Shed {
    gate: Gate,
    /// False: nothing is shed by latency.
    is_on: bool,
    /// True once a route has a class above the default: a request for an unknown path can be refused early only when it lowers its own class.
    has_critical: AtomicBool,
    /// Refusals before the route was known: by the server, and below it.
    early: AtomicU64,
    below: AtomicU64,
    /// Those of them for which the client had to wait, and for how long.
    held: AtomicU64,
    hold: Duration,
    lag: Lag,
    paths: KnownPaths,
    traffic: Arc<Traffic>,
    access_log: Arc<AccessLog>,
    /// The objectives that count early refusals.
    objectives: OnceLock<Objectives>,
}

/// Place at which a request was refused early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In front of the router.
    Server,
    /// Below the HTTP server.
    Socket,
}

/// A request as the gate needs it before its route is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Early<'a> {
    pub(crate) at: Where,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    /// The class that the caller set; critical when it set none: the route's own counts.
    pub(crate) class: Criticality,
    pub(crate) client: Option<IpAddr>,
    pub(crate) age: Duration,
    pub(crate) now: Instant,
    /// It was counted against the share of its client before.
    pub(crate) is_counted: bool,
}

/// A refusal before the route is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// Time for which its client is to wait for it.
    pub(crate) hold: Option<Duration>,
}

impl Shed {
    pub(crate) fn new(limits: &Limits, traffic: Arc<Traffic>, access_log: Arc<AccessLog>) -> Arc<Self> {
        let rules = AdmissionRules::default().objective(within_bounds(limits.objective.unwrap_or(OBJECTIVE)));
        let hold = rules.objective.mul_f64(HELD).min(LONGEST_HOLD);
        let gate = Gate::new(rules).expect("the objective is within its bounds, and there is at least one core");
        Arc::new(Self {
            gate,
            is_on: limits.objective.is_some(),
            has_critical: AtomicBool::new(false),
            early: AtomicU64::new(0),
            below: AtomicU64::new(0),
            held: AtomicU64::new(0),
            hold,
            lag: Lag::default(),
            paths: KnownPaths::new(),
            traffic,
            access_log,
            objectives: OnceLock::new(),
        })
    }

    /// Notes the rules of some routes before their requests come.
    pub(crate) fn declare(&self, limits: &Limits) {
        if limits.criticality > Criticality::Default {
            self.has_critical.store(true, Ordering::Relaxed);
        }
    }

    /// Counts early refusals for these objectives from now on.
    pub(crate) fn observe(&self, objectives: &Objectives) {
        let _ = self.objectives.set(objectives.clone());
    }

    /// Returns the gate's id of a route; none for a route that is never shed. A method that writes, or that has an objective of its own, is in front
    /// of its pattern.
    pub(crate) fn route(&self, name: &str, limits: &Limits) -> Option<RouteId> {
        let pattern = name.rsplit_once(' ').map_or(name, |(_method, pattern)| pattern);
        let objective = limits.objective.filter(|_| self.is_on && !HEALTH.contains(&pattern))?;
        let rules = RouteRules::default().objective(within_bounds(objective));
        Some(self.gate.route(name, rules).unwrap_or(RouteId::OTHER))
    }

    /// The pools that a route's requests use.
    pub(crate) fn pools_of(&self, route: RouteId) -> RoutePools {
        self.gate.pools_of(route)
    }

    /// Notes the route of a path and the route's own class, so that requests for it can be refused early.
    pub(crate) fn learn(&self, method: &Method, path: &str, route: RouteId, class: Criticality) {
        if self.gate.is_congested() {
            self.paths.learn(method, path, route, class);
        }
    }

    /// Decides about a request whose route is known.
    pub(crate) fn decide(&self, route: RouteId, class: Criticality, client: Option<IpAddr>, age: Duration) -> Entry {
        let client = client.map(|address| self.gate.client(&address)).unwrap_or_default();
        self.gate.decide(Arrival { age, class, client, ..Arrival::on(route) })
    }

    /// Returns true while the age of a request matters: it costs a system call.
    pub(crate) fn watches_age(&self) -> bool {
        self.is_on && (self.gate.is_congested() || self.lag.is_high())
    }

    /// Returns true while the event loop is late.
    pub(crate) fn lags(&self) -> bool {
        self.is_on && self.lag.is_high()
    }

    /// Returns true while requests may be refused early.
    pub(crate) fn is_congested(&self) -> bool {
        self.is_on && self.gate.is_congested()
    }

    /// Refuses a request that is not routed yet, if its path is that of a known route which would refuse it, or if every route would; counts and logs it.
    pub(crate) fn refuse_early(&self, request: Early<'_>) -> Option<Refusal> {
        if HEALTH.contains(&request.path) {
            return None;
        }
        let known = self.paths.get(request.method, request.path);
        let has_critical = self.has_critical.load(Ordering::Relaxed);
        let (route, class, is_sure) = match known {
            Some((route, class)) => (route, class.min(request.class), true),
            // It may be for a critical route.
            None if has_critical && request.class >= Criticality::Default => {
                (RouteId::OTHER, Criticality::Critical, false)
            }
            None => (RouteId::OTHER, request.class.min(Criticality::Default), true),
        };
        let client = request.client.map(|address| self.gate.client(&address)).unwrap_or_default();
        let arrival = Arrival { age: request.age, class, client, ..Arrival::on(route) };
        let share = match request.is_counted {
            true => Share::Within,
            false => self.gate.ration(arrival, known.is_some(), request.now),
        };
        let reason = match share {
            Share::Over | Share::FarOver => Reason::Share,
            Share::Within if is_sure => self.gate.refuse_early(arrival, known.is_some(), request.now)?,
            Share::Within => return None,
        };
        let hold = (share == Share::FarOver).then_some(self.hold);
        self.held.fetch_add(u64::from(hold.is_some()), Ordering::Relaxed);
        let count = match request.at {
            Where::Server => &self.early,
            Where::Socket => &self.below,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.traffic.refused_unrouted(request.method);
        let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        if let Some(objectives) = self.objectives.get() {
            objectives.refused(request.method.as_str(), request.path, status.as_u16());
        }
        if let Some(client) = request.client {
            let ended = Ended { status: Some(status), has_route: true, took: Duration::ZERO, trace: None };
            self.traffic.clients.note(client, &ended, request.now);
        }
        self.access_log.write(request.method, request.path, UNROUTED, Some(status), Duration::ZERO, request.now);
        Some(Refusal { reason, hold })
    }

    /// Notes that a request has come.
    pub(crate) fn request(&self) {
        if self.is_on && self.lag.request() {
            self.gate.report(Processors::default());
        }
    }

    /// Measures the lag of the event loop, for ever; ends at once where nothing is shed.
    pub(crate) async fn watch_lag(&self) {
        if self.is_on {
            self.lag.watch(|late, busy| self.gate.report(Processors { late, busy })).await;
        }
    }

    /// Reports that the processors have more work than they can do.
    #[cfg(test)]
    pub(crate) fn report_overload(&self) {
        self.gate.report(Processors { late: Duration::from_millis(20), busy: 1.0 });
    }

    /// Returns true when no request has come for a second.
    pub(crate) fn is_unused(&self) -> bool {
        self.lag.sleeps()
    }

    pub(crate) fn lag(&self) -> Duration {
        self.lag.last()
    }

    /// Refusals before the route was known: in front of the router, and below the server.
    pub(crate) fn early(&self) -> [u64; 2] {
        [self.early.load(Ordering::Relaxed), self.below.load(Ordering::Relaxed)]
    }

    /// Refusals for which the client had to wait.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The state of the gate; none where nothing is shed.
    pub(crate) fn snapshot(&self) -> Option<AdmissionSnapshot> {
        self.is_on.then(|| self.gate.snapshot())
    }
}

impl Refusals for Shed {
    fn refused(&self) -> u64 {
        self.snapshot().map_or(0, |snapshot| snapshot.refused.iter().sum())
    }
}

fn within_bounds(objective: Duration) -> Duration {
    objective.clamp(SHORTEST, MAX_OBJECTIVE)
}
