//! Open-loop load: requests are sent at times that were fixed in advance, whatever becomes of those before.
//!
//! Latency counts from the time at which a request was *intended* to be sent, so that a server that stalls is charged for
//! everybody who would have asked meanwhile (Gil Tene, "How NOT to Measure Latency": coordinated omission). The time from the
//! sending itself is kept beside it.
//!
//! - [`Plan`]: what is sent, to where, when; [`run`] carries it out.
//! - [`profile`]: the rate over time, and arrival times made from it.
//! - [`Report`]: what came back, a histogram per kind of request and outcome; [`threshold`] judges it.
//! - [`Samples`]: every request one by one, for reports of a part of the run.
//! - [`plot`]: plots as SVG, which other reports use too.
//! - [`page`], [`hdr_log`]: the report as a page with plots, and as a log that HdrHistogram's tools read.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use keel_load::{Kind, Plan, profile::Profile};
//!
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let target = format!("http://{}", server.local_addr()?);
//! # tokio::spawn(async move { loop {
//! #     let Ok((mut client, _)) = server.accept().await else { return };
//! #     tokio::spawn(async move {
//! #         use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! #         let mut piece = [0; 1024];
//! #         while client.read(&mut piece).await.is_ok_and(|length| length > 0) {
//! #             if client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() { return }
//! #         }
//! #     });
//! # } });
//! let mut plan = Plan::new(target.parse()?, Profile::constant(100.0, Duration::from_millis(500)));
//! plan.kinds = vec![Kind::get("look", "/things/{n}")];
//! let report = keel_load::run(plan, keel_load::Watch::default(), std::future::pending()).await?;
//! assert_eq!(report.total().expected(), 50);
//! println!("99 of 100 within {:?}", report.total().latency().quantile(0.99));
//! # Ok(()) }
//! ```
//!
//! The schedule's precision is that of a `timerfd`, some tens of microseconds on an idle machine; how late requests were
//! really sent is in [`Report::lag`], and a run that was late too often is [`Validity::Behind`].

mod alarm;
mod answer;
mod dispatch;
pub mod hdr_log;
mod http1;
mod http2;
mod lane;
pub mod page;
pub mod page_style;
pub mod plot;
pub mod profile;
mod record;
pub mod report;
mod samples;
mod template;
pub mod threshold;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::Method;
use serde::Deserialize;
use tokio::sync::watch;
use url::Url;

pub use self::answer::Head;
use self::profile::{Arrivals, Profile};
pub use self::record::{Live, Outcome};
pub use self::report::{Figures, Report, Validity};
pub use self::samples::{MAX_SAMPLES, Part, Sample, Samples};
pub use self::template::Filling;
pub use self::template::Fillings;
use keel_input::seed::Seed;

/// The highest rate, in requests a second.
pub const MAX_RATE: f64 = 500_000.0;
/// The longest run.
pub const MAX_LENGTH: Duration = Duration::from_secs(4 * 3600);
/// The most connections.
pub const MAX_CONNECTIONS: usize = 10_000;
/// The most requests that wait for a free connection; those due beyond are counted as not sent.
pub const MAX_WAITING: usize = 100_000;
/// The most requests at a time on one connection of HTTP/2.
pub const MAX_STREAMS: usize = 100;
/// The most immediate retries of one request.
pub const MAX_RETRIES: u32 = 10;
/// How late the generator may come to an arrival unless the plan says otherwise.
pub const ALLOWED_LAG: Duration = Duration::from_millis(10);
/// The most source addresses.
pub const MAX_SOURCES: u32 = 60_000;

/// What is sent, to where, when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server, plain `http`, on the loopback. A path stands before every path.
    pub target: Url,
    /// The rate over time.
    pub profile: Profile,
    /// How arrivals are spread at that rate.
    pub arrivals: Arrivals,
    /// What is asked; drawn by weight.
    pub kinds: Vec<Kind>,
    /// Which version of HTTP.
    pub protocol: Protocol,
    /// Whether connections are kept for further requests.
    pub keep_alive: bool,
    /// The most connections at a time; opened as they are needed.
    pub connections: usize,
    /// From the sending until a request is given up.
    pub timeout: Duration,
    /// How often a request that failed is sent again at once, with the same key: makes retry storms.
    pub retries: u32,
    /// From how many addresses connections come: 127.0.1.1 and on. 0 leaves it to the system.
    pub sources: u32,
    /// An arrival to which the generator comes later than this was late; too many make the run invalid.
    pub allowed_lag: Duration,
    /// What arrivals, the mix and `{random}` are drawn from. Keys are new in every run.
    pub seed: Seed,
    /// What `{name}` stands for in templates.
    pub variables: BTreeMap<String, String>,
}

/// One kind of request. Path, values of headers and body are templates: `{key}` is unique, `{n}` counts from 1, `{random}` is a
/// number below 2^32, and any other name is one of [`Plan::variables`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// In reports.
    pub name: String,
    /// The method.
    #[serde(default = "get", deserialize_with = "method")]
    pub method: Method,
    /// Path and query, starting with a slash.
    pub path: String,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: Option<String>,
    /// How often, in proportion to the others.
    #[serde(default = "one")]
    pub weight: u32,
    /// The status that is expected; any from 200 to 399 when none.
    #[serde(default)]
    pub expect: Option<u16>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on a connection.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge, so many requests at a time on a connection; at most [`MAX_STREAMS`].
    Http2 {
        /// How many.
        streams: usize,
    },
}

