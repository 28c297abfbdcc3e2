//! `web.cookies` on its specimens.

use crate::clause::web::cookies::{ENCRYPTED, REVOCABLE};
use crate::finding::Verdict;
use crate::testing::{does_not_apply, examine, falls_short, holds_but_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_scripts_can_read_falls_short_and_no_cookie_is_not_applicable() {
    for sound in ["web-good", "web-plain-cookie"] {
        holds_but_for(&examine("web.cookies", sound).await, &[ENCRYPTED, REVOCABLE]);
    }
    falls_short(&examine("web.cookies", "web-open-cookie").await, &["not Secure", "not HttpOnly", "no SameSite"]);
    does_not_apply(&examine("web.cookies", "web-no-cookie").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_cookie_with_readable_state_falls_short() {
    let finding = examine("web.cookies", "web-readable-cookie").await;
    falls_short(&finding, &["JSON in base64"]);
    assert_eq!(finding.verdict_on(ENCRYPTED), Some(Verdict::FallsShort));
}
