//! A server behind TLS, with an authority of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest as _, Sha256};

/// A certificate, the authority that signed it, and its key.
pub struct Identity {
    /// The authority's certificate, in PEM.
    pub authority: String,
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: String,
    /// The pin of the key.
    pub pin: String,
    config: ServerConfig,
}

impl Identity {
    /// A certificate for this name or address, signed by an authority that is made for it.
    ///
    /// # Panics
    /// When the name is none, or there is no randomness.
    pub fn of(name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no name is a list of names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("there is randomness");
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority signs itself");
        let key = key();
        let names = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = names.signed_by(&key, &authority).expect("an authority signs");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            );
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            pin: format!("sha256/{}", BASE64_STANDARD.encode(Sha256::digest(key.subject_public_key_info()))),
            config: config.expect("the key is the certificate's"),
        }
    }

    /// Writes `ca.pem`, `cert.pem` and `key.pem` into this folder; returns the path of the first.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write_to(&self, folder: &Path) -> PathBuf {
        for (name, text) in [("ca.pem", &self.authority), ("cert.pem", &self.certificate), ("key.pem", &self.key)] {
            std::fs::write(folder.join(name), text).expect("the folder can be written");
        }
        folder.join("ca.pem")
    }

    /// The configuration of a server that offers these versions of HTTP (ALPN).
    pub fn config(&self, protocols: &[&str]) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Calls `serve` with every connection that shook hands, as [`super::serve`].
    ///
    /// # Panics
    /// When no loopback port is free.
    pub fn serve(
        &self,
        serve: impl Fn(StreamOwned<ServerConnection, TcpStream>) + Clone + Send + 'static,
    ) -> SocketAddr {
        let config = self.config(&["http/1.1"]);
        super::serve(move |connection| {
            let session = ServerConnection::new(Arc::clone(&config)).expect("the configuration is whole");
            serve(StreamOwned::new(session, connection));
        })
    }

    /// Serves these bytes as the answer to every request of a connection.
    ///
    /// # Panics
    /// When no loopback port is free.
    pub fn serve_answer(&self, answer: &'static [u8]) -> SocketAddr {
        self.serve(move |mut connection| {
            let mut byte = [0];
            let mut text = Vec::new();
            while connection.read(&mut byte).is_ok_and(|length| length > 0) {
                text.push(byte[0]);
                if text.ends_with(b"\r\n\r\n") {
                    text.clear();
                    if connection.write_all(answer).and_then(|()| connection.flush()).is_err() {
                        return;
                    }
                }
            }
        })
    }
}
