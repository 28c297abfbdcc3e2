//! A collector on loopback that takes exports, takes them slowly, or lies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel::axum::Router;
use evenkeel::axum::body::{Body, Bytes};
use evenkeel::axum::http::{StatusCode, Uri};
use evenkeel::axum::response::{IntoResponse, Response};

/// Behaviour of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collector {
    /// Takes each export.
    Works,
    /// Nothing listens at its address.
    IsDead,
    /// Takes connections and requests, and answers none in the time that a batch has.
    IsSlow,
    /// Answers each export with another one of its lies.
    Lies,
}

/// Number of different lies.
const LIES: usize = 6;

/// The exports that reached a collector: the path and the body of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exports {
    all: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Exports {
    /// The bodies of a signal, such as `traces`.
    pub(crate) fn of(&self, signal: &str) -> Vec<Bytes> {
        let (all, path) = (self.all.lock().unwrap(), format!("/v1/{signal}"));
        all.iter().filter(|(known, _)| *known == path).map(|(_, body)| body.clone()).collect()
    }

    /// Keeps one; returns the number of those before it.
    fn keep(&self, path: &str, body: Bytes) -> usize {
        let mut all = self.all.lock().unwrap();
        all.push((path.to_owned(), body));
        all.len() - 1
    }
}

impl Collector {
    /// Starts it on a free port; returns its URL, and the exports that reach it.
    pub(crate) async fn start(self) -> (String, Exports) {
        let exports = Exports::default();
        if self == Self::IsDead {
            // Bound, and never listening: connections are refused.
            return (format!("http://{}", crate::running::reserved_address()), exports);
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = exports.clone();
        let answer = async move |uri: Uri, export: Bytes| {
            let number = kept.keep(uri.path(), export);
            match self {
                Self::Works | Self::IsDead => StatusCode::OK.into_response(),
                Self::IsSlow => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    StatusCode::OK.into_response()
                }
                Self::Lies => lie(number % LIES),
            }
        };
        let routes = Router::new().fallback(answer);
        tokio::spawn(async move { evenkeel::axum::serve(listener, routes).await });
        (url, exports)
    }
}

/// One of the lies.
fn lie(number: usize) -> Response {
    match number {
        // A web server, at the wrong port.
        0 => (StatusCode::OK, "<html>It works</html>").into_response(),
        1 => (StatusCode::INTERNAL_SERVER_ERROR, "none of it is true").into_response(),
        2 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "86400")]).into_response(),
        3 => (StatusCode::TEMPORARY_REDIRECT, [("location", "/v1/traces")]).into_response(),
        // A partial success with 2^63 - 1 refused items.
        4 => Bytes::from_static(b"\x0a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f").into_response(),
        // An answer without an end.
        _ => {
            let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 1024])));
            Body::from_stream(chunks).into_response()
        }
    }
}
