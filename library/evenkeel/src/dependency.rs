//! A dependency of the service, and the guards of its calls.

use client::{Check, Client, Endpoints, default_rules};
use resilience::{ClusterRules, Rules};

/// Somebody whom the service calls.
#[derive(Clone, Debug)]
pub struct Dependency {
    pub(crate) endpoints: Endpoints,
    pub(crate) rules: Rules,
    pub(crate) cluster: ClusterRules,
    pub(crate) check: Option<Check>,
}

impl Dependency {
    /// One that speaks HTTP at these endpoints, such as a URL, guarded by [`client::default_rules`]: three tries of what may
    /// be repeated, paid from a budget; a circuit breaker; 64 calls at a time. Where it has many instances, calls go to the less
    /// loaded of two, and who fails gets none for a while.
    pub fn http(endpoints: impl Into<Endpoints>) -> Self {
        Self { endpoints: endpoints.into(), rules: default_rules(), cluster: ClusterRules::default(), check: None }
    }

    /// With other rules. [`Rules::NONE`] turns every guard off; each can be turned off by `None`.
    #[must_use]
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// With other rules for which instance gets a call.
    #[must_use]
    pub fn balanced(self, cluster: ClusterRules) -> Self {
        Self { cluster, ..self }
    }

    /// Asked now and then how it is, so that a breaker that is open tries calls again as soon as it is well.
    #[must_use]
    pub fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// Logs each guard that the service's code turned off.
    pub(crate) fn log_turned_off(&self, name: &str) {
        for guard in turned_off(&self.rules) {
            tracing::warn!(dependency = name, guard, "turned off by the service");
        }
    }

    /// Declares the dependency to the client by its name, and returns its health check.
    pub(crate) fn declare(self, name: &str, client: &Client) -> Result<Option<Check>, String> {
        client.balanced(name, self.endpoints, self.rules, self.cluster)?;
        Ok(self.check)
    }
}

/// The guards that every dependency has unless the service takes them away.
fn turned_off(rules: &Rules) -> impl Iterator<Item = &'static str> {
    let guards = [
        (rules.retry.is_none(), "retry"),
        (rules.bulkhead.is_none(), "bulkhead"),
        (rules.breaker.is_none(), "breaker"),
        (rules.timeout.is_none(), "timeout"),
    ];
    guards.into_iter().filter_map(|(off, guard)| off.then_some(guard))
}
