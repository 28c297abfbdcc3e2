//! Notifications to the process manager by systemd's protocol (sd_notify(3)): datagrams to `$NOTIFY_SOCKET`.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use resilience::ticker::MAX_PERIOD;
use resilience::{Ticker, TickerRules};
use tokio::time::Instant;

/// However short a watchdog's period is, it is told no more often.
const SHORTEST: Duration = Duration::from_millis(1);

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

    /// Tells the watchdog that the runtime still turns, now and twice a period, until dropped. Without a watchdog it waits for ever.
    pub async fn keep_alive(&self) {
        let Some(period) = self.watchdog.filter(|_| self.socket.is_some()) else { return std::future::pending().await };
        let mut ticks = Ticker::new(TickerRules::every((period / 2).clamp(SHORTEST, MAX_PERIOD)), Instant::now());
        loop {
            self.tell("WATCHDOG=1");
            ticks.tick().await;
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
        #[cfg(target_os = "linux")]
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        // Only Linux has abstract sockets.
        #[cfg(not(target_os = "linux"))]
        Some(_) => None,
        None => SocketAddr::from_pathname(path).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_of_it_at_once_and_well_within_each_period() {
        let name = format!("evenkeel-watchdog-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let (watchdog, socket) = (UnixDatagram::bind_addr(&address).unwrap(), UnixDatagram::unbound().unwrap());
        watchdog.set_nonblocking(true).unwrap();
        let heard = || {
            let mut text = [0; 64];
            std::iter::from_fn(|| watchdog.recv(&mut text).ok()).count()
        };
        let period = Duration::from_secs(2);
        let manager = Manager { socket: Some((socket, address)), watchdog: Some(period) };
        let task = tokio::spawn(async move { manager.keep_alive().await });
        tokio::task::yield_now().await;
        assert_eq!(heard(), 1);
        for _ in 0..20 {
            // Half a period, and the ticker's jitter before and after.
            tokio::time::sleep(period.mul_f64(0.65)).await;
            assert!((1..=2).contains(&heard()));
        }
        task.abort();
    }
}
