//! Instances by DNS: addresses of a name (A, AAAA), or its service records (SRV, RFC 2782).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{RData, Record};
use resilience::balance::{Instance, MAX_WEIGHT};
use resilience::discovery::{Discover, Unknown};
use resilience::{Backoff, Jitter};
use tokio::time::Instant;

use crate::endpoints::InstanceAddress;
use crate::resolver::{Resolver, ResolverError};

/// Bounds for the time that an answer is used, independent of its time to live.
const AT_LEAST: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_secs(300);
/// Wait after a failed lookup, doubled each time.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// Share of the time to live by which lookups come earlier: callers of one name do not refresh in step.
const SOONER: f64 = 0.1;
/// Time to live of a line of the hosts file.
const OF_HOSTS: Duration = Duration::from_secs(5);

/// Kind of the DNS lookup.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Every address of a name, at this port.
    Addresses(String, u16),
    /// The service records of a name.
    Services(String),
}

/// Looks a name up repeatedly. A failed lookup is no answer, and an answer without records is none: the last good one stays.
#[derive(Debug)]
pub(crate) struct Names {
    asked: Asked,
    resolver: Resolver,
    /// Without a cache: the answer in force is the cluster's; a cache below it would make its age unknown.
    dns: TokioResolver,
    /// Time of the next lookup; none for the first.
    due: Option<Instant>,
    /// Failed lookups in a row.
    failed: u32,
    /// Last answer, sorted: an unchanged answer is not reported again.
    said: Option<Vec<(String, u32)>>,
}

impl Names {
    /// Creates a follower that uses this resolver.
    ///
    /// # Errors
    /// Invalid configuration of the resolver.
    pub(crate) fn new(asked: Asked, resolver: Resolver) -> Result<Self, ResolverError> {
        let dns = resolver.uncached()?;
        Ok(Self { asked, resolver, dns, due: None, failed: 0, said: None })
    }

    async fn look(&self) -> Result<(Vec<Instance<InstanceAddress>>, Duration), String> {
        let (instances, lives) = match &self.asked {
            Asked::Addresses(name, port) => {
                let instances = |ips: &mut dyn Iterator<Item = IpAddr>| {
                    ips.map(|ip| Instance::new(SocketAddr::new(ip, *port).into())).collect::<Vec<_>>()
                };
                let known = self.resolver.in_hosts(name);
                if !known.is_empty() {
                    return Ok((instances(&mut known.into_iter()), OF_HOSTS));
                }
                let found = self.dns.lookup_ip(name.as_str()).await.map_err(|error| error.to_string())?;
                (instances(&mut found.iter()), shortest(found.as_lookup().answers()))
            }
            Asked::Services(name) => {
                let found = self.dns.srv_lookup(name.as_str()).await.map_err(|error| error.to_string())?;
                let services = found.answers().iter().filter_map(|record| match &record.data {
                    RData::SRV(service) => Some(service),
                    _ => None,
                });
                (best(&services.collect::<Vec<_>>())?, shortest(found.answers()))
            }
        };
        if instances.is_empty() { Err("the answer has no addresses".to_owned()) } else { Ok((instances, lives)) }
    }
}

impl Discover<InstanceAddress> for Names {
    async fn next(&mut self) -> Result<Vec<Instance<InstanceAddress>>, Unknown> {
        loop {
            if let Some(due) = self.due {
                tokio::time::sleep_until(due).await;
            }
            let looked = self.look().await;
            let now = Instant::now();
            match looked {
                Ok((instances, lives)) => {
                    self.failed = 0;
                    let lives = lives.clamp(AT_LEAST, AT_MOST);
                    self.due = Some(now + lives.mul_f64(1.0 - SOONER * vitals::random_fraction()));
                    let mut said: Vec<_> = instances.iter().map(|one| (one.address.to_string(), one.weight)).collect();
                    said.sort();
                    if self.said.as_ref() != Some(&said) {
                        self.said = Some(said);
                        return Ok(instances);
                    }
                }
                Err(why) => {
                    self.due = Some(now + AT_LEAST / 2 + AGAIN.spread(Jitter::Full).wait(self.failed));
                    self.failed = self.failed.saturating_add(1);
                    // When it is found again it is said again, as whoever follows says that it was lost.
                    self.said = None;
                    let (Asked::Addresses(name, _) | Asked::Services(name)) = &self.asked;
                    return Err(Unknown { what: name.clone(), why });
                }
            }
        }
    }
}

/// The shortest time to live of these.
fn shortest(records: &[Record]) -> Duration {
    records.iter().map(|record| Duration::from_secs(record.ttl.into())).min().unwrap_or(AT_LEAST)
}

/// Returns the services of the lowest priority number (RFC 2782), with their weights. One of weight 0 has a very small chance beside others.
fn best(services: &[&SRV]) -> Result<Vec<Instance<InstanceAddress>>, String> {
    let Some(lowest) = services.iter().map(|service| service.priority).min() else { return Ok(Vec::new()) };
    let alike = services.iter().filter(|service| service.priority == lowest);
    let heaviest = alike.clone().map(|service| u32::from(service.weight)).max().unwrap_or_default().max(1);
    let instance = |service: &&SRV| {
        let host = service.target.to_ascii();
        let text = format!("{}:{}", host.trim_end_matches('.'), service.port);
        let at: InstanceAddress = text.parse().map_err(|error| format!("{text:?} is no host and port: {error}"))?;
        let weight = match heaviest {
            ..=MAX_WEIGHT => u32::from(service.weight),
            _ => u32::from(service.weight) * MAX_WEIGHT / heaviest,
        };
        Ok(Instance::new(at).weighing(weight.max(1)))
    };
    // A target of "." says that there is no such service.
    alike.filter(|service| !service.target.is_root()).map(instance).collect()
}
