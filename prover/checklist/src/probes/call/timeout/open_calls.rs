//! Open calls, and their ends: their connections are closed, or kept and used for further calls.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use keel_proxy::Fault;

use crate::clause::call::timeout as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::call::support::facts;
use crate::probes::call::support::proxied_dependency::{Dependent, Met};
use crate::probes::support::sockets;

/// Within which, after the fault began, new connections count as calls under it.
const CALLS_BEGUN: Duration = Duration::from_secs(1);
/// The least of it, at any pace: a connection takes its time on a busy machine.
const LEAST_CALLS_BEGUN: Duration = Duration::from_millis(500);
/// Between two looks meanwhile: a call may be given up soon.
const CALLS_LOOK: Duration = Duration::from_millis(10);
/// Between two looks for those that are still open.
const LOOK: Duration = Duration::from_millis(100);

/// Calls that are under way under a fault, by the own ports of their connections.
pub(super) struct OpenCalls {
    begun: Instant,
    calls: BTreeSet<u16>,
}

impl OpenCalls {
    /// Takes down which connections are opened to a port from now on, beside those there are.
    pub(super) async fn watch(lab: &Lab, port: u16, before: &BTreeSet<u16>) -> Self {
        let (begun, mut calls) = (Instant::now(), BTreeSet::new());
        while begun.elapsed() < lab.pace.of(CALLS_BEGUN).max(LEAST_CALLS_BEGUN) {
            calls.extend(sockets::established_to(port).await.difference(before));
            tokio::time::sleep(CALLS_LOOK).await;
        }
        Self { begun, calls }
    }

    /// Returns the number of calls that are still open `limit` after they began, or 0 once none is.
    async fn left(&self, port: u16, limit: Duration) -> usize {
        loop {
            let open = sockets::established_to(port).await.intersection(&self.calls).count();
            if open == 0 || self.begun.elapsed() > limit {
                return open;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Judges that they end by `limit`. An open connection is not an open call: the same requests are sent again, and
    /// when their calls are heard without further connections that stay, it is one that calls share.
    pub(super) async fn end(
        self,
        lab: &Lab,
        dependent: &Dependent,
        (fault, told): (Fault, &str),
        limit: Duration,
        met: &Met,
    ) -> Evidence {
        let (name, port) = (&dependent.name, lab.proxy(&dependent.name).map_or(0, |proxy| proxy.address().port()));
        let all = self.calls.len();
        if all == 0 {
            return clause::DEADLINE.gap(format!("no new connection to {name} was seen while it was {told}"));
        }
        let fact = |piece: Evidence, so: bool| match fault {
            Fault::Hang => piece.fact(facts::calls_end_while_silent(name), so),
            _ => piece,
        };
        let open = self.left(port, limit).await;
        let took = self.begun.elapsed();
        if open == 0 {
            let what = format!("calls to {name}, {told}: all {all} connections were given up after {took:.1?}");
            return match met {
                Ok(control) => fact(clause::DEADLINE.holds(what).by(control), true),
                Err(failed) => clause::DEADLINE.gap(format!("{what}, but {}", failed.what)),
            };
        }
        let before = sockets::established_to(port).await;
        let ((_, met), again) = tokio::join!(dependent.again(lab), Self::watch(lab, port, &before));
        let more = again.left(port, limit).await;
        let what = format!(
            "calls to {name}, {told}: {open} of {all} connections are open after {took:.1?}; when the requests are sent again, \
             {more} more stay open"
        );
        let piece = kept(&what, more, &met);
        let is_so = piece.is_for();
        if piece.decides() { fact(piece, is_so) } else { piece }
    }
}

/// Judges connections that are open at the limit; `more` are open when the same requests were sent again and met the fault.
pub(super) fn kept(what: &str, more: usize, met: &Met) -> Evidence {
    match met {
        _ if more > 0 => clause::DEADLINE.contradicts(format!("{what}: calls pile up")),
        Ok(control) => {
            clause::DEADLINE.holds(format!("{what}: the connections are kept, and calls share them")).by(control)
        }
        Err(_) => clause::DEADLINE.gap(format!("{what}, and no call was heard: whether the first ended is not seen")),
    }
}
