//! Handshakes: bounded in time and in number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use supervision::Stop;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::client_certificate::ClientCertificate;
use super::vitals::Counts;
use crate::Limits;
use crate::transport::Transport;

/// Time that a handshake still has once the listener takes no more requests.
const LAST: Duration = Duration::from_secs(1);

/// A connection of TLS, and the certificate of its client.
pub(crate) type Accepted = (Transport, Option<ClientCertificate>);

/// Handshakes of a listener.
#[derive(Debug)]
pub(super) struct Handshakes {
    open: AtomicU64,
    counts: Arc<Counts>,
}

/// One handshake in progress; it ends with its drop.
struct InProgress<'a>(&'a Handshakes);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.counts.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handshakes {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self { open: AtomicU64::new(0), counts }
    }

    fn begin(&self, most: u64) -> Option<InProgress<'_>> {
        let open = self.open.fetch_add(1, Ordering::AcqRel);
        self.counts.in_progress.fetch_add(1, Ordering::Relaxed);
        let begun = InProgress(self);
        (open < most).then_some(begun)
    }

    /// Shakes hands within the time of a request head ([`Limits::head_timeout`]). At most half of the connections may be in a handshake; more are closed.
    /// Returns none when the handshake failed: the peer has received an alert where that was possible.
    pub(super) async fn accept(
        &self,
        config: Arc<ServerConfig>,
        socket: TcpStream,
        limits: &Limits,
        draining: &Stop,
    ) -> Option<Accepted> {
        let counts = &self.counts;
        let Some(_in_progress) = self.begin((limits.connections / 2).max(1) as u64) else {
            counts.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let acceptor = TlsAcceptor::from(config);
        let ending = async {
            draining.requested().await;
            sleep(LAST).await;
        };
        let shaken = tokio::select! {
            biased;
            shaken = timeout(limits.head_timeout, acceptor.accept(socket)) => shaken,
            () = ending => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                return None;
            }
        };
        match shaken {
            Ok(Ok(stream)) => {
                counts.succeeded.fetch_add(1, Ordering::Relaxed);
                let certificate = ClientCertificate::of(stream.get_ref().1.peer_certificates());
                Some((Transport::tls(stream), certificate))
            }
            Ok(Err(error)) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_late) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }
}
