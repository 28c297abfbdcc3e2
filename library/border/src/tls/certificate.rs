//! Contents of the files of TLS: the chain, the key, the authorities of clients, and the time for which the certificate is valid.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::error::TlsError;
use super::files::TlsFiles;

/// The most bytes of a file.
const MAX_BYTES: u64 = 1 << 20;
/// The most certificates of a chain.
const MAX_CHAIN: usize = 10;

/// The bytes of all files, read one after the other.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A key is never shown.
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

/// The time for which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Validity {
    /// The time that is left; zero after it.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        self.not_after.duration_since(now).unwrap_or_default()
    }

    /// Returns true when fewer than 21 days are left, or less than a third of its whole time where that is shorter.
    pub(super) fn is_ending(&self, now: SystemTime) -> bool {
        let whole = self.not_after.duration_since(self.not_before).unwrap_or_default();
        self.left(now) < (whole / 3).min(Duration::from_secs(21 * 86_400))
    }
}

impl Material {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            authorities: files.client_authorities.as_deref().map(read).transpose()?,
        })
    }

    /// Parses the chain and the key, and checks that they belong together and are valid now.
    pub(super) fn certified_key(
        &self,
        files: &TlsFiles,
        provider: &CryptoProvider,
        now: SystemTime,
    ) -> Result<(Arc<CertifiedKey>, Validity), TlsError> {
        let chain = certificates(&self.certificate, &files.certificate)?;
        let mut validity = None;
        for certificate in &chain {
            let parsed = parse(certificate, &files.certificate)?;
            validity.get_or_insert(Validity {
                not_before: at(parsed.validity().not_before.timestamp()),
                not_after: at(parsed.validity().not_after.timestamp()),
            });
        }
        let Some(validity) = validity else { return Err(missing(&files.certificate, "certificate")) };
        let path = files.certificate.clone();
        if validity.not_after <= now {
            return Err(TlsError::Expired { path, since: shown(validity.not_after) });
        }
        if validity.not_before > now {
            return Err(TlsError::NotYetValid { path, from: shown(validity.not_before) });
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => missing(&files.key, "private key"),
            error => malformed(&files.key, "private key", error),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::Mismatch {
            certificate: path,
            key: files.key.clone(),
            reason: error.to_string(),
        })?;
        Ok((Arc::new(key), validity))
    }

    /// The authorities of client certificates; none where clients need no certificate.
    pub(super) fn authorities(&self, files: &TlsFiles) -> Result<Option<RootCertStore>, TlsError> {
        let (Some(bytes), Some(path)) = (&self.authorities, &files.client_authorities) else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for authority in certificates(bytes, path)? {
            roots.add(authority).map_err(|error| malformed(path, "authority", error))?;
        }
        Ok(Some(roots))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(TlsError::TooLarge { path: path.to_owned(), bytes: MAX_BYTES });
    }
    Ok(bytes)
}

fn certificates(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parts: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).take(MAX_CHAIN).collect();
    let parts = parts.map_err(|error| malformed(path, "certificate", error))?;
    if parts.is_empty() { Err(missing(path, "certificate")) } else { Ok(parts) }
}

pub(super) fn parse<'a>(der: &'a CertificateDer<'_>, path: &Path) -> Result<X509Certificate<'a>, TlsError> {
    let (_rest, parsed) = X509Certificate::from_der(der).map_err(|error| malformed(path, "certificate", error))?;
    Ok(parsed)
}

fn missing(path: &Path, what: &'static str) -> TlsError {
    TlsError::Missing { path: path.to_owned(), what }
}

fn malformed(path: &Path, what: &'static str, reason: impl ToString) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), what, reason: reason.to_string() }
}

/// The time of a number of seconds since 1970.
fn at(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn shown(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_ending_three_weeks_or_a_third_of_its_time_before_its_end() {
        let day = Duration::from_secs(86_400);
        let now = SystemTime::UNIX_EPOCH + day * 10_000;
        for (whole, left, ends) in [(90, 22, false), (90, 20, true), (6, 3, false), (6, 1, true), (90, 0, true)] {
            let validity = Validity { not_before: now + day * left - day * whole, not_after: now + day * left };
            assert_eq!(validity.is_ending(now), ends, "{left} of {whole} days");
        }
    }
}
