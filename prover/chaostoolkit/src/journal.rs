//! The journal: what was done, what came of it, whether the steady state held. Field by field the reference's.

use serde::Serialize;

use crate::value::Value;
use keel_drill::clock;

/// The version of chaoslib whose journal this is.
pub const CHAOSLIB_VERSION: &str = "1.45.1";

/// The record of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Journal {
    /// [`CHAOSLIB_VERSION`]: readers of journals decide by it what they can expect.
    #[serde(rename = "chaoslib-version")]
    pub chaoslib_version: &'static str,
    /// The operating system.
    pub platform: String,
    /// The name of the host.
    pub node: String,
    /// The experiment as it was run.
    pub experiment: Value,
    /// The start time: RFC 3339, UTC.
    pub start: String,
    /// The status at the end.
    pub status: Status,
    /// True if the steady state was lost: a weakness may have been found.
    pub deviated: bool,
    /// Every look at the hypothesis.
    pub steady_states: SteadyStates,
    /// The activities of the method, in the order in which they began.
    pub run: Vec<Run>,
    /// The activities of the rollbacks.
    pub rollbacks: Vec<Run>,
    /// The end time.
    pub end: String,
    /// Seconds.
    pub duration: f64,
    /// Why it was broken off, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption: Option<Interruption>,
}

/// Status of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet. It stands in no journal that was handed out.
    #[default]
    Running,
    /// Everything was done. Whether the steady state held is another question: [`Journal::deviated`].
    Completed,
    /// A probe of the hypothesis brought nothing, or it failed fast.
    Failed,
    /// The experiment itself was wrong, in a way that showed only while it ran.
    Aborted,
    /// By a signal.
    Interrupted,
}

/// Every look at the hypothesis.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SteadyStates {
    /// Before the method.
    pub before: Option<State>,
    /// After it.
    pub after: Option<State>,
    /// While it ran.
    pub during: Vec<State>,
}

/// One look at the hypothesis.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// True if it holds; `None` after a fatal fault.
    pub steady_state_met: Option<bool>,
    /// Its probes, up to the first that did not hold.
    pub probes: Vec<Run>,
}

/// One activity that was carried out.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// The activity.
    pub activity: Value,
    /// The output.
    pub output: Value,
    /// The start time.
    pub start: String,
    /// `succeeded` or `failed`; nothing when it was fatal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Vec<String>>,
    /// The end time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// True if the output of a probe of the hypothesis is within its tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_met: Option<bool>,
    #[serde(skip)]
    begun: std::time::Instant,
}

/// Reason of an interruption.
#[derive(Clone, Debug, Serialize)]
pub struct Interruption {
    /// Always `signal`.
    pub kind: &'static str,
    /// `SIGINT` or `SIGTERM`.
    pub name: String,
    /// A sentence.
    pub reason: String,
}

impl Run {
    pub(super) fn started(activity: Value) -> Self {
        Self {
            activity,
            output: Value::Null,
            start: clock::now(),
            status: None,
            exception: None,
            end: None,
            duration: None,
            tolerance_met: None,
            begun: std::time::Instant::now(),
        }
    }
}

impl Run {
    /// It was broken off: it has an end and no status.
    pub(super) fn end_now(&mut self) {
        if self.end.is_none() {
            self.end = Some(clock::now());
            self.duration = Some(self.begun.elapsed().as_secs_f64());
        }
    }
}

impl Journal {
    pub(super) fn started(experiment: Value) -> Self {
        let system = rustix::system::uname();
        let part = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        Self {
            chaoslib_version: CHAOSLIB_VERSION,
            platform: [system.sysname(), system.release(), system.machine()].map(part).join("-"),
            node: part(system.nodename()),
            experiment,
            start: clock::now(),
            status: Status::Running,
            deviated: false,
            steady_states: SteadyStates::default(),
            run: Vec::new(),
            rollbacks: Vec::new(),
            end: String::new(),
            duration: 0.0,
            interruption: None,
        }
    }

    /// Returns true if the run was completed, and the steady state was not lost.
    pub fn holds(&self) -> bool {
        self.status == Status::Completed && !self.deviated
    }

    /// As the reference writes it to a file.
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        let mut serializer = serde_json::Serializer::pretty(&mut text);
        // Texts as keys, and no number that JSON does not have: this cannot fail.
        let written = self.serialize(&mut serializer);
        debug_assert!(written.is_ok(), "{written:?}");
        String::from_utf8(text).unwrap_or_default()
    }
}
