//! The instances of a dependency: each attempt of a call goes to one of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use resilience::balance::Instance;
use resilience::cluster::{Ejected, Picked};
use resilience::discovery::{Discover, File, follow};
use resilience::{Classify, Cluster, ClusterRules, Deadline, InvalidRules, Outcome};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;
use vitals::{Bus, Registry};

use crate::connector::Dial;
use crate::credentials::shown;
use crate::endpoints::{Endpoints, Found, InstanceAddress};
use crate::names::{Asked, Names};
use crate::outgoing::Outgoing;
use crate::resolver::{Resolver, ResolverError};
use crate::{ByResponse, Error, Response};

/// Average period of the checks of an instances file.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// Reason why instances cannot be followed.
#[derive(Debug)]
pub(crate) enum FollowError {
    /// The rules make no sense.
    Rules(InvalidRules),
    /// Names cannot be looked up.
    Names(ResolverError),
}

/// Instances of a dependency that calls can go to.
#[derive(Debug)]
pub(crate) struct Instances {
    cluster: Arc<Cluster<InstanceAddress>>,
    led: Led,
    bus: OnceLock<Bus>,
    /// Task that follows changes; none if the endpoints cannot change.
    following: Option<JoinHandle<()>>,
}

/// Way in which a call reaches its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Led {
    /// Its URL names the instance.
    Url,
    /// Its URL keeps the name of the dependency, for `Host` and the certificate; the connection goes to the instance's address.
    Address,
    /// Its URL names the instance, whose name is absolute: no search list is used for it.
    AbsoluteName,
}

/// The instances that a call has been to.
#[derive(Debug, Default)]
pub(crate) struct VisitedInstances(Mutex<Vec<InstanceAddress>>);

impl Instances {
    /// Follows the source of the endpoints until it is dropped; none for a single place, which has nothing to follow.
    ///
    /// # Errors
    /// Invalid rules, or names that cannot be looked up.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where there is something to follow.
    pub(crate) fn follow(
        name: &str,
        endpoints: &Endpoints,
        rules: ClusterRules,
        resolver: &Resolver,
    ) -> Result<Option<Self>, FollowError> {
        let url = endpoints.url();
        let cluster = Arc::new(Cluster::new(name, rules, Instant::now()).map_err(FollowError::Rules)?);
        let names = |asked, server: &Option<SocketAddr>| {
            Names::new(asked, server.map_or_else(|| resolver.clone(), Resolver::of_server)).map_err(FollowError::Names)
        };
        let (led, following) = match &endpoints.found {
            Found::One => return Ok(None),
            Found::List(list) => {
                let instances: Vec<_> = list.iter().cloned().map(Instance::new).collect();
                #[cfg(feature = "without-guards")]
                let instances = crate::restricted::restrict(endpoints, instances);
                cluster.replace(instances, Instant::now()).map_err(FollowError::Rules)?;
                (Led::Url, None)
            }
            Found::File(path) => (Led::Url, Some(spawn(&cluster, endpoints, File::new(path, LOOK)))),
            Found::Addresses { resolver } => {
                let asked = Asked::Addresses(domain(url), url.port_or_known_default().unwrap_or(80));
                (Led::Address, Some(spawn(&cluster, endpoints, names(asked, resolver)?)))
            }
            Found::Services { resolver } => {
                let asked = Asked::Services(domain(url));
                (Led::AbsoluteName, Some(spawn(&cluster, endpoints, names(asked, resolver)?)))
            }
        };
        Ok(Some(Self { cluster, led, bus: OnceLock::new(), following }))
    }

    /// Shows the instances in the table `instance`, and publishes ejections.
    pub(crate) fn register(&self, registry: &Registry) {
        if self.bus.set(registry.bus().clone()).is_ok() {
            registry.register(Arc::clone(&self.cluster));
        }
    }

