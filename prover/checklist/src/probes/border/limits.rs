//! `border.limits`: size, count and depth of what a client sends are limited, with a clear 4xx.
//!
//! - **Hypothesis**: a head, a URI and a body that grow without end are refused with a 4xx, JSON that is nested without end is
//!   refused, a request with two lengths never becomes two requests, and none of it costs memory or the service.
//! - **Sent**: one header of 256 KiB, 1 MiB and 8 MiB, then 2,000, 20,000 and 200,000 small headers, then a URI of 64 KiB, 1 MiB
//!   and 8 MiB, each until one is refused; a body that declares 1 GiB and a chunked one, both streamed up to 64 MiB;
//!   100,000 levels of JSON arrays and objects to the first JSON request of the mix; five shapes of request smuggling.
//! - **Decides**: accepted without end, a 5xx, silence, two answers to one request, a dead service, or 64 MiB more resident
//!   memory fall short. A connection that is closed without an answer is limited though not clear: a note.
//! - **Blast radius**: the service's memory and CPU, for seconds. Nothing is written unless a smuggled GET is.
//! - **Bound in time**: each piece 10 s; about 5 s in all against a service that answers, three minutes against one that hangs
//!   on everything.

use std::time::Duration;

use keel_wire::http::Request;
use keel_wire::raw::Ended;

use super::support::harmless::{Harmless, in_peace};
use super::support::writes::{Writes, json_spec, writes};
use crate::clause::Clause;
use crate::clause::border::limits as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::listener::{self, Listener};

mod body;
mod smuggling;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.limits";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// How long an answer to one oversized thing may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How much resident memory may rise over the whole examination, in bytes.
const MEMORY: u64 = 64 << 20;
/// Levels of JSON nesting: any parser that recurses without a limit has overflowed its stack before.
const DEPTH: usize = 100_000;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let (listener, harmless) = match in_peace(ID, lab).await {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    let mut memory = Memory::start(lab);
    let mut evidence = oversized_heads(&listener, &harmless, &mut memory, lab).await;

    let target = body::Target::of(lab);
    let mut unseen = None;
    for framing in [body::Framing::Declared, body::Framing::Chunked] {
        let (piece, seen) = body::flood(&listener, &target, framing).await;
        memory.look(lab);
        evidence.push(piece);
        if !seen && matches!(writes(lab).await, Writes::Possible) {
            unseen = Some("no request with a body is known: declare one in [[requests]]");
        }
    }
    evidence.extend(deep_json(lab).await);
    memory.look(lab);
    evidence.extend(smuggling::attempts(&listener, &target.request).await);
    evidence.push(harmless.evidence_after(clause::SIZE, "all of it").await);
    evidence.push(memory.evidence());

    evidence.extend(unseen.map(|reason| clause::SIZE.gap(reason)));
    Finding::judge(ID, evidence)
}

/// One thing in growing sizes, until a size is refused.
struct Growing {
    /// What it is, `{}` standing for the size.
    what: &'static str,
    clause: Clause,
    sizes: [usize; 3],
    make: fn(&Listener, &Request, usize) -> Vec<u8>,
}

const HEADS: [Growing; 3] = [
    Growing {
        what: "one header of {} bytes",
        clause: clause::SIZE,
        sizes: [256 << 10, 1 << 20, 8 << 20],
        make: |listener, request, size| listener.head(request, &format!("X-Keel: {}\r\n", "a".repeat(size))),
    },
    Growing {
        what: "{} small headers",
        clause: clause::COUNT,
        sizes: [2_000, 20_000, 200_000],
        make: |listener, request, count| {
            let lines: String = (0..count).map(|n| format!("X-K{n}: {n}\r\n")).collect();
            listener.head(request, &lines)
        },
    },
    Growing {
        what: "a URI of {} bytes",
        clause: clause::SIZE,
        sizes: [64 << 10, 1 << 20, 8 << 20],
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
            evidence.push(growing.clause.saw(good, what).exchanged(sent, came));
            break;
        }
    }
    evidence
}

/// What became of a request that no service should take.
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

async fn deep_json(lab: &Lab) -> Vec<Evidence> {
    let Some(spec) = json_spec(lab) else {
        return vec![clause::DEPTH.gap("no request with JSON is declared: its depth was not examined")];
    };
    let shapes = [
        ("arrays", format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        ("objects", format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH))),
    ];
    let mut evidence = Vec::new();
    for (name, text) in shapes {
        let exchange = lab.http().send(lab.fill(&spec).body(text)).await;
        let good = exchange.status().is_some_and(|status| status.is_client_error());
        let status = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
        let what = format!("{DEPTH} levels of JSON {name} are answered {status}");
        evidence.push(clause::DEPTH.saw(good, what).with(&exchange));
    }
    evidence
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
        clause::SIZE.saw(risen < MEMORY, what)
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
