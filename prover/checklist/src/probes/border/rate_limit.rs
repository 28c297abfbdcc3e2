//! `border.rate-limit`: one address that asks too often is refused with 429 and told when to come again; others are not.
//!
//! - **Hypothesis**: a burst from one address is refused in part with 429 and headers that say when to come again; another
//!   address is answered meanwhile, and the first one again after the wait it was told.
//! - **Sent**: the harmless request from 127.0.0.4, `WORKERS` at a time with a connection each, until `ENOUGH` were refused,
//!   `MOST` were sent or `BURST` is over; once from each of `OTHERS` addresses, while 127.0.0.4 goes on as before; and from
//!   127.0.0.4 after the stated wait.
//! - **Decides**: no refusal in the burst, another status than 429, a refusal without Retry-After or RateLimit headers, another
//!   address that is not answered while the first one is refused, no answer after the stated wait: fall short. A limit above
//!   the rate that the burst reached is not seen; the rate is told. A service too slow for `FEW` requests in the burst is
//!   unknown; a wait above `WAIT` is told and not waited for. Limits by identity, of single routes and of logins, and the
//!   memory that many keys cost, are not examined.
//! - **Blast radius**: 4,000 reads; 127.0.0.4 may stay refused for as long as the service says.
//! - **Bound in time**: twice 10 s of burst, 15 s of waiting, and a few exchanges of 2 s.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::Request;

use self::refusal::{Answered, Refusal};
use super::support::harmless::Harmless;
use crate::clause::border::rate_limit as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::listener::Listener;
use crate::recipe::Recipe;

#[cfg(test)]
mod judge_tests;
mod refusal;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.rate-limit";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most requests of the burst.
const MOST: usize = 2_000;
/// The most time of the burst.
const BURST: Duration = Duration::from_secs(10);
/// Requests at a time: below usual limits of connections for an address.
const WORKERS: usize = 16;
/// Refusals after which the burst ends.
const ENOUGH: usize = 20;
/// Other clients that ask while the first goes on, once each: one alone may find the place that a limit for all has just freed,
/// and twice may be too often for one.
const OTHERS: u8 = 10;
/// Between two of them.
const BETWEEN: Duration = Duration::from_millis(5);
/// Below so many requests in the burst no limit had to show.
const FEW: usize = 200;
/// The longest stated wait that is waited for.
const WAIT: Duration = Duration::from_secs(15);
/// On top of a stated wait: a limiter may round it to whole seconds.
const ROUNDING: Duration = Duration::from_millis(500);
/// Between two looks when no wait was stated.
const LOOK: Duration = Duration::from_millis(250);
/// The bound of one exchange.
const EACH: Duration = Duration::from_secs(2);
/// Source address of the burst; nothing else of keel uses it.
const GREEDY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
/// Source addresses of the other clients: their last number counts up from this.
const FIRST_OTHER: u8 = 5;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let listener = match Listener::of(lab).await {
        Ok(listener) => listener,
        Err(reason) => return Finding::unknown(ID, reason, Vec::new()),
    };
    if !listener.takes_many_sources() {
        let reason =
            "it does not listen on an IPv4 loopback address: clients cannot be told apart; let it listen on 127.0.0.1";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let harmless = match Harmless::of(lab).await {
        Ok(harmless) => harmless,
        Err(evidence) => return Finding::unknown(ID, "it does not answer in peace", vec![evidence]),
    };
    let asker = Asker { bytes: listener.bytes(&harmless.request), listener: &listener, status: harmless.status };
    let burst = asker.burst(|burst| burst.refused.load(Ordering::Relaxed) >= ENOUGH).await;
    if burst.refusals.is_empty() {
        return burst.unrefused(&lab.harmless());
    }
    let mut evidence = burst.evidence();
    evidence.extend(unseen());
    let (other, meanwhile) = asker.other().await;
    evidence.push(other);
    // Who counts what it refuses may have told a longer wait since.
    evidence.push(asker.again(burst.stated_wait().max(meanwhile.stated_wait())).await);
    Finding::judge(ID, evidence)
}

/// Returns the gaps, each with the reason.
fn unseen() -> [Evidence; 3] {
    [
        clause::BY_IDENTITY.gap("one caller alone was sent from: limits by identity are not examined by this version"),
        clause::STRICT_PATHS.gap("failed logins are not sent: stricter limits of such paths are not examined"),
        clause::PER_ROUTE.gap("one route alone was sent to: other limits of other routes are not examined"),
    ]
}

/// Sends the harmless request from a chosen address.
struct Asker<'a> {
    listener: &'a Listener,
    bytes: Vec<u8>,
    /// The status in peace.
    status: u16,
}

/// A burst under way.
#[derive(Default)]
struct Sending {
    sent: AtomicUsize,
    refused: AtomicUsize,
}

/// Outcome of a burst.
#[derive(Default)]
struct Burst {
    sent: usize,
    answered: usize,
    refusals: Vec<Refusal>,
    /// Neither answered as in peace nor refused with 429 or 503; the first such, as told.
    others: usize,
    other: String,
    took: Duration,
}

