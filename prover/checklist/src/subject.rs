//! What is examined: `keel.toml`, or a command and a URL.
//!
//! ```toml
//! [service]
//! run = "target/debug/ledger"
//! url = "http://127.0.0.1:8080"          # the public listener; keel restarts the service on the same port
//! admin = "http://127.0.0.1:8081"        # where health and metrics are, when that is another listener
//! ready = "/readyz"                      # looked up on admin when there is one, else on url
//! health = "/health"                     # likewise; guessed when not said
//! metrics = "/metrics"                   # likewise
//! openapi = "/openapi.json"              # on url
//! repository = "."                       # what the static probes read
//! data = ["data"]                        # where persistent data lives; [] when `state = "none"`
//! state = "durable"                      # "durable" or "none"; unsaid means unknown
//! deadline = "30s"                       # no request may take longer
//! start_timeout = "10s"
//! drain_timeout = "30s"
//! decisions = "decisions.toml"
//!
//! [service.env]
//! RUST_LOG = "info"
//!
//! [dependencies.rail]                    # or, at the top: dependencies = "none"
//! env = "RAIL_URL"                       # the variable that carries its address
//! many = "http://{1},http://{2},http://{3}"                # what it carries for three instances, HOST:PORT each
//! # How an operator stops calls to it, and lets them go on: a request to the admin listener.
//! trip = { method = "PUT", path = "/breakers/rail", json = { open = true, by = "{author}", why = "{reason}" } }
//! release = { method = "DELETE", path = "/breakers/rail" }
//! named = "dns+http://{name}:{port}?resolver={resolver}"  # and for instances behind a name of this resolver, ADDRESS:PORT
//! url = "http://127.0.0.1:9300"          # http://, tcp://, postgres:// ...
//! run = "target/debug/rail"              # when keel is to start it too
//! ready = "/livez"
//!
//! [dependencies.rail.run_env]            # on top of the environment of its `run`
//! PORT = "9300"
//!
//! [load]                                 # what it is meant to hold, for as long as it lasts
//! rate = 50                              # requests of the mix a second, as expected
//! peak = 100                             # the same at the peak
//! p99 = "500ms"                          # 99 of 100 are answered within, from the time they were due
//! errors = 0.01                          # the share of requests that may fail
//!
//! [[requests]]                           # sent in order; earlier ones save what later ones need
//! name = "open account"
//! method = "POST"
//! path = "/v1/accounts"
//! headers = { "Idempotency-Key" = "{key}" }
//! json = { currency = "EUR", overdraft = 100000 }
//! expect = 201
//! save = { account = "/id" }             # JSON pointer into the answer
//! uses = ["rail"]                        # dependencies that this request reaches
//! hedged = false                         # a read whose slow calls are made a second time, within a budget
//! read = "/v1/accounts/{account}"        # where the created thing can be read back
//! idempotent = "Idempotency-Key"         # the header that makes it safe to repeat
//! list = false                           # a GET that returns a list: its paging is examined
//! slow = false                           # a request that would take longer than its deadline
//! heavy = false                          # a request that computes for long; not part of the load
//! crash = false                          # a request that panics or kills a worker
//!
//! [soak]
//! lasts = "60s"                          # how long prove.soak holds its load; unsaid 30s
//! ```
//!
//! Paths of files are relative to the folder of `keel.toml`; `workdir = "..."` says where `run` starts, unsaid that folder.
//!
//! Templates in `path`, header values and `json` strings: `{key}` (a new unique key a request), `{n}` (a counter), and every saved name.

mod file;
mod flags;
mod load;
mod request;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

pub use self::flags::Flags;
pub use self::load::Load;
use keel_input::diagnostics::Mistakes;

/// No request may take longer, when nobody said.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Until ready, when nobody said.
pub const START_TIMEOUT: Duration = Duration::from_secs(10);
/// From SIGTERM to the end, when nobody said.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the load of `life.steady` is held.
pub const STEADY: Duration = Duration::from_secs(25);
/// How long that of `prove.soak` is held, when nobody said.
pub const SOAK: Duration = Duration::from_secs(30);

/// Whether the service keeps state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It acknowledges writes that must survive.
    Durable,
    /// It keeps none: every request only reads.
    None,
    /// Nobody said.
    Unsaid,
}

/// The dependencies, as far as they were declared.
#[derive(Clone, Debug)]
pub enum Dependencies {
    /// Nobody said.
    Unsaid,
    /// Declared; an empty list says that there are none.
    Declared(Vec<Dependency>),
}

/// One thing the service calls.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The environment variable that carries its address.
    pub env: String,
    /// Its own address: `http://host:port[/path]` or `tcp://host:port`.
    pub url: Url,
    /// How to start it, when keel is to.
    pub run: Option<String>,
    /// Path that answers 2xx when it is ready (HTTP), else a TCP connect decides.
    pub ready: Option<String>,
    /// Set on top of the environment of `run`.
    pub env_of_run: BTreeMap<String, String>,
    /// What the variable carries for three instances: a template of `{1}`, `{2}` and `{3}`, host and port each.
    pub many: Option<String>,
    /// What it carries for instances behind a name: a template of `{name}`, `{port}` and `{resolver}`, address and port.
    pub named: Option<String>,
    /// How an operator stops calls to it.
    pub trip: Option<Lever>,
    /// And lets them go on.
    pub release: Option<Lever>,
}

