//! Messages to the holders of destinations, by the partner bank.

use std::time::Duration;

use evenkeel::client;
use evenkeel::prelude::*;

use crate::partner;
use crate::settings::Settings;

/// Timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Problem type with which the bank refuses a message (RFC 9457, `type`).
const REFUSAL: &str = "/problems/message-refused";

/// The bank's reply to a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is delivered.
    Delivered,
    /// It never will be, with the reason.
    Refused(String),
    /// Nothing is known, with the reason: another attempt may tell.
    Unknown(String),
}

/// Asks the bank to deliver a message once for each key.
pub(crate) async fn deliver(context: &Context<Settings, Store>, key: &str, destination: &str, text: &str) -> Reply {
    let body = serde_json::json!({ "destination": destination, "text": text });
    let call = context.client().dependency(partner::NAME).post("/v1/messages");
    match call.idempotency_key(key).json(&body).total_timeout(TIMEOUT).send().await {
        Ok(answer) => reply_of(key, answer.status, answer.json()),
        Err(error) => Reply::Unknown(error.to_string()),
    }
}

/// Reads the bank's reply. As with payouts, only an answer that names this message is a yes, and only the bank's own refusal is a no.
fn reply_of(key: &str, status: StatusCode, body: Result<serde_json::Value, client::Error>) -> Reply {
    let body = match body {
        Ok(body) => body,
        Err(error) => return Reply::Unknown(format!("{status}: {error}")),
    };
    if status.is_success() && body["status"] == "delivered" && body["key"] == key {
        return Reply::Delivered;
    }
    if status == StatusCode::UNPROCESSABLE_ENTITY && body["type"] == REFUSAL {
        return Reply::Refused(body["detail"].as_str().unwrap_or("no reason given").to_owned());
    }
    Reply::Unknown(format!("{status} with neither a yes nor a refusal of this message"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_banks_own_words_about_this_message_decide() {
        let reply = |status: u16, body| reply_of("rcp_1", StatusCode::from_u16(status).unwrap(), Ok(body));
        assert_eq!(reply(201, json!({ "key": "rcp_1", "status": "delivered" })), Reply::Delivered);
        let refusal = json!({ "type": REFUSAL, "detail": "no such account" });
        assert_eq!(reply(422, refusal.clone()), Reply::Refused("no such account".to_owned()));
        for (status, body) in [
            (201, json!({ "key": "rcp_2", "status": "delivered" })),
            (201, json!({ "key": "rcp_1", "status": "accepted" })),
            (404, refusal),
            (422, json!({ "type": "about:blank" })),
            (503, json!(null)),
        ] {
            assert!(matches!(reply(status, body.clone()), Reply::Unknown(_)), "{status} {body}");
        }
    }
}
