//! The job of a payout: it asks the bank until the payout is paid or refused.
//!
//! Each payout has one job, which is enqueued in the transaction that accepts the payout. The payout's id is the bank's idempotency key, so
//! that asking again can never pay twice, also when the bank did the work and its answer was lost, and also when the ledger was killed
//! between the bank's answer and the commit that records it.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::{client, vitals};
use serde::{Deserialize, Serialize};

use super::own::Own;
use super::record::{Payout, read};
use super::state::{PayoutState, Word};
use crate::clock::now_micros;
use crate::error::LedgerError;
use crate::partner;
use crate::posting::{Posted, Posting, post};
use crate::settings::Settings;

/// Concurrent payouts: one that the bank leaves hanging delays no other.
const AT_ONCE: usize = 8;
/// Time after which another instance takes over the payouts of one that was killed. Longer than an attempt.
const LEASE: Duration = Duration::from_secs(5);
/// The least wait between two attempts of a payout.
const AT_LEAST: Duration = Duration::from_millis(200);
/// The longest wait between two attempts; it grows with the age of the payout up to this.
const AT_MOST: Duration = Duration::from_secs(60);
/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Problem type with which the bank refuses a payout (RFC 9457, `type`).
const REFUSAL: &str = "/problems/payout-refused";

/// The job of one payout.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Pay {
    pub(super) payout: String,
}

impl Job for Pay {
    const KIND: &'static str = "payout";
    const QUEUE: &'static str = "payouts";
    // Of failures of the ledger itself. A bank that does not decide costs no attempt.
    const MAX_ATTEMPTS: u16 = 1_000;
}

/// The bank's reply.
#[derive(Debug, PartialEq, Eq)]
enum RailReply {
    /// The last word, with the reason for a no.
    Final(Word, String),
    /// No reliable reply, with the reason.
    Unknown(String),
}

/// The workers of the ledger.
pub fn workers(context: &Context<Settings, Store>) -> Workers {
    let handler = context.clone();
    Workers::new(context.store()).queue(Pay::QUEUE, |rules| rules.concurrency(AT_ONCE).lease(LEASE)).handle(
        move |pay: Pay, _context| {
            let context = handler.clone();
            async move { bring_on(&context, &pay.payout).await }
        },
    )
}

/// Settles one payout, or puts it off: one that cannot be settled must not stand in the others' way.
async fn bring_on(context: &Context<Settings, Store>, id: &str) -> Result<(), JobError> {
    let Some((payout, age)) = pending(context.store(), id).await? else { return Ok(()) };
    match ask(context, &payout).await {
        RailReply::Final(word, reason) => {
            if word == Word::No {
                tracing::info!(payout = %payout.id, %reason, "the bank refused a payout: the money goes back");
            }
            Ok(settle(context.store(), &payout, word).await?)
        }
        RailReply::Unknown(reason) => {
            tracing::warn!(payout = %payout.id, %reason, "the bank did not decide: retrying later");
            let wait = age.clamp(Duration::from_secs(1), AT_MOST).mul_f64(vitals::random_fraction());
            Err(JobError::snooze(AT_LEAST + wait))
        }
    }
}

/// The payout with its age; none when the bank has decided about it.
async fn pending(store: &Store, id: &str) -> Result<Option<(Payout, Duration)>, LedgerError> {
    let row = store
        .read(|tx| {
            let id = id.to_owned();
            Box::pin(async move {
                tx.fetch_optional(
                    "SELECT id, account_id, amount, currency, destination, state, created_at FROM payouts \
                     WHERE id = $1 AND state = $2",
                    args![&id, PayoutState::Pending.name()],
                )
                .await
            })
        })
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (position, payout) = read(&row)?;
    let age = u64::try_from(now_micros() - position.created_at).unwrap_or_default();
    Ok(Some((payout, Duration::from_micros(age))))
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
