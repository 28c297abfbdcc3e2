//! Description of the service to examine: `keel.toml`, or a command and a URL.
//!
//! ```toml
//! [service]
//! run = "target/debug/ledger"           # or `start` and `stop`, or attach = true: see `Operation`
//! url = "http://127.0.0.1:8080"          # the public listener; keel restarts the service on the same port. Also https://, or
//!                                        # unix:/run/ledger.sock
//! ca = "ca.pem"                          # the authority of its certificate; or pin = "sha256/..." for its key, or, on this machine,
//!                                        # insecure_accept_any_certificate = true
//! server_name = "ledger.example"         # the name in its certificate, when that is not the host of `url`
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
//! url = "http://127.0.0.1:9300"          # http://, tcp://, postgres://...?sslmode=disable; over TLS https://, tls://, sslmode=require
//! value = "{host}:{port}"                # what the variable carries, when that is not a URL; also {url}
//! sets = { RAIL_HOST = "{host}", RAIL_PORT = "{port}" }   # further variables
//! listen = "127.0.0.1:9400"              # where the proxy in front of it listens, when the service cannot be given another address
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
//! later = ["rail"]                       # those of them that it calls only after its answer: no caller waits for these calls
//! hedged = false                         # a read whose slow calls are made a second time, within a budget
//! read = "/v1/accounts/{account}"        # where the created thing can be read back; `{key}` and `{n}` are those of this request,
//!                                        # and a path without a value of its own, such as "/count", is a number that rises with it
//! idempotent = "Idempotency-Key"         # the header that makes it safe to repeat
//! list = false                           # a GET that returns a list: its paging is examined
//! slow = false                           # a request that would take longer than its deadline
//! deadline = "2s"                        # that deadline, when it is shorter than the service's
//! heavy = false                          # a request that computes for long; not part of the load
//! crash = false                          # a request that panics or kills a worker
//! criticality = "critical"               # its class under overload: "critical", "default" or "sheddable", which is refused first
//! bulkhead = "checkout"                   # the partition with capacity of its own that serves it
//!
//! [ops]                                  # the files by which it is operated
//! folder = "ops"
//! rules = ["rules.yml"]                  # of Prometheus, in that folder
//! dashboards = ["dashboard.json"]        # of Grafana, likewise
//! playbooks = "playbooks"                # a folder in it, with a file for each alert
//! check = "target/debug/ledger observe --out {folder} --check"  # fails when the files are not what the code generates
//!
//! [dead_letters]                         # requests of operators to `admin`; `dead` of [[requests]] names work that becomes one
//! list = "/dead-letters"                 # rows at `rows`, each with its `id` and `reason`: JSON pointers
//! rows = "/dead_letters"
//! show = "/dead-letters/{id}"            # one of them, with its `payload`; unsaid: as in the list
//! payload = "/dead_letter/payload"
//! mend = { "/destination" = "known" }    # values of the payload with which it can be processed
//! edit = { method = "PUT", path = "/dead-letters/{id}/payload", json = { payload = "{payload}", author = "{author}", reason = "{reason}" } }
//! retry = { method = "POST", path = "/dead-letters/redrive", json = { ids = ["{id}"], author = "{author}", reason = "{reason}" } }
//! drop = { method = "POST", path = "/dead-letters/drop", json = { ids = ["{id}"], author = "{author}", reason = "{reason}" } }
//!
//! [query]                                # how the live state is asked on `admin`: {query} is the question
//! method = "POST"
//! path = "/debug/query"
//! body = "{query}"
//! ask = { routes = "SELECT * FROM routes", pools = "SELECT * FROM pools" }   # questions about parts
//! counts = { question = "SELECT sum(hits) FROM routes", value = "/rows/0/0", of = "look" }  # a number, and what raises it
//! write = "DELETE FROM routes"           # must be refused; `endless` and `large` must be cut
//! [events]                               # the event log, on `admin`: `read` answers the events behind a position, each with `/cursor` and `/id`
//! read = "/events?after={after}"
//! rows = "/events"
//! append = "transfer"                    # the request that appends one, whose answer saves the `/id` of its event
//! projection = { read = "/totals/{account}", value = "/transfers" }  # a number that each of them moves by the same amount
//! rebuild = { method = "POST", path = "/totals/rebuild", json = { author = "{author}", reason = "{reason}" } }
//! old = "none"                           # events have only ever had one form; or a command that appends one in an old form
//!
//! [console]                              # the pages and levers of operators on `admin`
//! page = "/console"
//! number = { page = "/console/routes", pattern = "look: ([0-9]+)", of = "look" }   # a number, and what raises it
//! lever = { method = "POST", path = "/console/trip", body = "by={author}&why={reason}" }
//! release = { method = "POST", path = "/console/release", body = "by={author}&why={reason}" }
//! anonymous = { method = "POST", path = "/console/trip", body = "why={reason}" }   # must be refused
//! shows = { page = "/console", pattern = "forced open" }   # while the lever is pulled
//!
//! [integrity]                            # a command that breaks an invariant, and the alarm that must name the row
//! damage = "sqlite3 data/ledger.db \"UPDATE accounts SET balance = balance + 1 WHERE id = '{account}'\""
//! repair = "sqlite3 data/ledger.db \"UPDATE accounts SET balance = balance - 1 WHERE id = '{account}'\""
//! alarm = "/health"                      # on `admin`
//! names = "{account}"
//!
//! [leader]                               # a second instance on the same data, and where each shows whether it leads
//! env = { PORT = "8082" }
//! url = "http://127.0.0.1:8082"
//! read = "/metrics"
//! leads = "leader{work=\"totals\"} 1"     # text that only the leader shows
//! fence = "leader_fence{work=\"totals\"}" # text before its fence
//! request = "transfer"                   # asks for work of the leader
//! effect = { read = "/totals/{account}", value = "/transfers" }  # a number that each work moves once
//! within = "10s"                         # the longest time until another one leads
//!
//! [errors]                               # a request that fails, and where its report is read
//! request = "look"
//! without = "bank"                       # fails without this dependency
//! list = "/debug/errors"
//! show = "/debug/errors/{id}"
//! reports = "/reports"
//!
//! [outliers]                             # questions to it about clients: the address of the one with the most comes first
//! rate = "SELECT address FROM clients ORDER BY requests DESC"
//! of = "look"                            # the request that usual clients send
//!
//! [soak]
//! for = "60s"                            # how long prove.soak holds its load; unsaid 30s
//! ```
//!
//! Paths of files are relative to the folder of `keel.toml`; `workdir = "..."` says where `run` starts, unsaid that folder.
//!
//! Templates in `path`, `read`, header values, `body` and `json` strings: `{key}` (a new unique key a request), `{n}` or `{number}` (a counter), and every saved
//! name; a name in braces that nothing fills is a mistake. Durations: `250us`, `500ms`, `10s`, `1.5m`, `2h`; rates: `50`, `"50/s"`, `"90/m"`. Keys of several words are written with `_` or `-`.

mod console;
mod criticality;
mod dead_letters;
mod dependency;
mod errors;
mod events;
mod file;
mod flags;
mod integrity;
mod leader;
mod load;
mod operation;
mod ops;
mod outliers;
mod query;
mod request;
mod service;
mod trust;
mod values;

use std::path::Path;

use keel_input::diagnostics::Mistakes;

pub use self::console::{Act, Console, Number, Shown};
pub use self::criticality::Criticality;
pub use self::dead_letters::DeadLetters;
pub use self::dependency::{Dependencies, Dependency, Lever};
pub use self::errors::{ErrorList, ErrorReports};
pub use self::events::{Events, Figure, Old};
pub use self::flags::Flags;
pub use self::integrity::{Damage, Integrity};
pub use self::leader::Leader;
pub use self::load::Load;
pub use self::operation::{Commands, Operation};
pub use self::ops::Ops;
pub use self::outliers::Outliers;
pub use self::query::{Counts, QueryInterface};
pub(crate) use self::request::COOKIE;
pub use self::request::{Expires, Records, RequestSpec, Steps};
pub use self::service::{DEADLINE, DRAIN_TIMEOUT, SOAK, START_TIMEOUT, STEADY, State, Subject};

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
