//! A collector on loopback that takes exports, takes them slowly, or lies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel::axum::Router;
use evenkeel::axum::body::{Body, Bytes};
use evenkeel::axum::http::StatusCode;
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
const LIES: u64 = 6;

impl Collector {
    /// Starts it on a free port; returns its URL, and the number of exports that reached it.
    pub(crate) async fn start(self) -> (String, Arc<AtomicU64>) {
        let exports = Arc::new(AtomicU64::new(0));
        if self == Self::IsDead {
            // Bound, and never listening: connections are refused.
            return (format!("http://{}", crate::running::reserved_address()), exports);
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counted = exports.clone();
        let answer = async move |_export: Bytes| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
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
fn lie(number: u64) -> Response {
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
