//! What a drill expects of a service.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Refusal, some_span, span};

/// One thing that is expected. Exactly one of its checks is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hypothesis {
    /// In the words of a user.
    pub name: String,
    /// Bounds on answers and latencies.
    pub load: Option<LoadBound>,
    /// How soon requests succeed again after the last undo.
    pub recovers: Option<Recovers>,
    /// An answer to a GET.
    pub http: Option<Http>,
    /// A metric of the service.
    pub metric: Option<Metric>,
    /// A value in its health document.
    pub health: Option<Health>,
    /// A shell command that succeeds.
    pub command: Option<String>,
    /// No acknowledged write lost, none done twice.
    pub effects: Option<Effects>,
}

/// Bounds on answers and latencies, from the intended time of sending.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoadBound {
    /// Of which request; all, when unsaid.
    pub request: Option<String>,
    /// When they were to be sent.
    #[serde(default)]
    pub phase: Phase,
    /// The share that must have the expected status.
    pub success: Option<f64>,
    /// Half of them are answered within.
    #[serde(default, deserialize_with = "some_span")]
    pub p50: Option<Duration>,
    /// 99 of 100 are answered within.
    #[serde(default, deserialize_with = "some_span")]
    pub p99: Option<Duration>,
    /// All are answered within, in whichever way.
    #[serde(default, deserialize_with = "some_span")]
    pub max: Option<Duration>,
}

/// A part of a drill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Until the first step.
    Before,
    /// From the first step to the last undo.
    During,
    /// From `recovery` after the last undo on.
    After,
    /// All of it.
    #[default]
    Whole,
}

/// How soon it recovers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recovers {
    /// Of which request; all, when unsaid.
    pub request: Option<String>,
    /// From the last undo until none fails any more.
    #[serde(deserialize_with = "span")]
    pub within: Duration,
}

/// An answer to a GET, before the first step and at the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Http {
    /// Its path, with names that the requests save in braces.
    pub path: String,
    /// Whether the admin listener is asked.
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
    /// Where.
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
pub struct Health {
    /// Where the document is.
    #[serde(default = "health")]
    pub path: String,
    /// A JSON pointer.
    pub at: String,
    /// The value there.
    pub equals: serde_json::Value,
}

/// What writes have done: every one that was not answered is sent again with its key until it is, then all must be there once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Effects {
    /// Requests and how much one of them adds to the value.
    pub adds: BTreeMap<String, i64>,
    /// Where the value is read, before the load and after it.
    pub read: String,
    /// A JSON pointer to it.
    pub at: String,
}

impl Hypothesis {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let given = [
            self.load.is_some(),
            self.recovers.is_some(),
            self.http.is_some(),
            self.metric.is_some(),
            self.health.is_some(),
            self.command.is_some(),
            self.effects.is_some(),
        ];
        match given.into_iter().filter(|given| *given).count() {
            1 => Ok(()),
            _ => Err(Refusal(format!(
                "the hypothesis {:?} needs exactly one of load, recovers, http, metric, health, command and effects",
                self.name
            ))),
        }
    }
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
