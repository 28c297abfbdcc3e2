//! The dependencies of the service: `[dependencies]` of `keel.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::Url;

/// The dependencies, as far as they were declared.
#[derive(Clone, Debug)]
pub enum Dependencies {
    /// Not declared.
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
    /// The value of the variable, a template of `{url}`, `{host}` and `{port}`. Default `{url}`.
    pub value: Option<String>,
    /// Further variables of such templates, such as a host and a port of their own.
    pub sets: BTreeMap<String, String>,
    /// The address of the proxy in front of it, for a service that cannot be given another address. Default: a free port.
    pub listen: Option<SocketAddr>,
    /// Its own address: `http://host:port[/path]` or `tcp://host:port`.
    pub url: Url,
    /// The command that starts it, if keel is to.
    pub run: Option<String>,
    /// Path that answers 2xx when it is ready (HTTP), else a TCP connect decides.
    pub ready: Option<String>,
    /// Set on top of the environment of `run`.
    pub env_of_run: BTreeMap<String, String>,
    /// The value of the variable for three instances: a template of `{1}`, `{2}` and `{3}`, host and port each.
    pub many: Option<String>,
    /// The value for instances behind a name: a template of `{name}`, `{port}` and `{resolver}`, address and port.
    pub named: Option<String>,
    /// The operator's switch that stops calls to it.
    pub trip: Option<Lever>,
    /// And lets them go on.
    pub release: Option<Lever>,
}

impl Dependency {
    /// Every variable that carries its address, with that of what stands in front of it.
    pub fn variables(&self, address: &Url) -> BTreeMap<String, String> {
        let host = address.host_str().unwrap_or_default();
        let port = address.port_or_known_default().map_or_else(String::new, |port| port.to_string());
        let fill =
            |text: &str| text.replace("{url}", address.as_str()).replace("{host}", host).replace("{port}", &port);
        let mut variables: BTreeMap<String, String> =
            self.sets.iter().map(|(name, text)| (name.clone(), fill(text))).collect();
        variables.insert(self.env.clone(), self.value.as_deref().map_or_else(|| address.to_string(), fill));
        variables
    }
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
