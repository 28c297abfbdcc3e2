//! The peers of the client: a policy for each, and the vitals of its calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resilience::policy::TimeoutRules;
use resilience::{Policy, Rules};
use url::Url;
use vitals::{Column, Histogram, Registry, Source, Table, TableRow, TableValue};

use crate::instances::Instances;
use crate::{ByResponse, Error};

/// Peers told apart, and guarded apart; calls to further ones are counted together, as `other`.
const MAX_PEERS: usize = 64;

const CLIENT: Table = Table {
    name: "client",
    help: "Calls made, by the peer they were made to.",
    columns: &[
        Column::label("peer", "Host and port."),
        Column::gauge("calls_in_flight", "Calls that have not ended."),
        Column::counter("calls_answered", "Calls that were answered, whatever the status."),
        Column::counter("calls_failed", "Calls that have no whole answer."),
        Column::counter("answers_5xx", "Answers of 500 and above."),
        Column::duration("call_duration", "From the call to its end."),
        Column::state("last_failure", "Why the last call that failed has no answer; empty once one is answered."),
    ],
};

/// Everybody that is called.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    peers: BTreeMap<String, Arc<Peer>>,
    registry: Option<Registry>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Peer {
    origin: String,
    /// What its calls go to, without a path.
    url: Url,
    policy: Policy<ByResponse>,
    /// Where its calls go, when there is more than one place.
    instances: Option<Instances>,
    in_flight: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    durations: Histogram,
    last_failure: Mutex<&'static str>,
}

/// A call that is counted as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Peer>);

/// What guards calls to a peer of which nothing was said. Calls bring their own deadlines.
pub fn default_rules() -> Rules {
    // The first byte has a bound of its own.
    let timeout = Some(TimeoutRules::default().at_most(Duration::MAX));
    Rules::default().deadline(None).timeout(timeout)
}

/// What guards calls to all those for whom there is no policy of their own: they have nothing in common but the bounds.
fn other_rules() -> Rules {
    default_rules().breaker(None).bulkhead(None)
}

impl Peers {
    /// Whom this URL belongs to; made known by its first call.
    pub(crate) fn of(&self, url: &Url) -> Arc<Peer> {
        let origin = origin(url);
        let mut known = self.known();
        if let Some(peer) = known.peers.get(&origin) {
            return Arc::clone(peer);
        }
        let (origin, rules) = match known.peers.len() < MAX_PEERS {
            true => (origin, default_rules()),
            false => ("other".to_owned(), other_rules()),
        };
        if let Some(peer) = known.peers.get(&origin) {
            return Arc::clone(peer);
        }
        let policy = Policy::new(origin.as_str(), rules).expect("the default rules make sense");
        known.add(origin, url, policy, None)
    }

    /// Names whom the URL belongs to, and says what guards its calls from now on.
    ///
    /// # Errors
    /// What makes no sense in the rules, or that there are too many.
    pub(crate) fn declare(
        &self,
        name: &str,
        url: &Url,
        rules: Rules,
        instances: Option<Instances>,
    ) -> Result<Policy<ByResponse>, String> {
        let origin = origin(url);
        let policy = Policy::new(name, rules).map_err(|invalid| invalid.to_string())?;
        let mut known = self.known();
        if known.peers.len() >= MAX_PEERS && !known.peers.contains_key(&origin) {
            return Err(format!("{name}: a client has at most {MAX_PEERS} dependencies"));
        }
        Ok(known.add(origin, url, policy, instances).policy.clone())
    }

    /// Shows every policy, also of those that come later.
    pub(crate) fn register(self: &Arc<Self>, registry: &Registry) {
        registry.register(Arc::clone(self));
        let mut known = self.known();
        for peer in known.peers.values() {
            peer.register(registry);
        }
        known.registry = Some(registry.clone());
    }

    /// The peer whose policy has this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Peer>> {
        self.known().peers.values().find(|peer| peer.policy.name() == name).cloned()
    }

    /// The policy of this name.
    pub(crate) fn policy(&self, name: &str) -> Option<Policy<ByResponse>> {
        self.named(name).map(|peer| peer.policy.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A map of counters and policies is whole whatever happened to the thread that held the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, origin: String, url: &Url, policy: Policy, instances: Option<Instances>) -> Arc<Peer> {
        let peer = Arc::new(Peer::new(&origin, url, policy.classified(ByResponse), instances));
        if let Some(registry) = &self.registry {
            peer.register(registry);
        }
        self.peers.insert(origin, Arc::clone(&peer));
        peer
    }
}

