//! Active health checks: they end the wait of an open breaker as soon as the dependency is well.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use resilience::{Deadline, Ticker, TickerRules};
use tokio::time::Instant;
use url::Url;

use crate::transport::Outgoing;
use crate::{Bounds, Client};

/// How a dependency is asked how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Where: 2xx says that it is well. On the dependency's own listener.
    pub path: String,
    /// How often.
    pub ticks: TickerRules,
}

impl Check {
    /// There, every two seconds, a tenth of that early or late.
    pub fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), ticks: TickerRules::every(Duration::from_secs(2)) }
    }
}

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

impl Client {
    /// Asks the dependency of this name how it is, all its instances, for ever: to be spawned. One that is well ends the wait of a
    /// breaker that is open: it tries calls at once. One that is not well changes nothing: calls tell that themselves.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// When there is no such dependency, or the path is none.
    pub async fn check(&self, name: &str, check: &Check) -> Result<(), String> {
        check.ticks.check().map_err(|invalid| invalid.to_string())?;
        let peer = self.peers.named(name).ok_or_else(|| format!("there is no dependency {name:?}"))?;
        let at = |url: &Url| url.join(&check.path).map_err(|error| format!("{:?} is no path: {error}", check.path));
        at(peer.url())?;
        let mut ticker = Ticker::new(check.ticks, Instant::now());
        loop {
            ticker.tick().await;
            for url in peer.everywhere() {
                if self.is_well(at(&url)?).await {
                    peer.policy().seems_well(Instant::now());
                }
            }
        }
    }

    async fn is_well(&self, url: Url) -> bool {
        let out = Outgoing { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() };
        let bounds = Bounds { total: PATIENCE, first_byte: PATIENCE, ..self.bounds };
        let answer = self.transport.exchange(out, &bounds, Deadline::after(PATIENCE)).await;
        answer.is_ok_and(|answer| answer.status.is_success())
    }
}
