//! Reach of probes into a service that keel did not start in the foreground.
//!
//! A probe that needs what is not there is not run; one of which a part needs it is run, and that part is a gap.

use crate::clause::{self, Clause};
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::subject::{Commands, Dependencies, Operation, Subject};

#[cfg(test)]
mod tests;

/// Need of a probe beyond the listeners of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Its process in the foreground: signals, exit code, a start with other variables or limits.
    Foreground,
    /// To be stopped and started.
    Restart,
    /// To be killed and started.
    Kill,
    /// The id of its process, for memory, descriptors and CPU time.
    Process,
    /// The output of the service.
    Output,
    /// Its dependencies behind proxies.
    Dependencies,
    /// A TCP port: more than a Unix socket.
    Tcp,
}

/// Returns the needs of an attribute's probe.
fn needs(id: &str) -> &'static [Need] {
    use Need::{Dependencies, Foreground, Kill, Output, Process, Restart, Tcp};
    match id {
        "life.start" | "data.location" | "data.purge" | "data.integrity" | "life.leader" => &[Foreground],
        "life.manager" | "ship.config" => &[Foreground, Tcp],
        "life.drain" => &[Foreground, Tcp],
        "life.kill" | "ratchet.dead-letters" | "ratchet.events" => &[Kill],
        "ratchet.jobs" | "ratchet.steps" => &[Kill, Dependencies, Restart],
        "life.steady" | "prove.soak" | "call.cpu-bulkhead" => &[Process],
        "see.logs" => &[Output],
        "see.traces" => &[Restart],
        "see.outliers" | "prove.attack" | "border.connections" | "border.slow-clients" | "border.rate-limit" => &[Tcp],
        "call.balance"
        | "call.discovery"
        | "call.jitter"
        | "call.hedge"
        | "call.retry"
        | "call.retry-budget"
        | "call.deadline"
        | "call.breaker"
        | "call.breaker-manual"
        | "call.bulkhead" => &[Dependencies, Restart],
        "call.timeout" | "call.fallback" | "call.bad-answers" => &[Dependencies],
        _ => &[],
    }
}

/// Returns the clauses of an attribute that need more than its probe.
fn needs_of_clauses(id: &str) -> &'static [(Need, Clause)] {
    match id {
        "border.idempotency" => &[(Need::Kill, clause::border::idempotency::CRASH)],
        "call.bad-answers" => &[(Need::Process, clause::call::bad_answers::BOUNDED_MEMORY)],
        _ => &[],
    }
}

/// The finding on an attribute of which nothing can be examined on this subject; none when its probe can be run.
pub fn refused(subject: &Subject, id: &str) -> Option<Finding> {
    let missing = missing(subject, id)?;
    Some(Finding::unknown(id, missing, Vec::new()))
}

/// Why the probe of an attribute cannot be run on this subject; none when it can.
pub fn missing(subject: &Subject, id: &str) -> Option<String> {
    needs(id).iter().find_map(|need| lacks(subject, *need))
}

/// The finding of a probe that was run, with a gap for each of its clauses that could not be seen.
pub(crate) fn with_unseen(subject: &Subject, finding: Finding) -> Finding {
    let gap = |(need, clause): &(Need, Clause)| lacks(subject, *need).map(|what| clause.gap(what));
    let gaps: Vec<Evidence> = needs_of_clauses(finding.id()).iter().filter_map(gap).collect();
    if gaps.is_empty() { finding } else { finding.also(gaps) }
}

/// Why a need is not met, and what to do; none when it is.
fn lacks(subject: &Subject, need: Need) -> Option<String> {
    if need == Need::Tcp {
        let unix = subject.url.scheme() == "unix";
        return unix.then(|| "it listens on a Unix socket, and this needs a TCP port: name one in `url`".to_owned());
    }
    let what = match (&subject.operation, need) {
        (Operation::Foreground, _) => return None,
        (Operation::Commands(commands), need) => lacks_of_commands(commands, need)?,
        (Operation::Attached { pid }, need) => match (need, pid) {
            (Need::Process, Some(_)) => return None,
            (Need::Process, None) => "its process is not known: say `pid`",
            (Need::Dependencies, _) if all_listen(&subject.dependencies) => return None,
            (Need::Output, _) => "its output is not seen: start it by keel, with `run`",
            (Need::Dependencies, _) => {
                "it has the addresses of its dependencies from elsewhere, so nothing is in front of them: say `listen` in each \
                 [dependencies.NAME] and point the service there, or start it by keel"
            }
            (Need::Foreground | Need::Restart | Need::Kill | Need::Tcp, _) => {
                "it is neither started nor stopped: start it by keel, with `run`, or with `start` and `stop`"
            }
        },
    };
    Some(format!("{}: {what}", subject.operation))
}

/// Returns true if each dependency is behind a proxy at a declared address; also if there is none.
fn all_listen(dependencies: &Dependencies) -> bool {
    match dependencies {
        Dependencies::Unsaid => true,
        Dependencies::Declared(declared) => declared.iter().all(|one| one.listen.is_some()),
    }
}

fn lacks_of_commands(commands: &Commands, need: Need) -> Option<&'static str> {
    match need {
        Need::Foreground => Some("its own process is not keel's to signal or to start in other ways: say `run`"),
        Need::Kill if commands.kill.is_none() => Some("none of them kills it: say `kill`"),
        Need::Process if commands.pid.is_none() => {
            Some("its process is not known: say `pid`, a command that prints its number on this machine")
        }
        Need::Output if commands.logs.is_none() => Some("its output is not seen: say `logs`"),
        Need::Kill | Need::Process | Need::Output | Need::Restart | Need::Dependencies | Need::Tcp => None,
    }
}
