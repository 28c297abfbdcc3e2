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
//! rate = 20                               # requests per second, open loop: sent without waiting for earlier ones
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
//! load = { phase = "during", thresholds = ["kind:transfer p99<=300ms", "kind:transfer errors<=0%"] }
//!
//! [[abort]]
//! name = "nothing works any more"
//! errors = 0.9
//! ```

mod callee;
mod check;
mod error;
mod expectation;
mod file;
mod load;
mod phase;
mod places;
mod prepare;
mod settings;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use keel_input::duration;
use keel_load::profile::{Profile, Stretch};

pub use self::callee::{CallBound, Effects};
pub use self::error::PlanError;
pub use self::expectation::{Bank, HealthCheck, Http, Hypothesis, LoadBound, Metric, Move, Recovers};
pub use self::load::Load;
pub use self::phase::Phase;
pub use self::places::At;
use self::places::Places;
pub use self::prepare::{Prepare, Volume};
pub use self::settings::Settings;
pub use self::step::{Does, HostFault, Step};

/// The longest drill.
pub const MAX_LENGTH: Duration = Duration::from_secs(600);
/// The highest rate, spikes included: loads go to one machine.
pub const MAX_RATE: f64 = 5000.0;

/// A drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// Its subject.
    pub title: String,
    /// The reason why it matters.
    pub description: String,
    /// The subject, when it is not the one that the command line says.
    #[serde(default)]
    pub subject: SubjectPart,
    /// Preparations before it starts, so that it can be broken later.
    #[serde(default)]
    pub prepare: Prepare,
    /// The limits of the drill: everything that it may touch.
    #[serde(default, alias = "blast_radius")]
    pub blast_radius: BlastRadius,
    /// The load on it.
    pub load: Load,
    /// The steps.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// The hypotheses.
    #[serde(rename = "hypothesis")]
    pub hypotheses: Vec<Hypothesis>,
    /// The abort conditions.
    #[serde(default, rename = "abort")]
    pub aborts: Vec<Abort>,
    /// From the last undo until the phase `after` begins.
    #[serde(default = "recovery", deserialize_with = "duration::deserialize")]
    pub recovery: Duration,
    /// The places of its parts in the file.
    #[serde(skip)]
    places: Places,
}

/// The subject of a drill.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubjectPart {
    /// Its `keel.toml`, from the drill's folder.
    pub config: Option<PathBuf>,
    /// Set on top of its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// The limits of the drill: everything that it may touch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlastRadius {
    /// Dependencies whose connections may be disturbed.
    #[serde(default)]
    pub dependencies: BTreeSet<String>,
    /// Processes that may get signals: the service, and dependencies that were started for it.
    #[serde(default)]
    pub processes: BTreeSet<String>,
    /// Faults of the host, by their names.
    #[serde(default)]
    pub host: BTreeSet<String>,
    /// True if more load than `[load]` may be sent.
    #[serde(default)]
    pub load: bool,
    /// True if commands may be run.
    #[serde(default)]
    pub commands: bool,
}

/// An abort condition: when it is met, all that was done is undone at once.
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

impl Plan {
    /// Returns the time of the first step; the end of the load when there is none.
    pub fn first_step(&self) -> Duration {
        self.steps.iter().map(|step| step.at).min().unwrap_or(self.load.lasts)
    }

    /// Returns the end of the last step.
    pub fn last_end(&self) -> Duration {
        self.steps.iter().map(|step| step.at + step.lasts).max().unwrap_or(self.load.lasts)
    }

    /// The dependencies whose calls have to be seen one by one: a double stands in front of them.
    pub fn watched(&self) -> BTreeSet<&str> {
        let failing = self.steps.iter().filter_map(|step| match &step.does {
            Does::Unavailable(dependency) => Some(dependency.as_str()),
            _ => None,
        });
        let counted =
            self.hypotheses.iter().filter_map(|hypothesis| Some(hypothesis.calls.as_ref()?.dependency.as_str()));
        failing.chain(counted).collect()
    }

