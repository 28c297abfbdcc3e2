//! The table `[service]` of `keel.toml`, as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) name: Option<String>,
    pub(super) run: Option<Spanned<String>>,
    pub(super) start: Option<Spanned<String>>,
    pub(super) stop: Option<Spanned<String>>,
    pub(super) kill: Option<Spanned<String>>,
    pub(super) logs: Option<Spanned<String>>,
    pub(super) pid: Option<Spanned<String>>,
    pub(super) attach: Option<Spanned<bool>>,
    pub(super) url: Spanned<String>,
    pub(super) ca: Option<Spanned<PathBuf>>,
    pub(super) pin: Option<Spanned<String>>,
    pub(super) insecure_accept_any_certificate: Option<Spanned<bool>>,
    pub(super) server_name: Option<Spanned<String>>,
    pub(super) admin: Option<Spanned<String>>,
    pub(super) ready: Option<Spanned<String>>,
    pub(super) health: Option<Spanned<String>>,
    pub(super) metrics: Option<Spanned<String>>,
    pub(super) openapi: Option<Spanned<String>>,
    pub(super) workdir: Option<Spanned<PathBuf>>,
    pub(super) repository: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) data: Vec<Spanned<PathBuf>>,
    pub(super) state: Option<Spanned<String>>,
    pub(super) deadline: Option<Spanned<String>>,
    #[serde(alias = "start-timeout")]
    pub(super) start_timeout: Option<Spanned<String>>,
    #[serde(alias = "drain-timeout")]
    pub(super) drain_timeout: Option<Spanned<String>>,
    pub(super) decisions: Option<PathBuf>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}
