//! `border.compress`: compression is negotiated, and what a client sends compressed is unpacked within bounds.
//!
//! - **Hypothesis**: an answer is coded only as was asked for, unpacks to what the plain one is, and names Accept-Encoding in
//!   Vary; a body that unpacks to a thousand times its size is refused and costs no memory.
//! - **Sent**: each GET of the mix, `/`, and the declared OpenAPI document and metrics (at most `PATHS`) with
//!   `Accept-Encoding: identity` (twice), `gzip` and `gzip;q=0`;
//!   what is compressed thrice more in one session, twice with a query that says something of our own; the first JSON write of
//!   the mix compressed with gzip, then `BOMBS` at once of `BOMB` zero bytes compressed.
//! - **Decides**: a coding that was not asked for, two codings, another content, no Vary; a page that repeats the query beside a
//!   token or a cookie that stays the same; a bomb that is not answered 4xx in time, or `MEMORY` more resident memory: fall short. A bomb
//!   that is taken and costs no memory may be kept as it came: a gap. The write is first shown to be answered as declared.
//!   Where nothing is compressed and no compressed body is taken, it does not apply. br, zstd, nested bombs, secrets of
//!   other kinds and what repeats parts of a request other than its query are not examined.
//! - **Blast radius**: one write; memory of the service, at most 80 MiB for seconds.
//! - **Bound in time**: seven exchanges a path and one more, each bounded by `EACH`; the bombs by the service's deadline and 5 s.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use keel_wire::http::{Client, Exchange, Request};

use super::support::writes::{Writes, json_spec, reads, writes};
use crate::clause::border::compress as clause;
use crate::contention;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::strain::Bomb;

mod coded;
mod guessable;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod unpack;

const ID: &str = "border.compress";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most paths that are read.
const PATHS: usize = 8;
/// The bound of one exchange.
const EACH: Duration = Duration::from_secs(3);
/// Size of an unpacked bomb, in bytes.
const BOMB: usize = 10 << 20;
/// Bombs at a time: together they unpack to more than twice [`MEMORY`].
const BOMBS: usize = 8;
/// By how much resident memory may rise meanwhile, in bytes.
const MEMORY: u64 = 32 << 20;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(2);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let client = lab.http().with_timeout(EACH);
    let mut evidence = Vec::new();
    let mut compresses = false;
    for request in paths(lab) {
        let Some((packed, piece)) = coded::examine(&client, request.clone()).await else { continue };
        compresses |= packed;
        evidence.push(piece);
        if packed {
            evidence.extend(guessable::examine(&client, &request).await);
        }
    }
    let bodies = Bodies::examine(lab, &client).await;
    let takes = matches!(bodies, Bodies::Taken(_));
    let (known, pieces) = bodies.told();
    evidence.extend(pieces);
    if takes && !compresses {
        evidence.push(clause::NEGOTIATED.gap("no answer is compressed, so that nothing was negotiated"));
    }
    if compresses || takes || evidence.iter().any(|piece| piece.is_against()) {
        return Finding::judge(ID, evidence);
    }
    match known {
        true => Finding::not_applicable(ID, "no answer is compressed and no compressed body is taken", evidence),
        false => {
            let reason = "no answer is compressed, and whether compressed bodies are taken was not seen: declare a write with \
                          `json` in [[requests]], or state = \"none\"";
            Finding::unknown(ID, reason, evidence)
        }
    }
}

/// The root, the declared metrics and OpenAPI document, and each other GET of the mix, once. Another listener is not looked at.
fn paths(lab: &Lab) -> Vec<Request> {
    let subject = &lab.subject;
    let metrics = subject.metrics.as_ref().filter(|_| subject.admin.is_none());
    let mut requests = vec![Request::get("/")];
    let described = metrics.into_iter().chain(&subject.openapi).map(Request::get);
    let mixed = lab.mix().into_iter().filter(reads).map(|spec| lab.fill(&spec));
    for request in described.chain(mixed) {
        if requests.len() < PATHS && !requests.iter().any(|known| known.path == request.path) {
            requests.push(request);
        }
    }
    requests
}

/// Outcome of compressed bodies.
enum Bodies {
    /// None can be sent: there are no writes at all.
    NoWrites,
    /// It was not seen: no JSON write is declared, or it is not taken even plainly.
    Unseen(Vec<Evidence>),
    /// The compressed form of a good write is refused.
    Refused(Vec<Evidence>),
    /// It is taken.
    Taken(Vec<Evidence>),
}