impl Asker<'_> {
    async fn ask(&self, source: Ipv4Addr) -> Answered {
        let mut connection = match self.listener.open_from(source, EACH).await {
            Ok(connection) => connection,
            Err(error) => return Answered::Otherwise(format!("no connection: {error}")),
        };
        if let Err(error) = connection.write(&self.bytes, EACH).await {
            return Answered::Otherwise(format!("not written: {error}"));
        }
        Answered::of(&connection.listen_answer(EACH).await, self.status)
    }

    /// From the first address, until it is over for this reason or a bound.
    async fn burst(&self, over: impl Fn(&Sending) -> bool) -> Burst {
        let sending = Sending::default();
        let began = Instant::now();
        let worker = || async {
            let mut own = Vec::new();
            while began.elapsed() < BURST && !over(&sending) && sending.sent.fetch_add(1, Ordering::Relaxed) < MOST {
                let answered = self.ask(GREEDY).await;
                if matches!(answered, Answered::Refused(_)) {
                    sending.refused.fetch_add(1, Ordering::Relaxed);
                }
                own.push(answered);
            }
            own
        };
        let answers = join_all((0..WORKERS).map(|_| worker())).await.into_iter().flatten();
        let mut burst = Burst { took: began.elapsed(), ..Burst::default() };
        answers.for_each(|answered| burst.count(answered));
        burst
    }

    /// Other addresses while the first goes on as before, and what became of the first meanwhile.
    async fn other(&self) -> (Evidence, Burst) {
        let over = AtomicBool::new(false);
        let other = async {
            let mut suffered = Vec::new();
            for number in 0..OTHERS {
                let answered = self.ask(Ipv4Addr::new(127, 0, 0, FIRST_OTHER + number)).await;
                suffered.extend((answered != Answered::InPeace).then_some(answered));
                tokio::time::sleep(BETWEEN).await;
            }
            over.store(true, Ordering::Relaxed);
            suffered
        };
        let (suffered, meanwhile) = tokio::join!(other, self.burst(|_| over.load(Ordering::Relaxed)));
        (apart(&suffered, !meanwhile.refusals.is_empty()), meanwhile)
    }

    /// The first address again, after what it was told; when it was told nothing, until it is answered.
    async fn again(&self, stated: Option<Duration>) -> Evidence {
        match stated {
            Some(wait) if wait > WAIT => {
                return clause::HEADERS.gap(format!("it was told to wait {wait:?}: longer than is waited for here"));
            }
            Some(wait) => tokio::time::sleep(wait + ROUNDING).await,
            None => {}
        }
        let began = Instant::now();
        loop {
            let answered = self.ask(GREEDY).await;
            match answered {
                Answered::InPeace => {
                    let waited = stated.map_or_else(|| began.elapsed(), |wait| wait + ROUNDING);
                    return clause::HEADERS.holds(format!("the first address is answered again after {waited:.1?}"));
                }
                answered if stated.is_some() || began.elapsed() > WAIT => {
                    let waited = stated.unwrap_or(WAIT);
                    let what = format!("the first address is not answered after {waited:?}: {}", answered.told());
                    return clause::HEADERS.contradicts(what);
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// Judges what became of other addresses, of which these suffered, while the first was refused or not.
fn apart(suffered: &[Answered], refused_meanwhile: bool) -> Evidence {
    match suffered.first() {
        Some(answered) => {
            let (count, how) = (suffered.len(), answered.told());
            clause::BY_ADDRESS
                .contradicts(format!("another address suffers from the first: {count} of {OTHERS} are {how}"))
        }
        None if !refused_meanwhile => {
            clause::BY_ADDRESS.gap("the first address was answered again already, so that others say nothing")
        }
        None => clause::BY_ADDRESS.holds(format!("{OTHERS} other addresses are answered while the first is refused")),
    }
}

impl Burst {
    fn count(&mut self, answered: Answered) {
        self.sent += 1;
        match answered {
            Answered::InPeace => self.answered += 1,
            Answered::Refused(refusal) => self.refusals.push(refusal),
            Answered::Otherwise(how) => {
                if self.others == 0 {
                    self.other = how;
                }
                self.others += 1;
            }
        }
    }

    /// The longest wait that a refusal stated.
    fn stated_wait(&self) -> Option<Duration> {
        self.refusals.iter().filter_map(|refusal| refusal.wait).max()
    }

    fn told(&self) -> String {
        let rate = self.sent as f64 / self.took.as_secs_f64();
        let mut told = format!(
            "of {} requests from one address in {:.1?} ({rate:.0} a second) {} were answered",
            self.sent, self.took, self.answered
        );
        if self.others > 0 {
            told.push_str(&format!(", {} otherwise ({})", self.others, self.other));
        }
        told
    }

    /// Without a refusal there is no limit, or none that says so.
    fn unrefused(&self, request: &Request) -> Finding {
        let what = format!("{}, none refused with 429", self.told());
        if self.sent < FEW {
            return Finding::unknown(ID, format!("{what}: too few to reach a limit"), vec![Evidence::note(what)]);
        }
        let recipe = Recipe::NeverRefused { request: request.clone(), times: self.sent };
        Finding::judge(ID, vec![clause::BY_ADDRESS.contradicts(what).reproduced_by(recipe)])
    }

    fn evidence(&self) -> Vec<Evidence> {
        let refused = self.refusals.len();
        let right = self.refusals.iter().filter(|refusal| refusal.status == 429).count();
        let told = self.refusals.iter().filter(|refusal| refusal.says_when()).count();
        let first = &self.refusals[0];
        let statuses = match refused - right {
            0 => format!("{}, {refused} refused with 429", self.told()),
            wrong => {
                format!("{}, {refused} refused, {wrong} of them with 503: not the status of a rate limit", self.told())
            }
        };
        let says = match refused - told {
            0 => format!("every refusal says when to come again: {}", first.headers),
            silent => format!("{silent} of {refused} refusals carry neither Retry-After nor RateLimit headers"),
        };
        vec![clause::HEADERS.saw(right == refused, statuses), clause::HEADERS.saw(told == refused, says)]
    }
}
