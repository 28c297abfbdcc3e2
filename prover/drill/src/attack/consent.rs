//! Consent to attacks: loopback, and targets that serve a fresh token of this run at a well-known path.

use std::net::SocketAddr;
use std::time::Duration;

use keel_input::credentials;
use url::Url;

use super::answers;
use super::target::Target;
use super::token::Token;
use keel_wire::endpoint::Endpoint;
use keel_wire::http::MAX_BODY_KEPT;
use keel_wire::raw::RawConnection;
use keel_wire::tls::{Protocol, Trust};

/// The path at which a target beyond loopback consents: the body is the token and nothing else but white space.
pub const PATH: &str = "/.well-known/keel-consent";
/// The time limit of the token, from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reason why a target is not attacked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Only HTTP over TCP is spoken here.
    #[error("{} is not attacked: only http:// and https:// URLs with a host are", credentials::shown(.0))]
    NotHttp(Url),
    /// TLS is spoken there, and nothing of it is trusted.
    #[error("{} is not attacked: {reason}", credentials::shown(.url))]
    NotTrusted {
        /// The target's URL.
        url: Url,
        /// The reason.
        reason: String,
    },
    /// The name has no address.
    #[error("{} is not attacked: its host has no address ({reason}); name one that has", credentials::shown(.url))]
    NoAddress {
        /// The target's URL.
        url: Url,
        /// The reason.
        reason: String,
    },
    /// It is not on loopback, and one port cannot consent for another.
    #[error("port {port} of {address} is not attacked: beyond 127.0.0.0/8 and ::1 only the URL's own port is")]
    OtherPort {
        /// Its address.
        address: SocketAddr,
        /// The other port.
        port: u16,
    },
    /// It is not on loopback and there is no token it could serve.
    #[error(
        "{0} is not attacked: it is not on 127.0.0.0/8 or ::1, and no token was made that it could serve at {PATH}"
    )]
    NoToken(SocketAddr),
    /// It is not on loopback and does not serve the token of this run.
    #[error(
        "{address} is not attacked: it is not on 127.0.0.0/8 or ::1 and does not consent ({saw}); whoever owns it lets it serve \
         `{token}` at {PATH} while this run lasts"
    )]
    NoConsent {
        /// Its address.
        address: SocketAddr,
        /// The answer at the path.
        saw: String,
        /// The token of this run.
        token: Token,
    },
}

/// A place that may be attacked now. It is attacked at this address: a name that resolves anew resolves to nothing else.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) address: SocketAddr,
    /// The same, with TLS where it is spoken there.
    pub(super) endpoint: Endpoint,
    /// And for HTTP/2.
    pub(super) http2: Endpoint,
    /// The value of `Host`.
    pub(super) host: String,
}

/// Returns the site at which `target` may be attacked. Consent is asked for anew each time, so that taking the token away ends it.
///
/// # Errors
/// Why it may not.
pub(super) async fn site(target: &Target) -> Result<Site, Refused> {
    let site = resolve(&target.url, target.trust.as_ref()).await?;
    if site.address.ip().is_loopback() {
        return Ok(site);
    }
    if let Some(port) = target.h2_port {
        return Err(Refused::OtherPort { address: site.address, port });
    }
    let token = target.consent.as_ref().ok_or(Refused::NoToken(site.address))?;
    match served(&site).await {
        Ok(served) if served == token.text() => Ok(site),
        Ok(_) => Err(no_consent(&site, "the text that it serves there is not the token of this run".to_owned(), token)),
        Err(saw) => Err(no_consent(&site, saw, token)),
    }
}

fn no_consent(site: &Site, saw: String, token: &Token) -> Refused {
    Refused::NoConsent { address: site.address, saw, token: token.clone() }
}

async fn resolve(url: &Url, trust: Option<&Trust>) -> Result<Site, Refused> {
    let (Some(host), "http" | "https") = (url.host_str(), url.scheme()) else {
        return Err(Refused::NotHttp(url.clone()));
    };
    let no_address = |error: std::io::Error| Refused::NoAddress { url: url.clone(), reason: error.to_string() };
    let address = keel_wire::address::answering(url).await.map_err(no_address)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let endpoint = |protocol| {
        let untrusted = |error: std::io::Error| Refused::NotTrusted { url: url.clone(), reason: error.to_string() };
        Endpoint::of(url, address, trust, protocol).map_err(untrusted)
    };
    Ok(Site { address, endpoint: endpoint(Protocol::Http1)?, http2: endpoint(Protocol::Http2)?, host })
}

/// Returns the body at the path, trimmed.
async fn served(site: &Site) -> Result<String, String> {
    let ask = async {
        let mut connection =
            RawConnection::connect(site.endpoint.clone(), None, PATIENCE).await.map_err(|e| e.to_string())?;
        let head = format!("GET {PATH} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.host);
        connection.write(head.as_bytes(), PATIENCE).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(connection.listen_answer(PATIENCE).await)
    };
    let heard = tokio::time::timeout(PATIENCE, ask).await.map_err(|_| format!("no answer within {PATIENCE:?}"))??;
    let answer = answers::first(&heard.bytes, MAX_BODY_KEPT);
    match answer {
        Some(answer) if answer.status == 200 => Ok(String::from_utf8_lossy(&answer.body).trim().to_owned()),
        Some(answer) => Err(format!("it answers {} there", answer.status)),
        None => Err("it answers nothing that is HTTP there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_port_does_not_consent_for_another() {
        let target = Target { h2_port: Some(8_443), ..Target::at("http://192.0.2.1/".parse().expect("a URL")) };
        assert!(matches!(site(&target).await, Err(Refused::OtherPort { port: 8_443, .. })));
    }

    #[tokio::test]
    async fn targets_without_http_and_those_over_tls_that_are_not_trusted_are_refused() {
        let target = Target::at("ftp://127.0.0.1/".parse().expect("a URL"));
        assert!(matches!(site(&target).await, Err(Refused::NotHttp(_))));
        let mut target = Target::at("https://127.0.0.1/".parse().expect("a URL"));
        assert!(matches!(site(&target).await, Err(Refused::NotTrusted { .. })));
        target.trust = Trust::anything().ok();
        assert!(site(&target).await.is_ok_and(|site| site.endpoint.is_tls()));
    }
}
