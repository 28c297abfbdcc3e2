//! The peers of the client: a policy for each, and the vitals of its calls.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resilience::Policy;
use url::Url;
use vitals::{Registry, Source, Table, TableRow};

use crate::attempts::{AllAttempts, Attempts};
use crate::connector::Dial;
use crate::credentials::Credentials;
use crate::declaration::{Declaration, DeclareError};
use crate::instances::Instances;
use crate::peer_counts::{CLIENT, Counts};
use crate::place::covers;
use crate::rules::{default_rules, other_rules};
use crate::transport::Transport;
use crate::{ByResponse, Error};

/// Number of peers with policies and metrics of their own; calls to further ones are counted together, as `other`.
const MAX_PEERS: usize = 64;

/// The name of all further ones together.
const OTHER: &str = "other";

/// All peers of the client.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: Mutex<Known>,
    attempts: Arc<AllAttempts>,
}

#[derive(Debug, Default)]
struct Known {
    /// Declared peers by name.
    declared: BTreeMap<String, Arc<Peer>>,
    /// Other peers by scheme, host and port.
    undeclared: BTreeMap<String, Arc<Peer>>,
    registry: Option<Registry>,
}

/// One peer.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    /// Base URL, without credentials.
    url: Url,
    /// Credentials for calls without their own.
    credentials: Option<Credentials>,
    policy: Policy<ByResponse>,
    /// Instances, when there are several.
    instances: Option<Instances>,
    /// Its own connections, where they are not the client's.
    transport: Option<Transport>,
    counts: Counts,
    attempts: Arc<Attempts>,
}

/// A call that is counted as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Peer>);

impl Peers {
    /// The dependency that covers this URL with the longest path, or else the peer at its origin, made known by its first call.
    pub(crate) fn of(&self, url: &Url) -> Arc<Peer> {
        let mut known = self.known();
        let covering = known.declared.values().filter(|peer| covers(&peer.url, url));
        if let Some(peer) = covering.max_by_key(|peer| peer.url.path().trim_end_matches('/').len()) {
            return Arc::clone(peer);
        }
        let origin = url.origin().ascii_serialization();
        if let Some(peer) = known.undeclared.get(&origin) {
            return Arc::clone(peer);
        }
        let (name, rules) = match known.declared.len() + known.undeclared.len() < MAX_PEERS {
            true => (origin, default_rules()),
            false => (OTHER.to_owned(), other_rules()),
        };
        if let Some(peer) = known.undeclared.get(&name) {
            return Arc::clone(peer);
        }
        let policy = Policy::new(name.as_str(), rules).expect("the default rules make sense");
        let root = url.join("/").unwrap_or_else(|_| url.clone());
        let attempts = self.attempts.add(&name);
        let counts = Counts::new(Arc::default());
        let peer = Peer::new(name, root, None, policy.classified(ByResponse), (None, None), (counts, attempts));
        let peer = known.shown(peer);
        known.undeclared.insert(peer.name.clone(), Arc::clone(&peer));
        peer
    }

    /// Declares a dependency, whose calls are guarded by its rules from now on.
    ///
    /// # Errors
    /// Invalid rules, a name or URL that is taken, or too many dependencies.
    pub(crate) fn declare(
        &self,
        declaration: Declaration,
        instances: Option<Instances>,
        transport: Option<Transport>,
    ) -> Result<Policy<ByResponse>, DeclareError> {
        let Declaration { name, endpoints, rules, objectives, .. } = declaration;
        let policy =
            Policy::new(name.as_str(), rules).map_err(|cause| DeclareError::Rules { name: name.clone(), cause })?;
        let mut known = self.known();
        if known.declared.contains_key(&name) {
            return Err(DeclareError::Twice { name });
        }
        let url = endpoints.url();
        if let Some(first) = known.declared.values().find(|peer| covers(&peer.url, url) && covers(url, &peer.url)) {
            return Err(DeclareError::SameUrl { first: first.name.clone(), name, url: url.to_string() });
        }
        if known.declared.len() + known.undeclared.len() >= MAX_PEERS {
            return Err(DeclareError::TooMany { name, most: MAX_PEERS });
        }
        let (url, credentials) = (url.clone(), endpoints.credentials);
        let attempts = self.attempts.add(&name);
        let counts = Counts::new(objectives);
        let peer = Peer::new(
            name,
            url,
            credentials,
            policy.classified(ByResponse),
            (instances, transport),
            (counts, attempts),
        );
        let peer = known.shown(peer);
        known.declared.insert(peer.name.clone(), Arc::clone(&peer));
        Ok(peer.policy.clone())
    }

