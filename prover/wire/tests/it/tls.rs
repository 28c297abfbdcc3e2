//! Over TLS the same is seen as in the clear, and a server that is not trusted is not spoken to.

use std::io::{Read, Write};
use std::time::Duration;

use keel_wire::endpoint::Endpoint;
use keel_wire::http::{Client, Failure, Request};
use keel_wire::raw::{Ended, RawConnection};
use keel_wire::testing::PATIENCE;
use keel_wire::testing::tls::Identity;
use keel_wire::tls::{Protocol, Trust};
use url::Url;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn url(address: std::net::SocketAddr) -> Url {
    format!("https://localhost:{}", address.port()).parse().unwrap()
}

async fn failure(url: Url, trust: Option<Trust>) -> String {
    match Client::new(url, PATIENCE).with_trust(trust).send(Request::get("/")).await.outcome {
        Err(Failure::Connect(why)) => why,
        other => panic!("expected no connection, got {other:?}"),
    }
}

#[tokio::test]
async fn an_authority_of_its_own_and_a_pin_are_accepted() {
    let identity = Identity::of("localhost");
    let address = identity.serve_answer(OK);
    let authority = Trust::authority(identity.authority.as_bytes()).unwrap();
    let pin = Trust::pin(&identity.pin).unwrap();
    for trust in [authority, pin, Trust::anything().unwrap()] {
        let exchange = Client::new(url(address), PATIENCE).with_trust(Some(trust)).send(Request::get("/")).await;
        assert_eq!(exchange.outcome.expect("an answer").text(), "hello");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_the_handshake() {
    let (identity, other) = (Identity::of("localhost"), Identity::of("localhost"));
    let address = identity.serve_answer(OK);
    let why = failure(url(address), Some(Trust::authority(other.authority.as_bytes()).unwrap())).await;
    assert!(why.contains("certificate"), "{why}");
    let why = failure(url(address), Some(Trust::pin(&other.pin).unwrap())).await;
    assert!(why.contains(&identity.pin), "the pin that it has is told: {why}");
    let why = failure(url(address), None).await;
    assert!(why.contains("no authority"), "{why}");
}

#[tokio::test]
async fn the_name_in_the_certificate_is_compared_unless_another_is_said() {
    let identity = Identity::of("shop.example");
    let address = identity.serve_answer(OK);
    let trust = Trust::authority(identity.authority.as_bytes()).unwrap();
    let why = failure(url(address), Some(trust.clone())).await;
    assert!(why.contains("shop.example") || why.contains("valid for name"), "{why}");
    let named = trust.named("shop.example").unwrap();
    let exchange = Client::new(url(address), PATIENCE).with_trust(Some(named)).send(Request::get("/")).await;
    assert_eq!(exchange.status().map(|status| status.as_u16()), Some(200));
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    assert!(Trust::authority(b"").unwrap_err().contains("no certificate"));
    assert!(Trust::authority(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").is_err());
}

#[tokio::test]
async fn a_bare_connection_over_tls_tells_answers_ends_and_what_is_unread() {
    let identity = Identity::of("localhost");
    let address = identity.serve(|mut connection| {
        let mut byte = [0];
        while connection.read(&mut byte).is_ok_and(|length| length > 0) {
            match byte[0] {
                b'a' => drop(connection.write_all(OK).and_then(|()| connection.flush())),
                b'e' => return,
                _ => {}
            }
        }
    });
    let trust = Trust::authority(identity.authority.as_bytes()).unwrap();
    let to = Endpoint::of(&url(address), address, Some(&trust), Protocol::Http1).unwrap();
    let mut connection = RawConnection::connect(to, None, PATIENCE).await.unwrap();
    connection.write(b".", PATIENCE).await.unwrap();
    // Session tickets may have come: they are TLS's own.
    let quiet = connection.listen(1, Duration::from_millis(20)).await;
    assert_eq!((quiet.bytes.len(), quiet.ended), (0, Ended::StillOpen));
    assert!(!connection.has_unread());
    connection.write(b"a", PATIENCE).await.unwrap();
    while !connection.has_unread() {
        tokio::task::yield_now().await;
    }
    let heard = connection.listen_answer(PATIENCE).await;
    assert_eq!((heard.status(), heard.ended), (Some(200), Ended::StillOpen));
    assert_eq!(heard.bytes, OK);
    connection.write(b"e", PATIENCE).await.unwrap();
    assert_eq!(connection.listen(1, PATIENCE).await.ended, Ended::Closed, "also without a farewell");
}
