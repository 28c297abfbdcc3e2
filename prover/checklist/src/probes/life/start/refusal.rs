//! Starts that cannot succeed: they must end promptly, non-zero, with a line that names the cause.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::{Duration, Instant};

use keel_drill::process::{Exit, Launch, Process};

use super::variables::{form, names, tells_of_a_fault, tells_of_use};
use super::waits::Waits;
use crate::clause::life::start as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::life::starved;
use crate::recipe::Recipe;
use crate::recipe::Start;

/// Time limit of a refusal beside twice the slowest start, and on a taken port: servers try again for some seconds, in case it is
/// about to be free.
const PROMPT: Duration = Duration::from_secs(5);
const PROMPT_ON_A_PORT: Duration = Duration::from_secs(10);
/// The longest time limit, however slow the starts are.
const LONGEST: Duration = Duration::from_secs(30);
/// A start whose processes wait for a CPU is given up after so many times its limit.
const GIVEN_UP: u32 = 2;
/// Between two looks at whether it has become ready all the same.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Until a process that goes on is killed.
const GRACE: Duration = Duration::from_secs(1);
/// No port, no address, no URL, no number, no duration, and no file that could be made.
const SENSELESS: &str = "//not a valid value//";
/// The most variables that are tried.
const VARIABLES: usize = 8;
/// After so many that were taken as they are, the rest is not tried: each may cost the whole bound.
const ENOUGH: usize = 2;
/// The last lines of output, in which the cause must be named.
const LINES: usize = 30;
/// The most characters of output in the evidence.
const SHOWN: usize = 600;

/// Outcome of a start that cannot succeed.
struct Outcome {
    exit: Option<Exit>,
    ready: bool,
    took: Duration,
    /// Time that its processes waited for a CPU meanwhile.
    waited: Duration,
    /// Time within which it must have ended, without these waits.
    limit: Duration,
    lines: Vec<String>,
}

impl Outcome {
    /// Returns true if it went on for its whole limit; waits for a CPU do not count.
    fn is_over(&self) -> bool {
        is_over(self.took, self.waited, self.limit)
    }
}

fn is_over(took: Duration, waited: Duration, limit: Duration) -> bool {
    took.saturating_sub(waited) >= limit
}

/// The time limit of a refusal.
fn limit(lab: &Lab, prompt: Duration) -> Duration {
    lab.beside_a_start(lab.pace.of(prompt)).min(LONGEST)
}

/// Starts it on a port that is taken. The subject must not run.
///
/// # Errors
/// Why the port could not be taken.
pub(super) async fn on_a_taken_port(lab: &Lab) -> Result<Evidence, String> {
    let url = &lab.subject.url;
    if url.scheme() == "unix" {
        return Err(format!("{url} is no port, and a socket that is taken was not tried: name a TCP port in `url`"));
    }
    let port = url.port_or_known_default().unwrap_or(80);
    let holders = hold(url.host_str().unwrap_or("127.0.0.1"), port)
        .map_err(|error| format!("port {port} could not be taken to see what the service does then: {error}"))?;
    // Whoever is ready on this port is the listener here, which never answers.
    let outcome = attempt(lab, lab.launch(), limit(lab, PROMPT_ON_A_PORT), false).await;
    drop(holders);
    let outcome = outcome?;
    let launch = lab.launch();
    let carriers = launch.env.iter().filter(|(_, value)| names(value, &port.to_string())).map(|(name, _)| name.clone());
    let wanted: Vec<String> = carriers.chain([port.to_string()]).collect();
    let clear =
        |line: &str| tells_of_use(line) || tells_of_a_fault(line) && wanted.iter().any(|name| names(line, name));
    Ok(judge(
        &format!("started while port {port} is taken"),
        &format!("port {port} or that it is in use"),
        clear,
        &outcome,
    )
    .reproduced_by(Recipe::Start(Start::TakenPort { within: within(&outcome) })))
}

