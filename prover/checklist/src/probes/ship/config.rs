//! `ship.config`: configuration comes from the environment, typed, validated as a whole at start.
//!
//! - **Hypothesis**: with its port changed in the environment it follows; with a value that cannot be read it ends within 5 s with a
//!   non-zero code and names the variable; with two such values it names both.
//! - **Sent**: a start with another port; a start for each declared variable whose value has a form (a number, a duration, an
//!   address, a URL), with `GARBAGE` instead; a start with two of them.
//! - **Decides**: any of these not being so; a stack trace in the message. Without a declared variable that has a form, unknown.
//! - **Blast radius**: the service is stopped, and started so many times.
//! - **Bound in time**: 5 s a start, at most `MAX_VARIABLES` and two.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use keel_drill::process::{Exit, Launch, Process};
use tokio::net::TcpStream;

use crate::clause::ship::config as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Start;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
mod stages;
#[cfg(test)]
mod tests;

const ID: &str = "ship.config";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// No number, no duration, no address, no URL, no path.
const GARBAGE: &str = "%keel garbage%";
/// The most variables that are spoiled, one at a time.
const MAX_VARIABLES: usize = 12;
/// Time limit of a refusal.
const REFUSE: Duration = Duration::from_secs(5);
/// Between two looks at a port.
const LOOK: Duration = Duration::from_millis(20);
/// Marks of a stack trace in a line.
const TRACES: [&str; 6] =
    ["stack backtrace:", "Traceback (most recent", "goroutine ", "    at ", "panicked at", "Exception in thread"];

/// Examines the subject's start.
pub async fn examine(lab: &mut Lab) -> Finding {
    let launch = lab.launch();
    let declared = declared(lab, &launch);
    let formed: Vec<&String> = declared.iter().filter(|(_, value)| has_form(value)).map(|(name, _)| name).collect();
    let (spoilable, left_out) = formed.split_at(formed.len().min(MAX_VARIABLES));
    if spoilable.is_empty() {
        let reason = "no variable is declared whose value has a form (a number, an address, a URL): say which it reads in \
                      [service.env], or with --env";
        return Finding::unknown(ID, reason, Vec::new());
    }
    lab.stop().await;
    let mut evidence = vec![follows(lab, &declared).await];
    if !left_out.is_empty() {
        let named: Vec<&str> = left_out.iter().map(|name| name.as_str()).collect();
        evidence.push(
            clause::TYPED.gap(format!("only {MAX_VARIABLES} variables were spoiled, and not {}", named.join(", "))),
        );
    }
    for name in spoilable {
        evidence.push(refuses(lab, &launch, &[name]).await);
    }
    if let [first, second, ..] = spoilable {
        evidence.push(refuses(lab, &launch, &[first, second]).await);
    }
    evidence.extend(documents(lab, &declared).await);
    evidence.push(stages::examine(lab.subject.repository.as_deref()));
    Finding::judge(ID, evidence)
}

/// The variables that were declared, with the values that they have in a launch.
fn declared(lab: &Lab, launch: &Launch) -> BTreeMap<String, String> {
    let own = lab.subject.env.keys();
    let dependencies = launch.env.keys().filter(|name| !lab.subject.env.contains_key(*name));
    own.chain(dependencies).filter_map(|name| Some((name.clone(), launch.env.get(name)?.clone()))).collect()
}

/// Returns true if a typed setting would refuse some texts in the place of this value.
fn has_form(value: &str) -> bool {
    let scheme = |text: &str| {
        text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.len() > 1
                && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c))
                && !rest.is_empty()
        })
    };
    let duration = || {
        let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < value.len() && ["ms", "s", "m", "h", "d"].contains(&unit)
    };
    value.parse::<f64>().is_ok()
        || value.parse::<IpAddr>().is_ok()
        || value.parse::<SocketAddr>().is_ok()
        || duration()
        || scheme(value)
}

/// Judges that it listens at the address of its environment.
async fn follows(lab: &Lab, declared: &BTreeMap<String, String>) -> Evidence {
    let port = lab.subject.url.port_or_known_default().unwrap_or(0).to_string();
    let says = |value: &str| value == port || value.ends_with(&format!(":{port}"));
    let Some((name, value)) = declared.iter().find(|(_, value)| says(value)) else {
        return clause::ENVIRONMENT
            .gap(format!("no declared variable carries its port {port}, so it could not be moved"));
    };
    let Some(free) =
        TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).ok().map(|at| at.port())
    else {
        return clause::ENVIRONMENT.gap("no free port could be had");
    };
    let mut launch = lab.launch();
    let moved = format!("{}{free}", value.strip_suffix(&port).unwrap_or_default());
    launch.env.insert(name.clone(), moved.clone());
    let Ok(mut process) = Process::start(launch) else {
        return clause::ENVIRONMENT.gap("the shell could not be started");
    };
    let since = Instant::now();
    let follows = loop {
        if TcpStream::connect(("127.0.0.1", free)).await.is_ok() {
            break true;
        }
        if since.elapsed() > lab.subject.start_timeout || !process.is_running() {
            break false;
        }
        tokio::time::sleep(LOOK).await;
    };
    process.stop(lab.subject.drain_timeout).await;
    let told = if follows { "it listens there" } else { "it does not listen there" };
    clause::ENVIRONMENT.saw(follows, format!("started with {name}={moved} {told}"))
}

