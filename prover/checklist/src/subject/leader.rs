//! `[leader]` of `keel.toml`: a second instance of the service, and what shows who leads and what the led work has done.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_input::diagnostics::Reading;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::events::Figure;
use super::values::{service_url, url_path};

/// The default bound of a take-over.
const TAKE_OVER: Duration = Duration::from_secs(30);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(60);

/// Work that one instance of several does, and what shows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leader {
    /// Shell command that starts the second instance; none for that of the service.
    pub run: Option<String>,
    /// Variables of the second instance.
    pub env: BTreeMap<String, String>,
    /// Its public listener.
    pub url: Url,
    /// Its admin listener, when it has one of its own.
    pub admin: Option<Url>,
    /// Path on the admin listener of each instance that shows whether it leads.
    pub read: String,
    /// The text that stands there when it does, and only then.
    pub leads: String,
    /// The text there behind which the fence follows, a number that rises with each term.
    pub fence: Option<String>,
    /// The name of the request that asks for led work.
    pub request: String,
    /// A number that each work moves by the same amount once.
    pub effect: Figure,
    /// The time within which another instance leads.
    pub within: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaderTable {
    /// Command that starts a second instance on the same data.
    /// Default: `run` of `[service]`.
    /// Example: `run = "target/release/shop --port 8082"`
    run: Option<String>,
    /// Variables of the second instance, such as its ports.
    /// Default: those of the service.
    /// Example: `env = { PORT = "8082" }`
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Public listener of the second instance.
    /// Required.
    /// Example: `url = "http://127.0.0.1:8082"`
    url: Spanned<String>,
    /// Listener of the second instance for operators.
    /// Default: `url`.
    /// Example: `admin = "http://127.0.0.1:8083"`
    admin: Option<Spanned<String>>,
    /// Path on `admin` of each instance that shows whether it leads.
    /// Required.
    /// Example: `read = "/metrics"`
    read: Spanned<String>,
    /// Text that stands in the answer of the instance that leads, and of no other.
    /// Required.
    /// Example: `leads = "leader{work=\"totals\"} 1"`
    leads: Spanned<String>,
    /// Text in the answer that is followed by the fencing token, a number.
    /// Default: not examined.
    /// Example: `fence = "leader_fence{work=\"totals\"} "`
    fence: Option<String>,
    /// Name of the request that asks for work of the leader.
    /// Required.
    /// Example: `request = "a request"`
    request: Spanned<String>,
    /// Number that each work moves by the same amount once: the path `read`, a template, and the JSON pointer `value`, in which `*` adds the items of a list; with `admin = true` on the admin listener.
    /// Required.
    /// Example: `effect = { read = "/totals", value = "/orders" }`
    effect: Figure,
    /// Longest time until another instance leads, at most 60 s.
    /// Default: `30s`.
    /// Example: `within = "10s"`
    within: Option<Spanned<String>>,
}

/// Reads the table.
pub(super) fn read(reading: &mut Reading<'_>, table: LeaderTable, is_request: impl Fn(&str) -> bool) -> Option<Leader> {
    let mut of_url = |text: &Spanned<String>, field: &str| {
        reading.kept(&text.span(), service_url(text.get_ref()).map_err(|what| format!("`{field}` = {what}")))
    };
    let url = of_url(&table.url, "url");
    let admin = table.admin.as_ref().map(|admin| of_url(admin, "admin"));
    reading.kept(&table.read.span(), url_path(table.read.get_ref()).map_err(|what| format!("`read`: {what}")));
    if table.leads.get_ref().is_empty() {
        reading.wrong(&table.leads.span(), "`leads` is empty: say the text that only the leader shows");
    }
    if !is_request(table.request.get_ref()) {
        let what = format!("no request is called {:?}: name one of [[requests]]", table.request.get_ref());
        reading.wrong(&table.request.span(), what);
    }
    let within = table.within.as_ref().and_then(|text| {
        let read = keel_input::duration::parse(text.get_ref()).map_err(|what| format!("`within` = {what}"));
        let bounded = read.and_then(|within| match within <= LONGEST {
            true => Ok(within),
            false => Err(format!("`within` = {within:?} is longer than {LONGEST:?}: make the lease shorter")),
        });
        reading.kept(&text.span(), bounded)
    });
    Some(Leader {
        run: table.run,
        env: table.env,
        url: url?,
        admin: admin.flatten(),
        read: table.read.into_inner(),
        leads: table.leads.into_inner(),
        fence: table.fence,
        request: table.request.into_inner(),
        effect: table.effect,
        within: within.unwrap_or(TAKE_OVER),
    })
}
