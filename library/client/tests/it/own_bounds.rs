//! The caller's own bounds on the size of an answer: named in the error, and not counted against the peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use evenkeel_client::{Bounds, Client, Declaration, Error, Limit, default_rules};
use resilience::breaker::{BreakerRules, Position};
use url::Url;

use crate::server::{serve, whole};

#[tokio::test]
async fn an_answer_over_the_callers_bound_is_neither_repeated_nor_held_against_the_peer() {
    let calls = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&calls);
    let server = serve("127.0.0.1:0", None, move |_| {
        count.fetch_add(1, Relaxed);
        async { http::Response::new(whole(vec![b'x'; 4096])) }
    });
    let server = server.await;
    let client = Client::builder().bounds(Bounds::default().answer_bytes(100)).build();
    let url: Url = format!("http://{}/", server.address).parse().unwrap();
    let breaker = BreakerRules::default().minimum_calls(2);
    let policy = client.declare(Declaration::new("bank", &url).rules(default_rules().breaker(breaker))).unwrap();
    for made in 1..=10 {
        let error = client.get(&url).send().await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: Limit::Body(100), .. }), "{error}");
        assert!(error.to_string().contains("more than 100 bytes in its body (Bounds::answer_bytes)"), "{error}");
        assert_eq!(calls.load(Relaxed), made, "it is not repeated");
    }
    assert_eq!(policy.breaker().position(), Position::Closed);
    let answer = client.get(&url).answer_bytes(4096).send().await.unwrap();
    assert_eq!(answer.body.len(), 4096, "a call can have a bound of its own");
}

#[tokio::test]
async fn many_header_fields_are_accepted_up_to_a_bound_that_the_error_names() {
    for (fields, taken) in [(120, true), (250, true), (300, false)] {
        let server = serve("127.0.0.1:0", None, move |_| async move {
            let mut response = http::Response::new(whole("well"));
            for number in 0..fields {
                let name: http::HeaderName = format!("x-{number}").parse().unwrap();
                response.headers_mut().insert(name, "y".parse().unwrap());
            }
            response
        });
        let server = server.await;
        let url: Url = format!("http://{}/", server.address).parse().unwrap();
        match Client::default().get(&url).send().await {
            Ok(answer) => assert!(taken && answer.headers.len() > fields, "{fields}"),
            Err(error) => {
                assert!(!taken && error.to_string().contains("256 fields (Bounds::head_fields)"), "{fields}: {error}");
            }
        }
    }
}
