//! `border.limits`: size, count and depth of what a client sends are limited, with a clear 4xx.
//!
//! - **Hypothesis**: a head, a URI and a body that grow without end are refused with a 4xx, JSON that is nested without end is
//!   refused, a request with two lengths never becomes two requests, what comes a byte at a time is cut, and none of it costs
//!   memory or the service.
//! - **Sent**: one header of 256 KiB, 1 MiB and 8 MiB, then 2,000, 20,000 and 200,000 small headers, then a URI of 64 KiB, 1 MiB
//!   and 8 MiB, each until one is refused; to each of the first four writes of the mix a body that declares 1 GiB and a chunked
//!   one, both streamed up to 64 MiB; to those with JSON 100,000 levels of arrays and objects, fewer when that is refused for
//!   its size, down to 625; where no request has a body, both with POST to the path of a harmless request; five shapes of request smuggling; meanwhile (before, where others wait for it) a head and each body a byte at a time; 256 KiB of headers over HTTP/2
//!   where it is spoken without TLS.
//! - **Decides**: accepted without end, a 5xx, silence, two answers to one request, a dead service, or 256 MiB more resident
//!   memory fall short. Each write is first shown to be answered as declared; a 401, 403, 404 or 405 says nothing about limits.
//!   A connection that is closed without an answer is limited though not clear: a gap of the clear refusal.
//! - **Blast radius**: the service's memory and CPU, for seconds. Nothing is written unless a smuggled GET is, and each write of
//!   the mix three times.
//! - **Bound in time**: each piece 10 s; in all the time until what comes a byte at a time is cut, at most 100 s, and three
//!   minutes more against a service that hangs on everything.

use std::time::Duration;

use keel_wire::http::Request;
use keel_wire::raw::Ended;

use super::support::harmless::{Harmless, in_peace};
use super::support::writes::takes_bodies;
use crate::clause::Clause;
use crate::clause::border::limits as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::listener::{self, Listener};
use crate::recipe::OnWire;
use crate::recipe::Recipe;

mod body;
mod depth;
#[cfg(test)]
mod judge_tests;
mod protocols;
mod smuggling;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod time;

const ID: &str = "border.limits";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time limit of the answer to one oversized request.
const ANSWER: Duration = Duration::from_secs(10);
/// Maximum rise of resident memory over the whole examination, in bytes.
const MEMORY: u64 = 64 << 20;
/// From how much on it is held against the service, in bytes.
const TOO_MUCH: u64 = 4 * MEMORY;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (listener, harmless) = match in_peace(ID, lab).await {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    let (targets, gaps) = body::targets(lab).await;
    let takes_bodies = takes_bodies(lab).await;
    let mut drips = time::start(lab, &listener, &harmless).await;
    let mut evidence = Vec::new();
    if time::occupy(&mut drips, &harmless).await {
        // Whoever waits for the only worker is neither answered nor refused: that says nothing of sizes.
        evidence.extend(time::evidence(lab, &mut drips, takes_bodies).await);
        if !harmless.ask().await.0 {
            let what = "it does not answer any more after clients that send a byte at a time, so nothing else was sent";
            evidence.push(Evidence::gap(what));
            return Finding::judge(ID, evidence);
        }
        evidence.push(
            clause::TIME.figure("others wait for clients that send a byte at a time: the rest was sent after them"),
        );
    }
    let was_occupied = !evidence.is_empty();
    let mut memory = Memory::start(lab);
    evidence.extend(oversized_heads(&listener, &harmless, &mut memory, lab).await);
    evidence.extend(gaps);
    if targets.is_empty() && takes_bodies {
        evidence.push(clause::SIZE.gap("no request with a body that works is known: declare one in [[requests]]"));
    }
    let guess = [body::Target::guess(&harmless.request.path)];
    for target in if targets.is_empty() { &guess[..] } else { &targets[..] } {
        for framing in [body::Framing::Declared, body::Framing::Chunked] {
            evidence.push(body::flood(&listener, target, framing).await);
            memory.look(lab);
        }
    }
    evidence.extend(depth::examine(lab, &listener, &harmless, takes_bodies).await);
    memory.look(lab);
    let known = targets.iter().find_map(|target| Some((&target.request, target.control.as_ref()?)));
    let (request, control) = known.unwrap_or((&harmless.request, &harmless.control));
    evidence.extend(smuggling::attempts(&listener, request, control).await);
    evidence.push(protocols::examine(lab, &listener, &harmless).await);
    evidence.push(harmless.evidence_after(clause::SIZE, "all of it").await);
    evidence.push(memory.evidence());
    if !was_occupied {
        evidence.extend(time::evidence(lab, &mut drips, takes_bodies).await);
    }
    Finding::judge(ID, evidence)
}

/// One thing in growing sizes, until a size is refused.
struct Growing {
    /// The description, `{}` standing for the size.
    what: &'static str,
    clause: Clause,
    sizes: [usize; 3],
    /// The unit that is repeated, and the end of the part before it when it comes once.
    unit: &'static str,
    until: &'static str,
    make: fn(&Listener, &Request, usize) -> Vec<u8>,
}

