//! DNS resolution like the host's own resolver, without blocking a thread.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::ResolverOpts;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use tokio::time::Instant;

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";
/// Answers kept for as long as their time to live.
const CACHED: u64 = 1024;
/// Longest time that an answer is kept, independent of its time to live.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest that a name which does not exist is kept.
const LONGEST_NEGATIVE: Duration = Duration::from_secs(5);
/// Timeout for one question to one server, at most; the configuration can shorten it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Period of the checks of the host's files for changes.
const LOOK: Duration = Duration::from_secs(1);

/// Finds the addresses of names as the host's own resolver would: `/etc/hosts` first, then DNS with the servers, search list, `ndots`,
/// timeout and attempts of `/etc/resolv.conf`. Both are read again when they change.
///
/// It differs from `getaddrinfo` in three ways: no thread is blocked; answers are cached, at most 1024 of them, for their time to live (at most
/// 5 minutes, and 5 s for names that do not exist); and `/etc/nsswitch.conf` is not read, so sources such as mDNS, LDAP and NIS are
/// not asked. Addresses are sorted by the connection attempts (RFC 8305), not by `/etc/gai.conf`.
///
/// ```
/// use evenkeel_client::{Client, Resolver};
///
/// let resolver = Resolver::from_conf("nameserver 10.0.0.53\nsearch svc.cluster.local\noptions ndots:5")?;
/// let client = Client::builder().resolver(resolver).build();
/// # Ok::<(), evenkeel_client::ResolverError>(())
/// ```
///
/// Cheap to clone; clones share the cache.
#[derive(Clone, Debug)]
pub struct Resolver {
    source: Source,
    state: Arc<Mutex<Option<State>>>,
}

#[derive(Clone, Debug)]
enum Source {
    /// The files of the host.
    Host,
    /// A text in their format.
    Given(Arc<Given>),
}

#[derive(Clone, Debug)]
struct Given {
    config: ResolverConfig,
    options: ResolverOpts,
    hosts: String,
}

#[derive(Debug)]
struct State {
    dns: TokioResolver,
    hosts: Arc<Hosts>,
    looked: Instant,
    stamps: [Option<SystemTime>; 2],
}

/// Reason why names cannot be looked up.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolverError {
    /// The configuration cannot be used.
    #[error("the configuration of the resolver cannot be used: {0}")]
    Configuration(String),
    /// The name has no address, or no server answered.
    #[error("{name} has no address: {cause}")]
    Lookup {
        /// The name.
        name: String,
        /// Error of the name servers.
        cause: String,
    },
}

impl Default for Resolver {
    fn default() -> Self {
        Self::host()
    }
}

impl Resolver {
    /// Resolves names as the host is configured. The files are read at the first lookup; a host without `/etc/resolv.conf` uses the server at
    /// 127.0.0.1, like the C library.
    pub fn host() -> Self {
        Self { source: Source::Host, state: Arc::default() }
    }

    /// Resolves names by this text, in the format of `/etc/resolv.conf`, with no hosts file.
    ///
    /// # Errors
    /// [`ResolverError::Configuration`], when it names no server.
    pub fn from_conf(resolv_conf: &str) -> Result<Self, ResolverError> {
        let (config, options) = system_conf::parse_resolv_conf(resolv_conf).map_err(configuration)?;
        Ok(Self::given(Given { config, options, hosts: String::new() }))
    }

    fn given(given: Given) -> Self {
        Self { source: Source::Given(Arc::new(given)), state: Arc::default() }
    }

