//! The instances of a dependency: each attempt of a call goes to one of them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::uri::Authority;
use http::{HeaderValue, header};
use resilience::balance::Instance;
use resilience::cluster::{Ejected, Picked};
use resilience::discovery::{Discover, File, follow};
use resilience::{Attempt, Classify, Cluster, ClusterRules, Deadline, Outcome};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;
use vitals::{Bus, Registry};

use crate::endpoints::{Endpoints, Found, authority};
use crate::names::{Asked, Names};
use crate::transport::{Outgoing, Transport, shown};
use crate::{Bounds, ByResponse, Error, Response};

/// How often a file of instances is looked at, on average.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// Where a dependency's calls can go.
#[derive(Debug)]
pub(crate) struct Instances {
    cluster: Arc<Cluster<Authority>>,
    /// What calls are made to, where their host is not the instance's own name.
    host: Option<HeaderValue>,
    bus: OnceLock<Bus>,
    /// None where nothing can change.
    following: Option<JoinHandle<()>>,
}

/// The instances that a call has been to.
#[derive(Debug, Default)]
pub(crate) struct VisitedInstances(Mutex<Vec<Authority>>);

impl Instances {
    /// Follows where the endpoints say, until it is dropped; none where there is one place and nothing to follow.
    ///
    /// # Errors
    /// What makes no sense in the rules, or why names cannot be looked up.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where there is something to follow.
    pub(crate) fn follow(name: &str, endpoints: &Endpoints, rules: ClusterRules) -> Result<Option<Self>, String> {
        let url = endpoints.url();
        let mut host = None;
        let cluster = Arc::new(Cluster::new(name, rules, Instant::now()).map_err(|invalid| invalid.to_string())?);
        let following = match &endpoints.found {
            Found::One => return Ok(None),
            Found::List(list) => {
                let instances: Vec<_> = list.iter().cloned().map(Instance::new).collect();
                #[cfg(feature = "without-guards")]
                let instances = crate::restricted::restrict(endpoints, instances);
                cluster.replace(instances, Instant::now()).map_err(|invalid| invalid.to_string())?;
                None
            }
            Found::File(path) => Some(spawn(&cluster, endpoints, File::new(path, LOOK))),
            Found::Addresses { resolver } => {
                host = HeaderValue::from_str(authority(url)?.as_str()).ok();
                let asked = Asked::Addresses(domain(url), url.port_or_known_default().unwrap_or(80));
                Some(spawn(&cluster, endpoints, Names::new(asked, *resolver)?))
            }
            Found::Services { resolver } => {
                Some(spawn(&cluster, endpoints, Names::new(Asked::Services(domain(url)), *resolver)?))
            }
        };
        Ok(Some(Self { cluster, host, bus: OnceLock::new(), following }))
    }

    /// Shows the instances in the table `instance`, and publishes who is ejected.
    pub(crate) fn register(&self, registry: &Registry) {
        if self.bus.set(registry.bus().clone()).is_ok() {
            registry.register(Arc::clone(&self.cluster));
        }
    }

    /// One attempt at one instance, another than those that the call has been to where another is well. Cancel-safe: an attempt that is
    /// dropped after half of its time counts as a failure of its instance, and one that is dropped sooner does not.
    pub(crate) async fn exchange(
        &self,
        transport: &Transport,
        mut out: Outgoing,
        bounds: &Bounds,
        attempt: Attempt,
        tried: &VisitedInstances,
    ) -> Result<Response, Error> {
        let until = attempt.deadline.unwrap_or_else(|| Deadline::after_or_current(bounds.total));
        let now = Instant::now();
        let picked = tried.next(&self.cluster, now, out.url.path());
        let Some(picked) = picked else {
            let why = self.cluster.stale().map(|why| format!(": {why}")).unwrap_or_default();
            let cause = format!("no instance of {} is known{why}", self.cluster.name());
            return Err(Error::Connect { url: shown(&out.url), cause });
        };
        lead(&mut out.url, picked.address());
        if let Some(host) = &self.host {
            out.headers.entry(header::HOST).or_insert_with(|| host.clone());
        }
        let trying = InstanceAttempt { instances: self, picked: Some(picked), begun: now, until };
        let answer = transport.exchange(out, bounds, until).await;
        trying.end(ByResponse.classify(&answer));
        answer
    }

    /// This URL at each of them.
    pub(crate) fn urls(&self, url: &Url) -> Vec<Url> {
        let at = |seen: resilience::cluster::Seen<Authority>| {
            let mut url = url.clone();
            lead(&mut url, &seen.instance.address);
            url
        };
        self.cluster.seen(Instant::now()).into_iter().map(at).collect()
    }

    fn tell(&self, ejected: Vec<Ejected<Authority>>) {
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
    fn next(&self, cluster: &Cluster<Authority>, now: Instant, key: &str) -> Option<Picked<Authority>> {
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
    picked: Option<Picked<Authority>>,
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

/// Makes a URL lead to this instance.
fn lead(url: &mut Url, at: &Authority) {
    // Neither fails for http and https; the authority was read from a URL, a file or records, and is whole.
    let _ = url.set_host(Some(at.host()));
    let _ = url.set_port(at.port_u16());
}

fn domain(url: &Url) -> String {
    url.domain().unwrap_or_default().to_owned()
}

/// Follows `source` in a task of its own.
fn spawn(
    cluster: &Arc<Cluster<Authority>>,
    endpoints: &Endpoints,
    source: impl Discover<Authority> + 'static,
) -> JoinHandle<()> {
    #[cfg(feature = "without-guards")]
    let source = crate::restricted::Restricted::new(source, endpoints);
    #[cfg(not(feature = "without-guards"))]
    let _ = endpoints;
    let cluster = Arc::clone(cluster);
    tokio::spawn(async move { follow(&cluster, source).await })
}