impl Growing {
    /// The same as pieces that repeat; the fault is that it is served with this status, or neither answered nor cut.
    fn recipe(&self, listener: &Listener, request: &Request, size: usize, status: &str) -> Recipe {
        let whole = (self.make)(listener, request, 1);
        let until = self.until.as_bytes();
        let end = whole.windows(until.len()).position(|window| window == until).map_or(0, |at| at + until.len());
        let (before, after) = whole.split_at(end);
        let before = &before[..before.len().saturating_sub(self.unit.len())];
        let pieces = vec![(before.to_vec(), 1), (self.unit.as_bytes().to_vec(), size), (after.to_vec(), 1)];
        Recipe::Wire { pieces, fault: OnWire::ServedOrSilent(format!("HTTP/1[.][01] {status}")) }
    }
}

const HEADS: [Growing; 3] = [
    Growing {
        what: "one header of {} bytes",
        clause: clause::SIZE,
        sizes: [256 << 10, 1 << 20, 8 << 20],
        unit: "a",
        until: "X-Keel: a",
        make: |listener, request, size| listener.head(request, &format!("X-Keel: {}\r\n", "a".repeat(size))),
    },
    Growing {
        what: "{} small headers",
        clause: clause::COUNT,
        sizes: [2_000, 20_000, 200_000],
        unit: "X-K0: 0\r\n",
        until: "X-K0: 0\r\n",
        make: |listener, request, count| {
            let lines: String = (0..count).map(|n| format!("X-K{n}: {n}\r\n")).collect();
            listener.head(request, &lines)
        },
    },
    Growing {
        what: "a URI of {} bytes",
        clause: clause::SIZE,
        sizes: [64 << 10, 1 << 20, 8 << 20],
        unit: "a",
        until: "keel=a",
        make: |listener, request, size| {
            let mut request = request.clone();
            let joint = if request.path.contains('?') { '&' } else { '?' };
            request.path = format!("{}{joint}keel={}", request.path, "a".repeat(size));
            listener.head(&request, "")
        },
    },
];

async fn oversized_heads(
    listener: &Listener,
    harmless: &Harmless,
    memory: &mut Memory,
    lab: &mut Lab,
) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for growing in &HEADS {
        for size in growing.sizes {
            let bytes = (growing.make)(listener, &harmless.request, size);
            let (fate, came) = fate(listener, &bytes, harmless.status).await;
            memory.look(lab);
            let subject = growing.what.replace("{}", &size.to_string());
            let (good, what) = match fate {
                Fate::Refused(status) => (true, format!("{subject}: refused with {status}")),
                Fate::Closed => {
                    evidence.push(
                        clause::CLEAR_REFUSAL.gap(format!("{subject} is answered by nothing but a closed connection")),
                    );
                    (true, format!("{subject}: limited, though by a closed connection without a clear 4xx"))
                }
                Fate::Failed(status) => (false, format!("{subject}: answered {status}, not with a 4xx")),
                Fate::Silent => (false, format!("{subject}: neither answered nor cut within {ANSWER:?}")),
                Fate::Served(_) if Some(&size) != growing.sizes.last() => continue,
                Fate::Served(status) => (false, format!("{subject}: accepted and answered {status}: no limit")),
            };
            let sent = format!("{} {} with {subject}", harmless.request.method, harmless.request.path);
            let piece = growing.clause.saw(good, what).exchanged(sent, came).by(&harmless.control);
            let status = match fate {
                Fate::Served(status) | Fate::Failed(status) => status.to_string(),
                _ => "2".to_owned(),
            };
            evidence.push(piece.reproduced_by(growing.recipe(listener, &harmless.request, size, &status)));
            break;
        }
    }
    evidence
}

/// Outcome of a request that no service should accept.
enum Fate {
    Refused(u16),
    Closed,
    Served(u16),
    Failed(u16),
    Silent,
}

/// Sends it and tells a refusal from an answer that any request would have got.
async fn fate(listener: &Listener, bytes: &[u8], in_peace: u16) -> (Fate, String) {
    let heard = match listener.exchange(bytes, ANSWER).await {
        Ok(heard) => heard,
        Err(error) => return (Fate::Closed, format!("no connection: {error}")),
    };
    let came = listener::told(&heard);
    let fate = match listener::answers(&heard.bytes).first() {
        Some(answer) if answer.status >= 500 => Fate::Failed(answer.status),
        Some(answer) if is_refusal(answer.status) && answer.status != in_peace => Fate::Refused(answer.status),
        Some(answer) => Fate::Served(answer.status),
        None if heard.ended == Ended::StillOpen => Fate::Silent,
        None => Fate::Closed,
    };
    (fate, came)
}

/// A 4xx that speaks about the shape of the request, not about who asks for what.
fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && ![401, 403, 404, 405].contains(&status)
}

/// Resident memory before and the most that was seen since.
struct Memory {
    before: u64,
    most: u64,
}

impl Memory {
    fn start(lab: &mut Lab) -> Self {
        let before = lab.process().usage().resident;
        Self { before, most: before }
    }

    fn look(&mut self, lab: &mut Lab) {
        if lab.process().is_running() {
            self.most = self.most.max(lab.process().usage().resident);
        }
    }

    fn evidence(&self) -> Evidence {
        if self.before == 0 {
            return clause::SIZE
                .gap("its memory cannot be seen: it does not run in the process group that keel started");
        }
        let risen = self.most.saturating_sub(self.before);
        let what = format!(
            "resident memory rose by {:.1} MiB from {:.1} MiB (bound: {} MiB)",
            mebibytes(risen),
            mebibytes(self.before),
            MEMORY >> 20
        );
        // A heap that grows while megabytes of heads are refused may stay large for a while.
        clause::SIZE.maybe(if risen < MEMORY { Some(true) } else { (risen >= TOO_MUCH).then_some(false) }, what)
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
