//! The table `[service]` of `keel.toml`, as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// Name in reports.
    /// Default: the program in `run`.
    /// Example: `name = "shop"`
    pub(super) name: Option<String>,
    /// Command that starts the service in the foreground; one of `run`, `start` and `attach` is required.
    /// Example: `run = "target/release/shop"`
    pub(super) run: Option<Spanned<String>>,
    /// Command that starts it in the background; needs `stop`.
    /// Example: `start = "docker compose up -d shop"`
    pub(super) start: Option<Spanned<String>>,
    /// Command that stops it in order.
    /// Example: `stop = "docker compose stop shop"`
    pub(super) stop: Option<Spanned<String>>,
    /// Command that ends it at once, as SIGKILL does; goes with `start`.
    /// Default: not examined.
    /// Example: `kill = "docker compose kill shop"`
    pub(super) kill: Option<Spanned<String>>,
    /// Command that prints its logs for as long as it runs; goes with `start`.
    /// Default: not examined.
    /// Example: `logs = "docker compose logs --follow shop"`
    pub(super) logs: Option<Spanned<String>>,
    /// Process id of a service that keel does not start: a command that prints it (with `start`), or a number (with `attach`).
    /// Default: not examined.
    /// Example: `pid = "cat /run/shop.pid"`
    pub(super) pid: Option<Spanned<String>>,
    /// The service runs already; keel neither starts nor stops it.
    /// Default: `false`.
    /// Example: `attach = true`
    pub(super) attach: Option<Spanned<bool>>,
    /// Public listener: `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`.
    /// Required.
    /// Example: `url = "http://127.0.0.1:8080"`
    pub(super) url: Spanned<String>,
    /// Certificate file of the authority that `https://` trusts.
    /// Default: refused for `https://` without `ca`, `pin` or `insecure_accept_any_certificate`.
    /// Example: `ca = "ca.pem"`
    pub(super) ca: Option<Spanned<PathBuf>>,
    /// Hash of the public key that `https://` trusts.
    /// Example: `pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
    pub(super) pin: Option<Spanned<String>>,
    /// Accepts any certificate; only for a service on this machine.
    /// Default: `false`.
    /// Example: `insecure_accept_any_certificate = true`
    pub(super) insecure_accept_any_certificate: Option<Spanned<bool>>,
    /// Name in the certificate, where it is not the host of `url`.
    /// Default: the host of `url`.
    /// Example: `server_name = "shop.example"`
    pub(super) server_name: Option<Spanned<String>>,
    /// Plain listener beside an `https://` one, which must only redirect.
    /// Default: not examined.
    /// Example: `plain = "http://127.0.0.1:8080"`
    pub(super) plain: Option<Spanned<String>>,
    /// Command that replaces the certificate of an `https://` listener while the service runs; run once.
    /// Default: not examined.
    /// Example: `renew_certificate = "cp next/tls.crt next/tls.key tls/"`
    pub(super) renew_certificate: Option<Spanned<String>>,
    /// Listener for operators, on which `ready`, `health` and `metrics` are requested.
    /// Default: `url`.
    /// Example: `admin = "http://127.0.0.1:8081"`
    pub(super) admin: Option<Spanned<String>>,
    /// Path that answers 2xx once the service is ready.
    /// Default: `/`, any answer below 500.
    /// Example: `ready = "/readyz"`
    pub(super) ready: Option<Spanned<String>>,
    /// Path of the health check.
    /// Default: the usual paths are tried.
    /// Example: `health = "/health"`
    pub(super) health: Option<Spanned<String>>,
    /// Path of the metrics.
    /// Default: the usual paths are tried.
    /// Example: `metrics = "/metrics"`
    pub(super) metrics: Option<Spanned<String>>,
    /// Path of the OpenAPI document, on `url`.
    /// Default: not examined.
    /// Example: `openapi = "/openapi.json"`
    pub(super) openapi: Option<Spanned<String>>,
    /// Folder in which commands run.
    /// Default: the folder of the file.
    /// Example: `workdir = "."`
    pub(super) workdir: Option<Spanned<PathBuf>>,
    /// Folder of its sources, for `ship.*` and other attributes that read them.
    /// Default: not examined.
    /// Example: `repository = "."`
    pub(super) repository: Option<Spanned<PathBuf>>,
    /// Files and folders of its persistent state; not together with `state = "none"`.
    /// Default: none.
    /// Example: `data = ["data"]`
    #[serde(default)]
    pub(super) data: Vec<Spanned<PathBuf>>,
    /// `"durable"`: acknowledged writes must survive; `"none"`: every request only reads. A database that is a dependency is `"durable"` without `data`.
    /// Default: unknown.
    /// Example: `state = "durable"`
    pub(super) state: Option<Spanned<String>>,
    /// Longest time of a request.
    /// Default: `30s`.
    /// Example: `deadline = "5s"`
    pub(super) deadline: Option<Spanned<String>>,
    /// Longest time until it is ready.
    /// Default: `10s`.
    /// Example: `start_timeout = "30s"`
    #[serde(alias = "start-timeout")]
    pub(super) start_timeout: Option<Spanned<String>>,
    /// Longest time from SIGTERM to its end.
    /// Default: `30s`.
    /// Example: `drain_timeout = "20s"`
    #[serde(alias = "drain-timeout")]
    pub(super) drain_timeout: Option<Spanned<String>>,
    /// File of decisions.
    /// Default: none.
    /// Example: `decisions = "decisions.toml"`
    pub(super) decisions: Option<PathBuf>,
    /// Environment variables of `run`.
    /// Default: none.
    /// Example: `env = { RUST_LOG = "info" }`
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}
