//! The dependencies of the service: `[dependencies]` of `keel.toml`.

use std::collections::BTreeMap;

use url::Url;

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
