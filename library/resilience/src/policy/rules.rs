//! The rules of a policy, as plain values.

use std::sync::Arc;
use std::time::Duration;

use crate::adaptive::{Adaptive, AdaptiveRules};
use crate::breaker::BreakerRules;
use crate::bulkhead::BulkheadRules;
use crate::hedge::HedgeRules;
use crate::invalid::InvalidRules;
use crate::rate_limit::RateRules;
use crate::retry::RetryRules;
use crate::setters::setters;
use crate::throttle::ThrottleRules;

/// The most groups that one policy has.
pub const MAX_GROUPS: usize = 16;

/// Rules of a policy; `None` turns a guard off.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// Time limit of the whole call; the task's own deadline applies if it is sooner.
    pub deadline: Option<Duration>,
    /// Enables fallbacks for calls without an answer.
    pub fallback: bool,
    /// A second call when the first is slow.
    pub hedge: Option<HedgeRules>,
    /// Further attempts.
    pub retry: Option<RetryRules>,
    /// Rate limit. Calls that the breaker refuses take no turn; calls that a bulkhead or the throttle refuses have used one.
    pub rate: Option<RateRules>,
    /// Concurrency limit.
    pub bulkhead: Option<BulkheadRules>,
    /// Shares of the concurrency limit by group, at most [`MAX_GROUPS`]; callers of no group have the rest.
    pub groups: Vec<GroupRules>,
    /// Adaptive concurrency limit; the bulkhead's permits are its maximum.
    pub adaptive: Option<AdaptiveRules>,
    /// Circuit breaker.
    pub breaker: Option<BreakerRules>,
    /// Adaptive throttling of calls to an overloaded callee.
    pub throttle: Option<ThrottleRules>,
    /// Timeout of an attempt.
    pub timeout: Option<TimeoutRules>,
}

setters!(Rules: own { fallback: bool, groups: Vec<GroupRules> } turn { deadline: Duration, hedge: HedgeRules, retry: RetryRules, rate: RateRules, bulkhead: BulkheadRules, adaptive: AdaptiveRules, breaker: BreakerRules, throttle: ThrottleRules, timeout: TimeoutRules });

/// Timeout rules of an attempt.
///
/// An attempt has all the time until the deadline, and never more than [`TimeoutRules::at_most`]: a callee that answers within the
/// deadline is not cut off for the sake of an attempt that might follow. With [`TimeoutRules::share`] below 1 an attempt that has not
/// answered within that share of what is left is replaced by the next one, but only where there is one: it may be repeated, fits into
/// the deadline with its wait before it, and the retry budget has paid for it. Where any of that fails, the attempt goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TimeoutRules {
    /// The share, above 0 and at most 1. Default 1: no attempt is replaced before its end. With less, a callee must answer within the
    /// share to be heard.
    pub share: f64,
    /// The longest that one attempt may take, whether or not another one can follow.
    pub at_most: Duration,
}

setters!(TimeoutRules: set { share: f64, at_most: Duration } turn {});

impl Default for TimeoutRules {
    /// All that is left, at most 5 s.
    fn default() -> Self {
        Self { share: 1.0, at_most: Duration::from_secs(5) }
    }
}

/// Group of callers: background work, for example, or the clients of one tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRules {
    /// Name of the calling group.
    pub name: Arc<str>,
    /// Permits and queue of the group. A call of the group takes one of these first, and then one of the policy's.
    pub bulkhead: BulkheadRules,
}

setters!(GroupRules: own { bulkhead: BulkheadRules } turn {});

impl GroupRules {
    /// Creates a group of this name, with a concurrency limit.
    pub fn new(name: impl Into<Arc<str>>, bulkhead: BulkheadRules) -> Self {
        Self { name: name.into(), bulkhead }
    }
}

impl Default for Rules {
    /// Everything but hedging, a rate limit, an adaptive limit and a throttle: 10 s in all, at most 5 s for an attempt.
    fn default() -> Self {
        Self {
            deadline: Some(Duration::from_secs(10)),
            fallback: true,
            retry: Some(RetryRules::default()),
            bulkhead: Some(BulkheadRules::default()),
            breaker: Some(BreakerRules::default()),
            timeout: Some(TimeoutRules::default()),
            ..Self::NONE
        }
    }
}

impl Rules {
    /// No guard at all.
    pub const NONE: Self = Self {
        deadline: None,
        fallback: false,
        hedge: None,
        retry: None,
        rate: None,
        bulkhead: None,
        groups: Vec::new(),
        adaptive: None,
        breaker: None,
        throttle: None,
        timeout: None,
    };

    /// Checks the rules.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        self.hedge.as_ref().map_or(Ok(()), HedgeRules::check)?;
        self.retry.as_ref().map_or(Ok(()), RetryRules::check)?;
        self.rate.as_ref().map_or(Ok(()), RateRules::check)?;
        self.bulkhead.as_ref().map_or(Ok(()), BulkheadRules::check)?;
        self.check_groups()?;
        self.adaptive.as_ref().map_or(Ok(()), AdaptiveRules::check)?;
        self.breaker.as_ref().map_or(Ok(()), BreakerRules::check)?;
        self.throttle.as_ref().map_or(Ok(()), ThrottleRules::check)?;
        if self.adaptive.is_some() && self.bulkhead.is_none() {
            return Err(InvalidRules::AdaptiveAlone);
        }
        match self.timeout {
            Some(TimeoutRules { share, .. }) if !(share > 0.0 && share <= 1.0) => {
                Err(InvalidRules::TimeoutShare(share))
            }
            _ => Ok(()),
        }
    }

    /// Returns the bulkhead's rules, with the current limit.
    pub(super) fn bulkhead_now(&self, adaptive: &Adaptive) -> Option<BulkheadRules> {
        let bulkhead = self.bulkhead?;
        let permits = self.adaptive.as_ref().map_or(bulkhead.permits, |rules| adaptive.limit(rules, bulkhead.permits));
        Some(BulkheadRules { permits, ..bulkhead })
    }

    /// The permits of the group of this name.
    pub(super) fn group(&self, name: &str) -> Option<&BulkheadRules> {
        self.groups.iter().find(|group| *group.name == *name).map(|group| &group.bulkhead)
    }

    /// Checks the groups.
    fn check_groups(&self) -> Result<(), InvalidRules> {
        if self.groups.len() > MAX_GROUPS {
            return Err(InvalidRules::Groups { groups: self.groups.len(), most: MAX_GROUPS });
        }
        for (index, GroupRules { name, bulkhead }) in self.groups.iter().enumerate() {
            bulkhead
                .check()
                .map_err(|source| InvalidRules::Group { name: Arc::clone(name), source: Box::new(source) })?;
            if name.trim().is_empty() || self.groups[..index].iter().any(|other| other.name == *name) {
                return Err(InvalidRules::GroupName(Arc::clone(name)));
            }
            if let Some(all) = self.bulkhead.filter(|all| bulkhead.permits >= all.permits) {
                let (name, permits, all) = (Arc::clone(name), bulkhead.permits, all.permits);
                return Err(InvalidRules::GroupTakesAll { name, permits, all });
            }
        }
        Ok(())
    }
}
