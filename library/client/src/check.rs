//! Active health checks: they end the wait of an open breaker as soon as the dependency is healthy.

use std::convert::Infallible;
use std::time::Duration;

use http::Method;
use resilience::{Deadline, InvalidRules, Ticker, TickerRules};
use tokio::time::Instant;
use url::Url;

use crate::Client;
use crate::connector::Dial;
use crate::outgoing::Outgoing;
use crate::peers::Peer;
use crate::place::url_below;

/// Health check of a dependency.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// Path below the dependency's URL, beginning with a slash: 2xx means healthy. On the dependency's own listener.
    pub path: String,
    /// Period of the check.
    pub ticks: TickerRules,
}

impl Check {
    /// There, every two seconds, a tenth of that early or late.
    pub fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), ticks: TickerRules::every(Duration::from_secs(2)) }
    }

    /// Sets the period.
    #[must_use]
    pub fn every(self, ticks: TickerRules) -> Self {
        Self { ticks, ..self }
    }
}

/// Reason why a dependency cannot be checked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// No dependency of this name is declared.
    #[error("no dependency is declared as {0:?}")]
    Unknown(String),
    /// The path is none.
    #[error("the check of {name} at {path:?}: {why}")]
    Path {
        /// The dependency.
        name: String,
        /// The path.
        path: String,
        /// Problem, in words.
        why: String,
    },
    /// The ticks make no sense.
    #[error("the check of {name}: {cause}")]
    Ticks {
        /// The dependency.
        name: String,
        /// Invalid rule.
        #[source]
        cause: InvalidRules,
    },
}

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

impl Client {
    /// Checks the health of all instances of a dependency, for ever: to be spawned. A healthy answer ends the wait of an open breaker, which
    /// then tries calls at once. An unhealthy one changes nothing: calls find that out themselves.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`CheckError`]: there is no such dependency, or the path is none.
    pub async fn check(&self, name: &str, check: &Check) -> Result<Infallible, CheckError> {
        let named = || name.to_owned();
        check.ticks.check().map_err(|cause| CheckError::Ticks { name: named(), cause })?;
        let peer = self.peers.dependency(name).ok_or_else(|| CheckError::Unknown(named()))?;
        let url = url_below(peer.url(), &check.path).map_err(|why| CheckError::Path {
            name: named(),
            path: check.path.clone(),
            why,
        })?;
        let mut ticker = Ticker::new(check.ticks, Instant::now());
        loop {
            ticker.tick().await;
            for (url, dial) in peer.everywhere(&url) {
                let is_well = self.is_well(&peer, &url, dial.as_ref()).await;
                peer.has_been_checked();
                if is_well {
                    peer.policy().seems_well(Instant::now());
                }
            }
        }
    }

    async fn is_well(&self, peer: &Peer, url: &Url, dial: Option<&Dial>) -> bool {
        let mut out = Outgoing::new(Method::GET, url);
        out.credentials = peer.credentials().cloned();
        let bounds = self.bounds.total(PATIENCE).first_byte(PATIENCE);
        let transport = peer.transport().unwrap_or(&self.transport);
        let answer = transport.exchange(out, None, dial, &bounds, Deadline::after(PATIENCE)).await;
        answer.is_ok_and(|answer| answer.status.is_success())
    }
}