    /// One attempt at one instance, another than those that the call has been to where another is well. Cancel-safe: an attempt that is
    /// dropped after half of its time counts as a failure of its instance, and one that is dropped sooner does not.
    pub(crate) async fn attempt<F>(
        &self,
        mut out: Outgoing,
        until: Deadline,
        tried: &VisitedInstances,
        exchange: impl FnOnce(Outgoing, Option<Dial>) -> F,
    ) -> Result<Response, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        let now = Instant::now();
        let picked = tried.next(&self.cluster, now, out.url.path());
        let Some(picked) = picked else {
            let why = self.cluster.stale().map(|why| format!(": {why}")).unwrap_or_default();
            let cause = format!("no instance of {} is known{why}", self.cluster.name());
            return Err(Error::Connect { url: shown(&out.url), cause });
        };
        let dial = self.led.lead(&mut out.url, picked.address());
        let trying = InstanceAttempt { instances: self, picked: Some(picked), begun: now, until };
        let answer = exchange(out, dial).await;
        trying.end(ByResponse.classify(&answer));
        answer
    }

    /// Returns this URL at each of the instances, and the target of its connections.
    pub(crate) fn urls(&self, url: &Url) -> Vec<(Url, Option<Dial>)> {
        let at = |seen: resilience::cluster::Seen<InstanceAddress>| {
            let mut url = url.clone();
            let dial = self.led.lead(&mut url, &seen.instance.address);
            (url, dial)
        };
        self.cluster.seen(Instant::now()).into_iter().map(at).collect()
    }

    fn tell(&self, ejected: Vec<Ejected<InstanceAddress>>) {
        let Some(bus) = self.bus.get() else { return };
        for Ejected { address, sign, lasts } in ejected {
            bus.publish(
                "instance",
                self.cluster.name(),
                "ejected",
                format!("{address} for {lasts:.1?}: {}", sign.as_str()),
            );
        }
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        self.following.iter().for_each(JoinHandle::abort);
    }
}

impl VisitedInstances {
    fn next(&self, cluster: &Cluster<InstanceAddress>, now: Instant, key: &str) -> Option<Picked<InstanceAddress>> {
        // A list of addresses is whole whatever happened to the thread that held the lock. It grows by one an attempt.
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let picked = cluster.pick_but(now, key, &tried)?;
        tried.push(picked.address().clone());
        Some(picked)
    }
}

/// An attempt that is under way.
struct InstanceAttempt<'a> {
    instances: &'a Instances,
    picked: Option<Picked<InstanceAddress>>,
    begun: Instant,
    until: Deadline,
}

impl InstanceAttempt<'_> {
    fn end(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(picked) = self.picked.take() {
            self.instances.tell(picked.done(outcome, self.begun.elapsed()));
        }
    }
}

impl Drop for InstanceAttempt<'_> {
    fn drop(&mut self) {
        // Where half of its time has passed the instance is slow, whoever gave up: the policy's breaker counts it so too.
        let half = self.until.at().saturating_duration_since(self.begun) / 2;
        let late = self.begun.elapsed() >= half;
        self.settle(if late { Outcome::Failure } else { Outcome::Cancelled });
    }
}

impl Led {
    /// Makes a URL lead to this instance, and returns the target of its connections if that differs.
    fn lead(self, url: &mut Url, at: &InstanceAddress) -> Option<Dial> {
        let port = at.port().or(url.port_or_known_default()).unwrap_or(80);
        if self != Self::Address {
            // Neither fails for http and https; the address was read from a URL, a file or records, and is whole.
            let _ = url.set_host(Some(at.host()));
            let _ = url.set_port(at.port());
        }
        match self {
            Self::Url => None,
            Self::Address => Some(Dial { host: at.host().to_owned(), port }),
            Self::AbsoluteName => Some(Dial { host: format!("{}.", at.host()), port }),
        }
    }
}

fn domain(url: &Url) -> String {
    url.domain().unwrap_or_default().to_owned()
}

/// Follows `source` in a task of its own.
fn spawn(
    cluster: &Arc<Cluster<InstanceAddress>>,
    endpoints: &Endpoints,
    source: impl Discover<InstanceAddress> + 'static,
) -> JoinHandle<()> {
    #[cfg(feature = "without-guards")]
    let source = crate::restricted::Restricted::new(source, endpoints);
    #[cfg(not(feature = "without-guards"))]
    let _ = endpoints;
    let cluster = Arc::clone(cluster);
    tokio::spawn(async move { follow(&cluster, source).await })
}
