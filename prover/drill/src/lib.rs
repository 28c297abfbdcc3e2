//! Faults, load and attacks against any service, from outside.
//!
//! A black box: nothing here knows what it examines, and no edge leads to the library above the line.
//!
//! - [`process`]: start a program in its own process group, collect its output, signal it, measure it, clean it up.
//! - [`double`]: a dependency's double, which takes down when each call comes.
//! - [`collector`]: an OTLP collector, which keeps the exports of a service, or misbehaves.
//! - [`sentry`]: a receiver of Sentry's protocol, which keeps the events of a service.
//! - [`deadline_headers`]: headers that say how long a caller waits.
//! - [`trace_headers`]: the headers of W3C Trace Context.
//! - [`fault`]: faults of processes and of the host, each with its undo written down before it acts.
//! - [`attack`]: what hostile clients do, bounded in rate and time.
//! - [`experiment`]: a hypothesis, faults, abort conditions, a report.
//! - [`history`]: who asked what, when, what came back, and whether that can be right.
//! - [`tcp_table`]: the kernel's table of TCP sockets, by port.
//! - [`clock`]: wall-clock time as reports write it.
//!
//! The fault proxy is [`keel_proxy`], the load generator [`keel_load`], HTTP as evidence [`keel_wire`].
//!
//! ```
//! # #[tokio::main] async fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//!
//! use keel_wire::http::{Client, Failure, Request};
//! use keel_drill::process::{Exit, Launch, Process};
//! use keel_proxy::{Fault, FaultProxy};
//!
//! let mut target = Process::start(Launch { command: "echo hello; exit 3".to_owned(), ..Launch::default() })?;
//! assert_eq!(target.wait(Duration::from_secs(10)).await, Some(Exit::Code(3)));
//! assert_eq!(target.output()[0].text, "hello");
//!
//! let proxy = FaultProxy::start("127.0.0.1:9300".to_owned()).await?;
//! proxy.set(Fault::ServerError).await;
//! let base = format!("http://{}", proxy.address()).parse().expect("a socket address makes a URL");
//! let client = Client::new(base, Duration::from_secs(10));
//! let exchange = client.send(Request::get("/")).await;
//! assert_eq!(exchange.status().map(|status| status.as_u16()), Some(500));
//! println!("{} -> {}", exchange.sent(), exchange.came_back());
//!
//! proxy.set(Fault::Down).await;
//! assert!(matches!(client.send(Request::get("/")).await.outcome, Err(Failure::Connect(_))));
//! # Ok(()) }
//! ```
//!
//! # Features and platforms
//!
//! No features. Unix only, because of process groups and signals. Faults of the host, measurements of processes and [`tcp_table`] need Linux; most faults of the host also need
//! root. Tested on Linux.

mod accepting;
pub mod attack;
pub mod clock;
pub mod collector;
pub mod deadline_headers;
pub mod double;
pub mod environment;
pub mod experiment;
pub mod fault;
pub mod history;
pub mod process;
pub mod sentry;
pub mod tcp_table;
pub mod trace_headers;
