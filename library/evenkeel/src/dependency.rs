//! What a service calls, and what guards those calls.

use client::{Check, Client, Endpoints, default_rules};
use resilience::{ClusterRules, Rules};

use crate::without::Without;

/// Somebody whom the service calls.
#[derive(Clone, Debug)]
pub struct Dependency {
    endpoints: Endpoints,
    rules: Rules,
    cluster: ClusterRules,
    check: Option<Check>,
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

    /// Makes it known to the client, by its name, and says how it is to be asked how it is. What the service has turned off is told.
    pub(crate) fn declare(self, name: &str, client: &Client, without: &Without) -> Result<Option<Check>, String> {
        for guard in turned_off(&self.rules) {
            tracing::warn!(dependency = name, guard, "turned off by the service");
        }
        client.balanced(name, without.endpoints(self.endpoints), without.rules(self.rules), self.cluster)?;
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
