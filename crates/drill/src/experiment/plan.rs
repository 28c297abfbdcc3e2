//! The file of a drill: what is expected of a service, what is done to it, what may be touched.
//!
//! ```toml
//! title = "The bank is slow"
//! description = "Transfers do not need the bank: its answers must not slow them down."
//!
//! [blast-radius]                          # a step outside of it is refused before anything starts
//! dependencies = ["bank"]
//!
//! [load]
//! rate = 20                               # requests a second, sent whatever becomes of those before
//! lasts = "12s"
//! mix = { transfer = 3, "pay out" = 1 }   # requests of keel.toml, and their weights
//!
//! [[step]]
//! name = "the bank takes 2 s to answer"
//! at = "3s"
//! lasts = "4s"
//! does = { slow = { dependency = "bank", by = "2s" } }
//!
//! [[hypothesis]]
//! name = "transfers stay fast"
//! load = { request = "transfer", phase = "during", p99 = "300ms", success = 1.0 }
//!
//! [[abort]]
//! name = "nothing works any more"
//! errors = 0.9
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// The longest drill.
pub const MAX_LENGTH: Duration = Duration::from_secs(600);
/// The highest rate, spikes included: loads go to one machine.
pub const MAX_RATE: f64 = 5000.0;

/// A drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// What it is about.
    pub title: String,
    /// Why it matters.
    pub description: String,
    /// What is examined, when not what the command line says.
    #[serde(default)]
    pub subject: SubjectPart,
    /// What may be touched.
    #[serde(default)]
    pub blast_radius: BlastRadius,
    /// What is asked of it meanwhile.
    pub load: Load,
    /// What is done to it.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What is expected of it.
    #[serde(rename = "hypothesis")]
    pub hypotheses: Vec<Hypothesis>,
    /// When it is broken off at once.
    #[serde(default, rename = "abort")]
    pub aborts: Vec<Abort>,
    /// From the last undo until the phase `after` begins.
    #[serde(default = "recovery", deserialize_with = "span")]
    pub recovery: Duration,
}

/// What is examined.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubjectPart {
    /// Its `keel.toml`, from the drill's folder.
    pub config: Option<PathBuf>,
}

/// What may be touched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlastRadius {
    /// Dependencies whose connections may be disturbed.
    #[serde(default)]
    pub dependencies: BTreeSet<String>,
    /// Processes that may get signals: the service, and dependencies that were started for it.
    #[serde(default)]
    pub processes: BTreeSet<String>,
    /// Whether more may be asked of the service than `[load]` says.
    #[serde(default)]
    pub load: bool,
    /// Whether commands may be run.
    #[serde(default)]
    pub commands: bool,
}

/// What is asked of the service, open loop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    /// How long.
    #[serde(deserialize_with = "span")]
    pub lasts: Duration,
    /// Requests by name, and their weights.
    pub mix: BTreeMap<String, u32>,
    /// When an answer is given up.
    #[serde(default = "patience", deserialize_with = "span")]
    pub timeout: Duration,
    /// How often a request that failed is sent again at once, with its key.
    #[serde(default)]
    pub retries: u32,
    /// What the order of requests is drawn from.
    #[serde(default = "seed")]
    pub seed: u64,
}

/// One thing that is done, and undone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// In the words of reports.
    pub name: String,
    /// When, from the beginning of the load.
    #[serde(deserialize_with = "span")]
    pub at: Duration,
    /// Until it is undone.
    #[serde(deserialize_with = "span")]
    pub lasts: Duration,
    /// What.
    pub does: Does,
}