/// A request of an operator to the admin listener. In the strings of `json` `{author}` and `{reason}` are filled in.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lever {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body.
    pub json: Option<serde_json::Value>,
}

/// One request of the mix.
#[derive(Clone, Debug, Default)]
pub struct RequestSpec {
    /// Its name in reports.
    pub name: String,
    /// The method; GET when unsaid.
    pub method: String,
    /// Path and query, a template.
    pub path: String,
    /// Header templates.
    pub headers: BTreeMap<String, String>,
    /// JSON body, its strings templates.
    pub json: Option<serde_json::Value>,
    /// Body as text, a template; not together with `json`.
    pub body: Option<String>,
    /// Expected status; any 2xx or 3xx when unsaid.
    pub expect: Option<u16>,
    /// What to save of the answer: name to JSON pointer.
    pub save: BTreeMap<String, String>,
    /// Names of dependencies it reaches.
    pub uses: Vec<String>,
    /// Whether a slow call that it causes is made a second time.
    pub hedged: bool,
    /// Where what it made can be read back.
    pub read: Option<String>,
    /// The header that makes it safe to repeat.
    pub idempotent: Option<String>,
    /// Whether it returns a list.
    pub list: bool,
    /// Whether it takes longer than its deadline, on purpose.
    pub slow: bool,
    /// Whether it computes for long.
    pub heavy: bool,
    /// Whether it crashes its handler or worker, on purpose.
    pub crash: bool,
}

impl RequestSpec {
    /// Whether an answer of this status is the one that was declared: `expect`, or any below 400 when unsaid.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.map_or(status < 400, |expected| expected == status)
    }

    /// Whether it is a GET.
    pub fn only_reads(&self) -> bool {
        self.method.is_empty() || self.method.eq_ignore_ascii_case("GET")
    }

    /// The same for an open loop; what its templates name is for the load's variables.
    pub fn as_load(&self) -> keel_load::Kind {
        let mut kind = keel_load::Kind::get(&self.name, &self.path);
        if !self.only_reads() {
            kind.method = self.method.to_ascii_uppercase().parse().unwrap_or_default();
        }
        kind.headers = self.headers.clone();
        let has = |name: &str| self.headers.keys().any(|given| given.eq_ignore_ascii_case(name));
        if let Some(header) = self.idempotent.as_ref().filter(|header| !has(header)) {
            kind.headers.insert(header.clone(), "{key}".to_owned());
        }
        if self.json.is_some() && !has("content-type") {
            kind.headers.insert("content-type".to_owned(), "application/json".to_owned());
        }
        kind.body = self.json.as_ref().map(ToString::to_string).or_else(|| self.body.clone());
        kind.expect = self.expect;
        kind
    }
}

/// All that was said about the service under examination.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in reports.
    pub name: String,
    /// Shell command that starts it in the foreground.
    pub run: String,
    /// Its public listener.
    pub url: Url,
    /// Its admin listener, when it has one of its own.
    pub admin: Option<Url>,
    /// Readiness path; when unsaid, the first answer below 500 to `/` on `url` counts.
    pub ready: Option<String>,
    /// Health path.
    pub health: Option<String>,
    /// Metrics path.
    pub metrics: Option<String>,
    /// OpenAPI path on `url`.
    pub openapi: Option<String>,
    /// Working directory of `run`.
    pub workdir: PathBuf,
    /// What the static probes read; none when unsaid.
    pub repository: Option<PathBuf>,
    /// Where persistent data lives.
    pub data: Vec<PathBuf>,
    /// Whether it keeps state.
    pub state: State,
    /// Environment on top of keel's own.
    pub env: BTreeMap<String, String>,
    /// No request may take longer. Default 30 s.
    pub deadline: Duration,
    /// Until ready. Default 10 s.
    pub start_timeout: Duration,
    /// From SIGTERM to the end. Default 30 s.
    pub drain_timeout: Duration,
    /// How long `life.steady` holds its load. 25 s.
    pub steady: Duration,
    /// How long `prove.soak` holds its load. Default 30 s; no longer than the probe's bound allows.
    pub soak: Duration,
    /// The decisions file.
    pub decisions: Option<PathBuf>,
    /// What it calls.
    pub dependencies: Dependencies,
    /// The load it is meant to hold, when somebody said.
    pub load: Option<Load>,
    /// The mix, in order.
    pub requests: Vec<RequestSpec>,
}

impl Subject {
    /// Reads and checks `keel.toml`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// Every mistake with file, line, what is wrong and what to do.
    pub fn from_file(path: &Path) -> Result<Self, Mistakes> {
        file::load(path)
    }

    /// The same from text called `name`, with paths relative to `folder`.
    ///
    /// # Errors
    /// As [`Subject::from_file`].
    pub fn from_text(name: &str, text: &str, folder: &Path) -> Result<Self, Mistakes> {
        file::parse(name, text, folder)
    }

    /// The subject that the command line describes.
    ///
    /// # Errors
    /// Every mistake with its flag, what is wrong and what to do.
    pub fn from_flags(flags: Flags) -> Result<Self, Mistakes> {
        flags.subject()
    }
}
