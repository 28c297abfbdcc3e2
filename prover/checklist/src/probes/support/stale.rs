//! Answers that come from a connection which was reset before a fault began, and not from the fault.

use keel_wire::http::{Client, Exchange};

use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Number of times that a request which fails at once is repeated: each time the service may take another connection that was reset.
const AGAIN: usize = 4;

/// The answer to a request under a fault that lets it wait. A failure in time that is not 502, 503 or 504 may come from a kept
/// connection that was reset before: it is asked again.
pub(crate) async fn past(lab: &Lab, client: &Client, spec: &RequestSpec) -> Exchange {
    let mut exchange = client.send(lab.fill(spec)).await;
    for _ in 0..AGAIN {
        let status = exchange.status().map(|status| status.as_u16());
        if !may_be_stale(status) || exchange.took > lab.subject.deadline {
            break;
        }
        exchange = client.send(lab.fill(spec)).await;
    }
    exchange
}

/// Returns true for the status of a service whose own connection broke, as opposed to a gateway's after a wait.
fn may_be_stale(status: Option<u16>) -> bool {
    matches!(status, Some(500 | 501 | 505..))
}

#[cfg(test)]
mod tests {
    use super::may_be_stale;

    #[test]
    fn a_500_may_come_from_a_broken_connection_and_a_504_does_not() {
        assert!(may_be_stale(Some(500)));
        assert!(
            [None, Some(200), Some(404), Some(502), Some(503), Some(504)].into_iter().all(|one| !may_be_stale(one))
        );
    }
}
