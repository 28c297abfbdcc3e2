//! Asks the bank for every pending payout until it says yes or no.
//!
//! Live work and a backlog are the same: payouts that are due, oldest first. The payout's id is the bank's idempotency
//! key, so that asking again can never pay twice, also when the bank did the work and its answer was lost.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::resilience::Backoff;
use evenkeel::{client, vitals};
use tokio::sync::Notify;

use super::{Own, PayoutState};
use crate::error::LedgerError;
use crate::posting::{Posted, Posting, post};
use crate::{Settings, now_micros};

/// Payouts taken at a time.
const BATCH: i64 = 20;
/// Between two looks when nobody nudges.
const PERIOD: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
/// Between two tries of a payout.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// For one try.
const TIMEOUT: Duration = Duration::from_secs(3);

static NEW_WORK: Notify = Notify::const_new();

/// There is a new payout: do not wait for the next look.
pub(super) fn nudge() {
    NEW_WORK.notify_one();
}

/// A payout that is due.
#[derive(Clone)]
struct Due {
    id: String,
    account: String,
    amount: i64,
    currency: String,
    destination: String,
    attempts: i64,
}

/// What the bank said.
enum Said {
    Yes,
    No(String),
    Nothing(String),
}

/// Works until asked to end; what was begun with the bank is finished or left to be asked again.
pub async fn run(context: Context<Settings>, stop: Stop) {
    while !stop.is_requested() {
        match work_once(&context).await {
            Ok(worked) if worked > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "payouts wait: the store refused"),
        }
        tokio::select! {
            () = stop.requested() => {}
            () = NEW_WORK.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(200) + PERIOD.wait(0)) => {}
        }
    }
}

/// Asks for every payout that is due, at most a batch; returns how many.
///
/// # Errors
/// The store's.
async fn work_once(context: &Context<Settings>) -> Result<usize, LedgerError> {
    let due = due(context.store()).await?;
    for payout in &due {
        match ask(context, payout).await {
            Said::Yes => settle(context.store(), payout, PayoutState::Paid).await?,
            Said::No(reason) => {
                tracing::info!(payout = %payout.id, %reason, "the bank refused a payout: the money goes back");
                settle(context.store(), payout, PayoutState::Refused).await?;
            }
            Said::Nothing(reason) => {
                tracing::warn!(payout = %payout.id, %reason, "no word from the bank: asking again later");
                postpone(context.store(), payout).await?;
            }
        }
    }
    Ok(due.len())
}

async fn due(store: &Store) -> Result<Vec<Due>, LedgerError> {
    let rows = store
        .read(|tx| {
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT id, account_id, amount, currency, destination, attempts FROM payouts \
                     WHERE state = $1 AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT $3",
                    args![PayoutState::Pending.name(), now_micros(), BATCH],
                )
                .await
            })
        })
        .await?;
    let read = |row: &evenkeel::store::Row| {
        Ok(Due {
            id: row.get("id")?,
            account: row.get("account_id")?,
            amount: row.get("amount")?,
            currency: row.get("currency")?,
            destination: row.get("destination")?,
            attempts: row.get("attempts")?,
        })
    };
    rows.iter().map(read).collect::<Result<_, StoreError>>().map_err(LedgerError::from)
}

async fn ask(context: &Context<Settings>, payout: &Due) -> Said {
    let Ok(url) = context.settings().rail_url.join("/v1/payouts") else {
        return Said::Nothing("RAIL_URL cannot be joined with a path".to_owned());
    };
    let body = serde_json::json!({
        "amount": payout.amount, "currency": payout.currency, "destination": payout.destination,
    });
    let call = context.client().post(&url).header("idempotency-key", &payout.id).json(&body).total_timeout(TIMEOUT);
    match call.send().await {
        Ok(answer) => said(&answer),
        Err(error) => Said::Nothing(error.to_string()),
    }
}

/// Only a whole answer that says so in so many words is a yes; only a definite 4xx is a no.
fn said(answer: &client::Answer) -> Said {
    let status = answer.status;
    if status.is_success() {
        return match answer.json::<serde_json::Value>() {
            Ok(body) if body["status"] == "paid" => Said::Yes,
            Ok(_) => Said::Nothing(format!("{status} without the word paid")),
            Err(error) => Said::Nothing(error.to_string()),
        };
    }
    let definite = matches!(status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
    if definite { Said::No(status.to_string()) } else { Said::Nothing(status.to_string()) }
}

/// Moves the payout on, and its money with it, in one transaction; does nothing when somebody else has.
async fn settle(store: &Store, payout: &Due, state: PayoutState) -> Result<(), LedgerError> {
    store
        .write(|tx| {
            let payout = payout.clone();
            Box::pin(async move {
                let moved = tx
                    .execute(
                        "UPDATE payouts SET state = $1 WHERE id = $2 AND state = $3",
                        args![state.name(), &payout.id, PayoutState::Pending.name()],
                    )
                    .await?;
                if moved == 0 {
                    return Ok(());
                }
                let from = Own::InFlight.id(tx, &payout.currency).await?;
                let to = match state {
                    PayoutState::Refused => payout.account.clone(),
                    PayoutState::Paid | PayoutState::Pending => Own::PaidOut.id(tx, &payout.currency).await?,
                };
                let (id, currency) = (vitals::new_id("tra"), payout.currency.clone());
                let posting = Posting { id, from, to, amount: payout.amount, currency, at: now_micros() };
                match post(tx, &posting).await? {
                    Posted::Done => Ok(()),
                    not_done => {
                        tracing::error!(payout = %payout.id, ?not_done, "money in flight cannot be settled");
                        Err(LedgerError::Refused(crate::transfer::refusal_of(not_done)))
                    }
                }
            })
        })
        .await
}

async fn postpone(store: &Store, payout: &Due) -> Result<(), LedgerError> {
    let wait = RETRY.wait(u32::try_from(payout.attempts).unwrap_or(u32::MAX)) + Duration::from_millis(200);
    let next = now_micros().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
    store
        .write(|tx| {
            let payout = payout.clone();
            Box::pin(async move {
                tx.execute(
                    "UPDATE payouts SET attempts = attempts + 1, next_attempt_at = $1 WHERE id = $2",
                    args![next, &payout.id],
                )
                .await
                .map(drop)
            })
        })
        .await
        .map_err(|error: StoreError| error.into())
}
