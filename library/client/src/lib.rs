//! The HTTP client: every call ends in time and in bounded memory, is guarded by its peer's policy, and carries the request
//! that it works for.
//!
//! - [`Client`], [`Call`], [`Response`], [`Error`]: calls and their results. [`StreamingResponse`] for streamed bodies.
//! - [`Declaration`], [`Dependency`]: named dependencies, and the guards of their calls.
//! - [`Endpoints`]: the address of a dependency, with one instance or many.
//! - [`Bounds`]: limits of a call. [`Tls`]: trusted authorities and client certificates. [`Resolver`]: name resolution.
//! - [`ByResponse`]: classification of answers as failures of the peer.
//! - `misbehave`, with the feature `testing`: misbehaving peers, for the tests of a caller.
//!
//! A dependency is a name with a URL: [`Client::declare`] gives it rules of its own, and [`Client::dependency`] calls it. Any other URL can be called
//! too: its scheme, host and port are a peer, whose first call makes its [`Policy`](resilience::Policy), with [`default_rules`].
//! The request id, the W3C trace context, the deadline (`grpc-timeout`) and the
//! criticality of the running task go with each call. TLS is always verified. No environment variable changes where calls go. Credentials in URLs
//! are used, and shown nowhere.
//!
//! ```no_run
//! use evenkeel_client::{Client, Declaration, Endpoints};
//!
//! # async fn call() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::default();
//! client.declare(Declaration::new("bank", "http://127.0.0.1:9300".parse::<Endpoints>()?))?;
//! let call = client.dependency("bank").post("/v1/payouts");
//! let answer = call.idempotency_key("payout-7").json(&serde_json::json!({"amount": 5})).send().await?;
//! println!("{}", answer.status);
//! # Ok(()) }
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `native-roots` | `Tls::native`: the authorities of the host's certificate store | no |
//! | `testing` | `misbehave`: misbehaving peers for tests | no |
//! | `without-guards` | switches that turn guards off, for tests that show what a guard prevents; never for production | no |
//!
//! Tested on Linux. Elsewhere a connection has no bound on unacknowledged bytes (`TCP_USER_TIMEOUT`); the timeouts of calls are in force everywhere.

mod attempt_span;
mod attempts;
mod body;
mod bounds;
mod call;
mod check;
mod client;
mod connector;
mod credentials;
mod declaration;
mod dependency;
mod endpoints;
mod error;
mod fallback;
mod happy_eyeballs;
mod instances;
#[cfg(feature = "testing")]
pub mod misbehave;
mod names;
mod outgoing;
mod peers;
mod place;
mod propagate;
mod redirect;
mod resolver;
mod response;
#[cfg(feature = "without-guards")]
mod restricted;
mod rules;
mod sensitive;
mod tls;
mod transport;

pub use self::body::ResponseBody;
pub use self::bounds::Bounds;
pub use self::call::{Call, MAX_REDIRECTS};
pub use self::check::{Check, CheckError};
pub use self::client::{Client, ClientBuilder};
pub use self::declaration::{Declaration, DeclareError};
pub use self::dependency::Dependency;
pub use self::endpoints::{Endpoints, EndpointsError};
pub use self::error::{Error, Limit};
pub use self::resolver::{Resolver, ResolverError};
pub use self::response::{ByResponse, Response, StreamingResponse};
pub use self::rules::default_rules;
pub use self::tls::{Tls, TlsError};
