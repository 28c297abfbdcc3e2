//! The call of the bank: it pays a payout once for each key.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::{client, vitals};

use super::accepted::Accepted;
use crate::clock::now_micros;
use crate::partner;
use crate::settings::Settings;

/// The least wait between two attempts of a payout.
const AT_LEAST: Duration = Duration::from_millis(200);
/// The longest wait between two attempts; it grows with the age of the payout up to this.
const AT_MOST: Duration = Duration::from_secs(60);
/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Problem type with which the bank refuses a payout (RFC 9457, `type`).
const REFUSAL: &str = "/problems/payout-refused";

/// The bank's reply.
#[derive(Debug, PartialEq, Eq)]
enum RailReply {
    /// It has paid.
    Paid,
    /// It has refused, and never will pay under this key; with the reason.
    Refused(String),
    /// No reliable reply, with the reason.
    Unknown(String),
}

/// Asks the bank to pay.
///
/// # Errors
/// A permanent one when the bank refuses. A wait when it has not decided: it costs no attempt, so that a bank that is away turns nothing back.
pub(super) async fn pay(context: &Context<Settings, Store>, key: &str, payout: &Accepted) -> Result<(), JobError> {
    let key = payout.key.as_deref().unwrap_or(key);
    match ask(context, key, payout).await {
        RailReply::Paid => Ok(()),
        RailReply::Refused(reason) => {
            tracing::info!(payout = key, %reason, "the bank refused a payout: the money goes back");
            Err(JobError::permanent(format!("the bank refused: {reason}")))
        }
        RailReply::Unknown(reason) => {
            // A bank that is away is said by its policy: a line for each payout and retry would be a flood.
            tracing::debug!(payout = key, %reason, "the bank did not decide: retrying later");
            let age = Duration::from_micros(u64::try_from(now_micros() - payout.at).unwrap_or_default());
            let wait = age.clamp(Duration::from_secs(1), AT_MOST).mul_f64(vitals::random_fraction());
            Err(JobError::snooze(AT_LEAST + wait))
        }
    }
}

async fn ask(context: &Context<Settings, Store>, key: &str, payout: &Accepted) -> RailReply {
    let body = serde_json::json!({
        "amount": payout.amount, "currency": payout.currency, "destination": payout.destination,
    });
    let call = context.client().dependency(partner::NAME).post("/v1/payouts");
    match call.idempotency_key(key).json(&body).total_timeout(TIMEOUT).send().await {
        Ok(answer) => reply_of(key, answer.status, answer.json()),
        Err(error) => RailReply::Unknown(error.to_string()),
    }
}

/// Reads the bank's reply. Only a whole answer that names this payout and has the status `paid` is a yes, and only a 422 with the bank's own
/// type of problem is a no: a proxy's 403, another service's 404 or a page in between decide nothing about the money.
fn reply_of(key: &str, status: StatusCode, body: Result<serde_json::Value, client::Error>) -> RailReply {
    let body = match body {
        Ok(body) => body,
        Err(error) => return RailReply::Unknown(format!("{status}: {error}")),
    };
    if status.is_success() && body["status"] == "paid" && body["key"] == key {
        return RailReply::Paid;
    }
    if status == StatusCode::UNPROCESSABLE_ENTITY && body["type"] == REFUSAL {
        return RailReply::Refused(body["detail"].as_str().unwrap_or("no reason given").to_owned());
    }
    RailReply::Unknown(format!("{status} with neither a yes nor a refusal of this payout"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// True for paid, false for refused.
    fn word(status: u16, body: serde_json::Value) -> Option<bool> {
        match reply_of("pay_1", StatusCode::from_u16(status).unwrap(), Ok(body)) {
            RailReply::Paid => Some(true),
            RailReply::Refused(_) => Some(false),
            RailReply::Unknown(_) => None,
        }
    }

    #[test]
    fn a_payout_is_paid_only_when_the_answer_names_it_and_its_status_is_paid() {
        assert_eq!(word(201, json!({ "key": "pay_1", "status": "paid" })), Some(true));
        assert_eq!(word(201, json!({ "key": "pay_2", "status": "paid" })), None);
        assert_eq!(word(201, json!({ "key": "pay_1", "status": "accepted" })), None);
        assert_eq!(word(200, json!("<html>")), None);
        assert_eq!(word(500, json!({ "key": "pay_1", "status": "paid" })), None);
    }

    #[test]
    fn only_the_banks_own_refusal_refuses_a_payout_and_answers_of_a_proxy_decide_nothing() {
        assert_eq!(word(422, json!({ "type": REFUSAL, "detail": "no such destination" })), Some(false));
        for status in [400, 401, 403, 404, 409, 422, 429, 500, 502, 503] {
            assert_eq!(word(status, json!({ "type": "about:blank" })), None, "{status}");
        }
        assert_eq!(word(403, json!({ "type": REFUSAL })), None);
    }
}
