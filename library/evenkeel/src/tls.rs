//! TLS of the public listener in a run: its certificate, the reload of it, and the plain listener beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use border::{Border, Limits, Listener, Reserved, Tls};
use supervision::{ChildSpec, Children, Stop};
use tokio::signal::unix::{SignalKind, signal};
use vitals::Registry;

use crate::failed::Failed;
use crate::settings::Standard;

/// Connections open at once on the redirecting listener.
const CONNECTIONS: usize = 1024;

/// Parts of TLS that are bound and not started.
pub(crate) struct TlsParts {
    tls: Tls,
    period: Duration,
    redirect: Option<(Reserved, Border)>,
    drain: Duration,
}

/// Opens the certificate and binds the plain listener; none where the public listener serves plain HTTP.
pub(crate) fn open(
    standard: &Standard,
    limits: &Limits,
    drain: Duration,
    registry: &Registry,
) -> Result<Option<TlsParts>, Failed> {
    let settings = &standard.tls;
    let Some(files) = settings.files() else { return Ok(None) };
    let tls = Tls::open("public", files, registry)?;
    let redirect = match settings.redirect {
        None => None,
        Some(address) => {
            let limits = limits.clone().with(|limits| {
                limits.connections = limits.connections.min(CONNECTIONS);
                limits.objective = None;
            });
            let border = Border::new("redirect", limits, registry);
            let bound = Listener::reserve(address, border.clone()).map_err(|source| Failed::Listen {
                listener: "redirect",
                address,
                source,
                advice: "set REDIRECT_LISTEN to a free address of this host".to_owned(),
            })?;
            Some((bound, border))
        }
    };
    Ok(Some(TlsParts { tls, period: settings.reload, redirect, drain }))
}

/// Checks the files of TLS.
pub(crate) fn check(standard: &Standard) -> Result<(), Failed> {
    if let Some(files) = standard.tls.files() {
        Tls::open("public", files, &Registry::new())?;
    }
    Ok(())
}

impl TlsParts {
    /// The listener, over TLS.
    pub(crate) fn secure(&self, listener: Listener) -> Listener {
        listener.secured_by(self.tls.clone())
    }

    /// Starts the reload of the certificate and the plain listener, which redirects to the port of `public`.
    pub(crate) fn start(self, public: SocketAddr, children: &mut Children) -> Result<(), Failed> {
        let Self { tls, period, redirect, drain } = self;
        children.start(ChildSpec::new("tls certificate"), move |stop| reload(tls.clone(), period, stop));
        let Some((bound, border)) = redirect else { return Ok(()) };
        let address = bound.address();
        let listener = bound.listen().map_err(|source| Failed::Listen {
            listener: "redirect",
            address,
            source,
            advice: "set REDIRECT_LISTEN to a free address of this host".to_owned(),
        })?;
        let routes = border.around(border::redirect_to_https(public.port()));
        let listener = Arc::new(listener);
        tracing::info!(redirect = %address, "a plain listener redirects to https");
        children.start(ChildSpec::new("redirect listener").stop_within(drain), move |stop| {
            let (listener, routes) = (listener.clone(), routes.clone());
            async move {
                let _left = listener.serve(routes, stop, drain).await;
            }
        });
        Ok(())
    }
}

/// Reads the files of TLS again every `period` and after each SIGHUP.
async fn reload(tls: Tls, period: Duration, stop: Stop) {
    let hangup = async {
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be handled; certificates are reloaded by their contents alone");
                return std::future::pending::<()>().await;
            }
        };
        while hangups.recv().await.is_some() {
            tls.reload_in_background().await;
        }
        std::future::pending().await
    };
    tokio::select! {
        () = stop.requested() => {}
        () = tls.watch(period) => {}
        () = hangup => {}
    }
}