/// Starts it with a senseless value for each variable that has a form. The subject must not run.
pub(super) async fn with_senseless_variables(lab: &Lab) -> Vec<Evidence> {
    let env = lab.launch().env;
    let formed: Vec<(&String, &'static str)> =
        env.iter().filter_map(|(name, value)| Some((name, form(name, value)?))).collect();
    let mut evidence = Vec::new();
    if formed.is_empty() {
        let what = "no declared environment variable carries a port, an address, a number or a duration: bad configuration was \
                    not tried (declare some in [service.env])";
        evidence.push(clause::BAD_CONFIGURATION.gap(what));
    }
    if formed.len() > VARIABLES {
        let left_out: Vec<&str> = formed.iter().skip(VARIABLES).map(|(name, _)| name.as_str()).collect();
        let what = format!("only {VARIABLES} variables were tried, and not {}", left_out.join(", "));
        evidence.push(clause::BAD_CONFIGURATION.gap(what));
    }
    let mut taken = 0;
    for (name, was) in formed.iter().take(VARIABLES) {
        if taken == ENOUGH {
            evidence.push(clause::BAD_CONFIGURATION.gap("further variables were not tried"));
            break;
        }
        let mut launch = lab.launch();
        launch.env.insert((*name).clone(), SENSELESS.to_owned());
        match attempt(lab, launch, limit(lab, PROMPT), true).await {
            Ok(outcome) => {
                taken += usize::from(outcome.exit.is_none());
                let how = format!("started with {name}='{SENSELESS}', where {was} belongs");
                let clear = |line: &str| tells_of_a_fault(line) && names(line, name);
                let (variable, value) = ((*name).clone(), SENSELESS.to_owned());
                let start = Start::Variable { name: variable, value, within: within(&outcome), in_a_fault: true };
                evidence.push(judge(&how, name, clear, &outcome).reproduced_by(Recipe::Start(start)));
            }
            Err(reason) => evidence.push(clause::BAD_CONFIGURATION.gap(reason)),
        }
    }
    evidence
}

/// The limit of the script, if that is what shows the fault: until `start_timeout` the service may still end.
fn within(outcome: &Outcome) -> Option<Duration> {
    (outcome.exit.is_none() && !outcome.ready).then_some(outcome.limit)
}

/// Listens on every loopback address of this host name.
fn hold(host: &str, port: u16) -> std::io::Result<Vec<TcpListener>> {
    let addresses: Vec<SocketAddr> = (host.trim_matches(['[', ']']), port).to_socket_addrs()?.collect();
    let mut refused = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    let mut held = Vec::new();
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(listener) => held.push(listener),
            Err(error) => refused = error,
        }
    }
    if held.is_empty() { Err(refused) } else { Ok(held) }
}

async fn attempt(lab: &Lab, launch: Launch, limit: Duration, look: bool) -> Result<Outcome, String> {
    let mut process = Process::start(launch).map_err(|error| format!("the shell could not be started: {error}"))?;
    let since = Instant::now();
    let (mut exit, mut ready, mut waits) = (None, false, Waits::default());
    let mut took = since.elapsed();
    while exit.is_none() && !ready && !is_over(took, waits.total(), limit) && took < limit * GIVEN_UP {
        ready = look && lab.is_ready().await;
        exit = process.wait(LOOK_EVERY).await;
        waits.look(&process.pids());
        took = since.elapsed();
    }
    let waited = waits.total();
    let output = process.output();
    let last = output.len().saturating_sub(LINES);
    let lines = output.into_iter().map(|line| line.text).collect::<Vec<_>>().split_off(last);
    if exit.is_none() {
        process.stop(GRACE).await;
    }
    Ok(Outcome { exit, ready: ready && exit.is_none(), took, waited, limit, lines })
}

/// Judges the end of a start with a senseless `PORT` that printed these lines, after 6 s of which its processes waited for so long for
/// a CPU; it had 5 s.
#[cfg(test)]
pub(super) fn judged(exit: Option<Exit>, lines: &[&str], waited: Duration) -> Evidence {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    let outcome = Outcome { exit, ready: false, took: PROMPT + GRACE, waited, limit: PROMPT, lines };
    judge("started with PORT=''", "PORT", |line| tells_of_a_fault(line) && names(line, "PORT"), &outcome)
}

fn judge(how: &str, cause: &str, clear: impl Fn(&str) -> bool, outcome: &Outcome) -> Evidence {
    let said = outcome.lines.iter().rev().find(|line| clear(line));
    let Outcome { took, waited, limit, .. } = outcome;
    if outcome.exit.is_none() && !outcome.ready && !outcome.is_over() {
        let what = format!("{how}, it still runs {took:.1?} later, {}", starved::too_busy(*waited));
        return clause::BAD_CONFIGURATION.gap(what);
    }
    let (good, became) = match (outcome.exit, said) {
        (None, _) if outcome.ready => (false, format!("is ready after {took:.1?} all the same")),
        (None, _) => (false, format!("still runs {took:.1?} later; it has {limit:.1?}")),
        (Some(Exit::Code(0)), _) => (false, format!("ends with code 0 after {took:.1?}, as if all were well")),
        (Some(Exit::Signal(signal)), _) => (false, format!("is ended by signal {signal} after {took:.1?}")),
        (Some(Exit::Code(code)), None) => {
            (false, format!("ends with code {code} after {took:.1?} without naming {cause}"))
        }
        (Some(Exit::Code(code)), Some(_)) => (true, format!("ends with code {code} after {took:.1?} and says why")),
    };
    let lines = said.map_or_else(|| outcome.lines.join(" · "), Clone::clone);
    let came_back = if lines.is_empty() { "no output".to_owned() } else { lines.chars().take(SHOWN).collect() };
    clause::BAD_CONFIGURATION.saw(good, format!("{how}, it {became}")).showing(came_back)
}