/// One request that is over, for whoever watches.
#[derive(Debug)]
pub struct Completed<'a> {
    /// Its place in [`Plan::kinds`].
    pub kind: usize,
    /// What its templates were filled with.
    pub filling: &'a Filling,
    /// When it was to be sent.
    pub intended: Instant,
    /// When it was sent.
    pub sent: Instant,
    /// When its outcome was known.
    pub done: Instant,
    /// What came of it.
    pub outcome: Outcome,
    /// The head of the last answer; none when none came.
    pub head: Option<Head>,
    /// The body of the answer; empty unless [`Watch::bodies`] is set.
    pub body: &'a [u8],
}

/// Called for every request that is over, on the generator's own thread: it must not wait.
pub type Observer = Arc<dyn Fn(&Completed<'_>) + Send + Sync>;

/// Who watches a run.
#[derive(Clone, Default)]
pub struct Watch {
    /// Gets the figures of each second.
    pub live: Option<watch::Sender<Live>>,
    /// Hears of every request.
    pub observer: Option<Observer>,
    /// Whether the observer wants bodies (at most 64 KiB of each).
    pub bodies: bool,
}

/// One request of a [`Kind`] with its templates filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledRequest {
    /// The method.
    pub method: Method,
    /// Path and query, below the plan's target.
    pub path: String,
    /// Names and values, in the order in which they are declared.
    pub headers: Vec<(String, String)>,
    /// The body; empty where the kind has none.
    pub body: String,
}

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(String);

impl Plan {
    /// `GET /` at this profile: even arrivals, HTTP/1.1, kept alive, 64 connections, 10 s of patience, no retries.
    pub fn new(target: Url, profile: Profile) -> Self {
        Self {
            target,
            profile,
            arrivals: Arrivals::Even,
            kinds: vec![Kind::get("/", "/")],
            protocol: Protocol::Http1,
            keep_alive: true,
            connections: 64,
            timeout: Duration::from_secs(10),
            retries: 0,
            sources: 0,
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
        let template = template::Template::new(kind, self).map_err(PlanError)?;
        Ok(move |filling: &Filling| template.request(filling))
    }

    /// Looks for what cannot be carried out.
    ///
    /// # Errors
    /// The first mistake, with what to do.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |why: String| Err(PlanError(why));
        dispatch::loopback(&self.target)?;
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
        self.kinds.iter().try_for_each(|kind| template::Template::new(kind, self).map(drop).map_err(PlanError))
    }
}

impl Kind {
    /// A GET.
    pub fn get(name: impl Into<String>, path: impl Into<String>) -> Self {
        let (name, path) = (name.into(), path.into());
        let headers = BTreeMap::new();
        Self { name, method: Method::GET, path, headers, body: None, weight: 1, expect: None }
    }

    /// A POST of JSON, with an `Idempotency-Key` of its own.
    pub fn post(name: impl Into<String>, path: impl Into<String>, json: &serde_json::Value) -> Self {
        let headers = [("content-type", "application/json"), ("idempotency-key", "{key}")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { method: Method::POST, headers, body: Some(json.to_string()), ..Self::get(name, path) }
    }

    /// Whether it may be sent again with the same key: one is in it.
    pub fn has_key(&self) -> bool {
        let texts = self.headers.values().chain(&self.body).chain([&self.path]);
        texts.into_iter().any(|text| text.contains("{key}"))
    }

    /// Whether this status is the expected one.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.map_or((200..400).contains(&status), |expected| expected == status)
    }
}

/// Sends the load on a thread of its own until its end, or until `stop`; returns when the last answer is there or given up.
///
/// Dropping the future ends the run at once.
///
/// # Errors
/// When the plan cannot be carried out. What goes wrong with requests is in the report.
pub async fn run(plan: Plan, watch: Watch, stop: impl Future<Output = ()>) -> Result<Report, PlanError> {
    plan.check()?;
    let (stopping, stopped) = watch::channel(false);
    let (give, result) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("load".to_owned());
    let spawned = thread.spawn(move || {
        let _ = give.send(dispatch::carry_out(plan, watch, stopped));
    });
    spawned.map_err(|error| PlanError(format!("no thread could be started for the load: {error}")))?;
    let broken = || PlanError("the generator broke off: see above".to_owned());
    tokio::pin!(result, stop);
    tokio::select! {
        report = &mut result => report.map_err(|_| broken())?,
        () = &mut stop => {
            // The thread ends by itself when it hears of it, or of this future's end.
            stopping.send_replace(true);
            result.await.map_err(|_| broken())?
        }
    }
}

fn get() -> Method {
    Method::GET
}

fn one() -> u32 {
    1
}

fn method<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    let text = String::deserialize(deserializer)?;
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(serde::de::Error::custom)
}
