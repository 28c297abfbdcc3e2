//! The HTTP client: every call ends in time and in bounded memory, is guarded by its peer's policy, and carries the request
//! that it works for.
//!
//! - [`Client`], [`Call`], [`Response`], [`Error`]: ask, and what comes of it.
//! - [`Bounds`]: what a call may take.
//! - [`Endpoints`]: where a dependency is, with one instance or many.
//! - [`ByResponse`]: what an answer says about its peer.
//! - `misbehave`, with the feature `testing`: peers that misbehave, for the tests of a caller.
//!
//! A peer is a host and port. The first call to one makes its [`Policy`](resilience::Policy), with [`default_rules`]; [`Client::dependency`] gives
//! it a name and rules of its own. The request id, the W3C trace context, the deadline (`grpc-timeout`) and the
//! criticality of the running task go with each call. TLS is always verified. No environment variable changes where calls go.
//!
//! ```no_run
//! # async fn call() -> Result<(), evenkeel_client::Error> {
//! let client = evenkeel_client::Client::new(evenkeel_client::Bounds::default());
//! let url = "http://127.0.0.1:9300/v1/payouts".parse().expect("a URL");
//! let call = client.post(&url).idempotency_key("payout-7").json(&serde_json::json!({"amount": 5}));
//! println!("{}", call.send().await?.status);
//! # Ok(()) }
//! ```

mod bounds;
mod call;
mod check;
mod client;
mod endpoints;
mod error;
mod instances;
#[cfg(feature = "testing")]
pub mod misbehave;
mod names;
mod peers;
mod propagate;
mod response;
#[cfg(feature = "without-guards")]
mod restricted;
mod transport;

pub use self::bounds::Bounds;
pub use self::call::{Call, MAX_REDIRECTS};
pub use self::check::Check;
pub use self::client::Client;
pub use self::endpoints::Endpoints;
pub use self::error::Error;
pub use self::peers::default_rules;
pub use self::response::{ByResponse, Response};
