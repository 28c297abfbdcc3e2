//! Configuration of rustls for a listener.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

use super::certificate::{Material, Validity};
use super::error::TlsError;
use super::files::TlsFiles;

/// Sessions of TLS 1.2 that are kept without a ticket.
const SESSIONS: usize = 1024;

/// Parts that outlive a certificate: sessions can be resumed across its replacement.
#[derive(Debug)]
pub(super) struct Sessions {
    provider: Arc<CryptoProvider>,
    /// Tickets and stored sessions; none with client certificates, whose holders show them each time.
    resumed: Option<(Arc<dyn ProducesTickets>, Arc<dyn StoresServerSessions>)>,
}

impl Sessions {
    pub(super) fn new(client_certificates: bool) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let resumed = if client_certificates {
            None
        } else {
            let tickets = Ticketer::new().map_err(configuration)?;
            let stored: Arc<dyn StoresServerSessions> = ServerSessionMemoryCache::new(SESSIONS);
            Some((tickets, stored))
        };
        Ok(Self { provider, resumed })
    }
}

/// Builds the configuration, and returns the time for which its certificate is valid.
pub(super) fn of(
    material: &Material,
    files: &TlsFiles,
    sessions: &Sessions,
    now: SystemTime,
) -> Result<(Arc<ServerConfig>, Validity), TlsError> {
    let provider = &sessions.provider;
    let (key, validity) = material.certified_key(files, provider, now)?;
    let verifier = match material.authorities(files)? {
        None => Arc::new(NoClientAuth) as Arc<_>,
        Some(roots) => WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(configuration)?,
    };
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(configuration)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    match &sessions.resumed {
        Some((tickets, stored)) => {
            config.ticketer = tickets.clone();
            config.session_storage = stored.clone();
        }
        None => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Ok((Arc::new(config), validity))
}

fn configuration(error: impl ToString) -> TlsError {
    TlsError::Configuration(error.to_string())
}