/// What a step does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Does {
    /// A dependency's answers come later.
    Slow {
        /// Which.
        dependency: String,
        /// By how much.
        #[serde(deserialize_with = "span")]
        by: Duration,
    },
    /// A dependency refuses connections.
    Down(String),
    /// A dependency accepts and never answers.
    Hang(String),
    /// A dependency answers what is not the protocol.
    Garbage(String),
    /// A dependency resets connections after the request.
    Reset(String),
    /// A dependency answers 500.
    ServerError(String),
    /// A dependency does what it is asked, and its answer is lost.
    LostAnswer(String),
    /// Nothing passes between the service and these dependencies, in either direction.
    Partition(Vec<String>),
    /// A process is killed (SIGKILL), and started again at the end of the step.
    Kill(String),
    /// A process is stopped (SIGSTOP), and goes on at the end of the step.
    Freeze(String),
    /// The rate of the load is multiplied.
    Rate(f64),
    /// One more client sends this request over and over, each connection as fast as it is answered.
    Wild {
        /// Which request.
        request: String,
        /// Over how many connections.
        connections: u32,
    },
    /// A shell command, and the one that undoes it.
    Command {
        /// What is run.
        run: String,
        /// What undoes it; it must do no harm when there is nothing to undo.
        undo: String,
    },
}

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

/// When a drill is broken off: all that was done is undone at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Abort {
    /// In the words of reports.
    pub name: String,
    /// The share of failures among the answers of the last seconds from which on it is broken off.
    pub errors: Option<f64>,
    /// A shell command that must go on succeeding.
    pub command: Option<String>,
}

/// What is wrong with a plan, or why it may not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub(crate) String);

