//! Sends every pending payout to the bank until it is paid or refused.
//!
//! Live work and a backlog are the same: payouts that are due, those that wait longest first. The payout's id is the
//! bank's idempotency key, so that asking again can never pay twice, also when the bank did the work and its answer was
//! lost, and also when several ledgers on one database ask for the same payout.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::resilience::{Backoff, Ticker, TickerRules};
use evenkeel::{client, vitals};
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::own::Own;
use super::record::{Payout, read};
use super::state::{PayoutState, Word};
use crate::clock::now_micros;
use crate::error::LedgerError;
use crate::partner;
use crate::posting::{Posted, Posting, post};
use crate::settings::Settings;

/// Payouts taken at a time.
const BATCH: i64 = 64;
/// Concurrent payouts: one that the bank leaves hanging delays no other.
const AT_ONCE: usize = 8;
/// Period of the polls for due payouts: never in step with other instances of the ledger.
const LOOKS: TickerRules = TickerRules::every(Duration::from_millis(700)).jitter(0.5);
/// The least wait between two attempts of a payout.
const AT_LEAST: Duration = Duration::from_millis(200);
/// Between two attempts of a payout, on top of the least.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Problem type with which the bank refuses a payout (RFC 9457, `type`).
const REFUSAL: &str = "/problems/payout-refused";

static NEW_WORK: Notify = Notify::const_new();

/// Wakes the worker for a new payout before the next poll.
pub(super) fn nudge() {
    NEW_WORK.notify_one();
}

/// The bank's reply.
#[derive(Debug, PartialEq, Eq)]
enum RailReply {
    /// The last word, with the reason for a no.
    Final(Word, String),
    /// No reliable reply, with the reason.
    Unknown(String),
}

/// Works until the stop is requested. It ends at once: finished work is in the store, and the rest is sent again.
pub async fn run(context: Context<Settings, Store>, stop: Stop) {
    let mut looks = Ticker::new(LOOKS, Instant::now());
    loop {
        let worked = tokio::select! {
            () = stop.requested() => return,
            worked = work_once(&context) => worked,
        };
        match worked {
            Ok(worked) if worked > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "payouts wait: the store refused"),
        }
        tokio::select! {
            () = stop.requested() => return,
            () = NEW_WORK.notified() => {}
            _ = looks.tick() => {}
        }
    }
}

/// Sends the due payouts, at most a batch; returns the number that are done.
///
/// # Errors
/// The store's, when the due payouts cannot be read.
async fn work_once(context: &Context<Settings, Store>) -> Result<usize, LedgerError> {
    let due = due(context.store()).await?;
    let worked = futures_util::stream::iter(due).map(|(payout, attempts)| async move {
        let done = bring_on(context, &payout, attempts).await;
        done.inspect_err(|error| tracing::error!(payout = %payout.id, %error, "a payout is stuck")).is_ok()
    });
    Ok(worked.buffer_unordered(AT_ONCE).filter(|done| std::future::ready(*done)).count().await)
}

/// Settles one payout, or puts it off: one that cannot be settled must not stand in the others' way.
async fn bring_on(context: &Context<Settings, Store>, payout: &Payout, attempts: i64) -> Result<(), LedgerError> {
    match ask(context, payout).await {
        RailReply::Final(word, reason) => {
            if word == Word::No {
                tracing::info!(payout = %payout.id, %reason, "the bank refused a payout: the money goes back");
            }
            let settled = settle(context.store(), payout, word).await;
            if settled.is_err() {
                postpone(context.store(), payout, attempts).await?;
            }
            settled
        }
        RailReply::Unknown(reason) => {
            tracing::warn!(payout = %payout.id, attempts, %reason, "the bank did not decide: retrying later");
            postpone(context.store(), payout, attempts).await
        }
    }
}

async fn due(store: &Store) -> Result<Vec<(Payout, i64)>, LedgerError> {
    let rows = store
        .read(|tx| {
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT id, account_id, amount, currency, destination, state, attempts, created_at FROM payouts \
                     WHERE state = $1 AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3",
                    args![PayoutState::Pending.name(), now_micros(), BATCH],
                )
                .await
            })
        })
        .await?;
    let due = rows.iter().map(|row| Ok((read(row)?.1, row.get("attempts")?)));
    due.collect::<Result<_, StoreError>>().map_err(LedgerError::from)
}

