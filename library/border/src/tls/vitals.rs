//! Vitals of TLS: the certificate, its replacements and the handshakes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use vitals::{Column, Registry, Source, Table, TableRow, TableValue, Unit};

use super::certificate::Validity;

const TLS: Table = Table {
    name: "tls",
    help: "TLS of a listener: its certificate and its handshakes.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::words(
            "certificate",
            &["valid", "refused", "expiring", "expired"],
            "valid; refused: the files hold one that cannot be used, and the old one stays; expiring: fewer than 21 days or a third of its time are left; expired.",
        )
        .degraded(&["refused", "expiring", "expired"]),
        Column::gauge("certificate_expires", "Time at which the certificate expires, since 1970.").in_unit(Unit::Seconds),
        Column::counter("certificates_replaced", "Certificates that replaced another one."),
        Column::counter("certificates_refused", "Certificates that were refused: malformed, mismatching or not valid now."),
        Column::gauge("handshakes_in_progress", "Handshakes in progress."),
        Column::counter("handshakes", "Handshakes that succeeded."),
        Column::counter("handshakes_failed", "Handshakes that failed, or took too long."),
        Column::counter("handshakes_refused", "Connections closed because too many handshakes were in progress."),
    ],
};

#[derive(Debug)]
pub(super) struct Counts {
    validity: Mutex<Validity>,
    is_refused: AtomicBool,
    replaced: AtomicU64,
    refused: AtomicU64,
    pub(super) in_progress: AtomicU64,
    pub(super) succeeded: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) turned_away: AtomicU64,
}

impl Counts {
    pub(super) fn new(validity: Validity) -> Self {
        Self {
            validity: Mutex::new(validity),
            is_refused: AtomicBool::new(false),
            replaced: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            in_progress: AtomicU64::new(0),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        }
    }

    pub(super) fn replace(&self, validity: Validity) {
        *self.validity.lock().unwrap_or_else(PoisonError::into_inner) = validity;
        self.replaced.fetch_add(1, Ordering::Relaxed);
        self.accept();
    }

    /// The files hold the certificate that is used.
    pub(super) fn accept(&self) {
        self.is_refused.store(false, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn state(&self, validity: Validity, now: SystemTime) -> &'static str {
        if validity.left(now).is_zero() {
            "expired"
        } else if self.is_refused.load(Ordering::Relaxed) {
            "refused"
        } else if validity.is_ending(now) {
            "expiring"
        } else {
            "valid"
        }
    }
}

/// The row of one listener.
#[derive(Debug)]
pub(super) struct TlsVitals {
    listener: Arc<str>,
    counts: Arc<Counts>,
}

impl TlsVitals {
    pub(super) fn register(registry: &Registry, listener: &str, counts: Arc<Counts>) -> Arc<Self> {
        let source = Arc::new(Self { listener: listener.into(), counts });
        registry.register(source.clone());
        source
    }
}

impl Source for TlsVitals {
    fn table(&self) -> &'static Table {
        &TLS
    }

    fn rows(&self) -> Vec<TableRow> {
        let counts = &self.counts;
        let validity = *counts.validity.lock().unwrap_or_else(PoisonError::into_inner);
        let expires = validity.not_after.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        vec![vec![
            TableValue::Text(self.listener.clone()),
            TableValue::text(counts.state(validity, SystemTime::now())),
            TableValue::from(expires),
            count(&counts.replaced),
            count(&counts.refused),
            count(&counts.in_progress),
            count(&counts.succeeded),
            count(&counts.failed),
            count(&counts.turned_away),
        ]]
    }
}
