//! What the process manager is told, by systemd's notification protocol (sd_notify(3)): datagrams to `$NOTIFY_SOCKET`.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The process manager, when there is one that listens.
#[derive(Debug)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// From `NOTIFY_SOCKET` and `WATCHDOG_USEC`. Without the former every message is a no-op.
    pub fn from_env() -> Self {
        let address = std::env::var("NOTIFY_SOCKET").ok().and_then(|path| address_of(&path));
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        let watchdog =
            std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok()).map(Duration::from_micros);
        Self { socket, watchdog: watchdog.filter(|period| !period.is_zero()) }
    }

    /// The service answers requests.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The service has begun to stop.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells the watchdog that the runtime still turns, twice a period, until dropped. Without a watchdog it waits for ever.
    pub async fn keep_alive(&self) {
        let Some(period) = self.watchdog.filter(|_| self.socket.is_some()) else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(period / 2);
        loop {
            ticks.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            // A manager that does not listen must not hurt the service.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

fn address_of(path: &str) -> Option<SocketAddr> {
    match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None => SocketAddr::from_pathname(path).ok(),
    }
}