impl Plan {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no plan, or does more than its own blast radius allows.
    pub fn from_file(path: &Path) -> Result<Self, Refusal> {
        let refused = |error: &dyn std::fmt::Display| Refusal(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
        Self::from_text(&text).map_err(|refusal| refused(&refusal))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When it is no plan, or does more than its own blast radius allows.
    pub fn from_text(text: &str) -> Result<Self, Refusal> {
        let plan: Self = toml::from_str(text).map_err(|error| Refusal(error.to_string().trim_end().to_owned()))?;
        plan.check()?;
        Ok(plan)
    }

    /// When the first step begins; the end of the load when there is none.
    pub fn first_step(&self) -> Duration {
        self.steps.iter().map(|step| step.at).min().unwrap_or(self.load.lasts)
    }

    /// When the last step ends.
    pub fn last_end(&self) -> Duration {
        self.steps.iter().map(|step| step.at + step.lasts).max().unwrap_or(self.load.lasts)
    }

    /// The rate at a moment.
    pub fn rate_at(&self, at: Duration) -> f64 {
        let factor =
            self.steps.iter().filter(|step| step.at <= at && at < step.at + step.lasts).map(|step| match step.does {
                Does::Rate(times) => times,
                _ => 1.0,
            });
        (self.load.rate * factor.product::<f64>()).min(MAX_RATE)
    }

    fn check(&self) -> Result<(), Refusal> {
        let wrong = |what: String| Err(Refusal(what));
        if self.load.lasts > MAX_LENGTH {
            return wrong(format!("the load lasts longer than {MAX_LENGTH:?}"));
        }
        if !(self.load.rate > 0.0 && self.load.rate <= MAX_RATE) {
            return wrong(format!("a rate of {} is not between 0 and {MAX_RATE} requests a second", self.load.rate));
        }
        if self.load.mix.values().sum::<u32>() == 0 {
            return wrong("the mix of the load is empty".to_owned());
        }
        if self.hypotheses.is_empty() {
            return wrong("it has no hypothesis: then nothing can be learned from it".to_owned());
        }
        for step in &self.steps {
            if step.at + step.lasts >= self.load.lasts {
                return wrong(format!(
                    "the step {:?} is not over before the load is: nobody would see it end",
                    step.name
                ));
            }
            self.blast_radius.allows(step)?;
        }
        for hypothesis in &self.hypotheses {
            hypothesis.check()?;
        }
        match self.aborts.iter().find(|abort| abort.errors.is_some() == abort.command.is_some()) {
            Some(abort) => wrong(format!("the abort condition {:?} needs one of errors and command", abort.name)),
            None => Ok(()),
        }
    }
}

impl BlastRadius {
    /// Whether a step stays within what may be touched.
    fn allows(&self, step: &Step) -> Result<(), Refusal> {
        let outside = |what: String, part: &str| {
            let name = &step.name;
            Err(Refusal(format!(
                "the step {name:?} touches {what}, which is not in blast-radius.{part}: nothing was done"
            )))
        };
        match &step.does {
            Does::Slow { dependency, .. }
            | Does::Down(dependency)
            | Does::Hang(dependency)
            | Does::Garbage(dependency)
            | Does::Reset(dependency)
            | Does::ServerError(dependency)
            | Does::LostAnswer(dependency)
                if !self.dependencies.contains(dependency) =>
            {
                outside(format!("the dependency {dependency}"), "dependencies")
            }
            Does::Partition(dependencies) => match dependencies.iter().find(|it| !self.dependencies.contains(*it)) {
                Some(dependency) => outside(format!("the dependency {dependency}"), "dependencies"),
                None => Ok(()),
            },
            Does::Kill(process) | Does::Freeze(process) if !self.processes.contains(process) => {
                outside(format!("the process {process}"), "processes")
            }
            Does::Rate(_) | Does::Wild { .. } if !self.load => outside("the load".to_owned(), "load"),
            Does::Command { .. } if !self.commands => outside("the host by a command".to_owned(), "commands"),
            _ => Ok(()),
        }
    }
}

impl Hypothesis {
    fn check(&self) -> Result<(), Refusal> {
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

fn recovery() -> Duration {
    Duration::from_secs(2)
}

fn patience() -> Duration {
    Duration::from_secs(10)
}

fn seed() -> u64 {
    1
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

/// `300ms`, `2s` or `1m`.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let unit = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => {
            return Err(serde::de::Error::custom(format!(
                "{text:?} is no duration: expected such as 500ms, 10s or 2m"
            )));
        }
    };
    let number = text[..split].parse::<f64>().map_err(serde::de::Error::custom)?;
    Duration::try_from_secs_f64(number * unit).map_err(serde::de::Error::custom)
}

fn some_span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    span(deserializer).map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const PLAN: &str = r#"
        title = "t"
        description = "d"
        [blast-radius]
        dependencies = ["bank"]
        [load]
        rate = 10
        lasts = "10s"
        mix = { look = 1 }
        [[step]]
        name = "slow"
        at = "2s"
        lasts = "1500ms"
        does = { slow = { dependency = "bank", by = "2s" } }
        [[hypothesis]]
        name = "it answers"
        load = { success = 1.0 }
    "#;

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::from_text(PLAN).unwrap();
        assert_eq!((plan.first_step(), plan.last_end()), (Duration::from_secs(2), Duration::from_millis(3500)));
        assert!((plan.rate_at(Duration::from_secs(3)) - 10.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_step_outside_of_the_blast_radius_is_refused_with_its_name() {
        for (from, to, word) in [
            (r#"dependencies = ["bank"]"#, "", "dependency bank"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"kill = "ledger""#, "process ledger"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, "rate = 10", "load"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"partition = ["bank", "other"]"#, "other"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"command = { run = "rm", undo = "true" }"#, "command"),
        ] {
            let refusal = Plan::from_text(&PLAN.replace(from, to)).unwrap_err().to_string();
            assert!(refusal.contains(word) && refusal.contains("nothing was done"), "{refusal}");
        }
    }

    #[test]
    fn what_is_no_plan_is_told() {
        for (from, to, word) in [
            ("rate = 10", "rate = 0", "rate of 0"),
            ("rate = 10", "rates = 10", "rates"),
            (r#"lasts = "10s""#, r#"lasts = "10""#, "duration"),
            (r#"lasts = "10s""#, r#"lasts = "3s""#, "not over"),
            ("load = { success = 1.0 }", "", "exactly one"),
            ("look = 1", "", "empty"),
        ] {
            let refusal = Plan::from_text(&PLAN.replace(from, to)).unwrap_err().to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
