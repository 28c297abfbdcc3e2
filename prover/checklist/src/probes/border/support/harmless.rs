//! The request that is asked while the service is attacked, to see whether others notice.

use std::time::Duration;

use keel_wire::http::{Client, Exchange, Request};

use crate::clause::Clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probes::support::listener::Listener;

/// Time within which other clients must be answered while one client misbehaves.
pub(crate) const PROMPT: Duration = Duration::from_secs(1);

/// A request that only reads, and how the service answered it in peace.
#[derive(Clone, Debug)]
pub(crate) struct Harmless {
    client: Client,
    /// The request.
    pub(crate) request: Request,
    /// The status in peace; below 500.
    pub(crate) status: u16,
    /// It was answered in peace.
    pub(crate) control: Control,
}

impl Harmless {
    /// Asks once in peace.
    ///
    /// # Errors
    /// The evidence, when the service does not answer below 500 even in peace.
    pub(crate) async fn of(lab: &Lab) -> Result<Self, Evidence> {
        let request = lab.harmless();
        // Longer than prompt, so that a late answer is told from none.
        let client = lab.http().with_timeout(5 * PROMPT);
        let exchange = client.send(request.clone()).await;
        match (exchange.status(), Control::answered(&exchange, 200..=499)) {
            (Some(status), Ok(control)) => Ok(Self { client, request, status: status.as_u16(), control }),
            _ => Err(Evidence::note("a harmless request is not answered even in peace").with(&exchange)),
        }
    }

    /// Asks again; whether the answer is the one of peace.
    pub(crate) async fn ask(&self) -> (bool, Exchange) {
        let exchange = self.client.send(self.request.clone()).await;
        (exchange.status().is_some_and(|status| status.as_u16() == self.status), exchange)
    }

    /// Asks again; evidence that it is answered as in peace after `what` happened.
    pub(crate) async fn evidence_after(&self, clause: Clause, what: &str) -> Evidence {
        let (same, exchange) = self.ask().await;
        let told = if same { "is answered as before" } else { "is not answered as before" };
        clause.saw(same, format!("after {what} a harmless request {told}")).with(&exchange)
    }
}

/// Finds where the service listens, and asks its harmless request once in peace.
///
/// # Errors
/// The finding of attribute `id`, when either cannot be had.
pub(crate) async fn in_peace(id: &str, lab: &Lab) -> Result<(Listener, Harmless), Finding> {
    let listener = Listener::of(lab).await.map_err(|reason| Finding::unknown(id, reason, Vec::new()))?;
    match Harmless::of(lab).await {
        Ok(harmless) => Ok((listener, harmless)),
        Err(evidence) => Err(Finding::unknown(id, "it does not answer in peace", vec![evidence])),
    }
}
