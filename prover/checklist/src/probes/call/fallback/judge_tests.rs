//! The judge of `call.fallback` on answers without a server.

use serde_json::json;

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{after, control, json, unanswered, uncontrolled};

const LIMIT: Duration = Duration::from_secs(3);

/// Bearings of a degraded answer, and of its notice.
fn bearings(exchange: &Exchange, gone: &Met) -> [Bearing; 2] {
    let peace = || json(200, &json!({ "price": "12.50", "stale": false }));
    let user = User { spec: RequestSpec::default(), peace: [peace(), peace()] };
    judge(LIMIT, "prices", &user, exchange, gone).map(|piece| piece.bearing())
}

#[test]
fn a_request_without_its_dependency_is_answered_with_less_or_clearly_refused() {
    use Bearing::{Against, Figure, For, Gap};
    let of = |status, body| bearings(&json(status, &body), &Ok(control()));
    assert_eq!(of(503, json!({})), [For, For]);
    assert_eq!(of(200, json!({ "price": "12.50", "stale": true })), [For, For]);
    assert_eq!(of(200, json!({ "price": "0.00", "stale": false })), [For, Against], "it is made up");
    assert_eq!(of(200, json!({ "stale": false })), [For, Gap], "it leaves something out without a word");
    assert_eq!(of(200, json!({ "price": "12.50", "stale": false })), [Gap, Gap], "it may be from memory");
    assert_eq!(of(500, json!({})), [Against, Figure]);
    assert_eq!(of(404, json!({})), [Against, Figure]);
}

#[test]
fn an_answer_after_the_deadline_or_none_is_no_fallback() {
    let refused = || json(503, &json!({}));
    assert_eq!(bearings(&after(LIMIT, refused()), &Ok(control()))[0], Bearing::For);
    assert_eq!(bearings(&after(LIMIT + Duration::from_millis(1), refused()), &Ok(control()))[0], Bearing::Against);
    assert_eq!(bearings(&unanswered(), &Ok(control()))[0], Bearing::Against);
    assert_eq!(bearings(&refused(), &Err(uncontrolled()))[0], Bearing::Gap, "it was not gone");
}