/// Judges that it refuses to start with garbage in these variables, and names each.
async fn refuses(lab: &Lab, launch: &Launch, names: &[&String]) -> Evidence {
    let mut launch = launch.clone();
    for name in names {
        launch.env.insert((*name).clone(), GARBAGE.to_owned());
    }
    let Ok(mut process) = Process::start(launch) else {
        return clause::VALIDATED.gap("the shell could not be started");
    };
    let soon = lab.pace.of(REFUSE);
    let end = ended(&mut process, || lab.is_ready(), soon, soon.max(lab.subject.start_timeout)).await;
    process.stop(Duration::ZERO).await;
    let output: Vec<String> = process.output().into_iter().map(|line| line.text).collect();
    let unnamed: Vec<&str> =
        names.iter().map(|name| name.as_str()).filter(|name| !output.iter().any(|line| line.contains(name))).collect();
    let traced = output.iter().any(|line| TRACES.iter().any(|trace| line.contains(trace)));
    let (good, told) = judge(&end, &unnamed, traced, names.len());
    let clause = if names.len() > 1 { clause::VALIDATED } else { clause::TYPED };
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let what = format!("with {GARBAGE:?} in {} {told}", names.join(" and "));
    let said: String = output.join(" · ").chars().take(600).collect();
    let piece = clause.saw(good, what).showing(said);
    // With two the script could not say which of them is named.
    match names.as_slice() {
        [name] => {
            let (name, value) = ((*name).to_owned(), GARBAGE.to_owned());
            let start = match traced && unnamed.is_empty() {
                true => Start::Traced { name, value, traces: TRACES.map(ToOwned::to_owned).to_vec() },
                false => Start::Variable { name, value, within: None, in_a_fault: false },
            };
            piece.reproduced_by(Recipe::Start(start))
        }
        _ => piece,
    }
}

/// End of a start with garbage in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ended(Exit),
    /// It is ready, and has not ended by then.
    Ready(Duration),
    /// It was not ready either by then.
    Neither(Duration),
}

/// Waits until it has ended, or is ready when `soon` is over; at most for `longest`. A service that is not ready yet may still refuse.
async fn ended<R: Future<Output = bool>>(
    process: &mut Process,
    is_ready: impl Fn() -> R,
    soon: Duration,
    longest: Duration,
) -> End {
    let since = Instant::now();
    loop {
        if let Some(exit) = process.wait(LOOK).await {
            return End::Ended(exit);
        }
        let waited = since.elapsed();
        if waited >= soon && is_ready().await {
            return End::Ready(waited);
        }
        if waited >= longest {
            return End::Neither(waited);
        }
    }
}

/// Judges the end of a start with garbage in so many variables, of which the output does not name these.
fn judge(end: &End, unnamed: &[&str], traced: bool, names: usize) -> (bool, String) {
    let exit = match end {
        End::Ready(after) => return (false, format!("it goes on for {after:.1?} as if nothing were wrong")),
        End::Neither(after) => return (false, format!("it is neither ready nor has it ended after {after:.1?}")),
        End::Ended(exit) => *exit,
    };
    match exit {
        Exit::Code(0) => (false, "it ends with code 0, as if all were well".to_owned()),
        Exit::Signal(signal) => (false, format!("it is ended by signal {signal}")),
        Exit::Code(code) if !unnamed.is_empty() => {
            (false, format!("it ends with code {code} without naming {}", unnamed.join(" and ")))
        }
        Exit::Code(code) if traced => (false, format!("it ends with code {code} and a stack trace")),
        Exit::Code(code) => {
            (true, format!("it ends with code {code} and names {}", if names > 1 { "both" } else { "it" }))
        }
    }
}

/// Judges that `--help` documents the variables. Documentation elsewhere cannot be seen, so it is never against it.
async fn documents(lab: &Lab, declared: &BTreeMap<String, String>) -> Option<Evidence> {
    let run = &lab.subject.run;
    // With arguments of its own it is not known where another one would belong.
    if run.contains(|c: char| c.is_whitespace() || "|&;<>$`(".contains(c)) {
        return None;
    }
    let launch = Launch { command: format!("{run} --help"), ..lab.launch() };
    let mut process = Process::start(launch).ok()?;
    let exit = process.wait(lab.pace.of(REFUSE)).await;
    process.stop(Duration::ZERO).await;
    let text: String = process.output().into_iter().map(|line| line.text + "\n").collect();
    let told = declared.keys().filter(|name| text.contains(name.as_str())).count();
    let what = format!("`{run} --help` tells of {told} of the {} declared variables", declared.len());
    let all = exit == Some(Exit::Code(0)) && told == declared.len();
    Some(clause::DOCUMENTED.maybe(all.then_some(true), what))
}
