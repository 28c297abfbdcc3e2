//! When a service counts as ready.

use std::fmt;
use std::time::Duration;

use drill::http::{Client, Request};
use tokio::net::TcpStream;
use url::Url;

use crate::subject::Subject;

/// Between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The bound of one attempt to connect.
const CONNECT: Duration = Duration::from_secs(1);

/// Where readiness is looked up, and what counts.
#[derive(Debug)]
pub(super) struct Readiness<'s> {
    base: &'s Url,
    /// Answers 2xx when ready; without one any answer below 500 to `/` counts.
    path: Option<&'s str>,
}

impl<'s> Readiness<'s> {
    pub(super) fn of(subject: &'s Subject) -> Self {
        match &subject.ready {
            Some(path) => Self { base: subject.admin.as_ref().unwrap_or(&subject.url), path: Some(path) },
            None => Self { base: &subject.url, path: None },
        }
    }

    pub(super) fn at(base: &'s Url, path: &'s str) -> Self {
        Self { base, path: Some(path) }
    }

    /// One request, bounded by `limit`.
    pub(super) async fn look(&self, limit: Duration) -> bool {
        let exchange = Client::new(self.base.clone(), limit).send(Request::get(self.path.unwrap_or("/"))).await;
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

/// Whether a TCP connection to the URL's host and port can be made now.
pub(super) async fn accepts(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    let Some(port) = url.port_or_known_default() else { return false };
    matches!(tokio::time::timeout(CONNECT, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}
