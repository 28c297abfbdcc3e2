//! The client: connections, bounds and policies that all its calls share.

use std::sync::Arc;
use std::time::Duration;

use resilience::bulkhead::{Bulkhead, BulkheadRules, Full, Permit, Queueing};
use resilience::{ClusterRules, Deadline, Policy, Rules};
use tokio::time::Instant;
use vitals::Registry;

use crate::bounds::Bounds;
use crate::endpoints::Endpoints;
use crate::instances::Instances;
use crate::peers::Peers;
use crate::response::ByResponse;
use crate::transport::{Roots, Transport};

/// Makes calls; one for a whole service. Cheap to clone; clones share connections and policies.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) transport: Transport,
    pub(crate) bounds: Bounds,
    pub(crate) peers: Arc<Peers>,
    all: Arc<Bulkhead>,
}

impl Client {
    /// A client whose calls have these bounds unless they set their own total. It speaks HTTP/2 where TLS agrees on it, and
    /// HTTP/1.1 elsewhere, and trusts the authorities that browsers trust.
    pub fn new(bounds: Bounds) -> Self {
        let transport = Transport::new(&bounds, &Roots::Public, false).expect("the public roots are well-formed");
        Self::over(transport, bounds)
    }

    /// The same, trusting only the authorities in this PEM: those of a private network, or of a test.
    ///
    /// # Errors
    /// What is wrong with the PEM.
    pub fn trusting(bounds: Bounds, pem: &[u8]) -> Result<Self, String> {
        Ok(Self::over(Transport::new(&bounds, &Roots::Only(pem), false)?, bounds))
    }

    /// The same, for peers that are known to speak HTTP/2 without TLS (RFC 9113, 3.3, prior knowledge).
    pub fn http2(bounds: Bounds) -> Self {
        let transport = Transport::new(&bounds, &Roots::Public, true).expect("the public roots are well-formed");
        Self::over(transport, bounds)
    }

    fn over(transport: Transport, bounds: Bounds) -> Self {
        Self { transport, bounds, peers: Arc::default(), all: Arc::default() }
    }

    /// Shows how the calls go, by peer, in the registry: the tables `client` and `policy`.
    pub fn register(&self, registry: &Registry) {
        self.peers.register(registry);
    }

    /// Names the peer at these endpoints, and says what guards its calls from now on: those to [`Endpoints::url`]. The policy is
    /// the handle by which it is looked at, changed and given orders.
    ///
    /// Where there are many instances each attempt goes to one of them ([`ClusterRules::default`]: least loaded of two, who fails is left
    /// out for a while), another than those that the call has been to.
    ///
    /// # Errors
    /// What makes no sense in the rules, or why names cannot be looked up.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where instances are looked up.
    pub fn dependency(
        &self,
        name: &str,
        endpoints: impl Into<Endpoints>,
        rules: Rules,
    ) -> Result<Policy<ByResponse>, String> {
        self.balanced(name, endpoints, rules, ClusterRules::default())
    }

    /// The same, with other rules for who gets a call.
    ///
    /// # Errors
    /// As [`Client::dependency`].
    ///
    /// # Panics
    /// As [`Client::dependency`].
    pub fn balanced(
        &self,
        name: &str,
        endpoints: impl Into<Endpoints>,
        rules: Rules,
        cluster: ClusterRules,
    ) -> Result<Policy<ByResponse>, String> {
        let endpoints = endpoints.into();
        let instances = Instances::follow(name, &endpoints, cluster)?;
        self.peers.declare(name, endpoints.url(), rules, instances)
    }

    /// The policy of this name: a dependency's own, or a peer's host and port.
    pub fn policy(&self, name: &str) -> Option<Policy<ByResponse>> {
        self.peers.policy(name)
    }

    /// Acquires a permit among all calls of this client, and waits for it as long as the call has.
    pub(crate) async fn enter(&self, until: Deadline) -> Result<Permit<'_>, Full> {
        let permits = self.bounds.at_once.max(1);
        let rules =
            BulkheadRules::default().permits(permits).queue(permits).patience(Duration::MAX).order(Queueing::Fifo);
        self.all.enter(&rules, Some(until.at()), Instant::now()).await
    }
}
