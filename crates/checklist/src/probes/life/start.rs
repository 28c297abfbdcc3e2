//! `life.start`: starts in milliseconds, says ready only when it is, fails fast and clearly.
//!
//! - **Hypothesis**: from exec to the first ready answer it takes less than a second, at the median of five starts; a request sent
//!   at that moment succeeds; on a port that is taken it ends by itself within 5 s with a non-zero code and says why.
//! - **Sent**: five stops and starts, a harmless request after each; then a start while the examiner listens on its port.
//! - **Decides**: any of these not being so.
//! - **Blast radius**: the service is stopped and started six times.
//! - **Bound in time**: five times the declared start and drain time, and 5 s.

use std::net::TcpListener;
use std::time::Duration;

use drill::process::{Exit, Process};

use crate::finding::{Evidence, Finding};
use crate::lab::{Lab, Started};

const ID: &str = "life.start";
/// How often it is started.
const STARTS: usize = 5;
/// Until ready, at the median.
const SOON: Duration = Duration::from_secs(1);
/// How soon it must give up on a port that is taken.
const GIVE_UP: Duration = Duration::from_secs(5);
/// How a taken port is told of, in small letters.
const TAKEN: [&str; 5] = ["in use", "eaddrinuse", "already", "bind", "occupied"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (mut evidence, mut starts) = (Vec::new(), Vec::new());
    for number in 1..=STARTS {
        lab.stop().await;
        match lab.start_with(|_| {}).await {
            Ok(started) => {
                starts.push(started);
                evidence.push(first_request(lab, number).await);
            }
            Err(failure) => {
                let what = format!("start {number} of {STARTS} failed: {failure}");
                evidence.push(Evidence { came_back: Some(failure.output.join(" · ")), ..Evidence::saw(false, what) });
                return Finding::judge(ID, "", evidence);
            }
        }
    }
    let (told, median) = figures(&mut starts);
    evidence.push(Evidence::saw(median < SOON, told));
    evidence.push(on_a_taken_port(lab).await);
    Finding::judge(
        ID,
        format!("ready {median:.1?} after exec at the median, and it refuses a port that is taken"),
        evidence,
    )
}

async fn first_request(lab: &Lab, number: usize) -> Evidence {
    let exchange = lab.http().send(lab.harmless()).await;
    let good = exchange.status().is_some_and(|status| status.as_u16() < 500);
    let told = if good { "was answered" } else { "was not answered" };
    Evidence::exchange(
        good,
        format!("after start {number} the first request {told} as soon as it said ready"),
        &exchange,
    )
}

fn figures(starts: &mut [Started]) -> (String, Duration) {
    starts.sort_by_key(|start| start.ready);
    let listed = |which: fn(&Started) -> Duration| {
        starts.iter().map(|start| format!("{:.1?}", which(start))).collect::<Vec<_>>().join(", ")
    };
    let median = starts[starts.len() / 2].ready;
    let told = format!(
        "{} starts took {} from exec to ready (listening after {}); the median is {median:.1?}, less than {SOON:?} is asked",
        starts.len(),
        listed(|start| start.ready),
        listed(|start| start.listening),
    );
    (told, median)
}

/// Starts it while somebody else listens where it wants to.
async fn on_a_taken_port(lab: &mut Lab) -> Evidence {
    lab.stop().await;
    let url = lab.subject.url.clone();
    let address = url.socket_addrs(|| None).ok().and_then(|addresses| addresses.first().copied());
    let Some(address) = address else { return Evidence::note(format!("{url} has no address to listen on")) };
    let port = address.port();
    let _taken = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => return Evidence::note(format!("the examiner cannot listen on {address} itself: {error}")),
    };
    let mut process = match Process::start(lab.launch()) {
        Ok(process) => process,
        Err(error) => return Evidence::note(format!("the shell could not be started: {error}")),
    };
    let exit = process.wait(GIVE_UP).await;
    if exit.is_none() {
        process.stop(Duration::ZERO).await;
    }
    let output: Vec<String> = process.output().into_iter().map(|line| line.text).collect();
    let said = output.iter().rev().find(|line| names(line, port)).cloned();
    let (good, told) = match (exit, &said) {
        (None, _) => (false, format!("still runs {GIVE_UP:?} later, although it cannot serve")),
        (Some(Exit::Code(0)), _) => (false, "ends with code 0, as if all were well".to_owned()),
        (Some(_), None) => (false, format!("ends without naming the port {port} or that it is in use")),
        (Some(Exit::Code(code)), Some(_)) => (true, format!("ends with code {code} and says why")),
        (Some(Exit::Signal(signal)), Some(_)) => (false, format!("is ended by signal {signal}")),
    };
    let last = said.or_else(|| output.last().cloned());
    let what = format!("started while port {port} is taken, it {told}");
    Evidence { came_back: last.map(|line| line.chars().take(400).collect()), ..Evidence::saw(good, what) }
}

/// Whether a line tells of the port, or that something is in use.
fn names(line: &str, port: u16) -> bool {
    let lower = line.to_lowercase();
    TAKEN.iter().any(|word| lower.contains(word)) || line.contains(&port.to_string())
}
