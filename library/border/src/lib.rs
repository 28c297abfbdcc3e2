//! The HTTP server between the socket and the handler, safe by default.
//!
//! - [`path`]: the steps of a request; [`path::STEPS`] lists them in order.
//! - [`Limits`]: every bound, with its default.
//! - [`RouteRules`]: the rules of one route, in one declaration.
//! - [`Problem`]: the one shape of an error (RFC 9457).
//! - [`Listener`]: accepts, bounds and drains connections, upgraded ones (WebSocket) included; [`Reserved`] has an address on which it does not
//!   listen yet.
//! - [`Tls`]: TLS of a listener, with certificates that are replaced while it serves; [`redirect_to_https`] for its plain port.
//! - [`Draining`]: an extractor for handlers that hold a connection for long.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use axum::{Router, routing::get};
//! use evenkeel_border::{Border, Limits, Listener};
//!
//! let border = Border::new("public", Limits::default(), &vitals::Registry::new());
//! let routes = border.around(Router::new().route("/hello", get(async || "hello")));
//! let listener = Listener::bind("127.0.0.1:0".parse().expect("an address"), border).await?;
//! let (stop, _address) = (supervision::StopSource::new(), listener.address());
//! let stopped = stop.listen();
//! stop.request();
//! listener.serve(routes, stopped, std::time::Duration::from_secs(1)).await;
//! # Ok(()) }
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `tls` | [`Tls`]: listeners with TLS | yes |
//!
//! Unix only. On Linux the kernel reports how long a request has waited unread and how many bytes a client has acknowledged. Elsewhere the wait before the
//! first read counts as zero, and bytes count as taken when the kernel has them. Tested on Linux.

mod accept_encoding;
mod access;
mod access_log;
mod acknowledged;
mod admission;
mod age;
mod allowed_methods;
mod answer;
mod answer_sizes;
mod below;
mod body;
mod border;
mod boundary;
mod bulkheads;
mod caller;
mod client;
mod connection;
mod content_coding;
mod control_frames;
mod criticality;
mod cross_origin;
mod cross_site;
mod deadline;
mod declared;
mod declared_routes;
mod decoded_body;
mod deprecation;
mod details;
mod draining;
mod entity_tag;
mod exchange;
mod failed_request;
mod forwarded;
mod framing;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod glance;
mod guard;
mod headers;
mod heavy_clients;
mod held_body;
mod host;
mod identity;
mod invalid_route;
mod known_paths;
mod lag;
mod limits;
mod listener;
mod min_rate;
mod network;
mod observers;
mod open_streams;
pub mod path;
mod place;
mod plain_redirect;
mod preconditions;
mod prepared;
mod pressure;
mod problem;
mod protocol;
mod proxy_protocol;
mod reader;
mod record;
#[cfg(test)]
mod refusal_cost;
mod representation;
mod requests_in_flight;
mod route_counts;
mod route_document;
mod route_guard;
mod route_rate;
mod route_rules;
mod route_table;
mod route_vitals;
mod seat;
mod service;
mod shed;
mod shed_vitals;
mod simple_head;
mod socket;
mod state;
mod step;
mod streams;
mod target;
mod timer;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod traffic;
mod transport;
mod turn;
mod turn_away;
mod unread_answer;
mod unsent;
mod websocket_origin;
mod whole_body;

pub use access::Access;
pub use border::Border;
pub use caller::{Caller, Identify};
pub use content_coding::ContentCoding;
pub use cross_origin::CrossOrigin;
pub use deprecation::Deprecation;
pub use draining::Draining;
pub use forwarded::ForwardedHeader;
pub use invalid_route::InvalidRouteRules;
pub use limits::Limits;
pub use listener::{Listener, Reserved};
pub use network::{InvalidNetwork, Network};
pub use observers::Observers;
pub use plain_redirect::redirect_to_https;
pub use preconditions::Preconditions;
pub use problem::{Problem, title_of};
pub use route_rules::RouteRules;
pub use route_table::Loosened;
#[cfg(feature = "tls")]
pub use tls::{ClientCertificate, Reloaded, Tls, TlsError, TlsFiles};
