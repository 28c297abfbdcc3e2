//! The client: connections, bounds and policies that all its calls share.

use std::sync::Arc;

use resilience::{Deadline, Policy};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vitals::Registry;

use crate::bounds::Bounds;
use crate::declaration::{Declaration, DeclareError};
use crate::instances::{FollowError, Instances};
use crate::peers::Peers;
use crate::resolver::Resolver;
use crate::response::ByResponse;
use crate::tls::Tls;
use crate::transport::Transport;

/// Makes calls; one for a whole service. Cheap to clone; clones share connections and policies.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) transport: Transport,
    pub(crate) bounds: Bounds,
    pub(crate) peers: Arc<Peers>,
    tls: Tls,
    resolver: Resolver,
    http2: bool,
    all: Arc<Semaphore>,
}

/// Options of a [`Client`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    bounds: Bounds,
    tls: Tls,
    resolver: Resolver,
    http2: bool,
}

impl ClientBuilder {
    /// Sets the bounds of each call. Default [`Bounds::default`].
    pub fn bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Sets the trusted authorities and the client certificate. Default: the authorities that browsers trust.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// Sets the resolver for names. Default [`Resolver::host`].
    pub fn resolver(self, resolver: Resolver) -> Self {
        Self { resolver, ..self }
    }

    /// Speaks HTTP/2 only, also without TLS (RFC 9113, 3.3, prior knowledge). For one dependency: [`Declaration::http2_prior_knowledge`].
    pub fn http2_prior_knowledge(self) -> Self {
        Self { http2: true, ..self }
    }

    /// The client.
    pub fn build(self) -> Client {
        let Self { bounds, tls, resolver, http2 } = self;
        let config = tls.config().expect("a certificate is checked when it is given");
        let transport = Transport::new(&bounds, config, resolver.clone(), http2);
        let most = usize::try_from(bounds.at_once.max(1)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Client { transport, bounds, peers: Arc::default(), tls, resolver, http2, all: Arc::new(Semaphore::new(most)) }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

impl Client {
    /// Creates a client whose calls have these bounds unless they set their own. It speaks HTTP/2 when TLS agrees on it, and HTTP/1.1 otherwise,
    /// and trusts the authorities that browsers trust.
    pub fn new(bounds: Bounds) -> Self {
        Self::builder().bounds(bounds).build()
    }

    /// A client with other options.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Shows how the calls go, by peer, in the registry: the tables `client` and `policy`.
    pub fn register(&self, registry: &Registry) {
        self.peers.register(registry);
    }

    /// Declares a dependency. Its calls are those made through [`Client::dependency`], and those to URLs at or below [`crate::Endpoints::url`];
    /// when several dependencies cover a URL, the one with the longest path applies. Returns the policy, which is the handle to read it, change
    /// it and give it orders.
    ///
    /// With several instances, each attempt of a call goes to another instance ([`resilience::ClusterRules::default`]: the less loaded of two;
    /// failing instances are ejected temporarily).
    ///
    /// # Errors
    /// [`DeclareError`]: a name or URL that is taken, rules that make no sense, names that cannot be looked up.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where instances are looked up.
    pub fn declare(&self, declaration: Declaration) -> Result<Policy<ByResponse>, DeclareError> {
        declaration.check_name()?;
        let name = || declaration.name.clone();
        let transport = self.own_transport(&declaration)?;
        let instances =
            Instances::follow(&declaration.name, &declaration.endpoints, declaration.cluster.clone(), &self.resolver);
        let instances = instances.map_err(|error| match error {
            FollowError::Rules(cause) => DeclareError::Rules { name: name(), cause },
            FollowError::Names(cause) => DeclareError::Names { name: name(), cause },
        })?;
        self.peers.declare(declaration, instances, transport)
    }

    /// Returns a transport of its own for a dependency that needs other connections than the client's.
    fn own_transport(&self, declaration: &Declaration) -> Result<Option<Transport>, DeclareError> {
        if declaration.tls.is_none() && declaration.http2 == self.http2 {
            return Ok(None);
        }
        let config = declaration.tls.as_ref().unwrap_or(&self.tls).config();
        let config = config.map_err(|cause| DeclareError::Tls { name: declaration.name.clone(), cause })?;
        let http2 = declaration.http2 || self.http2;
        Ok(Some(Transport::new(&self.bounds, config, self.resolver.clone(), http2)))
    }

    /// The policy of this name: a dependency's own, or scheme, host and port of a peer that was not declared, such as `http://bank:81`.
    pub fn policy(&self, name: &str) -> Option<Policy<ByResponse>> {
        self.peers.policy(name)
    }

    /// Acquires a permit among all calls of this client, and waits for it as long as the call has; none where it has no more time.
    pub(crate) async fn enter(&self, until: Deadline) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        tokio::time::timeout_at(until.at(), Arc::clone(&self.all).acquire_owned()).await.ok()?.ok()
    }
}
