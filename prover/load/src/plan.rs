//! The plan of a run: what is sent, to where, when.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_input::credentials;
use keel_input::seed::Seed;
use url::Url;

use crate::kind::Kind;
use crate::profile::{Arrivals, MAX_LENGTH, Profile};
use crate::template::{FilledRequest, Filling, Template};

/// The most connections.
pub const MAX_CONNECTIONS: usize = 10_000;
/// The most requests at a time on one connection of HTTP/2.
pub const MAX_STREAMS: usize = 100;
/// The most immediate retries of one request.
pub const MAX_RETRIES: u32 = 10;
/// Default of the lag that is allowed between an arrival's time and its sending.
pub const ALLOWED_LAG: Duration = Duration::from_millis(10);
/// Maximum number of source addresses.
pub const MAX_SOURCES: u32 = 60_000;

/// A plan: the requests, the target, and the schedule.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, on the loopback: `http`; with the feature `tls` also `https` and `unix:/PATH`. A path stands before every path,
    /// except that of a Unix socket; credentials are sent as `Authorization`, unless a request has one of its own, and are shown
    /// nowhere.
    pub target: Url,
    /// The certificates of an `https` target that are accepted.
    #[cfg(feature = "tls")]
    pub trust: Option<keel_wire::tls::Trust>,
    /// The rate over time.
    pub profile: Profile,
    /// The distribution of the arrivals at that rate.
    pub arrivals: Arrivals,
    /// The requests; drawn by weight.
    pub kinds: Vec<Kind>,
    /// The version of HTTP.
    pub protocol: Protocol,
    /// True to keep connections for further requests.
    pub keep_alive: bool,
    /// The maximum number of concurrent connections; opened as they are needed.
    pub connections: usize,
    /// From the sending until a request is given up.
    pub timeout: Duration,
    /// The number of immediate retries of a failed request, with the same key: makes retry storms.
    pub retries: u32,
    /// The number of source addresses: 127.0.1.1 and on. 0 leaves the address to the system.
    pub sources: u32,
    /// The time within which an answer is good, from when its request was due. Goodput counts no later one; without an
    /// objective it counts every expected answer.
    pub objective: Option<Duration>,
    /// An arrival to which the generator comes later than this was late; too many make the run invalid.
    pub allowed_lag: Duration,
    /// The seed of arrivals, of the mix and of `{random}`. Keys are new in every run.
    pub seed: Seed,
    /// The values of `{name}` in templates.
    pub variables: BTreeMap<String, String>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge, or by ALPN over TLS: so many requests at a time on a connection; at most [`MAX_STREAMS`].
    Http2 {
        /// The number of concurrent streams per connection.
        streams: usize,
    },
}

impl Protocol {
    /// Returns how many requests go over one connection at a time.
    pub(super) fn streams(self) -> usize {
        match self {
            Self::Http1 => 1,
            Self::Http2 { streams } => streams,
        }
    }
}

/// A mistake in a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(pub(super) String);

impl Plan {
    /// `GET /` at this profile: even arrivals, HTTP/1.1, kept alive, 64 connections, 10 s of patience, no retries.
    pub fn new(target: Url, profile: Profile) -> Self {
        Self {
            target,
            #[cfg(feature = "tls")]
            trust: None,
            profile,
            arrivals: Arrivals::Even,
            kinds: vec![Kind::get("/", "/")],
            protocol: Protocol::Http1,
            keep_alive: true,
            connections: 64,
            timeout: Duration::from_secs(10),
            retries: 0,
            sources: 0,
            objective: None,
            allowed_lag: ALLOWED_LAG,
            seed: Seed(1),
            variables: BTreeMap::new(),
        }
    }

    /// Fills requests of this kind, to be sent by other means to the same target.
    ///
    /// # Errors
    /// When its templates cannot be filled; for the plan's own kinds [`Plan::check`] finds that.
    pub fn filler(&self, kind: &Kind) -> Result<impl Fn(&Filling) -> FilledRequest + Send + Sync + use<>, PlanError> {
        let template = self.template(kind)?;
        Ok(move |filling: &Filling| template.request(filling))
    }

    /// Looks for what cannot be carried out.
    ///
    /// # Errors
    /// The first mistake, with what to do.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |why: String| Err(PlanError(why));
        self.spoken()?;
        loopback(&self.target)?;
        self.profile.check().map_err(PlanError)?;
        if self.kinds.is_empty() || self.kinds.iter().all(|kind| kind.weight == 0) {
            return refuse("no kind of request has a weight: nothing would be sent".to_owned());
        }
        if let Some(kind) = self.kinds.iter().find(|kind| !kind.path.starts_with('/')) {
            return refuse(format!("the path of {} is {:?}; it must start with a slash", kind.name, kind.path));
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.connections) {
            return refuse(format!("{} connections; 1 to {MAX_CONNECTIONS} can be opened", self.connections));
        }
        if let Protocol::Http2 { streams } = self.protocol
            && !(1..=MAX_STREAMS).contains(&streams)
        {
            return refuse(format!("{streams} streams a connection; 1 to {MAX_STREAMS} are possible"));
        }
        if self.retries > MAX_RETRIES {
            return refuse(format!("{} retries; at most {MAX_RETRIES} are made", self.retries));
        }
        if self.sources > MAX_SOURCES {
            return refuse(format!("{} source addresses; at most {MAX_SOURCES} are used", self.sources));
        }
        if self.arrivals == Arrivals::Bursts(Duration::ZERO) {
            return refuse("bursts of no time: say how much of the load comes together, such as 1ms".to_owned());
        }
        if self.timeout.is_zero() || self.timeout > MAX_LENGTH {
            return refuse(format!(
                "a timeout of {:?}: it is longer than nothing and at most {MAX_LENGTH:?}",
                self.timeout
            ));
        }
        self.kinds.iter().try_for_each(|kind| self.template(kind).map(drop))
    }

    /// Refuses what cannot be spoken to.
    fn spoken(&self) -> Result<(), PlanError> {
        let refuse = |why: &str| Err(PlanError(format!("{}: {why}", credentials::shown(&self.target))));
        match self.target.scheme() {
            "http" => Ok(()),
            #[cfg(feature = "tls")]
            "https" if self.trust.is_some() => Ok(()),
            #[cfg(feature = "tls")]
            "https" => refuse("it is called over TLS, and no authority and no pin was given for it"),
            #[cfg(feature = "tls")]
            "unix" => Ok(()),
            _ => refuse("load is sent over plain http://"),
        }
    }

    /// Reads the templates of this kind.
    pub(super) fn template(&self, kind: &Kind) -> Result<Template, PlanError> {
        let http2 = self.protocol != Protocol::Http1;
        Template::new(kind, &self.target, &self.variables, self.keep_alive, http2).map_err(PlanError)
    }
}

/// Refuses every host but this one.
fn loopback(target: &Url) -> Result<(), PlanError> {
    let refuse = |why: &str| Err(PlanError(format!("{}: {why}", credentials::shown(target))));
    if target.scheme() == "unix" {
        return Ok(());
    }
    match target.host() {
        Some(url::Host::Ipv4(address)) if address.is_loopback() => Ok(()),
        Some(url::Host::Ipv6(address)) if address.is_loopback() => Ok(()),
        Some(url::Host::Domain("localhost")) => Ok(()),
        _ => refuse("load goes to this machine only: 127.0.0.0/8, [::1] or localhost"),
    }
}
