//! `border.slow-clients`: slow headers, slow bodies, slow readers and idle hoarders are cut; others do not notice.
//!
//! - **Hypothesis**: a connection that does not get on is closed (or answered 408) within the patience, and a harmless request is
//!   answered promptly all the while.
//! - **Sent**, all at once, one connection each: a head a byte at a time; a body a byte at a time; nothing at all; one whole
//!   request and then nothing; pipelined requests for the largest known answer that is never read.
//! - **Decides**: a connection held longer than the patience, or others answered late or not at all, fall short. A slow reader
//!   whose answers fit into the kernel's buffers cannot be judged: a note.
//! - **Blast radius**: five connections.
//! - **Bound in time**: the patience (80 s: nginx's defaults are 60 s to 75 s) plus 10 s; ends as soon as all are cut.

use std::time::{Duration, Instant};

use keel_wire::http::Request;
use keel_wire::raw::{Ended, RawConnection};
use tokio::task::JoinSet;

use self::fate::Fate;
use super::support::harmless::{Harmless, PROMPT, in_peace};
use super::support::writes::json_spec;
use crate::clause::Clause;
use crate::clause::border::slow_clients as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::listener::{self, Listener};

mod fate;
mod reader;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.slow-clients";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// What a body that is dripped declares: small enough for every limit, and longer than any patience at this pace.
const DRIPPED_BODY: usize = 1_000;
/// The most that is read of what comes back, in bytes.
const HEARD: usize = 64 << 10;

/// How long what is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until when a slow connection must have been cut.
    pub cut: Duration,
    /// Between two bytes of a slow connection.
    pub drip: Duration,
    /// Between two harmless requests.
    pub ask: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { cut: Duration::from_secs(80), drip: Duration::from_secs(3), ask: Duration::from_secs(2) }
    }
}

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    examine_with(lab, Patience::default()).await
}

/// Examines the running subject with another patience.
pub async fn examine_with(lab: &mut Lab, patience: Patience) -> Finding {
    let (listener, harmless) = match in_peace(ID, lab).await {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    let clients = start_clients(lab, &listener, &harmless, patience).await;
    let (fates, asked) = wait(clients, &harmless, patience).await;
    let mut evidence: Vec<Evidence> = fates.into_iter().map(|(clause, name, fate)| judge(clause, name, fate)).collect();
    evidence.push(asked.evidence());
    Finding::judge(ID, evidence)
}

/// A slow connection: the clause that it is about, its name and its fate.
type Slow = (Clause, &'static str, Fate);

async fn start_clients(lab: &Lab, listener: &Listener, harmless: &Harmless, patience: Patience) -> JoinSet<Slow> {
    let read = harmless.request.clone();
    let written = json_spec(lab).map_or_else(|| Request::new(http::Method::POST, "/"), |spec| lab.fill(&spec));
    let slow_head = {
        let mut head = listener.head(&read, "X-Drip: ");
        head.truncate(head.len() - 2); // the empty line that would end the head
        head
    };
    let slow_body = listener.head(&written, &format!("Content-Length: {DRIPPED_BODY}\r\n"));
    let whole = listener.bytes(&read);
    let largest = reader::largest(lab, listener).await;

    let mut clients = JoinSet::new();
    let at = listener.clone();
    clients.spawn(async move {
        (clause::SLOW_HEADERS, "a head that comes a byte at a time", drip(&at, slow_head, patience).await)
    });
    let at = listener.clone();
    clients.spawn(async move {
        (clause::SLOW_BODIES, "a body that comes a byte at a time", drip(&at, slow_body, patience).await)
    });
    let at = listener.clone();
    clients
        .spawn(async move { (clause::IDLE, "a connection that says nothing", idle(&at, Vec::new(), patience).await) });
    let at = listener.clone();
    clients.spawn(async move {
        (clause::IDLE, "a connection idle after a whole request", idle(&at, whole, patience).await)
    });
    let at = listener.clone();
    clients.spawn(async move {
        (clause::SLOW_READERS, "a reader that never reads", reader::never_read(&at, largest, patience.cut).await)
    });
    clients
}

/// Waits for all clients and asks the harmless request meanwhile.
async fn wait(mut clients: JoinSet<Slow>, harmless: &Harmless, patience: Patience) -> (Vec<Slow>, Asked) {
    let mut asked = Asked::default();
    let mut fates = Vec::new();
    let mut ticks = tokio::time::interval(patience.ask);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => asked.ask(harmless).await,
            client = clients.join_next() => match client {
                Some(Ok(fate)) => fates.push(fate),
                Some(Err(error)) => fates.push((clause::IDLE, "a slow client of keel's own", Fate::NotJudged(error.to_string()))),
                None => return (fates, asked),
            },
        }
    }
}

