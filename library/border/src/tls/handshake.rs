//! Handshakes: bounded in time and in number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use supervision::Stop;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Tls;
use super::client_certificate::ClientCertificate;
use super::transport::Transport;
use crate::Limits;

/// Time that a handshake still has once the listener takes no more requests.
const LAST: Duration = Duration::from_secs(1);

/// Handshakes in progress at a listener.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    open: AtomicU64,
}

/// One handshake in progress; it ends with its drop.
struct InProgress<'a>(&'a Tls);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.inner.handshakes.open.fetch_sub(1, Ordering::AcqRel);
        self.0.inner.counts.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tls {
    fn begin(&self, most: u64) -> Option<InProgress<'_>> {
        let open = self.inner.handshakes.open.fetch_add(1, Ordering::AcqRel);
        self.inner.counts.in_progress.fetch_add(1, Ordering::Relaxed);
        let begun = InProgress(self);
        (open < most).then_some(begun)
    }

    /// Shakes hands within the time of a request head ([`Limits::head_timeout`]). At most half of the connections may be in a handshake; more are closed.
    /// Returns none when the handshake failed: the peer has received an alert where that was possible.
    pub(crate) async fn accept(
        &self,
        socket: TcpStream,
        limits: &Limits,
        draining: &Stop,
    ) -> Option<(Transport, Option<ClientCertificate>)> {
        let counts = &self.inner.counts;
        let Some(_in_progress) = self.begin((limits.connections / 2).max(1) as u64) else {
            counts.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let acceptor = TlsAcceptor::from(self.inner.current.load_full());
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
