//! Readiness of a service.

use std::fmt;
use std::time::Duration;

use keel_wire::endpoint::unix_path;
use keel_wire::http::{Client, Request};
use keel_wire::tls::Trust;
use tokio::net::{TcpStream, UnixStream};
use url::Url;

use super::postgres;
use crate::subject::Subject;

/// Between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The bound of one attempt to connect.
const CONNECT: Duration = Duration::from_secs(1);

/// Readiness check: its address, and the answers that count.
#[derive(Debug)]
pub(super) struct Readiness<'s> {
    base: &'s Url,
    trust: Option<&'s Trust>,
    /// Answers 2xx when ready; without one any answer below 500 to `/` counts.
    path: Option<&'s str>,
}

impl<'s> Readiness<'s> {
    pub(super) fn of(subject: &'s Subject) -> Self {
        let trust = subject.trust.as_ref();
        match &subject.ready {
            Some(path) => Self { base: subject.admin.as_ref().unwrap_or(&subject.url), trust, path: Some(path) },
            None => Self { base: &subject.url, trust, path: None },
        }
    }

    pub(super) fn at(base: &'s Url, path: &'s str) -> Self {
        Self { base, trust: None, path: Some(path) }
    }

    /// One request, bounded by `limit`.
    pub(super) async fn look(&self, limit: Duration) -> bool {
        let client = Client::new(self.base.clone(), limit).with_trust(self.trust.cloned());
        let exchange = client.send(Request::get(self.path.unwrap_or("/"))).await;
        exchange.status().is_some_and(|status| match self.path {
            Some(_) => status.is_success(),
            None => status.as_u16() < 500,
        })
    }
}

impl fmt::Display for Readiness<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", self.base.as_str().trim_end_matches('/'), self.path.unwrap_or("/"))
    }
}

/// Returns true if a TCP connection to the URL's host and port can be made now, and a PostgreSQL server there takes clients. A URL that is not
/// reached over TCP counts as there.
pub(super) async fn accepts(url: &Url) -> bool {
    if let Some(path) = unix_path(url) {
        return UnixStream::connect(path).await.is_ok();
    }
    let Some(authority) = authority(url) else { return true };
    match connect(&authority).await {
        Some(Ok(connection)) if postgres::is_meant(url) => postgres::takes_clients(connection, url, CONNECT).await,
        Some(Ok(_)) => true,
        _ => false,
    }
}

/// Returns true if no program listens there: connections are refused at once. A server that is too busy to accept does listen.
pub(super) async fn is_free(url: &Url) -> bool {
    if let Some(path) = unix_path(url) {
        return UnixStream::connect(path).await.is_err();
    }
    let Some(authority) = authority(url) else { return true };
    matches!(connect(&authority).await, Some(Err(_)))
}

/// None when there was no outcome in time.
async fn connect(authority: &str) -> Option<std::io::Result<TcpStream>> {
    tokio::time::timeout(CONNECT, TcpStream::connect(authority)).await.ok()
}

/// `host:port`, when it is reached over TCP.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty() && !host.contains('%'))?;
    let port = url.port_or_known_default().or_else(|| known_port(url.scheme()))?;
    Some(format!("{host}:{port}"))
}

/// Returns the default port of schemes that the URL standard does not know.
fn known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" | "postgresql" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "amqp" => Some(5672),
        "nats" => Some(4222),
        _ => None,
    }
}
