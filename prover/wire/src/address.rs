//! The address at which a URL's host answers, among all that its name has.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use url::Url;

/// The time limit of a connection to one of several addresses.
const CONNECT: Duration = Duration::from_secs(1);

/// Returns the first address that takes a connection, IPv4 before IPv6: only there can a source address be chosen. When none
/// does, it is the first; a single one is not tried.
///
/// # Errors
/// When the host has no address.
pub async fn answering(url: &Url) -> std::io::Result<SocketAddr> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(80);
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    if host.eq_ignore_ascii_case("localhost") {
        // Not every host's table has both (RFC 6761, section 6.3).
        addresses
            .extend([SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]);
    }
    addresses.sort_by_key(|address| !address.is_ipv4());
    addresses.dedup();
    if addresses.len() > 1 {
        for address in &addresses {
            if let Ok(Ok(_)) = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                return Ok(*address);
            }
        }
    }
    let none = || Error::new(ErrorKind::NotFound, "the name has no address");
    addresses.first().copied().ok_or_else(none)
}
