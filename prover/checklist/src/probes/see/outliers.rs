//! `see.outliers`: the client that stands out is visible, by rate, errors and latency, in bounded memory.
//!
//! - **Hypothesis**: of some clients with addresses of their own, the one that asks ten times as often, the one that only fails and the one that is
//!   slow each come first in the answer about their kind; after a flood of other clients the first one is still named, and a new one
//!   that asks often comes first; not all clients of the flood are kept.
//! - **Sent**: the request `of` from `USUAL` clients, `OFTEN` of it from a busy one, requests to `fails`, the request `slow`, then one `of` from each of `FLOOD`
//!   further clients, and the questions that `[outliers]` declares.
//! - **Decides**: the order of the addresses in the answers; the addresses of the flood in the answer to `all`; the growth of the service's memory.
//! - **Blast radius**: some thousand requests of a light kind, at most `AT_ONCE` at a time.
//! - **Bound in time**: `FRESH` for each of five questions, and the requests.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use keel_wire::http::{Exchange, Request};

use self::crowd::{Addresses, Sent};
use self::judge::{Answer, first, grown, kept, stands_out, still_named};
use super::asker::Asker;
use crate::clause::see::outliers as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::{Lab, Pace};
use crate::probe::Probe;
use crate::subject::{Outliers, RequestSpec};

