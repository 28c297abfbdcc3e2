//! Address of a server, with the TLS settings to reach it.

use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use crate::tls::{Protocol, Tls, Trust, untrusted};

/// Address of a server, with or without TLS.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// TLS, when it is spoken there.
    pub tls: Option<Tls>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Of TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Endpoint {
    /// The endpoint of a URL whose host was resolved to this address: TLS for `https`.
    ///
    /// # Errors
    /// When TLS is spoken there and nothing was said to be trusted.
    pub fn of(url: &Url, address: SocketAddr, trust: Option<&Trust>, protocol: Protocol) -> std::io::Result<Self> {
        let tls = match (url.scheme(), trust) {
            ("https", Some(trust)) => Some(trust.to(url.host_str().unwrap_or(""), protocol).map_err(invalid)?),
            ("https", None) => return Err(untrusted()),
            _ => None,
        };
        Ok(Self { address: Address::Tcp(address), tls })
    }

    /// The TCP address; none for a Unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self.address {
            Address::Tcp(address) => Some(address),
            Address::Unix(_) => None,
        }
    }

    /// Returns true if the server speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address: Address::Tcp(address), tls: None }
    }
}

impl From<PathBuf> for Endpoint {
    fn from(path: PathBuf) -> Self {
        Self { address: Address::Unix(path), tls: None }
    }
}

/// The path of a URL such as `unix:/run/service.sock`; none for any other.
pub fn unix_path(url: &Url) -> Option<PathBuf> {
    (url.scheme() == "unix").then(|| PathBuf::from(url.path()))
}

/// Returns the value of `Host` for this URL: `localhost` for a Unix socket.
pub fn host(url: &Url) -> String {
    match url.host_str() {
        Some(_) if url.scheme() != "unix" => url[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
        _ => "localhost".to_owned(),
    }
}

fn invalid(what: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, what)
}
