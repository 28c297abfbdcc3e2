//! A dependency of the service, and the guards of its calls.

use client::{Check, Client, Declaration, DeclareError, Endpoints, Tls, default_rules};
use resilience::{ClusterRules, Rules};
use telemetry::objectives::Objectives;

/// A dependency of the service: its endpoints, and the guards of its calls.
#[derive(Clone, Debug)]
#[must_use = "declare it by Service::dependency"]
pub struct Dependency {
    pub(crate) endpoints: Endpoints,
    pub(crate) rules: Rules,
    pub(crate) cluster: ClusterRules,
    pub(crate) check: Option<Check>,
    tls: Option<Tls>,
    http2: bool,
}

impl Dependency {
    /// Declares an HTTP dependency at these endpoints, such as a URL, guarded by [`client::default_rules`]: three attempts of repeatable calls,
    /// paid from a retry budget; a circuit breaker; 64 calls at a time. With several instances, calls go to the less loaded of two, and failing
    /// instances are ejected temporarily.
    pub fn http(endpoints: impl Into<Endpoints>) -> Self {
        Self {
            endpoints: endpoints.into(),
            rules: default_rules(),
            cluster: ClusterRules::default(),
            check: None,
            tls: None,
            http2: false,
        }
    }

    /// Sets the rules of its calls. [`Rules::NONE`] turns every guard off; each can be turned off by `None`.
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Sets the rules of load balancing and ejection.
    pub fn balanced(self, cluster: ClusterRules) -> Self {
        Self { cluster, ..self }
    }

    /// Adds a periodic health check, so that an open breaker tries calls again as soon as the dependency is healthy.
    pub fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// Sets a private authority, or a client certificate.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Speaks HTTP/2 only, also without TLS (prior knowledge).
    pub fn http2_prior_knowledge(self) -> Self {
        Self { http2: true, ..self }
    }

    /// Logs each guard that the service's code turned off.
    pub(crate) fn log_turned_off(&self, name: &str) {
        for guard in turned_off(&self.rules) {
            tracing::warn!(dependency = name, guard, "turned off by the service");
        }
    }

    /// Declares the dependency to the client by its name, and returns its health check.
    pub(crate) fn declare(
        self,
        name: &str,
        client: &Client,
        objectives: &Objectives,
    ) -> Result<Option<Check>, DeclareError> {
        let declaration = Declaration::new(name, self.endpoints).rules(self.rules).cluster(self.cluster);
        let declaration = declaration.objectives(objectives.of_dependency(name));
        let declaration = if self.http2 { declaration.http2_prior_knowledge() } else { declaration };
        let declaration = if let Some(tls) = self.tls { declaration.tls(tls) } else { declaration };
        client.declare(declaration)?;
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
