//! `border.rate-limit` on its specimens.

use crate::clause::border::rate_limit::{BY_IDENTITY, PER_ROUTE, STRICT_PATHS};
use crate::testing::holds_but_for;
use crate::testing::{examine, falls_short};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_429_of_one_address_for_as_long_as_it_says() {
    let finding = examine("border.rate-limit", "border-rate-limit").await;
    holds_but_for(&finding, &[BY_IDENTITY, STRICT_PATHS, PER_ROUTE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_each_way_to_limit_badly() {
    for (name, words) in [
        ("border-plain", "2000 requests from one address"),
        ("border-rate-shared", "another address suffers"),
        ("border-rate-trickles", "another address suffers"),
        ("border-rate-503", "not the status of a rate limit"),
        ("border-rate-silent", "neither Retry-After nor RateLimit"),
        ("border-rate-lies", "not answered after 2s"),
    ] {
        falls_short(&examine("border.rate-limit", name).await, &[words]);
    }
}
