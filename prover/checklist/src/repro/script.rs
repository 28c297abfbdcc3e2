//! The text of a script: what every one has in common, and the steps of its experiment.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_drill::process::is_simple;
use url::Url;

use super::literal::{self, address};
use super::steps::{Experiment, Launch};
use crate::report::plain;
use crate::subject::{Dependencies, Subject};

/// The most lines of a script.
pub const MAX_LINES: usize = 15;
/// The most characters of what was seen, on the script's second line.
const TOLD: usize = 160;
/// Between two looks at whether the service is ready, in seconds.
const LOOK: &str = "0.05";
/// Number of checks in a second.
const LOOKS_A_SECOND: u64 = 20;
/// Time limit of the start of a dependency.
const DEPENDENCY: Duration = Duration::from_secs(10);

/// A script that fails shows nothing, and stops what it has started.
const FAILS: &str =
    "sys.excepthook = lambda *error: print(*error[:2], flush=True) or atexit._run_exitfuncs() or os._exit(2)";

/// The whole script.
pub(super) fn text(subject: &Subject, id: &str, told: &str, experiment: &Experiment) -> String {
    let lines = lines(subject, id, told, experiment, true);
    let lines = if lines.len() <= MAX_LINES { lines } else { self::lines(subject, id, told, experiment, false) };
    lines.join("\n") + "\n"
}

/// The lines; `wide` says whether each statement of a function may stand on a line of its own.
fn lines(subject: &Subject, id: &str, told: &str, experiment: &Experiment, wide: bool) -> Vec<String> {
    let (declared, secret) = variables(subject, experiment);
    let mut lines =
        vec!["#!/usr/bin/env python3".to_owned(), headline(id, told, &secret), imports(subject, experiment)];
    if let Some(within) = experiment.asks {
        lines.extend(ask(&subject.url, within));
    }
    lines.extend(experiment.before.iter().cloned());
    if experiment.launch == Launch::Never {
        let folder = subject.repository.as_ref().unwrap_or(&subject.workdir);
        lines.push(format!("DIR = {}", literal::text(&folder.display().to_string())));
    } else {
        lines.extend(start(subject, &declared, experiment.launch, wide));
        let others = dependencies(subject, experiment);
        let ready = format!(
            "any({} or time.sleep({LOOK}) for _ in range({})) or sys.exit(2)",
            look(subject, experiment),
            looks(subject)
        );
        match experiment.launch {
            Launch::Ready | Launch::HeardAndReady => lines.push(format!("{others}start(); {ready}")),
            Launch::Heard => lines.push(format!("{others}start()")),
            Launch::BySteps => {
                lines.push(format!("def ready(_): {ready}"));
                if !others.is_empty() {
                    lines.push(others.trim_end_matches("; ").to_owned());
                }
            }
            Launch::Never => {}
        }
    }
    lines.extend(experiment.steps.iter().cloned());
    // True is 1 for `sys.exit`.
    lines.push(format!(
        "print({}); fault = bool({}); print(\"-> the fault\", \"shows\" if fault else \"does not show\"); sys.exit(fault)",
        experiment.seen, experiment.fault
    ));
    lines
}

/// The second line: what the script shows, and which variables must be set before.
fn headline(id: &str, told: &str, secret: &[String]) -> String {
    let told: String = plain(told).chars().take(TOLD).collect();
    let set = if secret.is_empty() { String::new() } else { format!(" (set {} first)", secret.join(", ")) };
    format!("# {id}: {told}{set}")
}

fn imports(subject: &Subject, experiment: &Experiment) -> String {
    let mut modules = experiment.modules.clone();
    modules.extend(["sys"]);
    match experiment.launch {
        Launch::Never => modules.extend(["os", "subprocess"]),
        _ => modules.extend(["atexit", "os", "subprocess", "time"]),
    }
    if experiment.asks.is_some() {
        modules.insert("http.client");
    }
    if experiment.asks.is_none() && experiment.launch == Launch::Ready {
        modules.insert("socket");
    }
    if experiment.launch != Launch::Never && dependencies(subject, experiment).contains("socket.") {
        modules.insert("socket");
    }
    let import = format!("import {}", modules.into_iter().collect::<Vec<_>>().join(", "));
    match experiment.launch {
        Launch::Never => import,
        _ => format!("{import}; {FAILS}"),
    }
}

/// A function that sends a request: the answer as text, or `0` and the error.
fn ask(url: &Url, within: Duration) -> [String; 4] {
    [
        format!("def ask(method, path, headers={{}}, body=None, at={}):", address(url)),
        format!("    c = http.client.HTTPConnection(*at, timeout={})", literal::seconds(within)),
        "    try: c.request(method, path, body, headers); a = c.getresponse(); return \"\\n\".join([str(a.status), \
         *map(\": \".join, a.getheaders()), \"\", a.read().decode(\"utf-8\", \"replace\")])"
            .to_owned(),
        "    except Exception as error: return f\"0 {error!r}\"".to_owned(),
    ]
}