/// What others got meanwhile.
#[derive(Default)]
struct Asked {
    times: usize,
    slowest: Duration,
    worst: Option<Evidence>,
}

impl Asked {
    async fn ask(&mut self, harmless: &Harmless) {
        let (same, exchange) = harmless.ask().await;
        self.times += 1;
        self.slowest = self.slowest.max(exchange.took);
        if !same || exchange.took >= PROMPT {
            let what = "others notice: a harmless request was not answered promptly as before";
            self.worst.get_or_insert_with(|| clause::BYSTANDERS.contradicts(what).with(&exchange));
        }
    }

    fn evidence(self) -> Evidence {
        let what =
            format!("{} harmless requests were answered meanwhile, the slowest in {:.1?}", self.times, self.slowest);
        self.worst.unwrap_or_else(|| clause::BYSTANDERS.holds(what))
    }
}

fn judge(clause: Clause, name: &str, fate: Fate) -> Evidence {
    match fate {
        Fate::Cut(after, how) => clause.holds(format!("{name} was {how} after {after:.1?}")),
        Fate::Held(after) => clause.contradicts(format!("{name} was still held after {after:.1?}")),
        Fate::NotJudged(why) => clause.gap(format!("{name} could not be judged: {why}")),
    }
}

/// Sends `start`, then a byte at a time, until the service ends it.
async fn drip(listener: &Listener, start: Vec<u8>, patience: Patience) -> Fate {
    let mut connection = match begin(listener, &start).await {
        Ok(connection) => connection,
        Err(fate) => return fate,
    };
    let began = Instant::now();
    let mut heard = Vec::new();
    while let Some(left) = patience.cut.checked_sub(began.elapsed()) {
        let glance = connection.listen(HEARD, patience.drip.min(left)).await;
        heard.extend_from_slice(&glance.bytes);
        heard.truncate(HEARD);
        if let Some(how) = cut(&heard, &glance.ended) {
            return Fate::Cut(began.elapsed(), how);
        }
        if connection.write(b"a", patience.drip).await.is_err() {
            return Fate::Cut(began.elapsed(), "closed".into());
        }
    }
    Fate::Held(began.elapsed())
}

/// Sends `start` and then nothing, until the service ends it.
async fn idle(listener: &Listener, start: Vec<u8>, patience: Patience) -> Fate {
    let mut connection = match begin(listener, &start).await {
        Ok(connection) => connection,
        Err(fate) => return fate,
    };
    let began = Instant::now();
    let mut heard = Vec::new();
    while let Some(left) = patience.cut.checked_sub(began.elapsed()) {
        // An answer may be larger than what is read at a time: it is read to its end, this client is idle and not slow.
        let glance = connection.listen(HEARD, left).await;
        heard.extend_from_slice(&glance.bytes);
        heard.truncate(HEARD);
        if let Some(how) = cut(&heard, &glance.ended) {
            return Fate::Cut(began.elapsed(), how);
        }
    }
    Fate::Held(began.elapsed())
}

async fn begin(listener: &Listener, start: &[u8]) -> Result<RawConnection, Fate> {
    let mut connection = listener.open().await.map_err(|error| Fate::NotJudged(format!("no connection: {error}")))?;
    let written = connection.write(start, Duration::from_secs(5)).await;
    written.map_err(|error| Fate::NotJudged(format!("not even its beginning could be sent: {error}")))?;
    Ok(connection)
}

/// How the service ended the connection, when it did: by closing it, or with a 408.
fn cut(heard: &[u8], ended: &Ended) -> Option<String> {
    let status = listener::answers(heard).last().map(|answer| answer.status);
    match (status, ended) {
        (Some(408), _) => Some("answered 408".into()),
        (None, Ended::StillOpen) | (Some(_), Ended::StillOpen) => None,
        (Some(status), _) => Some(format!("answered {status} and closed")),
        (None, Ended::Closed) => Some("closed".into()),
        (None, Ended::Reset) => Some("reset".into()),
    }
}
