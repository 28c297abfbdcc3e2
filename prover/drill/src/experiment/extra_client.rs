//! An extra client that sends the next request as soon as one is answered, over several connections. Its answers are not measured:
//! it is a fault, not a part of the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;

use keel_input::seed::Seed;
use keel_load::{FilledRequest, Filling, Fillings};
use keel_wire::http::{Client, Request};

use super::plan::Plan;

/// The most requests of one extra client.
const MAX_REQUESTS: u64 = 1_000_000;

/// An extra client, which sends until it is dropped.
pub(super) struct ExtraClient {
    _connections: JoinSet<()>,
    sent: Arc<AtomicU64>,
}

impl ExtraClient {
    pub(super) fn begin(
        kind: &keel_load::Kind,
        connections: u32,
        plan: &Plan,
        load_plan: &keel_load::Plan,
    ) -> Result<Self, String> {
        let fill = Arc::new(load_plan.filler(kind).map_err(|mistake| mistake.to_string())?);
        let client = Client::new(load_plan.target.clone(), plan.load.timeout);
        let sent = Arc::new(AtomicU64::new(0));
        let mut set = JoinSet::new();
        for connection in 0..connections {
            let (fill, client, sent) = (Arc::clone(&fill), client.clone(), Arc::clone(&sent));
            let mut fillings = Fillings::new(Seed(plan.load.seed), &format!("wild connection {connection}"));
            set.spawn(async move {
                loop {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    if number >= MAX_REQUESTS {
                        return;
                    }
                    client.send(to_send(fill(&Filling { number, ..fillings.draw() }))).await;
                }
            });
        }
        Ok(Self { _connections: set, sent })
    }

    /// The number of requests begun.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// A filled request, for the client that keeps evidence.
pub(super) fn to_send(filled: FilledRequest) -> Request {
    Request { headers: filled.headers, ..Request::new(filled.method, filled.path).body(filled.body) }
}
