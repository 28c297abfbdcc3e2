//! The certificate of a client.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;

use super::certificate::parse;

/// The most names of a certificate.
const MAX_NAMES: usize = 100;

/// The certificate that a client has shown and that an authority of the listener has signed; an extension of each request of its connection.
///
/// A client is identified by the alternative names of its certificate, never by its common name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// The alternative names: URIs, such as those of SPIFFE, and DNS names.
    pub names: Vec<String>,
    /// The certificate in DER.
    pub der: Vec<u8>,
}

impl ClientCertificate {
    /// The client's certificate in a chain that was verified; none when it shows none.
    pub(super) fn of(chain: Option<&[CertificateDer<'_>]>) -> Option<Self> {
        let certificate = chain?.first()?;
        let names = parse(certificate, Path::new("of a client")).map(|parsed| {
            let names = parsed.subject_alternative_name().ok().flatten();
            let names = names.iter().flat_map(|extension| &extension.value.general_names);
            let names = names.filter_map(|name| match name {
                GeneralName::URI(name) | GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            });
            names.take(MAX_NAMES).collect()
        });
        Some(Self { names: names.unwrap_or_default(), der: certificate.to_vec() })
    }
}