    /// The rate of the load over time.
    pub fn profile(&self) -> Profile {
        let spikes = self.steps.iter().filter(|step| matches!(step.does, Does::Rate(_)));
        let edges = spikes.flat_map(|step| [step.at, step.at + step.lasts]);
        let mut edges: Vec<Duration> = edges.chain([Duration::ZERO, self.load.lasts]).collect();
        edges.sort_unstable();
        edges.dedup();
        let stretch = |edge: &[Duration]| {
            let rate = self.rate_at(edge[0]);
            Stretch { from: rate, to: rate, lasts: edge[1] - edge[0] }
        };
        Profile::Stretches(edges.windows(2).map(stretch).collect())
    }

    fn rate_at(&self, at: Duration) -> f64 {
        let factor =
            self.steps.iter().filter(|step| step.at <= at && at < step.at + step.lasts).map(|step| match step.does {
                Does::Rate(times) => times,
                _ => 1.0,
            });
        (self.load.rate * factor.product::<f64>()).min(MAX_RATE)
    }
}

fn recovery() -> Duration {
    Duration::from_secs(2)
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
        load = { thresholds = ["errors<=0%"] }
    "#;

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::from_text(PLAN).unwrap();
        assert_eq!((plan.first_step(), plan.last_end()), (Duration::from_secs(2), Duration::from_millis(3500)));
        assert_eq!(plan.profile(), Profile::constant(10.0, Duration::from_secs(10)));
    }

    #[test]
    fn a_spike_is_a_stretch_of_the_profile() {
        let spike = PLAN
            .replace(r#"slow = { dependency = "bank", by = "2s" }"#, "rate = 10")
            .replace("[load]", "load = true\n[load]");
        let Profile::Stretches(stretches) = Plan::from_text(&spike).unwrap().profile() else { panic!() };
        let told: Vec<_> = stretches.iter().map(|stretch| (stretch.from, stretch.lasts.as_millis())).collect();
        assert_eq!(told, [(10.0, 2000), (100.0, 1500), (10.0, 6500)]);
    }

    #[test]
    fn a_fault_without_its_preparation_is_refused() {
        let clock = PLAN
            .replace(r#"slow = { dependency = "bank", by = "2s" }"#, r#"host = { fault = "clock", jump = 60 }"#)
            .replace("[load]", "host = [\"clock\"]\n[load]");
        assert!(Plan::from_text(&clock).unwrap_err().to_string().contains("switch"));
        assert!(Plan::from_text(&clock.replace("[load]", "[prepare]\nclock = true\n[load]")).is_ok());
    }

    #[test]
    fn a_step_outside_of_the_blast_radius_is_refused_with_its_name() {
        for (from, to, word) in [
            (r#"dependencies = ["bank"]"#, "", "dependency bank"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"kill = "ledger""#, "process ledger"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, "rate = 10", "load"),
            (
                r#"slow = { dependency = "bank", by = "2s" }"#,
                r#"host = { fault = "cpu-hog", processes = 1 }"#,
                "cpu-hog",
            ),
            (
                r#"slow = { dependency = "bank", by = "2s" }"#,
                r#"host = { fault = "stop", process = "x" }"#,
                "process x",
            ),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"partition = ["bank", "other"]"#, "other"),
            (r#"slow = { dependency = "bank", by = "2s" }"#, r#"command = { run = "rm", undo = "true" }"#, "command"),
        ] {
            let refusal = Plan::from_text(&PLAN.replace(from, to)).unwrap_err().to_string();
            assert!(refusal.contains(word) && refusal.contains("nothing was done"), "{refusal}");
        }
    }

    #[test]
    fn mistakes_in_a_plan_are_reported() {
        for (from, to, word) in [
            ("rate = 10", "rate = 0", "rate of 0"),
            ("rate = 10", "rates = 10", "rates"),
            (r#"lasts = "10s""#, r#"lasts = "10""#, "duration"),
            (r#"lasts = "10s""#, r#"lasts = "3s""#, "ends after the load"),
            (
                "[[hypothesis]]",
                "[[step]]\nname = \"down\"\nat = \"3s\"\nlasts = \"1s\"\ndoes = { down = \"bank\" }\n[[hypothesis]]",
                "same dependency",
            ),
            (r#"load = { thresholds = ["errors<=0%"] }"#, "", "exactly one"),
            ("errors<=0%", "errors=0", "there is no <"),
            ("errors<=0%", "kind:jump errors<=0%", "\"jump\""),
            ("look = 1", "", "empty"),
        ] {
            let refusal = Plan::from_text(&PLAN.replace(from, to)).unwrap_err().to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
