//! `call.discovery`: calls follow a name to where it leads now, and go on when it cannot be looked up.
//!
//! - **Hypothesis**: when a name leads to another address, calls go there without a restart and without a failed request; when
//!   it cannot be looked up, they go on to where they went.
//! - **Sent**: a read that uses the dependency, 10 a second: until the first call; for at most 60 s after the name has moved, while the
//!   old instance still answers; then for 3 s while the resolver says that there is no such name, and at once for 3 s while it fails.
//! - **Decides**: no call to the new instance within 60 s, calls to the old one in 3 s that begin at most 3 s after the first call to it, or more than
//!   one in fifty requests that is not answered as declared meanwhile, fall short. So do fewer calls than half of the requests, or
//!   requests that fail, while the name is not found. Answers live for no time at all, so nothing says to wait.
//! - **Blast radius**: the service is started again with three doubles in the dependency's place and a resolver of keel's, and stopped
//!   at the end.
//! - **Bound in time**: 80 s and the start.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use keel_drill::fault::resolver::Resolver;

use super::support::instances::{ADDRESSES, Load, Three};
use crate::clause::call::discovery as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.discovery";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Name that is looked up.
const NAME: &str = "instances.keel.test";
/// Between two requests, and how many are sent before each look.
const EVERY: Duration = Duration::from_millis(100);
const A_SECOND: u32 = 10;
/// Time that a moved name is waited for.
const MOVES: Duration = Duration::from_secs(60);
/// After the first call to the new instance, until none goes to the old one; and for so long none must: seconds.
const OVERLAP: u32 = 3;
/// For so long each way of not being found lasts, one right after the other: seconds.
const LOST: u32 = 3;
/// One request in so many may fail while it moves.
const ONE_IN: usize = 50;

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let three = match Three::start(ID, lab, "named", |declared| declared.named.as_ref()).await {
        Ok(three) => three,
        Err(finding) => return finding,
    };
    let unknown = |reason: String| Finding::unknown(ID, reason, Vec::new());
    let folder = match tempfile::Builder::new().prefix("keel-names-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return unknown(format!("no folder for what the resolver is told: {error}")),
    };
    let switch = folder.path().join("says");
    let names = BTreeMap::from([(NAME.to_owned(), vec![IpAddr::V4(ADDRESSES[0])])]);
    let resolver = match Resolver::start((Ipv4Addr::LOCALHOST, 0).into(), &names, &switch).await {
        Ok(resolver) => resolver,
        Err(error) => return unknown(format!("no loopback port for a resolver: {error}")),
    };
    let value = three.declared.named.clone().unwrap_or_default();
    let value = value.replace("{name}", NAME).replace("{port}", &three.port().to_string());
    let value = value.replace("{resolver}", &resolver.address().to_string());
    let finding = match three.serve(ID, lab, value).await {
        Ok(()) => judge(lab, &three, &switch).await,
        Err(finding) => finding,
    };
    lab.stop().await;
    finding.also(three.left_out)
}

async fn judge(lab: &Lab, three: &Three, switch: &Path) -> Finding {
    let says = |text: &str| {
        std::fs::write(switch, text)
            .map_err(|error| Finding::unknown(ID, format!("the resolver cannot be told: {error}"), Vec::new()))
    };
    let name = &three.declared.name;
    let peace = three.load(lab, EVERY, A_SECOND * 2).await;
    let seen = peace.failed == 0 && peace.calls[0] >= peace.requests / 2;
    let told = format!("in peace {}", peace.told());
    let control = match Control::seen(seen, &told, format!("{told}: where calls go is not seen")) {
        Ok(control) => control,
        Err(failed) => return Finding::unknown(ID, failed.what, Vec::new()),
    };
    if let Err(finding) = says(&format!(r#"{{"answer":"wrong","address":"{}"}}"#, ADDRESSES[1])) {
        return finding;
    }
    let (since, mut moved, mut all) = (Instant::now(), None, Vec::new());
    while moved.is_none() && since.elapsed() < MOVES {
        let load = three.load(lab, EVERY, A_SECOND).await;
        moved = (load.calls[1] > 0).then(|| since.elapsed());
        all.push(load);
    }
    let Some(moved) = moved else {
        let what = format!("{name}'s name led to another address for {MOVES:?}, and no call went there");
        return Finding::judge(ID, vec![clause::RE_RESOLVED.contradicts(what)]);
    };
    let mut overlap = 0;
    while overlap < OVERLAP && all.last().is_none_or(|load| load.calls[0] > 0) {
        all.push(three.load(lab, EVERY, A_SECOND).await);
        overlap += 1;
    }
    let last = three.load(lab, EVERY, A_SECOND * OVERLAP).await;
    let stayed = last.calls[0];
    all.push(last);
    let (requests, failed) =
        all.iter().fold((0, 0), |(requests, failed), load| (requests + load.requests, failed + load.failed));
    let what = format!(
        "calls followed {name}'s name to another address within {moved:.1?}; {stayed} went to the old one in {OVERLAP} s from {overlap} s later on; {failed} of {requests} \
         requests failed meanwhile"
    );
    let mut evidence = vec![
        clause::LOOKUP.holds(told).by(&control),
        clause::RE_RESOLVED.saw(has_moved(stayed, failed, requests), what).by(&control),
    ];
    evidence
        .push(clause::LOOKUP.gap("only addresses (A) with a TTL of 0 were served, no SRV records and no longer TTL"));
    for (answer, told) in [("nxdomain", "there is no such name"), ("servfail", "it cannot be looked up")] {
        if let Err(finding) = says(&format!(r#"{{"answer":"{answer}"}}"#)) {
            return finding;
        }
        let load = three.load(lab, EVERY, A_SECOND * LOST).await;
        evidence.push(goes_on(&load, told).by(&control));
    }
    Finding::judge(ID, evidence)
}

/// Judges calls after the name led to another address: none stays at the old one, and few requests failed meanwhile.
fn has_moved(stayed: usize, failed: usize, requests: usize) -> bool {
    stayed == 0 && failed <= requests / ONE_IN
}

fn goes_on(load: &Load, told: &str) -> Evidence {
    let good = load.failed == 0 && load.calls[1] >= load.requests / 2;
    clause::LAST_GOOD.saw(good, format!("while the resolver says that {told}, {}", load.told()))
}