mod crowd;
mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.outliers";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Clients that are as others.
const USUAL: u8 = 12;
/// Requests of each of them, and of the slow one.
const FEW: usize = 4;
/// Requests of a busy client.
const OFTEN: usize = 40;
/// Requests of the client that fails.
const FAILURES: usize = 20;
/// Requests of the client that comes after the flood.
const OFTEN_AFTER: usize = 80;
/// Clients of the flood.
const FLOOD: u16 = 2_000;
/// Requests of the flood at a time.
const AT_ONCE: usize = 16;
/// Others at a time: durations of many beside each other would say little.
const FEW_AT_ONCE: usize = 4;
/// Time within which an answer must show what was sent.
const FRESH: Duration = Duration::from_secs(5);
/// The same at any pace.
const LEAST_FRESH: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// A request is slow when it takes this many times as long as a usual one.
const SLOWER: u32 = 3;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(declared) = lab.subject.outliers.clone() else {
        let reason = "it is not known how the service names its clients: say so in [outliers] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let addresses = Addresses::new(std::process::id());
    if TcpListener::bind((IpAddr::from(addresses.busy), 0)).is_err() || !is_near(lab) {
        let reason = "clients with addresses of their own need a service on 127.0.0.1, and a host that has 127.0.0.0/8";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let asker = Asker::new(lab, declared.interface.clone());
    let outliers = Examination { asker, declared, addresses, pace: lab.pace };
    let mut evidence = Vec::new();
    let before = lab.resident();
    let Some(usual) = lab.subject.requests.iter().find(|spec| spec.name == outliers.declared.of).cloned() else {
        return Finding::unknown(ID, "no request has the name that `of` in [outliers] says", Vec::new());
    };
    let sent = outliers.usual(lab, &usual).await;
    let served = sent.served(&usual);
    evidence.push(outliers.rate(&served).await);
    evidence.push(outliers.errors(lab).await);
    evidence.push(outliers.latency(lab, &usual).await);
    evidence.extend(outliers.flood(lab, &usual, before).await);
    Finding::judge(ID, evidence)
}

/// True for a service at a loopback address of IPv4, which sees the addresses of this machine.
fn is_near(lab: &Lab) -> bool {
    let host = lab.http().base().host_str().unwrap_or_default().to_owned();
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

struct Examination {
    declared: Outliers,
    asker: Asker,
    addresses: Addresses,
    pace: Pace,
}

impl Examination {
    /// The requests of the usual clients and of the busy one.
    async fn usual(&self, lab: &Lab, usual: &RequestSpec) -> Sent {
        let few = self.addresses.usual(USUAL).flat_map(|address| std::iter::repeat_n(address, FEW));
        let often = std::iter::repeat_n(self.addresses.busy, OFTEN);
        send(lab, FEW_AT_ONCE, few.chain(often), || lab.fill(usual)).await
    }

    /// The busy client must be first by rate.
    async fn rate(&self, served: &Result<Control, Uncontrolled>) -> Evidence {
        let (is_good, what, exchange) = self.seen_first("requests", &self.declared.rate, self.addresses.busy).await;
        match served {
            Ok(control) => clause::RATE.saw(is_good, what).by(control).with(&exchange),
            Err(failed) => clause::RATE.uncontrolled(failed),
        }
    }

    /// The client that fails must be first by errors.
    async fn errors(&self, lab: &Lab) -> Evidence {
        let (Some(question), Some(path)) = (&self.declared.errors, &self.declared.fails) else {
            return clause::ERROR.gap("no failures were sent: declare `errors` and `fails` in [outliers]");
        };
        let path = lab.filled_path(path);
        let failing = std::iter::repeat_n(self.addresses.failing, FAILURES);
        let sent = send(lab, FEW_AT_ONCE, failing, || Request::get(path.clone())).await;
        let failed =
            sent.exchanges.iter().filter(|exchange| exchange.status().is_some_and(|s| s.as_u16() >= 400)).count();
        let control = Control::seen(
            failed == FAILURES,
            "failing requests fail",
            format!("{failed} of {FAILURES} requests for {path} failed: mend `fails` in [outliers]"),
        );
        let (is_good, what, exchange) = self.seen_first("failures", question, self.addresses.failing).await;
        match control {
            Ok(control) => clause::ERROR.saw(is_good, what).by(&control).with(&exchange),
            Err(failed) => clause::ERROR.uncontrolled(&failed),
        }
    }

    /// The slow client must be first by latency.
    async fn latency(&self, lab: &Lab, usual: &RequestSpec) -> Evidence {
        let spec = self.declared.slow.as_ref();
        let spec = spec.and_then(|name| lab.subject.requests.iter().find(|spec| spec.name == *name)).cloned();
        let (Some(question), Some(spec)) = (&self.declared.latency, spec) else {
            return clause::LATENCY.gap("no slow requests were sent: declare `latency` and `slow` in [outliers]");
        };
        // One after the other: beside each other they would slow each other down.
        let [mut sent, mut compared] = [Sent::default(), Sent::default()];
        let http = lab.http();
        for usual_client in self.addresses.usual(FEW as u8) {
            compared.exchanges.push(http.with_source(usual_client).send(lab.fill(usual)).await);
            sent.exchanges.push(http.with_source(self.addresses.slow).send(lab.fill(&spec)).await);
        }
        let (slow, usual) = (sent.median(), compared.median());
        let control = sent.served(&spec).and_then(|_| {
            Control::seen(
                slow >= usual * SLOWER,
                "slow requests are slow",
                format!("{} takes {slow:.1?}, and a usual request {usual:.1?}: declare a slower one in `slow` of [outliers]", spec.name),
            )
        });
        let (is_good, what, exchange) = self.seen_first("time", question, self.addresses.slow).await;
        match control {
            Ok(control) => clause::LATENCY.saw(is_good, what).by(&control).with(&exchange),
            Err(failed) => clause::LATENCY.uncontrolled(&failed),
        }
    }

    /// Many other clients come, and then one that asks often.
    async fn flood(&self, lab: &Lab, usual: &RequestSpec, before: u64) -> Vec<Evidence> {
        let sent = send(lab, AT_ONCE, self.addresses.flood(FLOOD), || lab.fill(usual)).await;
        let served = sent.served(usual);
        let often = std::iter::repeat_n(self.addresses.late, OFTEN_AFTER);
        send(lab, FEW_AT_ONCE, often, || lab.fill(usual)).await;
        let served = match served {
            Ok(control) => control,
            Err(failed) => return vec![clause::VISIBLE.uncontrolled(&failed), clause::BOUNDED.uncontrolled(&failed)],
        };
        let (is_first, what, exchange) = self.seen_first("requests", &self.declared.rate, self.addresses.late).await;
        let visible =
            clause::VISIBLE.saw(is_first, format!("after {FLOOD} other clients {what}")).by(&served).with(&exchange);
        let (is_named, what) = still_named(&Answer::of(&exchange), self.addresses.busy, FLOOD);
        let named = clause::VISIBLE.saw(is_named, what).by(&served).with(&exchange);
        let mut evidence = vec![visible, named];
        evidence.push(match &self.declared.all {
            None => clause::BOUNDED.gap("it was not asked for all clients that it keeps: declare `all` in [outliers]"),
            Some(question) => {
                let exchange = self.asker.ask(question).await;
                match kept(&Answer::of(&exchange), &self.addresses, FLOOD) {
                    Ok(what) => clause::BOUNDED.holds(what).by(&served),
                    Err(what) => clause::BOUNDED.gap(what).with(&exchange),
                }
            }
        });
        let grown = grown(lab.resident().saturating_sub(before), FLOOD);
        evidence.push(if before == 0 {
            clause::BOUNDED.gap("its memory cannot be seen")
        } else {
            clause::BOUNDED.saw(grown.0, grown.1).by(&served)
        });
        evidence
    }

    /// Asks until this client comes first of those of the experiment, or for too long.
    async fn seen_first(&self, of: &str, question: &str, client: Ipv4Addr) -> (bool, String, Exchange) {
        let begun = Instant::now();
        let fresh = self.pace.of(FRESH).max(LEAST_FRESH);
        loop {
            let exchange = self.asker.ask(question).await;
            let place = first(&Answer::of(&exchange), &self.addresses);
            if place == Some(client) || begun.elapsed() >= fresh {
                let (is_good, what) = stands_out(of, place, client, exchange.status().map(|status| status.as_u16()));
                return (is_good, what, exchange);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Sends a request from each of these addresses.
async fn send(lab: &Lab, at_once: usize, from: impl Iterator<Item = Ipv4Addr>, request: impl Fn() -> Request) -> Sent {
    let client = lab.http();
    let exchanges = futures_util::stream::iter(from).map(|address| {
        let (client, request) = (client.with_source(address), request());
        async move { client.send(request).await }
    });
    Sent { exchanges: exchanges.buffer_unordered(at_once).collect().await }
}
