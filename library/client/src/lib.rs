//! The HTTP client: every call ends in time and in bounded memory, is guarded by its peer's policy, and carries the request
//! that it works for.
//!
//! - [`Client`], [`Call`], [`Answer`], [`Error`]: ask, and what comes of it.
//! - [`Bounds`]: what a call may take.
//! - [`Endpoints`]: where a dependency is, with one instance or many.
//! - [`ByAnswer`]: what an answer says about its peer.
//! - `misbehave`, with the feature `testing`: peers that misbehave, for the tests of a caller.
//!
//! A peer is a host and port. The first call to one makes its [`Policy`], with [`default_rules`]; [`Client::dependency`] gives
//! it a name and rules of its own. The request id, the W3C trace context, the deadline (`grpc-timeout`) and the
//! criticality of the running task go with each call. TLS is always verified. No environment variable changes where calls go.
//!
//! ```no_run
//! # async fn call() -> Result<(), evenkeel_client::Error> {
//! let client = evenkeel_client::Client::new(evenkeel_client::Bounds::default());
//! let url = "http://127.0.0.1:9300/v1/payouts".parse().expect("a URL");
//! let call = client.post(&url).idempotency_key("payout-7").json(&serde_json::json!({"amount": 5}));
//! println!("{}", call.send().await?.status);
//! # Ok(()) }
//! ```

mod answer;
mod bounds;
mod call;
mod check;
mod endpoints;
mod error;
mod instances;
#[cfg(feature = "testing")]
pub mod misbehave;
mod names;
mod peers;
mod propagate;
#[cfg(feature = "without-guards")]
mod restricted;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use resilience::bulkhead::{Bulkhead, BulkheadRules, Full, Permit, Queueing};
use resilience::{ClusterRules, Deadline, Policy, Rules};
use tokio::time::Instant;
use url::Url;
use vitals::Registry;

pub use self::answer::{Answer, ByAnswer};
pub use self::bounds::Bounds;
pub use self::call::{Call, MAX_REDIRECTS};
pub use self::check::Check;
pub use self::endpoints::Endpoints;
pub use self::error::Error;
use self::instances::Instances;
use self::peers::Peers;
pub use self::peers::default_rules;
use self::transport::{Roots, Transport};

/// Makes calls; one for a whole service. Cheap to clone; clones share connections and policies.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    bounds: Bounds,
    peers: Arc<Peers>,
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
    /// Where there are many instances each try goes to one of them ([`ClusterRules::default`]: least loaded of two, who fails is left
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
    ) -> Result<Policy<ByAnswer>, String> {
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
    ) -> Result<Policy<ByAnswer>, String> {
        let endpoints = endpoints.into();
        let instances = Instances::follow(name, &endpoints, cluster)?;
        self.peers.declare(name, endpoints.url(), rules, instances)
    }

    /// The policy of this name: a dependency's own, or a peer's host and port.
    pub fn policy(&self, name: &str) -> Option<Policy<ByAnswer>> {
        self.peers.policy(name)
    }

    /// A GET.
    pub fn get(&self, url: &Url) -> Call<'_> {
        self.call(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: &Url) -> Call<'_> {
        self.call(Method::POST, url)
    }

    /// Any method.
    pub fn call(&self, method: Method, url: &Url) -> Call<'_> {
        Call::new(self, method, url, self.bounds)
    }

    /// A place among all calls of this client, waited for as long as the call has.
    async fn enter(&self, until: Deadline) -> Result<Permit<'_>, Full> {
        let permits = self.bounds.at_once.max(1);
        let rules = BulkheadRules { permits, queue: permits, patience: Duration::MAX, order: Queueing::Fifo };
        self.all.enter(&rules, Some(until.at()), Instant::now()).await
    }
}
