//! TLS to a server under examination: an authority of its own, or a pinned key.
//!
//! ```
//! use keel_wire::tls::Trust;
//!
//! let pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
//! let trust = Trust::pin(pin)?.named("shop.example")?;
//! assert!(Trust::pin("sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=").is_err());
//! # let _ = trust;
//! # Ok::<(), String>(())
//! ```

mod verifier;

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::verifier::{Accepted, ByKey};

/// The version of HTTP that a connection asks for (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// `http/1.1`.
    #[default]
    Http1,
    /// `h2`.
    Http2,
}

/// Trusted certificates of servers. Connections share nothing: sessions are never resumed.
#[derive(Clone, Debug)]
pub struct Trust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    /// Instead of the host of the URL.
    name: Option<ServerName<'static>>,
}

/// TLS to one server: what is trusted, the name that is expected, the version of HTTP.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Accepts what these authorities have signed, for the name that is called: certificates in PEM.
    ///
    /// # Errors
    /// A description of the mistake in the text.
    pub fn authority(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("it is no certificate in PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("a certificate in it cannot be used: {error}"))?;
        }
        if roots.is_empty() {
            return Err("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
        }
        let builder = builder()?.with_root_certificates(roots);
        Ok(Self::from_config(builder.with_no_client_auth()))
    }

    /// Accepts the one key with this pin, for every issuer of its certificate: `sha256/` and the digest of the public key
    /// (SubjectPublicKeyInfo) in base64, as curl's `--pinnedpubkey` has it. The name is not compared.
    ///
    /// # Errors
    /// A description of the mistake in the text.
    pub fn pin(pin: &str) -> Result<Self, String> {
        Self::verified_by(Accepted::Pin(verifier::digest(pin)?))
    }

    /// Accepts every certificate: only for a server on this machine, where no other host can answer.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn anything() -> Result<Self, String> {
        Self::verified_by(Accepted::Any)
    }

    /// The same, asking for this name (SNI) instead of the host of the URL, and expecting it in the certificate.
    ///
    /// # Errors
    /// When it is no name of a server.
    pub fn named(self, name: &str) -> Result<Self, String> {
        Ok(Self { name: Some(server_name(name)?), ..self })
    }

    /// TLS to the server that is called by this host.
    ///
    /// # Errors
    /// When it is no name of a server.
    pub fn to(&self, host: &str, protocol: Protocol) -> Result<Tls, String> {
        let name = self.name.clone().map_or_else(|| server_name(host), Ok)?;
        let config = match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        };
        Ok(Tls { config: Arc::clone(config), name })
    }

    fn verified_by(accepted: Accepted) -> Result<Self, String> {
        let verifier = Arc::new(ByKey::new(accepted));
        let builder = builder()?.dangerous().with_custom_certificate_verifier(verifier);
        Ok(Self::from_config(builder.with_no_client_auth()))
    }

    fn from_config(mut config: ClientConfig) -> Self {
        // Every connection is that of a stranger.
        config.resumption = rustls::client::Resumption::disabled();
        let speaking = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        Self { http1: speaking(b"http/1.1"), http2: speaking(b"h2"), name: None }
    }
}

impl Tls {
    /// Shakes hands on this connection.
    ///
    /// # Errors
    /// The failure of the handshake, or the mistake in the certificate.
    pub async fn over(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), stream).await
    }
}

/// Returns true if a handshake failed because the server does not speak the requested version of HTTP.
pub fn speaks_another_protocol(error: &Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

/// The error of a URL over TLS about which nothing was said to be trusted.
pub(crate) fn untrusted() -> Error {
    Error::new(ErrorKind::InvalidInput, "it is called over TLS, and no authority and no pin was given for it")
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let bare = host.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(bare).map_err(|_| format!("{host:?} is no name of a server: expected such as shop.example"))
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))
}
