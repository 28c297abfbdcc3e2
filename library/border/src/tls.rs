//! TLS of a listener: versions 1.2 and 1.3 by rustls, with certificates that are replaced while it serves.
//!
//! The files are read again when they may have changed ([`Tls::reload`]), and compared by content: a rename, a write in place and the swap of a
//! symbolic link are all noticed. New handshakes use the new certificate; open connections and session tickets stay valid. A certificate that cannot be used is
//! refused, and the old one stays.

mod certificate;
mod client_certificate;
mod error;
mod files;
mod handshake;
mod server_config;
mod vitals;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use supervision::Stop;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use crate::Limits;
use crate::tls::certificate::{Material, Validity};
pub use crate::tls::client_certificate::ClientCertificate;
pub use crate::tls::error::TlsError;
pub use crate::tls::files::TlsFiles;
use crate::tls::handshake::Accepted;
use crate::tls::handshake::Handshakes;
use crate::tls::server_config::Sessions;
use crate::tls::vitals::{Counts, TlsVitals};

/// TLS of one listener. Cheap to clone.
///
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use evenkeel_border::{Border, Limits, Listener, Tls, TlsFiles};
///
/// let registry = vitals::Registry::new();
/// let files = TlsFiles { certificate: "tls.crt".into(), key: "tls.key".into(), client_authorities: None };
/// let tls = Tls::open("public", files, &registry)?;
/// let border = Border::new("public", Limits::default(), &registry);
/// let listener = Listener::bind("0.0.0.0:8443".parse()?, border).await?.secured_by(tls.clone());
/// tokio::spawn(async move { tls.watch(Duration::from_secs(10)).await });
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    listener: String,
    files: TlsFiles,
    /// Configuration of new handshakes.
    pub(crate) current: ArcSwap<ServerConfig>,
    sessions: Sessions,
    seen: Mutex<Seen>,
    counts: Arc<Counts>,
    handshakes: Handshakes,
    registry: ::vitals::Registry,
    _vitals: Arc<TlsVitals>,
}

/// Contents of the files when they were read last.
#[derive(Debug)]
struct Seen {
    material: Material,
    refused: Option<String>,
}

/// Outcome of reading the files again.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reloaded {
    /// The files have the same contents as before.
    Unchanged,
    /// New handshakes use the new certificate.
    Replaced,
    /// The files cannot be used; the old certificate stays.
    Refused(TlsError),
}

impl Tls {
    /// Reads and checks the files, and registers the vitals of the listener called `name`. It blocks while it reads.
    ///
    /// # Errors
    /// When a file cannot be read, is malformed, holds a key of another certificate, or a certificate that is not valid now.
    pub fn open(name: &str, files: TlsFiles, registry: &::vitals::Registry) -> Result<Self, TlsError> {
        let sessions = Sessions::new(files.client_authorities.is_some())?;
        let material = Material::read(&files)?;
        let (config, validity) = server_config::of(&material, &files, &sessions, SystemTime::now())?;
        let counts = Arc::new(Counts::new(validity));
        let handshakes = Handshakes::new(counts.clone());
        let vitals = TlsVitals::register(registry, name, counts.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                listener: name.to_owned(),
                files,
                current: ArcSwap::new(config),
                sessions,
                seen: Mutex::new(Seen { material, refused: None }),
                handshakes,
                counts,
                registry: registry.clone(),
                _vitals: vitals,
            }),
        })
    }

    /// Reads the files again, and uses them for new handshakes when their contents have changed and are valid. It blocks while it reads. A refusal is logged and
    /// published once for each reason.
    pub fn reload(&self) -> Reloaded {
        let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let material = match Material::read(&self.inner.files) {
            Ok(material) => material,
            Err(error) => return self.refuse(&mut seen, error),
        };
        if material == seen.material {
            // Files that were refused are as they were again.
            seen.refused = None;
            self.inner.counts.accept();
            return Reloaded::Unchanged;
        }
        match server_config::of(&material, &self.inner.files, &self.inner.sessions, SystemTime::now()) {
            Ok((config, validity)) => {
                self.inner.current.store(config);
                *seen = Seen { material, refused: None };
                self.replaced(validity);
                Reloaded::Replaced
            }
            Err(error) => self.refuse(&mut seen, error),
        }
    }

    fn replaced(&self, validity: Validity) {
        self.inner.counts.replace(validity);
        let days = validity.left(SystemTime::now()).as_secs() / 86_400;
        tracing::info!(listener = self.inner.listener, days_left = days, "the certificate was replaced");
        let reason = format!("the new certificate is valid for {days} days");
        self.inner.registry.bus().publish("tls", self.inner.listener.clone(), "replaced", reason);
    }

    fn refuse(&self, seen: &mut Seen, error: TlsError) -> Reloaded {
        let reason = error.to_string();
        if seen.refused.as_ref() != Some(&reason) {
            self.inner.counts.refuse();
            tracing::error!(
                listener = self.inner.listener,
                reason,
                "the new certificate is refused; the old one stays"
            );
            self.inner.registry.bus().publish("tls", self.inner.listener.clone(), "refused", reason.clone());
            seen.refused = Some(reason);
        }
        Reloaded::Refused(error)
    }

    /// Reloads the files every `period`, for ever. Cancel-safe.
    pub async fn watch(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.reload_in_background().await;
        }
    }

    /// Reloads the files on a thread for blocking work. Cancel-safe: a reload that has begun goes on without its caller.
    pub async fn reload_in_background(&self) {
        let tls = self.clone();
        let reloaded = tokio::task::spawn_blocking(move || drop(tls.reload())).await;
        if let Err(error) = reloaded {
            tracing::error!(%error, "the certificate cannot be reloaded; trying again");
        }
    }

    /// Shakes hands with a client; returns none when that failed.
    pub(crate) async fn accept(&self, socket: TcpStream, limits: &Limits, draining: &Stop) -> Option<Accepted> {
        let config = self.inner.current.load_full();
        self.inner.handshakes.accept(config, socket, limits, draining).await
    }

    /// True when every client must have a certificate.
    pub fn requires_client_certificate(&self) -> bool {
        self.inner.files.client_authorities.is_some()
    }
}
