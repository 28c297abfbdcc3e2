//! Every manner of misbehaviour becomes one clear error, in bounded time and memory.

use std::time::Duration;

use evenkeel_client::misbehave::{Manner, Peer};
use evenkeel_client::{Bounds, Client, Error, Response};

/// Timeout that no test here reaches; a call without a bound would.
const FOR_EVER: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// The only try of a POST to such a peer.
async fn ask(manner: Manner, bounds: Bounds) -> Result<Response, Error> {
    let peer = Peer::start(manner).await.unwrap();
    let client = Client::builder().bounds(bounds);
    let client = if manner.is_http2() { client.http2_prior_knowledge() } else { client }.build();
    let answer = tokio::time::timeout(FOR_EVER, client.post(&peer.url()).send()).await.expect("a call ends");
    assert_eq!(peer.requests(), 1, "{manner:?}: a POST without a key is not repeated");
    answer
}

#[tokio::test]
async fn every_manner_of_misbehaviour_has_its_own_error() {
    let patient = Bounds::default().first_byte(FOR_EVER).total(FOR_EVER).answer_bytes(64 * 1024);
    let hasty = patient.first_byte(SHORT).total(SHORT);
    for manner in Manner::ALL {
        let bounds = match manner {
            Manner::Slow | Manner::Never | Manner::Http2Never => hasty,
            _ => patient,
        };
        let error = ask(manner, bounds).await.expect_err(&format!("{manner:?}"));
        let expected = match manner {
            Manner::Slow | Manner::Never | Manner::Http2Never => "timeout",
            Manner::Endless | Manner::Oversized | Manner::OversizedHead | Manner::Bomb => "too large",
            _ => "broken",
        };
        assert_eq!(error.kind(), expected, "{manner:?}: {error}");
        assert!(!error.nothing_was_sent(), "{manner:?}: {error}");
    }
}

#[tokio::test]
async fn a_slow_answer_arrives_when_the_bound_is_long_enough() {
    let answer = ask(Manner::Slow, Bounds::default()).await.unwrap();
    assert_eq!(&answer.body[..], b"slow");
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_a_timeout_that_says_so() {
    let bounds = Bounds::default().idle_body(Duration::from_millis(1));
    let error = ask(Manner::Slow, bounds).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "next part of its answer", .. }), "{error}");
}

#[tokio::test]
async fn a_peer_that_was_dropped_listens_no_more() {
    let peer = Peer::start(Manner::Never).await.unwrap();
    let url = peer.url();
    drop(peer);
    tokio::task::yield_now().await;
    let error = Client::new(Bounds::default()).post(&url).send().await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}
