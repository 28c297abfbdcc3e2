//! One request of the mix: `[[requests]]` of `keel.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::criticality::Criticality;

/// Begins the place of a value that is a cookie of the answer: `cookie:NAME`.
pub(crate) const COOKIE: &str = "cookie:";

/// The longest retention that an examination waits for.
pub(crate) const MAX_KEEP: Duration = Duration::from_secs(30);

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
    /// The values to save of the answer: name to JSON pointer, or to `cookie:NAME`.
    pub save: BTreeMap<String, String>,
    /// Names of dependencies it reaches.
    pub uses: Vec<String>,
    /// Those of them that it calls only after its answer, in work that no caller waits for.
    pub later: Vec<String>,
    /// True if a slow call that it causes is made a second time.
    pub hedged: bool,
    /// The path at which its effect can be read back.
    pub read: Option<String>,
    /// The values at JSON pointers of what `read` answers once the work that it asks for is done.
    pub done: BTreeMap<String, serde_json::Value>,
    /// True if its jobs need neither priorities, schedules, an order per key nor a rate limit.
    pub plain_jobs: bool,
    /// The values at JSON pointers of `json` with which its work could be processed: as it is written, it becomes a dead letter.
    pub dead: BTreeMap<String, serde_json::Value>,
    /// The steps of its work, where it takes several that call dependencies.
    pub steps: Option<Steps>,
    /// The retention of what it makes, where that is deleted after a time.
    pub expires: Option<Expires>,
    /// The records that it takes in.
    pub records: Option<Records>,
    /// The header that makes it safe to repeat.
    pub idempotent: Option<String>,
    /// True if it returns a list.
    pub list: bool,
    /// True if it takes longer than its deadline, on purpose.
    pub slow: bool,
    /// Its deadline, when that is shorter than the service's.
    pub deadline: Option<Duration>,
    /// True if it computes for long.
    pub heavy: bool,
    /// True if it crashes its handler or worker, on purpose.
    pub crash: bool,
    /// Its class under overload, where one is declared.
    pub criticality: Option<Criticality>,
    /// The name of the partition with capacity of its own that serves it.
    pub bulkhead: Option<String>,
}

/// The steps of a work, as far as they show from outside.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Values at JSON pointers of `json` with which one of its steps fails for good.
    #[serde(default)]
    pub fails: BTreeMap<String, serde_json::Value>,
    /// Values at JSON pointers of what `read` answers once such a work is undone.
    #[serde(default)]
    pub undone: BTreeMap<String, serde_json::Value>,
    /// Path of a number that each work moves by the same amount once, and that a work which is undone leaves as it was; a template.
    pub effect: Option<String>,
    /// JSON pointer of the number in the answer.
    #[serde(default)]
    pub value: String,
}

/// A retention.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expires {
    /// Variables that make it short.
    pub env: BTreeMap<String, String>,
    /// The time for which rows are kept with them.
    pub keep: Duration,
}

/// Records that a request takes in: they stand in the place of `{records}` in its body. In each `{record}` is a name of its own.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// A good record.
    pub good: String,
    /// Bad records, one of each kind; with the name of a good one.
    pub bad: Vec<String>,
    /// Text before the first record.
    pub head: Option<String>,
    /// Text between records.
    #[serde(default = "new_line")]
    pub between: String,
    /// The path at which a record that was taken is found.
    pub read: String,
    /// True if that path is one of the admin listener.
    #[serde(default)]
    pub admin: bool,
    /// Names of the counters of good and of bad records.
    pub counters: Option<(String, String)>,
}

fn new_line() -> String {
    "\n".to_owned()
}

impl RequestSpec {
    /// Returns true for a request whose work is examined by itself: it is no part of the mix.
    pub fn is_apart(&self) -> bool {
        !self.dead.is_empty() || self.steps.is_some() || self.expires.is_some() || self.records.is_some()
    }

    /// The same request with these values at JSON pointers of its body.
    pub fn with_values(&self, values: &BTreeMap<String, serde_json::Value>) -> Self {
        let mut spec = self.clone();
        for (pointer, value) in values {
            if let Some(place) = spec.json.as_mut().and_then(|json| json.pointer_mut(pointer)) {
                *place = value.clone();
            }
        }
        spec
    }

    /// Returns true if the status is as declared: `expect`, or any below 400 by default.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.map_or(status < 400, |expected| expected == status)
    }

    /// Returns true for a GET.
    pub fn only_reads(&self) -> bool {
        self.method.is_empty() || self.method.eq_ignore_ascii_case("GET")
    }

    /// The same for an open loop; what its templates name is for the load's variables.
    pub fn as_load(&self) -> keel_load::Kind {
        let mut kind = keel_load::Kind::get(&self.name, &self.path);
        if !self.only_reads() {
            kind.method = self.method.to_ascii_uppercase().parse().unwrap_or_default();
        }
        kind.headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let has = |name: &str| self.headers.keys().any(|given| given.eq_ignore_ascii_case(name));
        if let Some(header) = self.idempotent.as_ref().filter(|header| !has(header)) {
            kind.headers.push((header.clone(), "{key}".to_owned()));
        }
        if self.json.is_some() && !has("content-type") {
            kind.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        kind.body = self.json.as_ref().map(ToString::to_string).or_else(|| self.body.clone());
        kind.expect = self.expect;
        kind
    }
}
