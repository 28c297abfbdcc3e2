//! A declared dependency as its callers use it.

use std::sync::Arc;

use http::Method;
use resilience::Policy;
use url::Url;

use crate::call::Call;
use crate::client::Client;
use crate::peers::Peer;
use crate::place::url_below;
use crate::response::ByResponse;

/// A declared dependency, to be called by path.
///
/// Paths begin with a slash and are joined to the path of the dependency's URL: of one at `http://gateway/payments`, `/v1/rates` is
/// `http://gateway/payments/v1/rates`. A path that would lead out of it is an error of the call.
#[derive(Clone, Debug)]
pub struct Dependency<'c> {
    client: &'c Client,
    name: String,
    /// None when no dependency of this name is declared.
    peer: Option<Arc<Peer>>,
}

impl Client {
    /// Returns the dependency of this name. Without one, calls to it fail with [`crate::Error::Malformed`], which names it.
    pub fn dependency(&self, name: &str) -> Dependency<'_> {
        Dependency { client: self, name: name.to_owned(), peer: self.peers.dependency(name) }
    }
}

impl<'c> Dependency<'c> {
    /// Begins a GET of this path, such as `/v1/rate?day=1`. It is retried by default.
    pub fn get(&self, path: &str) -> Call<'c> {
        self.call(Method::GET, path)
    }

    /// Begins a POST to this path. It is retried only with an idempotency key ([`Call::idempotency_key`]).
    pub fn post(&self, path: &str) -> Call<'c> {
        self.call(Method::POST, path)
    }

    /// Begins a PUT to this path. It is retried by default, as PUT is idempotent.
    pub fn put(&self, path: &str) -> Call<'c> {
        self.call(Method::PUT, path)
    }

    /// Begins a DELETE of this path. It is retried by default, as DELETE is idempotent.
    pub fn delete(&self, path: &str) -> Call<'c> {
        self.call(Method::DELETE, path)
    }

    /// Begins a call of any method to this path, which may have a query. A dependency that is not declared and a path that leads out of its URL
    /// are [`Error::Malformed`](crate::Error::Malformed) of the call.
    pub fn call(&self, method: Method, path: &str) -> Call<'c> {
        let Some(peer) = &self.peer else {
            // A name that is not declared may be anything: it is no host.
            let nowhere: Url = "http://undeclared.invalid/".parse().expect("a URL");
            let cause = format!("no dependency is declared as {:?}", self.name);
            return Call::new(self.client, method, &nowhere).malformed(cause);
        };
        match url_below(peer.url(), path) {
            Ok(url) => Call::new(self.client, method, &url).to(Arc::clone(peer)),
            Err(cause) => Call::new(self.client, method, peer.url()).malformed(cause),
        }
    }

    /// Its policy; none where nothing of this name is declared.
    pub fn policy(&self) -> Option<Policy<ByResponse>> {
        self.peer.as_ref().map(|peer| peer.policy().clone())
    }
}