impl Bodies {
    async fn examine(lab: &mut Lab, client: &Client) -> Self {
        let Some(spec) = json_spec(lab) else {
            return match writes(lab).await {
                Writes::None(..) => Self::NoWrites,
                Writes::Possible => Self::Unseen(vec![clause::BOUNDED.gap("no write with JSON is declared")]),
            };
        };
        let control = match lab.control(&spec).await {
            Ok(control) => control,
            Err(failed) => return Self::Unseen(vec![clause::BOUNDED.uncontrolled(&failed)]),
        };
        let request = lab.fill(&spec);
        let packed = packed(&request.body);
        let exchange = client.send(compressed(request, packed)).await;
        let taken = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        let refused = exchange.status().is_some_and(|status| status.is_client_error());
        let told = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
        let what = format!("{}, compressed with gzip, is answered {told}", spec.name);
        let mut evidence = vec![clause::BOUNDED.figure(what).with(&summary_of(&exchange))];
        let bomb = packed_bomb();
        let requests = (0..BOMBS).map(|_| compressed(lab.fill(&spec), bomb.clone())).collect();
        let request = compressed(lab.fill(&spec), Vec::new());
        let bomb = Recipe::Bomb(Bomb { request, size: BOMB, times: BOMBS, most: MEMORY });
        let exploded = explode(lab, requests).await.into_iter();
        evidence.extend(exploded.map(|piece| piece.by(&control).reproduced_by(bomb.clone())));
        match (taken, refused) {
            (true, _) => Self::Taken(evidence),
            (_, true) => Self::Refused(evidence),
            _ => Self::Unseen(evidence),
        }
    }

    /// Returns true if it was seen whether bodies are accepted, and the evidence.
    fn told(self) -> (bool, Vec<Evidence>) {
        match self {
            Self::NoWrites => (true, Vec::new()),
            Self::Unseen(evidence) => (false, evidence),
            Self::Refused(evidence) | Self::Taken(evidence) => (true, evidence),
        }
    }
}

/// Sends all at once and looks at the memory meanwhile.
async fn explode(lab: &mut Lab, requests: Vec<Request>) -> Vec<Evidence> {
    // One that unpacks before it refuses takes longer than for other requests.
    let client = lab.http();
    let contention = contention::Watch::begin(lab);
    let before = lab.process().usage().resident;
    let mut most = before;
    let sending = join_all(requests.into_iter().map(|request| client.send(request)));
    tokio::pin!(sending);
    let exchanges: Vec<Exchange> = loop {
        tokio::select! {
            exchanges = &mut sending => break exchanges,
            () = tokio::time::sleep(LOOK) => most = most.max(lab.resident()),
        }
    };
    let contention = contention.end();
    most = most.max(lab.resident());
    let size = BOMB >> 20;
    let risen = (before > 0).then(|| most.saturating_sub(before));
    let bad = exchanges.iter().find(|exchange| !exchange.status().is_some_and(|status| status.is_client_error()));
    let answers = match (bad, exchanges.first()) {
        (Some(exchange), _) => {
            let (good, what) = unrefused(exchange, risen);
            let piece = clause::BOUNDED.maybe(good, format!("a gzip bomb of {size} MiB {what}"));
            let piece = piece.with(&summary_of(exchange));
            match exchange.answer() {
                Some(_) => piece,
                None => contention.excuse_given_up(piece, exchange.took),
            }
        }
        (None, Some(exchange)) => {
            let status = exchange.status().map_or(0, |status| status.as_u16());
            clause::BOUNDED
                .holds(format!("gzip bombs of {size} MiB are refused with {status}"))
                .with(&summary_of(exchange))
        }
        (None, None) => clause::BOUNDED.gap("no bomb was sent"),
    };
    let Some(risen) = risen else {
        let what = "its memory cannot be seen: it runs outside the process group that keel started";
        return vec![answers, clause::BOUNDED.gap(what)];
    };
    let what = format!(
        "{BOMBS} bombs of {size} MiB at once raise resident memory by {:.1} MiB (bound: {} MiB)",
        risen as f64 / f64::from(1 << 20),
        MEMORY >> 20
    );
    vec![answers, clause::BOUNDED.saw(risen < MEMORY, what)]
}

/// Describes a bomb that is not refused, by its answer and the memory that it cost: one that is kept as it came was not unpacked.
fn unrefused(exchange: &Exchange, risen: Option<u64>) -> (Option<bool>, String) {
    match (exchange.status().map(|status| status.as_u16()), risen) {
        (Some(200..=399), Some(risen)) if risen < MEMORY => {
            (None, "is taken and costs no memory: it may be kept as it came, or unpacked piece by piece".to_owned())
        }
        (Some(status), _) => (Some(false), format!("is answered {status}, not refused with a 4xx")),
        (None, _) => (Some(false), format!("has no answer after {:.1?}", exchange.took)),
    }
}

/// Returns the exchange without the bytes of its body, which are unreadable.
fn summary_of(exchange: &Exchange) -> Exchange {
    let mut exchange = exchange.clone();
    exchange.request.body = format!("({} bytes of gzip)", exchange.request.body.len()).into();
    exchange
}

fn compressed(mut request: Request, body: Vec<u8>) -> Request {
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    request.header("Content-Encoding", "gzip").body(body)
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a vector takes every write")
}

fn packed_bomb() -> Vec<u8> {
    packed(&vec![0; BOMB])
}