    /// Shows every policy, also of those that come later.
    pub(crate) fn register(self: &Arc<Self>, registry: &Registry) {
        registry.register(Arc::clone(self));
        registry.register(Arc::clone(&self.attempts));
        let mut known = self.known();
        for peer in known.all() {
            peer.register(registry);
        }
        known.registry = Some(registry.clone());
    }

    /// The dependency of this name.
    pub(crate) fn dependency(&self, name: &str) -> Option<Arc<Peer>> {
        self.known().declared.get(name).cloned()
    }

    /// The policy of this name.
    pub(crate) fn policy(&self, name: &str) -> Option<Policy<ByResponse>> {
        let known = self.known();
        let peer = known.declared.get(name).or_else(|| known.undeclared.get(name));
        peer.map(|peer| peer.policy.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map of counters and policies is whole whatever happened to the thread that held the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn all(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.declared.values().chain(self.undeclared.values())
    }

    fn shown(&self, peer: Peer) -> Arc<Peer> {
        if let Some(registry) = &self.registry {
            peer.register(registry);
        }
        Arc::new(peer)
    }
}

impl Peer {
    fn new(
        name: String,
        url: Url,
        credentials: Option<Credentials>,
        policy: Policy<ByResponse>,
        (instances, transport): (Option<Instances>, Option<Transport>),
        (counts, attempts): (Counts, Arc<Attempts>),
    ) -> Self {
        Self { name, url, credentials, policy, instances, transport, counts, attempts }
    }

    /// Returns the policy that guards the calls.
    pub(crate) fn policy(&self) -> &Policy<ByResponse> {
        &self.policy
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the base URL.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the credentials for calls without their own.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Its own connections, where they are not the client's.
    pub(crate) fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }

    /// Returns this URL at each current instance, and the target of its connections.
    pub(crate) fn everywhere(&self, url: &Url) -> Vec<(Url, Option<Dial>)> {
        self.instances.as_ref().map_or_else(|| vec![(url.clone(), None)], |instances| instances.urls(url))
    }

    /// Returns the instances, when there are several.
    pub(crate) fn instances(&self) -> Option<&Instances> {
        self.instances.as_ref()
    }

    fn register(&self, registry: &Registry) {
        self.policy.register(registry);
        self.instances.iter().for_each(|instances| instances.register(registry));
    }

    /// Returns the durations of its attempts.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Counts a call from now on.
    pub(crate) fn begin(self: &Arc<Self>) -> Counted {
        self.counts.in_flight.fetch_add(1, Relaxed);
        Counted(Arc::clone(self))
    }

    /// Notes that a call or a health check has ended.
    pub(crate) fn has_been_checked(&self) {
        self.counts.checked.note();
    }
}

impl Counted {
    /// Counts the outcome.
    pub(crate) fn end(&self, outcome: Result<http::StatusCode, &Error>, took: Duration) {
        self.0.counts.end(outcome, took);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counts.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Source for Peers {
    fn table(&self) -> &'static Table {
        &CLIENT
    }

    fn rows(&self) -> Vec<TableRow> {
        let peers: Vec<Arc<Peer>> = self.known().all().cloned().collect();
        peers.iter().map(|peer| peer.counts.row(&peer.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use vitals::TableValue;

    use super::*;
    use crate::Endpoints;

    fn url(host: &str) -> Url {
        format!("http://user:secret@{host}/path?token=secret").parse().expect("a URL")
    }

    #[test]
    fn a_call_is_in_flight_until_it_ends_or_is_dropped() {
        let peers = Peers::default();
        let call = peers.of(&url("bank:80")).begin();
        assert_eq!(peers.rows()[0][..2], [TableValue::text("http://bank"), TableValue::from(1)]);
        let error = Error::Timeout { url: String::new(), what: "first byte", bound: Duration::from_secs(1) };
        call.end(Err(&error), Duration::from_secs(1));
        drop(call);
        drop(peers.of(&url("bank:80")).begin());
        let row = &peers.rows()[0];
        assert_eq!(row[1..4], [TableValue::from(0), TableValue::from(0), TableValue::from(1)]);
        assert_eq!(row[6], TableValue::text("timeout"));
        assert!(row[7].number().is_some_and(|age| age >= 0.0), "{row:?}");
    }

    fn declare(peers: &Peers, name: &str, url: &str) -> Result<Policy<ByResponse>, DeclareError> {
        let endpoints: Endpoints = url.parse().expect("an endpoint");
        peers.declare(Declaration::new(name, endpoints), None, None)
    }

    #[test]
    fn peers_over_the_bound_are_counted_together_and_do_not_shut_each_other_out() {
        let peers = Peers::default();
        for number in 0..MAX_PEERS + 10 {
            drop(peers.of(&url(&format!("host-{number}:81"))).begin());
        }
        assert_eq!(peers.rows().len(), MAX_PEERS + 1);
        let other = peers.of(&url("one-more:81")).policy().rules();
        assert!(other.breaker.is_none() && other.bulkhead.is_none());
        assert!(declare(&peers, "late", "http://late:81").unwrap_err().to_string().contains("at most 64"));
    }

    #[test]
    fn a_declared_peer_is_found_by_its_name_and_shown_by_it() {
        let (peers, registry) = (Arc::new(Peers::default()), Registry::new());
        peers.register(&registry);
        declare(&peers, "rail", "http://bank").expect("rules");
        assert_eq!(peers.of(&url("bank:80")).policy().name(), "rail");
        assert!(peers.policy("rail").is_some() && peers.policy("bank").is_none());
        let policies = registry.snapshot().into_iter().find(|table| table.table.name == "policy").expect("a table");
        assert_eq!(policies.rows[0][0], TableValue::text("rail"));
    }

    #[test]
    fn a_dependency_is_a_name_and_its_calls_are_those_below_its_url() {
        let peers = Peers::default();
        for (name, url) in [
            ("payments", "http://gw/payments"),
            ("refunds", "http://gw/payments/refunds/"),
            ("fraud", "http://gw/fraud"),
            ("secure", "https://gw"),
        ] {
            declare(&peers, name, url).expect("each is another place");
        }
        for (text, name) in [
            ("http://gw/payments/v1", "payments"),
            ("http://gw/payments/refunds/7", "refunds"),
            ("http://gw/payments/refunds", "refunds"),
            ("http://gw:80/fraud?x", "fraud"),
            ("https://gw/payments/v1", "secure"),
            ("http://gw/fraudulent", "http://gw"),
            ("http://gw:443/", "http://gw:443"),
        ] {
            assert_eq!(peers.of(&text.parse().expect("a URL")).policy().name(), name, "{text}");
        }
    }

    #[test]
    fn duplicate_and_misnamed_dependencies_are_refused() {
        let peers = Peers::default();
        declare(&peers, "bank", "http://gw/bank").expect("the first");
        for (name, url, word) in [
            ("bank", "http://elsewhere", "declared twice"),
            ("other-bank", "http://svc:SECRET@gw:80/bank/", "bank and other-bank are both at http://gw/bank/"),
        ] {
            let told = declare(&peers, name, url).unwrap_err();
            assert!(told.to_string().contains(word) && !format!("{told:?}").contains("SECRET"), "{told}");
        }
        for name in ["", "other", "a/b", "http://bank", "a b", &"x".repeat(65)] {
            let endpoints: Endpoints = "http://new".parse().expect("an endpoint");
            assert!(Declaration::new(name, endpoints).check_name().is_err(), "{name:?}");
        }
    }
}
