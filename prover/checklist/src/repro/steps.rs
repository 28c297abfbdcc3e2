//! The parts of an experiment, as Python.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_wire::http::Request;

use super::literal;
use crate::recipe::created::EACH;
use crate::recipe::{PathPart, Shows};

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

/// Lets the script open as many descriptors as it may.
pub(super) const MANY_DESCRIPTORS: &str =
    "resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)";

/// The most resident memory so far of a process and of its children, in bytes.
pub(super) const PEAK_MEMORY: &str = "held = lambda pid: sum(int(line.split()[1]) * 1024 for line in open(f\"/proc/{pid}/status\") if line.startswith(\"VmHWM\")) + \
     sum(held(child) for child in open(f\"/proc/{pid}/task/{pid}/children\").read().split())";

/// Returns the condition under which the text of an answer shows the fault.
pub(super) fn shows(fault: &Shows) -> String {
    match fault {
        Shows::Found(pattern) => format!("re.search({}, seen)", literal::pattern(pattern)),
        Shows::Missing(pattern) => format!("not re.search({}, seen)", literal::pattern(pattern)),
    }
}

/// The arguments of `ask`; where the request has [`EACH`], with a key for each `n`.
pub(super) fn arguments(base: &str, request: &Request) -> String {
    let path = format!("{}{}", base.trim_end_matches('/'), request.path);
    let mut arguments = format!("{}, {}", literal::text(request.method.as_str()), text(&path));
    let body = (!request.body.is_empty()).then(|| bytes(&request.body));
    if !request.headers.is_empty() || body.is_some() {
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), text(value)));
        arguments.push_str(&format!(", {}", literal::dictionary(headers)));
    }
    arguments.extend(body.map(|body| format!(", {body}")));
    arguments
}

/// The path to read back what a write made, whose answer is `made`.
pub(super) fn read_path(base: &str, read: &[PathPart]) -> String {
    let base = PathPart::Text(base.trim_end_matches('/').to_owned());
    let parts = std::iter::once(&base).chain(read);
    let parts = parts.filter(|part| !matches!(part, PathPart::Text(text) if text.is_empty()));
    let parts = parts.map(|part| match part {
        PathPart::Text(text) => literal::text(text),
        PathPart::Saved(pointer) => format!("str(made{})", subscripts(pointer)),
    });
    parts.collect::<Vec<_>>().join(" + ")
}

/// Headers as a further argument of `ask`.
pub(super) fn headers(headers: &[(String, String)]) -> String {
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), literal::text(value)));
    if headers.is_empty() { String::new() } else { format!(", {}", literal::dictionary(pairs)) }
}

/// A key in the form of [`EACH`] that no other `n` and no other run of the script has.
const KEY: &str = "f\"{os.getpid():08x}-0000-4000-8000-{n:012x}\"";

fn text(value: &str) -> String {
    let written = literal::text(value);
    if value.contains(EACH) { format!("{written}.replace(\"{EACH}\", {KEY})") } else { written }
}

fn bytes(value: &[u8]) -> String {
    let written = literal::bytes(value);
    let has_key = value.windows(EACH.len()).any(|part| part == EACH.as_bytes());
    if has_key { format!("{written}.replace(b\"{EACH}\", {KEY}.encode())") } else { written }
}

/// A JSON pointer as subscripts.
pub(super) fn subscripts(pointer: &str) -> String {
    let part = |part: &str| match part.parse::<usize>() {
        Ok(index) => format!("[{index}]"),
        Err(_) => format!("[{}]", literal::text(&part.replace("~1", "/").replace("~0", "~"))),
    };
    pointer.split('/').skip(1).map(part).collect()
}
