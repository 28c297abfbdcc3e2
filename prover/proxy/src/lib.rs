//! A fault proxy for tests: it stands between a program and its dependency, and makes the connection slow, silent, cut or
//! corrupt.
//!
//! - [`FaultProxy`]: one proxy on a loopback port, with one fault at a time. Start here.
//! - [`Proxy`]: one listener, one upstream, and any number of [`toxic`]s between them, added and removed on live connections.
//! - [`Fleet`]: proxies by name, with groups that are paused or partitioned at once.
//! - [`api`]: Toxiproxy's HTTP interface to a fleet, which `keel proxy` serves.
//!
//! A test that slows a server down until the client's own timeout fires (`examples/slow_database.rs` is longer):
//!
//! ```
//! # #[tokio::main] async fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//!
//! use keel_proxy::{Fault, FaultProxy};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! // The dependency: greets every client.
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let dependency = listener.local_addr()?;
//! tokio::spawn(async move {
//!     while let Ok((mut client, _)) = listener.accept().await {
//!         let _ = client.write_all(b"hello").await;
//!     }
//! });
//!
//! let proxy = FaultProxy::start(dependency.to_string()).await?;
//! let greeting = async || {
//!     let mut text = String::new();
//!     TcpStream::connect(proxy.address()).await?.read_to_string(&mut text).await?;
//!     Ok::<_, std::io::Error>(text)
//! };
//! assert_eq!(greeting().await?, "hello");
//!
//! proxy.set(Fault::Latency(Duration::from_secs(60))).await;
//! assert!(tokio::time::timeout(Duration::from_millis(50), greeting()).await.is_err());
//!
//! proxy.set(Fault::None).await;
//! assert_eq!(greeting().await?, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! Bytes pass a chain of toxics that never waits and touches no socket; it is changed between two steps, so that no byte of
//! a live connection is lost or overtaken. With no toxic on, bytes go past it.
//!
//! # Features and platforms
//!
//! No features. Unix only, because it listens on Unix sockets too. Tested on Linux. Where `SO_REUSEPORT` works otherwise than there, another process may take the port of a
//! [`FaultProxy`] that is [`Fault::Down`].

mod acceptor;
pub mod api;
mod chain;
mod config;
mod connection;
mod fleet;
mod hold;
mod metrics;
mod proxy;
mod pump;
mod queue;
mod request;
mod shared;
mod single_fault;
mod socket;
pub mod toxic;

pub use self::config::{BadConfig, Wanted};
pub use self::fleet::{Fleet, Group, GroupRefused, MAX_GROUPS, MAX_PROXIES, ProxyRefused};
pub use self::hold::Hold;
pub use self::proxy::{MAX_CONNECTIONS, MAX_TOXICS, Proxy, ToxicRefused};
pub use self::shared::Cut;
pub use self::single_fault::{Fault, FaultProxy};
pub use self::socket::ListenError;
