//! Hypotheses: the expectations of a drill.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::callee::{CallBound, Effects};
use super::error::PlanError;
use super::load::Load;
use super::phase::Phase;
use keel_input::duration;
use keel_load::threshold::Threshold;

/// One thing that is expected. Exactly one of its checks is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hypothesis {
    /// In the words of a user.
    pub name: String,
    /// Thresholds on the load.
    pub load: Option<LoadBound>,
    /// A bound of the time until requests succeed again after the last undo.
    pub recovers: Option<Recovers>,
    /// An answer to a GET.
    pub http: Option<Http>,
    /// A metric of the service.
    pub metric: Option<Metric>,
    /// A value in its health document.
    pub health: Option<HealthCheck>,
    /// A shell command that succeeds.
    pub command: Option<String>,
    /// No acknowledged money lost, none moved twice.
    pub bank: Option<Bank>,
    /// A bound of the calls that a dependency gets for the requests that need it.
    pub calls: Option<CallBound>,
    /// Acknowledged requests have taken effect at a dependency, once.
    pub effects: Option<Effects>,
}

/// Thresholds on what came of the requests of a phase. Latencies count from the intended time of sending.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoadBound {
    /// The phase in which they were to be sent.
    #[serde(default)]
    pub phase: Phase,
    /// All must be met.
    #[serde(deserialize_with = "thresholds")]
    pub thresholds: Vec<Threshold>,
}

/// A bound of the time to recovery.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recovers {
    /// Of which request; all, when unsaid.
    pub request: Option<String>,
    /// From the last undo until none fails any more.
    #[serde(deserialize_with = "duration::deserialize")]
    pub within: Duration,
}

/// An answer to a GET, before the first step and at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Http {
    /// Its path, with names that the requests save in braces.
    pub path: String,
    /// True to ask the admin listener.
    #[serde(default)]
    pub admin: bool,
    /// The expected status.
    #[serde(default = "ok")]
    pub status: u16,
    /// A JSON pointer into the body, and what must be there.
    #[serde(default)]
    pub at: Option<String>,
    /// The value there.
    #[serde(default)]
    pub equals: Option<serde_json::Value>,
}

/// A metric in Prometheus's text: the sum over its label sets that have `labels`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Labels that it must have.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The path.
    #[serde(default = "metrics")]
    pub path: String,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
}

/// A value in the health document.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HealthCheck {
    /// The path of the document.
    #[serde(default = "health")]
    pub path: String,
    /// A JSON pointer.
    pub at: String,
    /// The value there.
    pub equals: serde_json::Value,
}

/// Money that the requests of the load move, judged by [`crate::history::check::bank`]: every read of a balance while the load
/// runs, and all balances at the end, must be explained by each transfer once.
///
/// At the end every transfer is sent again with its key, so that what was not answered is known to have happened, and the answer
/// of what was acknowledged must be the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bank {
    /// Accounts by a name, and the path at which each is read. Requests of the load that GET that path are judged too.
    pub accounts: BTreeMap<String, String>,
    /// A JSON pointer to the balance.
    pub balance: String,
    /// The lowest balance that an account may have.
    #[serde(default = "no_floor")]
    pub floor: i64,
    /// Requests and what one of them moves. Nothing else may move money of these accounts meanwhile.
    pub moves: BTreeMap<String, Move>,
}

/// Money that one request moves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Move {
    /// From which account; from outside when unsaid.
    pub from: Option<String>,
    /// To which account; to the outside when unsaid.
    pub to: Option<String>,
    /// In the smallest unit.
    pub amount: i64,
}

impl Hypothesis {
    pub(super) fn check(&self, load: &Load) -> Result<(), PlanError> {
        let given = [
            self.load.is_some(),
            self.recovers.is_some(),
            self.http.is_some(),
            self.metric.is_some(),
            self.health.is_some(),
            self.command.is_some(),
            self.bank.is_some(),
            self.calls.is_some(),
            self.effects.is_some(),
        ];
        let wrong = |what: String| Err(PlanError(format!("the hypothesis {:?} {what}", self.name)));
        if given.into_iter().filter(|given| *given).count() != 1 {
            return wrong(
                "needs exactly one of load, recovers, http, metric, health, command, bank, calls and effects"
                    .to_owned(),
            );
        }
        let asked_for = |name: &str| load.mix.contains_key(name);
        if self.load.as_ref().is_some_and(|bound| bound.thresholds.is_empty()) {
            return wrong("has no thresholds: say such as [\"p99<=500ms\", \"errors<=0%\"]".to_owned());
        }
        let bound = self.load.iter().flat_map(|bound| bound.thresholds.iter().filter_map(Threshold::kind));
        let recovering = self.recovers.iter().filter_map(|recovers| recovers.request.as_deref());
        let moving = self.bank.iter().flat_map(|bank| bank.moves.keys().map(String::as_str));
        let calling = self.calls.iter().flat_map(|calls| calls.requests.iter().map(String::as_str));
        let effective = self.effects.iter().map(|effects| effects.request.as_str());
        let mut named = bound.chain(recovering).chain(moving).chain(calling).chain(effective);
        if let Some(unknown) = named.find(|name| !asked_for(name)) {
            return wrong(format!("is about the request {unknown:?}, which is not in the mix of the load"));
        }
        if self.calls.is_some() && load.retries > 0 {
            return wrong(
                "counts calls for each request, but `load.retries` sends requests again: set it to 0".to_owned(),
            );
        }
        self.calls.as_ref().map_or(Ok(()), |calls| calls.check().or_else(|what| wrong(what.to_owned())))?;
        self.effects.as_ref().map_or(Ok(()), |effects| effects.check().or_else(|what| wrong(what.to_owned())))?;
        self.bank.as_ref().map_or(Ok(()), |bank| bank.check().or_else(|what| wrong(what.to_owned())))
    }
}

impl Bank {
    fn check(&self) -> Result<(), &'static str> {
        let known = |account: &Option<String>| account.as_ref().is_none_or(|name| self.accounts.contains_key(name));
        match self.moves.values().find(|moved| !(known(&moved.from) && known(&moved.to))) {
            Some(_) => Err("moves money of an account that is not among its accounts"),
            None if self.moves.values().any(|moved| moved.from == moved.to) => {
                Err("moves money to where it comes from: name one account, or two")
            }
            None if self.moves.values().any(|moved| moved.amount <= 0) => Err("moves an amount that is not above zero"),
            None if self.moves.is_empty() => Err("moves nothing: say which requests move money"),
            None => Ok(()),
        }
    }
}

fn thresholds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Threshold>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

fn no_floor() -> i64 {
    i64::MIN
}

fn ok() -> u16 {
    200
}

fn metrics() -> String {
    "/metrics".to_owned()
}

fn health() -> String {
    "/health".to_owned()
}
