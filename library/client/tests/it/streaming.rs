//! Streamed bodies, in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use evenkeel_client::{Bounds, Client, Error, Limit};
use http_body::Frame;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, StreamBody};
use url::Url;

use crate::server::{Server, serve, whole};

/// Echoes bodies piece by piece, and counts requests; `/busy` is answered 503.
async fn echo() -> (Url, Arc<AtomicUsize>, Server) {
    let calls = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&calls);
    let server = serve("127.0.0.1:0", None, move |request| {
        count.fetch_add(1, Relaxed);
        async move {
            let busy = request.uri().path() == "/busy";
            let (mut sender, body) = Channel::<Bytes, std::convert::Infallible>::new(1);
            tokio::spawn(async move {
                let mut body = request.into_body();
                while let Some(Ok(frame)) = body.frame().await {
                    let Ok(data) = frame.into_data() else { continue };
                    if sender.send_data(data).await.is_err() {
                        return;
                    }
                }
            });
            if busy {
                return http::Response::builder().status(503).body(whole("busy")).unwrap();
            }
            http::Response::new(body.boxed())
        }
    });
    let server = server.await;
    (format!("http://{}/", server.address).parse().unwrap(), calls, server)
}

#[tokio::test]
async fn pieces_go_out_and_come_back_while_the_call_is_under_way() {
    for http2 in [false, true] {
        let (url, _, _server) = echo().await;
        let client = if http2 { Client::builder().http2_prior_knowledge() } else { Client::builder() }.build();
        let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        sender.send_data(Bytes::from("one")).await.unwrap();
        let mut answer = client.post(&url).body_stream("text/plain", body).send_streaming().await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "one");
        sender.send_data(Bytes::from("two")).await.unwrap();
        assert_eq!(answer.body.chunk().await.unwrap().unwrap(), "two");
        drop(sender);
        assert_eq!(answer.body.chunk().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_streamed_body_is_sent_once_with_every_method() {
    let (url, calls, _server) = echo().await;
    let client = Client::default();
    let body = || {
        let frames = ["a", "b"].map(|text| Ok::<_, std::io::Error>(Frame::data(Bytes::from(text))));
        StreamBody::new(futures_util::stream::iter(frames))
    };
    let answer = client.call(http::Method::PUT, &url).body_stream("text/plain", body()).send().await.unwrap();
    assert_eq!(answer.body, "ab");
    let call = client.call(http::Method::PUT, &url.join("/busy").unwrap()).repeatable(true);
    assert_eq!(call.body_stream("text/plain", body()).send().await.unwrap().status, 503);
    assert_eq!(calls.load(Relaxed), 2);
}

#[tokio::test]
async fn a_streamed_answer_has_bounds_in_silence_and_in_bytes_where_it_is_given_one() {
    let (url, _, _server) = echo().await;
    let client = Client::builder().bounds(Bounds::default().idle_body(Duration::from_millis(200))).build();
    let (_sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    let mut answer = client.post(&url).body_stream("text/plain", body).send_streaming().await.unwrap();
    let error = answer.body.chunk().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { what: "next part of its answer", .. }), "{error}");
    let call = client.post(&url).body("text/plain", "four").answer_bytes(3);
    let mut answer = call.send_streaming().await.unwrap();
    let error = answer.body.chunk().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: Limit::Body(3), .. }), "{error}");
}

#[tokio::test]
async fn a_streamed_answer_counts_as_a_call_under_way_until_it_is_dropped() {
    let (url, _, _server) = echo().await;
    let client = Client::builder().bounds(Bounds::default().at_once(1)).build();
    let (_sender, body) = Channel::<Bytes, std::io::Error>::new(1);
    let answer = client.post(&url).body_stream("text/plain", body).send_streaming().await.unwrap();
    let second = || client.get(&url).total_timeout(Duration::from_millis(100)).send();
    assert_eq!(second().await.unwrap_err().kind(), "refused");
    drop(answer);
    client.get(&url).send().await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_repeated_before_a_streamed_answer_begins() {
    let (url, calls, _server) = echo().await;
    let client = Client::default();
    let mut answer = client.get(&url.join("/busy").unwrap()).send_streaming().await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.chunk().await.unwrap().unwrap()), (503, Bytes::from("busy")));
    assert!(calls.load(Relaxed) > 1);
}
