//! A harmless request on connections of its own, and the answer that it gets while nothing is done to the service.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::listener::{self, Listener};
use crate::control::Control;
use crate::lab::Lab;

/// Time limit of the first answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions until it is answered again.
const AGAIN: Duration = Duration::from_millis(100);
/// So many times what it took in peace is still in time.
const SLOWER: u32 = 3;
/// The bound of each question until it is answered again.
const EACH: Duration = Duration::from_secs(2);
/// The address that asks: not that of a flood.
const BYSTANDER: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The request, and its answer in peace.
pub(crate) struct Peace {
    /// The listener of the service.
    pub(crate) listener: Listener,
    /// The request as bytes, and in words.
    pub(crate) bytes: Vec<u8>,
    pub(crate) line: String,
    status: u16,
    took: Duration,
}

impl Peace {
    /// Asks once.
    ///
    /// # Errors
    /// The reason, when it is not answered below 500, or when keel did not start the service in the foreground: what is examined
    /// beside these requests signals it, looks at its process or starts it in another way.
    pub(crate) async fn of(lab: &Lab) -> Result<Self, String> {
        if lab.running().is_none() {
            return Err("its process is not keel's to look at: start it by keel, with `run`".to_owned());
        }
        let listener = Listener::of(lab).await?;
        let request = lab.harmless();
        let line = format!("{} {}", request.method, request.path);
        let exchange = lab.http().with_timeout(PATIENCE).send(request.clone()).await;
        Control::answered(&exchange, 200..=499).map_err(|failed| failed.what)?;
        let status = exchange.status().map_or(0, |status| status.as_u16());
        Ok(Self { bytes: listener.bytes(&request), line, listener, status, took: exchange.took })
    }

    /// The time limit of an answer: `least`, or thrice the time that it took in peace.
    pub(crate) fn within(&self, least: Duration) -> Duration {
        within(least, self.took)
    }

    /// Asks again; `within` is the least time limit, see [`Self::within`].
    ///
    /// # Errors
    /// The answer that came instead of the one in peace.
    pub(crate) async fn ask(&self, within: Duration) -> Result<(), String> {
        let within = self.within(within);
        let answered = async {
            let mut connection = self.listener.open_from(BYSTANDER, within).await.map_err(|error| error.to_string())?;
            connection.write(&self.bytes, within).await.map_err(|error| error.to_string())?;
            let heard = connection.listen_answer(within).await;
            match listener::answers(&heard.bytes).first() {
                Some(answer) if answer.status == self.status => Ok(()),
                _ => Err(listener::told(&heard)),
            }
        };
        tokio::time::timeout(within, answered).await.unwrap_or_else(|_| Err(format!("no answer within {within:?}")))
    }

    /// Asks so often at once; how often the answer of peace did not come, and what came the last time instead.
    pub(crate) async fn unanswered(&self, times: usize, within: Duration) -> (usize, String) {
        let asked = join_all((0..times).map(|_| self.ask(within))).await;
        let failed: Vec<String> = asked.into_iter().filter_map(Result::err).collect();
        (failed.len(), failed.last().cloned().unwrap_or_default())
    }

    /// Returns the time until it is answered again.
    ///
    /// # Errors
    /// The last answer, if it was not right within the patience.
    pub(crate) async fn answered_again(&self, patience: Duration) -> Result<Duration, String> {
        let (begun, patience) = (Instant::now(), self.within(patience));
        loop {
            let left = patience.saturating_sub(begun.elapsed()).max(AGAIN);
            match self.ask(left.min(EACH)).await {
                Ok(()) => return Ok(begun.elapsed()),
                Err(how) if begun.elapsed() >= patience => return Err(how),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

fn within(least: Duration, in_peace: Duration) -> Duration {
    least.max(in_peace * SLOWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_takes_long_in_peace_has_longer() {
        let second = Duration::from_secs(1);
        assert_eq!(within(second * 2, second / 100), second * 2);
        assert_eq!(within(second * 2, second), second * 3);
    }
}
