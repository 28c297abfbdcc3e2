//! The state that all clones of a policy share.

use std::sync::{Arc, OnceLock};

use ::vitals::{Bus, Live};
use tokio::time::Instant;

use super::group::Groups;
use super::rules::Rules;
use super::tally::Tally;
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, Change};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::hedge::Latencies;
use crate::line::OwnLine;
use crate::rate_limit::RateLimit;
use crate::throttle::Throttle;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) rules: Live<Rules>,
    pub(super) budget: Budget,
    pub(super) latencies: Latencies,
    pub(super) rate: OwnLine<RateLimit>,
    pub(super) bulkhead: OwnLine<Bulkhead>,
    pub(super) groups: Arc<Groups>,
    pub(super) adaptive: Adaptive,
    pub(super) breaker: Breaker,
    pub(super) throttle: Throttle,
    pub(super) tally: Tally,
    /// Where changes are published, once the policy is registered.
    pub(super) bus: OnceLock<Bus>,
}

impl Shared {
    /// The state of a new policy.
    pub(super) fn new(name: Arc<str>, rules: Rules, now: Instant) -> Self {
        Self {
            groups: Arc::new(Groups::new(Arc::clone(&name))),
            name,
            rules: Live::new(rules),
            budget: Budget::new(now),
            latencies: Latencies::new(),
            rate: OwnLine(RateLimit::new(now)),
            bulkhead: OwnLine(Bulkhead::new()),
            adaptive: Adaptive::new(),
            breaker: Breaker::new(now),
            throttle: Throttle::new(now),
            tally: Tally::default(),
            bus: OnceLock::new(),
        }
    }

    /// Publishes what a call changed in the breaker.
    pub(super) fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.publish(change.position.name(), change.why);
        }
    }

    /// Publishes what the breaker is now, and why, where there is a registry.
    pub(super) fn publish(&self, state: &str, reason: &str) {
        if let Some(bus) = self.bus.get() {
            bus.publish("breaker", &*self.name, state, reason);
        }
    }
}