impl Peer {
    fn new(origin: &str, url: &Url, policy: Policy<ByResponse>, instances: Option<Instances>) -> Self {
        Self {
            origin: origin.to_owned(),
            url: url.join("/").unwrap_or_else(|_| url.clone()),
            policy,
            instances,
            in_flight: AtomicU64::default(),
            answered: AtomicU64::default(),
            failed: AtomicU64::default(),
            refused: AtomicU64::default(),
            durations: Histogram::new(),
            last_failure: Mutex::new(""),
        }
    }

    /// What guards its calls.
    pub(crate) fn policy(&self) -> &Policy<ByResponse> {
        &self.policy
    }

    /// What its calls go to.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Each place that its calls can go to now.
    pub(crate) fn everywhere(&self) -> Vec<Url> {
        self.instances.as_ref().map_or_else(|| vec![self.url.clone()], |instances| instances.urls(&self.url))
    }

    /// Where its calls go, when there is more than one place.
    pub(crate) fn instances(&self) -> Option<&Instances> {
        self.instances.as_ref()
    }

    fn register(&self, registry: &Registry) {
        self.policy.register(registry);
        self.instances.iter().for_each(|instances| instances.register(registry));
    }

    /// Counts a call from now on.
    pub(crate) fn begin(self: &Arc<Self>) -> Counted {
        self.in_flight.fetch_add(1, Relaxed);
        Counted(Arc::clone(self))
    }

    fn last_failure(&self) -> MutexGuard<'_, &'static str> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
/// Host and port; the port only where it is not the scheme's own.
fn origin(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

impl Counted {
    /// Counts what came of it.
    pub(crate) fn end(&self, outcome: Result<http::StatusCode, &Error>, took: Duration) {
        let peer = &self.0;
        peer.durations.record(took);
        match outcome {
            Ok(status) => {
                peer.answered.fetch_add(1, Relaxed);
                peer.refused.fetch_add(u64::from(status.is_server_error()), Relaxed);
                *peer.last_failure() = "";
            }
            Err(error) => {
                peer.failed.fetch_add(1, Relaxed);
                *peer.last_failure() = error.kind();
            }
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Source for Peers {
    fn table(&self) -> &'static Table {
        &CLIENT
    }

    fn rows(&self) -> Vec<TableRow> {
        let peers: Vec<Arc<Peer>> = self.known().peers.values().cloned().collect();
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Relaxed));
        let row = |peer: &Arc<Peer>| {
            vec![
                TableValue::text(peer.origin.as_str()),
                count(&peer.in_flight),
                count(&peer.answered),
                count(&peer.failed),
                count(&peer.refused),
                TableValue::from(peer.durations.snapshot()),
                TableValue::text(*peer.last_failure()),
            ]
        };
        peers.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        format!("http://user:secret@{host}/path?token=secret").parse().expect("a URL")
    }

    #[test]
    fn a_call_is_in_flight_until_it_is_dropped_however_it_ends() {
        let peers = Peers::default();
        let call = peers.of(&url("bank:80")).begin();
        assert_eq!(peers.rows()[0][..2], [TableValue::text("bank"), TableValue::from(1)]);
        let error = Error::Timeout { url: String::new(), what: "first byte", bound: Duration::from_secs(1) };
        call.end(Err(&error), Duration::from_secs(1));
        drop(call);
        drop(peers.of(&url("bank:80")).begin());
        let row = &peers.rows()[0];
        assert_eq!(row[1..4], [TableValue::from(0), TableValue::from(0), TableValue::from(1)]);
        assert_eq!(row[6], TableValue::text("timeout"));
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
        assert!(peers.declare("late", &url("late:81"), default_rules(), None).unwrap_err().contains("at most 64"));
        assert!(peers.declare("known", &url("host-3:81"), default_rules(), None).is_ok());
    }

    #[test]
    fn a_declared_peer_is_found_by_its_name_and_shown_by_it() {
        let (peers, registry) = (Arc::new(Peers::default()), Registry::new());
        peers.register(&registry);
        peers.declare("rail", &url("bank:80"), default_rules(), None).expect("rules");
        assert_eq!(peers.of(&url("bank:80")).policy().name(), "rail");
        assert!(peers.policy("rail").is_some() && peers.policy("bank").is_none());
        let policies = registry.snapshot().into_iter().find(|table| table.table.name == "policy").expect("a table");
        assert_eq!(policies.rows[0][0], TableValue::text("rail"));
    }
}