/// A function that starts the service, or another command; it ends with the script.
fn start(subject: &Subject, env: &BTreeMap<String, String>, launch: Launch, wide: bool) -> Vec<String> {
    let env: Vec<(&str, String)> = env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let output = if matches!(launch, Launch::Heard | Launch::HeardAndReady) { "PIPE" } else { "DEVNULL" };
    let head = format!(
        "def start(run={}, env={}):",
        literal::text(&command(&subject.run)),
        literal::dictionary(env.into_iter())
    );
    let process = format!(
        "global job; job = subprocess.Popen(run, shell=True, cwd={}, env={{**os.environ, **env}}, start_new_session=True, \
         stdout=subprocess.{output}, stderr=subprocess.STDOUT)",
        literal::text(&subject.workdir.display().to_string())
    );
    let end = "atexit.register(os.system, f\"kill -9 -{job.pid} 2>/dev/null\")";
    if wide {
        vec![head, format!("    {process}"), format!("    {end}")]
    } else {
        vec![format!("{head} {process}; {end}")]
    }
}

/// Starts the dependencies that are declared with a command, except the one that is replaced, and waits until each listens.
fn dependencies(subject: &Subject, experiment: &Experiment) -> String {
    let Dependencies::Declared(declared) = &subject.dependencies else { return String::new() };
    let others = declared.iter().filter(|one| !experiment.replaces.contains(&one.env));
    others
        .filter_map(|one| {
            let env = one.env_of_run.iter().map(|(name, value)| (name.as_str(), literal::text(value)));
            let started =
                format!("start({}, {})", literal::text(&command(one.run.as_ref()?)), literal::dictionary(env));
            // One that is called before it listens is down, which is another fault.
            let waits = one.url.port_or_known_default().map_or_else(String::new, |_| {
                let listens = format!("socket.socket().connect_ex({}) == 0", address(&one.url));
                let patience = DEPENDENCY.as_secs() * LOOKS_A_SECOND;
                format!("any({listens} or time.sleep({LOOK}) for _ in range({patience})) or sys.exit(2); ")
            });
            Some(format!("{started}; {waits}"))
        })
        .collect()
}

/// The environment variables of the service, as expressions, and those that the user of the script must set because
/// they may carry a secret.
fn variables(subject: &Subject, experiment: &Experiment) -> (BTreeMap<String, String>, Vec<String>) {
    let mut all: BTreeMap<String, String> = subject.env.clone();
    if let Dependencies::Declared(declared) = &subject.dependencies {
        for one in declared {
            for (name, value) in one.variables(&one.url) {
                all.entry(name).or_insert(value);
            }
        }
    }
    let (mut expressions, mut secret) = (BTreeMap::new(), Vec::new());
    for (name, value) in all {
        if experiment.env.contains_key(&name) {
            continue;
        }
        if is_secret(&name, &value) {
            secret.push(name);
        } else {
            expressions.insert(name, literal::text(&value));
        }
    }
    expressions.extend(experiment.env.clone());
    (expressions, secret)
}

/// Returns true if a variable may carry a secret, by its name or because its value is a URL with a password.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "_KEY", "APIKEY"].iter().any(|word| name.contains(word))
        || value.parse::<Url>().is_ok_and(|url| url.password().is_some())
}

/// A shell command, with `exec` where that lets signals reach what it runs.
pub(super) fn command(command: &str) -> String {
    if is_simple(command) { format!("exec {command}") } else { command.to_owned() }
}

/// Returns the check for readiness, as an expression.
fn look(subject: &Subject, experiment: &Experiment) -> String {
    if experiment.asks.is_none() {
        return format!("socket.socket().connect_ex({}) == 0", address(&subject.url));
    }
    if !experiment.replaces.is_empty() {
        // Without its dependency it may say that it is not ready, and rightly so, or not answer at all.
        let ready = literal::text(subject.ready.as_deref().unwrap_or("/"));
        let at = subject.admin.as_ref().map_or_else(String::new, |url| format!(", at={}", address(url)));
        return format!("ask(\"GET\", {ready}{at})[0] != \"0\" or ask(\"GET\", \"/\")[0] != \"0\"");
    }
    let Some(path) = &subject.ready else { return "ask(\"GET\", \"/\")[0] in \"1234\"".to_owned() };
    let at = subject.admin.as_ref().map_or_else(String::new, |url| format!(", at={}", address(url)));
    format!("ask(\"GET\", {}{at})[0] == \"2\"", literal::text(path))
}

fn looks(subject: &Subject) -> u64 {
    subject.start_timeout.as_secs().max(1) * LOOKS_A_SECOND
}
