//! The parts of an experiment, as Python.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_wire::http::Request;

use super::literal;
use crate::recipe::Shows;

/// Lines of a script between the start of the service and its last line.
#[derive(Debug, Default)]
pub(super) struct Experiment {
    /// Modules beside those that every script uses.
    pub(super) modules: BTreeSet<&'static str>,
    /// The time limit of each request, if the script sends requests with `ask`.
    pub(super) asks: Option<Duration>,
    /// Steps before the service is started.
    pub(super) before: Vec<String>,
    /// Variables of the service's environment, as expressions.
    pub(super) env: BTreeMap<String, String>,
    /// The start of the service.
    pub(super) launch: Launch,
    /// Steps with the service running.
    pub(super) steps: Vec<String>,
    /// The expression that is printed.
    pub(super) seen: String,
    /// The expression that is true when the fault shows.
    pub(super) fault: String,
    /// Variables that the service is not started with as declared.
    pub(super) replaces: BTreeSet<String>,
}

/// Start of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Launch {
    /// Once, and it must become ready.
    #[default]
    Ready,
    /// By the steps, with `start()` and `ready()`.
    BySteps,
    /// Once, and what it prints is read; it need not become ready.
    Heard,
    /// Once, what it prints is read, and it must become ready.
    HeardAndReady,
    /// Not at all.
    Never,
}

/// On top of the deadline, by which a request is answered.
pub(super) const BEYOND: Duration = Duration::from_secs(5);

/// Returns the condition under which the text of an answer shows the fault.
pub(super) fn shows(fault: &Shows) -> String {
    match fault {
        Shows::Found(pattern) => format!("re.search({}, seen)", literal::pattern(pattern)),
        Shows::Missing(pattern) => format!("not re.search({}, seen)", literal::pattern(pattern)),
    }
}

/// The arguments of `ask`.
pub(super) fn arguments(base: &str, request: &Request) -> String {
    let path = format!("{}{}", base.trim_end_matches('/'), request.path);
    let mut arguments = format!("{}, {}", literal::text(request.method.as_str()), literal::text(&path));
    let body = (!request.body.is_empty()).then(|| literal::bytes(&request.body));
    if !request.headers.is_empty() || body.is_some() {
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), literal::text(value)));
        arguments.push_str(&format!(", {}", literal::dictionary(headers)));
    }
    arguments.extend(body.map(|body| format!(", {body}")));
    arguments
}