async fn ask(context: &Context<Settings, Store>, payout: &Payout) -> RailReply {
    let body = serde_json::json!({
        "amount": payout.amount, "currency": payout.currency, "destination": payout.destination,
    });
    let call = context.client().dependency(partner::NAME).post("/v1/payouts");
    let call = call.idempotency_key(&payout.id).json(&body).total_timeout(TIMEOUT);
    match call.send().await {
        Ok(answer) => reply_of(&payout.id, answer.status, answer.json()),
        Err(error) => RailReply::Unknown(error.to_string()),
    }
}

/// Reads the bank's reply. Only a whole answer that names this payout and has the status `paid` is a yes, and only a 422 with the bank's own
/// type of problem is a no: a proxy's 403, another service's 404 or a page in between decide nothing about the money.
fn reply_of(id: &str, status: StatusCode, body: Result<serde_json::Value, client::Error>) -> RailReply {
    let body = match body {
        Ok(body) => body,
        Err(error) => return RailReply::Unknown(format!("{status}: {error}")),
    };
    if status.is_success() && body["status"] == "paid" && body["key"] == id {
        return RailReply::Final(Word::Yes, String::new());
    }
    if status == StatusCode::UNPROCESSABLE_ENTITY && body["type"] == REFUSAL {
        return RailReply::Final(Word::No, body["detail"].as_str().unwrap_or("no reason given").to_owned());
    }
    RailReply::Unknown(format!("{status} with neither a yes nor a refusal of this payout"))
}

/// Moves the payout on, and its money with it, in one transaction; does nothing when it has been moved already.
async fn settle(store: &Store, payout: &Payout, word: Word) -> Result<(), LedgerError> {
    let Some(next) = payout.status.after(word) else { return Ok(()) };
    store
        .write(|tx| {
            let payout = payout.clone();
            Box::pin(async move {
                let moved = tx
                    .execute(
                        "UPDATE payouts SET state = $1 WHERE id = $2 AND state = $3",
                        args![next.name(), &payout.id, payout.status.name()],
                    )
                    .await?;
                if moved == 0 {
                    return Ok(());
                }
                let from = Own::InFlight.id(tx, &payout.currency).await?;
                let to = match word {
                    Word::Yes => Own::PaidOut.id(tx, &payout.currency).await?,
                    Word::No => payout.account,
                };
                let (id, amount, currency) = (vitals::new_id("tra"), payout.amount, payout.currency);
                match post(tx, &Posting { id, from, to, amount, currency, at: now_micros() }).await? {
                    Posted::Done => Ok(()),
                    not_done => Err(LedgerError::Refused(crate::transfer::refusal_of(not_done))),
                }
            })
        })
        .await
}

async fn postpone(store: &Store, payout: &Payout, attempts: i64) -> Result<(), LedgerError> {
    let wait = AT_LEAST + RETRY.wait(u32::try_from(attempts).unwrap_or(u32::MAX));
    let next = now_micros().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
    store
        .write(|tx| {
            let id = payout.id.clone();
            Box::pin(async move {
                tx.execute(
                    "UPDATE payouts SET attempts = attempts + 1, next_attempt_at = $1 WHERE id = $2 AND state = $3",
                    args![next, &id, PayoutState::Pending.name()],
                )
                .await
                .map(drop)
            })
        })
        .await
        .map_err(|error: StoreError| error.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn word(status: u16, body: serde_json::Value) -> Option<Word> {
        match reply_of("pay_1", StatusCode::from_u16(status).unwrap(), Ok(body)) {
            RailReply::Final(word, _) => Some(word),
            RailReply::Unknown(_) => None,
        }
    }

    #[test]
    fn a_payout_is_paid_only_when_the_answer_names_it_and_its_status_is_paid() {
        assert_eq!(word(201, json!({ "key": "pay_1", "status": "paid" })), Some(Word::Yes));
        assert_eq!(word(201, json!({ "key": "pay_2", "status": "paid" })), None);
        assert_eq!(word(201, json!({ "key": "pay_1", "status": "accepted" })), None);
        assert_eq!(word(200, json!("<html>")), None);
        assert_eq!(word(500, json!({ "key": "pay_1", "status": "paid" })), None);
    }

    #[test]
    fn only_the_banks_own_refusal_refuses_a_payout_and_answers_of_a_proxy_decide_nothing() {
        assert_eq!(word(422, json!({ "type": REFUSAL, "detail": "no such destination" })), Some(Word::No));
        for status in [400, 401, 403, 404, 409, 422, 429, 500, 502, 503] {
            assert_eq!(word(status, json!({ "type": "about:blank" })), None, "{status}");
        }
        assert_eq!(word(403, json!({ "type": REFUSAL })), None);
    }
}
