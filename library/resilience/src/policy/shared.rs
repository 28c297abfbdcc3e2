//! The state that all clones of a policy share.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// The rules as a handle read them last. A call borrows them from its handle, and so counts no reference and holds no guard.
#[derive(Clone, Debug)]
pub(super) struct Known {
    version: u64,
    pub(super) rules: Arc<Rules>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    rules: Live<Rules>,
    /// Number of times that the rules were replaced.
    version: AtomicU64,
    pub(super) budget: Budget,
    pub(super) latencies: Latencies,
    pub(super) rate: OwnLine<RateLimit>,
    pub(super) bulkhead: OwnLine<Bulkhead>,
    pub(super) groups: Arc<Groups>,
    pub(super) adaptive: Adaptive,
    pub(super) breaker: Breaker,
    pub(super) throttle: Throttle,
    pub(super) tally: Tally,
    /// Bus for changes, once the policy is registered.
    pub(super) bus: OnceLock<Bus>,
}

impl Shared {
    /// The state of a new policy.
    pub(super) fn new(name: Arc<str>, rules: Rules, now: Instant) -> Self {
        Self {
            groups: Arc::new(Groups::new(Arc::clone(&name))),
            name,
            rules: Live::new(rules),
            version: AtomicU64::new(0),
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

    /// The rules now.
    pub(super) fn rules(&self) -> Arc<Rules> {
        self.rules.get()
    }

    /// Replaces the rules as a whole.
    pub(super) fn replace(&self, rules: Rules) {
        self.rules.replace(rules);
        // After the rules: whoever sees the new number finds them, or later ones.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The rules now, to be kept by a handle.
    pub(super) fn known(&self) -> Known {
        // Before the rules: they are of this number, or later ones.
        let version = self.version.load(Ordering::Acquire);
        Known { version, rules: self.rules() }
    }

    /// Returns true while these rules have not been replaced.
    pub(super) fn is_current(&self, known: &Known) -> bool {
        self.version.load(Ordering::Acquire) == known.version
    }

    /// Publishes a change of the breaker by a call.
    pub(super) fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.publish(change.position.name(), change.why);
        }
    }

    /// Publishes the state of the breaker, and the reason, if there is a registry.
    pub(super) fn publish(&self, state: &str, reason: &str) {
        tracing::debug!(policy = &*self.name, state, reason, "breaker");
        if let Some(bus) = self.bus.get() {
            bus.publish("breaker", &*self.name, state, reason);
        }
    }
}
