//! Purge of idempotency keys past their retention, as a background part, so that the log does not grow for ever.

use std::time::Duration;

use resilience::TickerRules;
use store::{Store, StoreError};
use supervision::Stop;

use crate::periodic;

/// The name of the part.
pub(crate) const NAME: &str = "idempotency purge";
/// Period of the rounds, on average; instances that were started together are spread over it.
const ROUNDS: TickerRules = TickerRules::every(Duration::from_secs(600)).jitter(0.5);
/// Most keys of one transaction: small, so that it delays no other transaction for long.
const BATCH: u32 = 500;
/// Between two transactions of a round.
const PAUSE: Duration = Duration::from_millis(50);

/// Purges in rounds until the stop.
pub(crate) async fn run(store: Store, stop: Stop) {
    periodic::run(NAME, ROUNDS, stop, || round(&store)).await;
}

/// Deletes keys past their retention, batch by batch.
async fn round(store: &Store) -> Result<(), StoreError> {
    while store.purge_idempotency(BATCH).await? == u64::from(BATCH) {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::{Fingerprint, OnceOutcome, Options, StoredResponse};
    use supervision::StopSource;

    use super::*;

    /// An answer of no bytes.
    fn answer() -> StoredResponse {
        StoredResponse::new(204, "", [])
    }

    #[tokio::test]
    async fn one_round_purges_all_keys_past_their_retention() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("purge.db").display()).parse().expect("a URL");
        let mut options = Options::default();
        options.idempotency_retention = Duration::ZERO;
        let store = Store::open(&url, options).await.expect("it opens");
        store.migrate(&Vec::new().into()).await.expect("it is migrated");
        for number in 0..BATCH + 20 {
            let key = format!("key-{number}").parse().expect("a key");
            let done = store
                .once(&key, Fingerprint::of(&[b"a"]), |_tx| {
                    Box::pin(async { Ok::<_, StoreError>(OnceOutcome::Commit(answer())) })
                })
                .await;
            done.expect("it is done");
        }
        round(&store).await.expect("a round");
        assert_eq!(store.purge_idempotency(BATCH).await.expect("it answers"), 0, "nothing is left to purge");
        let stop = StopSource::new();
        stop.request();
        run(store, stop.listen()).await;
    }
}
