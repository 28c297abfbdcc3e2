//! Errors of the files of TLS.

use std::io;
use std::path::PathBuf;

/// Error of a certificate, a key or an authority that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; check that the file exists and that the service may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file is larger than a certificate chain can be.
    #[error("{} is larger than {bytes} bytes; it must hold a certificate chain or a key in PEM", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        bytes: u64,
    },
    /// A file has no part of the expected kind.
    #[error("{} holds no {what} in PEM", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The expected part.
        what: &'static str,
    },
    /// A file has a part that cannot be parsed.
    #[error("{} holds a malformed {what}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The malformed part.
        what: &'static str,
        /// Reason of the parser.
        reason: String,
    },
    /// The key cannot be used with the certificate.
    #[error("the key {} does not belong to the certificate {}: {reason}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Reason of rustls.
        reason: String,
    },
    /// The certificate is not valid any more.
    #[error("the certificate {} expired at {since}; renew it", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// Time of its expiry.
        since: String,
    },
    /// The certificate is not valid yet.
    #[error("the certificate {} is valid from {from} on; check the clock of this host", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// The time from which it is valid.
        from: String,
    },
    /// The configuration cannot be built.
    #[error("TLS cannot be configured: {0}")]
    Configuration(String),
}
