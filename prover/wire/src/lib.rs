//! HTTP and TCP as evidence: everything that was sent and came back is kept.
//!
//! - [`http`]: one HTTP exchange, with a client that keeps it whole.
//! - [`raw`]: a bare connection, for requests that no well-behaved client would send.
//! - [`endpoint`], [`stream`], [`tls`]: where a server listens, and the connection to it: TCP, TLS, or a Unix socket.
//! - [`http1`]: the HTTP/1.1 response parser of both, and [`answers`]: every answer in a stream of bytes.
//! - [`http2`]: HTTP/2 frames, written byte by byte.
//! - [`address`]: the address that answers, among all that a name has.
//! - [`port`]: loopback ports that are reserved before a program listens on them.
//! - `testing` (feature `testing`): a server of a few lines for tests of misbehaving servers.
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use std::time::Duration;
//!
//! use keel_wire::http::{Client, Failure, Request};
//!
//! let nothing_listens = "http://127.0.0.1:1".parse().expect("a URL");
//! let exchange = Client::new(nothing_listens, Duration::from_secs(10)).send(Request::get("/")).await;
//! assert!(matches!(exchange.outcome, Err(Failure::Connect(_))));
//! println!("{} -> {}", exchange.sent(), exchange.came_back());
//! # }
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `testing` | `testing`: a TCP server of a few lines, and one behind TLS | no |
//!
//! Unix only, because of Unix sockets and `poll`. Tested on Linux.

pub mod address;
pub mod answers;
pub mod endpoint;
pub mod http;
pub mod http1;
pub mod http2;
pub mod port;
pub mod raw;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