    /// Queries this server and no other, also at another port than 53. Names are used unchanged: without a search list.
    pub fn of_server(server: SocketAddr) -> Self {
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server_config(server)]);
        Self::given(Given { config, options: ResolverOpts::default(), hosts: String::new() })
    }

    /// Queries this server in place of those that the text names. Has no effect on [`Resolver::host`].
    #[must_use]
    pub fn asking(self, server: SocketAddr) -> Self {
        let Source::Given(given) = &self.source else { return self };
        let (domain, search, _) = given.config.clone().into_parts();
        let config = ResolverConfig::from_parts(domain, search, vec![server_config(server)]);
        Self::given(Given { config, ..Given::clone(given) })
    }

    /// Looks into this text first, in the format of `/etc/hosts`. Has no effect on [`Resolver::host`].
    #[must_use]
    pub fn with_hosts(self, hosts: &str) -> Self {
        let Source::Given(given) = &self.source else { return self };
        Self::given(Given { hosts: hosts.to_owned(), ..Given::clone(given) })
    }

    /// The addresses of a host at this port.
    pub(crate) async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolverError> {
        let found = self.addresses(host).await?;
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolverError> {
        let failed = |cause: String| ResolverError::Lookup { name: host.to_owned(), cause };
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![ip]);
        }
        let name = Name::from_utf8(host).map_err(|error| failed(error.to_string()))?;
        let (dns, hosts) = self.current()?;
        let known = in_hosts(&hosts, &name);
        if !known.is_empty() {
            return Ok(known);
        }
        // RFC 6761, 6.3: never asked of a server.
        if name.is_localhost() {
            return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        }
        let found = dns.lookup_ip(name).await.map_err(|error| failed(error.to_string()))?;
        Ok(found.iter().collect())
    }

    /// Returns the DNS resolver without a cache, for callers that keep the answers themselves: the time to live is then exact.
    pub(crate) fn uncached(&self) -> Result<TokioResolver, ResolverError> {
        let (config, options, _) = self.source.read()?;
        build(config, options, 0)
    }

    /// Returns the addresses of a name in the hosts file.
    pub(crate) fn in_hosts(&self, host: &str) -> Vec<IpAddr> {
        let Ok(name) = Name::from_utf8(host) else { return Vec::new() };
        self.current().map_or_else(|_| Vec::new(), |(_, hosts)| in_hosts(&hosts, &name))
    }

    /// Returns the resolver and hosts in force, read again when the files of the host have changed.
    fn current(&self) -> Result<(TokioResolver, Arc<Hosts>), ResolverError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(state) = &mut *state {
            let due = matches!(self.source, Source::Host) && now.saturating_duration_since(state.looked) >= LOOK;
            state.looked = if due { now } else { state.looked };
            if !due || stamps() == state.stamps {
                return Ok((state.dns.clone(), Arc::clone(&state.hosts)));
            }
        }
        // Looked at before they are read: what is written meanwhile is seen the next time.
        let stamps = stamps();
        let (config, options, hosts) = self.source.read()?;
        let fresh = State { dns: build(config, options, CACHED)?, hosts: Arc::new(hosts), looked: now, stamps };
        let fresh = state.insert(fresh);
        Ok((fresh.dns.clone(), Arc::clone(&fresh.hosts)))
    }
}

impl Source {
    fn read(&self) -> Result<(ResolverConfig, ResolverOpts, Hosts), ResolverError> {
        let mut hosts = Hosts::default();
        match self {
            Self::Host => {
                // A hosts file that is not there, or not text, has no names in it.
                let _ = hosts.read_hosts_conf(&*std::fs::read(HOSTS).unwrap_or_default());
                match std::fs::read(RESOLV_CONF) {
                    Ok(text) => {
                        let (config, options) = system_conf::parse_resolv_conf(text).map_err(configuration)?;
                        Ok((config, options, hosts))
                    }
                    Err(_) => {
                        let local = vec![NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into())];
                        Ok((ResolverConfig::from_parts(None, Vec::new(), local), ResolverOpts::default(), hosts))
                    }
                }
            }
            Self::Given(given) => {
                let _ = hosts.read_hosts_conf(given.hosts.as_bytes());
                Ok((given.config.clone(), given.options.clone(), hosts))
            }
        }
    }
}

fn build(config: ResolverConfig, options: ResolverOpts, cached: u64) -> Result<TokioResolver, ResolverError> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
    let options = builder.options_mut();
    options.cache_size = cached;
    options.timeout = options.timeout.min(PATIENCE);
    options.positive_max_ttl = Some(LONGEST);
    options.negative_max_ttl = Some(LONGEST_NEGATIVE);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // Looked into here, before any search list is.
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(configuration)
}

fn in_hosts(hosts: &Hosts, name: &Name) -> Vec<IpAddr> {
    let name = name.to_lowercase();
    let of = |kind| hosts.lookup_static_host(&Query::query(name.clone(), kind));
    let found = [RecordType::AAAA, RecordType::A].map(of);
    let records = found.iter().flatten().flat_map(|lookup| lookup.answers());
    records.filter_map(|record| record.data.ip_addr()).collect()
}

fn server_config(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

fn stamps() -> [Option<SystemTime>; 2] {
    [RESOLV_CONF, HOSTS].map(|path| Path::new(path).metadata().and_then(|seen| seen.modified()).ok())
}

fn configuration(error: impl std::fmt::Display) -> ResolverError {
    ResolverError::Configuration(error.to_string())
}
