//! Periodic work: rounds with jitter, one at a time, until the stop.

use std::fmt::Display;
use std::future::Future;

use resilience::{Ticker, TickerRules};
use supervision::Stop;
use tokio::time::Instant;

/// Runs a round at each tick until the stop, which cancels a round at its next await. The next round repeats a failed one.
pub(crate) async fn run<R, E>(name: &'static str, rules: TickerRules, stop: Stop, mut round: impl FnMut() -> R)
where
    R: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut rounds = Ticker::new(rules, Instant::now());
    loop {
        tokio::select! {
            () = stop.requested() => return,
            _ = rounds.tick() => {}
        }
        tokio::select! {
            () = stop.requested() => return,
            outcome = round() => {
                if let Err(error) = outcome {
                    tracing::warn!(part = name, %error, "a round failed; the next one tries again");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use supervision::StopSource;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rounds_go_on_after_a_failed_one_until_the_stop() {
        let (source, rounds) = (StopSource::new(), AtomicU32::new(0));
        let round = || async {
            match rounds.fetch_add(1, Ordering::Relaxed) {
                0 => Err("the first one fails"),
                4 => {
                    source.request();
                    std::future::pending().await
                }
                _ => Ok(()),
            }
        };
        run("test", TickerRules::every(Duration::from_secs(60)), source.listen(), round).await;
        assert_eq!(rounds.load(Ordering::Relaxed), 5);
    }
}
