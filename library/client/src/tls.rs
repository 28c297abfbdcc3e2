//! TLS of the client: trusted authorities, and the client certificate.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The authorities that are trusted, and the certificate that the client presents. Certificates are always verified.
///
/// The default trusts the authorities that browsers trust, as Mozilla lists them.
///
/// ```
/// # let authority = rcgen::generate_simple_self_signed(["bank".to_owned()]).expect("a certificate");
/// # let pem = authority.cert.pem();
/// use evenkeel_client::{Client, Tls};
///
/// // A private authority, and no other.
/// let client = Client::builder().tls(Tls::trusting_only(pem.as_bytes())?).build();
/// // A private authority besides the public ones.
/// let client = Client::builder().tls(Tls::default().and_trusting(pem.as_bytes())?).build();
/// # Ok::<(), evenkeel_client::TlsError>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    roots: RootCertStore,
    identity: Option<Arc<Identity>>,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Reason why certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The PEM has no certificate.
    #[error("no certificate: expected PEM with at least one BEGIN CERTIFICATE")]
    NoCertificate,
    /// The PEM cannot be read.
    #[error("the PEM cannot be read: {0}")]
    Pem(#[source] pem::Error),
    /// A certificate cannot be an authority.
    #[error("a certificate to trust is no authority: {0}")]
    Authority(#[source] rustls::Error),
    /// Certificate and private key cannot be used together.
    #[error("the client certificate cannot be used: {0}")]
    Identity(#[source] rustls::Error),
    /// The host's store of authorities cannot be read, or is empty.
    #[cfg(feature = "native-roots")]
    #[error("the host's certificate store has no usable authority{}", .0.as_ref().map_or_else(String::new, |cause| format!(": {cause}")))]
    Native(#[source] Option<rustls_native_certs::Error>),
}

impl Default for Tls {
    fn default() -> Self {
        Self { roots: webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(), identity: None }
    }
}

impl Tls {
    /// Trusts the authorities in this PEM only, such as those of a private network.
    ///
    /// # Errors
    /// [`TlsError`], when the PEM has no certificate of an authority.
    pub fn trusting_only(pem: &[u8]) -> Result<Self, TlsError> {
        Self { roots: RootCertStore::empty(), identity: None }.and_trusting(pem)
    }

    /// Trusts the authorities of the host's certificate store, which are read once, here.
    ///
    /// # Errors
    /// [`TlsError::Native`], when the store has no usable certificate.
    #[cfg(feature = "native-roots")]
    pub fn native() -> Result<Self, TlsError> {
        let mut found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(TlsError::Native(found.errors.pop()));
        }
        Ok(Self { roots, identity: None })
    }

    /// Adds the authorities in this PEM.
    ///
    /// # Errors
    /// [`TlsError`], when the PEM has no certificate of an authority.
    pub fn and_trusting(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        for certificate in certificates(pem)? {
            self.roots.add(certificate).map_err(TlsError::Authority)?;
        }
        Ok(self)
    }

    /// Presents a client certificate (mutual TLS): the chain with the client's own certificate first, and its private key.
    ///
    /// # Errors
    /// [`TlsError`], when the PEM cannot be read, or key and certificate do not belong together.
    pub fn presenting(mut self, chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(TlsError::Pem)?;
        self.identity = Some(Arc::new(Identity { chain: certificates(chain_pem)?, key }));
        self.config()?;
        Ok(self)
    }

    /// The configuration for rustls. The crypto provider is named here: rustls' process-wide default panics when several are compiled in.
    pub(crate) fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Identity)?
            .with_root_certificates(self.roots.clone());
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(TlsError::Identity),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let presents = self.identity.is_some();
        f.debug_struct("Tls").field("authorities", &self.roots.len()).field("presents_certificate", &presents).finish()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(TlsError::Pem)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate) } else { Ok(certificates) }
}
