//! Files of TLS.

use std::path::PathBuf;

/// Files of a listener's TLS, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the service, followed by those of intermediate authorities.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// Authorities of client certificates. With them every client must have a certificate of theirs (mutual TLS), and sessions are not resumed, so that a
    /// revoked certificate has no ticket.
    pub client_authorities: Option<PathBuf>,
}
