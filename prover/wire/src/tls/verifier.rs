//! Certificate verifiers: by the pin of the key, or none.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// Certificates that are accepted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accepted {
    /// Those with the key of this digest.
    Pin([u8; 32]),
    /// Every one.
    Any,
}

/// Looks at the key alone. That the server holds it is always verified.
#[derive(Debug)]
pub(super) struct ByKey {
    accepted: Accepted,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ByKey {
    pub(super) fn new(accepted: Accepted) -> Self {
        Self { accepted, algorithms: ring::default_provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for ByKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Accepted::Pin(expected) = self.accepted {
            let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
            let has: [u8; 32] = Sha256::digest(key.as_ref()).into();
            if has != expected {
                let has = BASE64_STANDARD.encode(has);
                return Err(Error::General(format!("the key of its certificate has another pin: sha256/{has}")));
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The digest of a pin: `sha256/` (or curl's `sha256//`) and 32 bytes in base64.
pub(super) fn digest(pin: &str) -> Result<[u8; 32], String> {
    let form = "expected sha256/ and 44 characters of base64: the digest of the server's public key";
    let text = pin.strip_prefix("sha256//").or_else(|| pin.strip_prefix("sha256/"));
    let text = text.ok_or_else(|| format!("{pin:?}: {form}"))?;
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| format!("{pin:?} is no base64 ({error}); {form}"))?;
    bytes.try_into().map_err(|bytes: Vec<u8>| format!("{pin:?} is a digest of {} bytes, not 32; {form}", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_32_bytes_of_base64_with_or_without_curls_second_slash() {
        let text = BASE64_STANDARD.encode([7; 32]);
        assert_eq!(digest(&format!("sha256/{text}")), Ok([7; 32]));
        assert_eq!(digest(&format!("sha256//{text}")), Ok([7; 32]));
        for wrong in ["", "sha256/", "sha256/AAAA", "sha256/!", &format!("sha1/{text}"), &text] {
            assert!(digest(wrong).is_err(), "{wrong}");
        }
    }
}
