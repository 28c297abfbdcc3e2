//! Notifications to the process manager by systemd's protocol (sd_notify(3)): datagrams to `$NOTIFY_SOCKET`.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use resilience::ticker::MAX_PERIOD;
use resilience::{Ticker, TickerRules};
use tokio::time::Instant;

/// The shortest time between two messages to the watchdog.
const SHORTEST: Duration = Duration::from_millis(1);
/// Between two attempts to send a message that the manager's full queue did not take.
const RESEND: Duration = Duration::from_millis(200);
/// States that may wait for the manager's queue: ready, extensions and stopping are all there are.
const MAX_UNSENT: usize = 4;

/// The process manager, when there is one that listens. Sending never blocks.
#[derive(Debug)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    unsent: Mutex<Vec<String>>,
}

impl Manager {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. Without the first every message is a no-op. A watchdog for another process
    /// (`WATCHDOG_PID`) gets no messages, as in sd_watchdog_enabled(3).
    pub fn from_env() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let address = variable("NOTIFY_SOCKET").and_then(|path| address_of(&path));
        let watchdog = watchdog_of(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), std::process::id());
        address.map_or_else(Self::none, |address| Self::at(address, watchdog))
    }

    /// No manager: every message is a no-op.
    pub fn none() -> Self {
        Self { socket: None, watchdog: None, unsent: Mutex::default() }
    }

    fn at(address: SocketAddr, watchdog: Option<Duration>) -> Self {
        let socket = UnixDatagram::unbound().ok().filter(|socket| socket.set_nonblocking(true).is_ok());
        Self { socket: socket.map(|socket| (socket, address)), watchdog, unsent: Mutex::default() }
    }

    /// The service answers requests.
    pub fn ready(&self) {
        self.tell("READY=1".to_owned());
    }

    /// The start or the stop takes up to this much longer (`EXTEND_TIMEOUT_USEC`).
    pub fn extend(&self, by: Duration) {
        self.tell(format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()));
    }

    /// The service has begun to stop, and takes up to `within`.
    pub fn stopping(&self, within: Duration) {
        self.tell(format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", within.as_micros()));
    }

    /// Notifies the watchdog that the runtime works, now and twice a period, and resends messages that the queue refused, until dropped. It never
    /// returns, and is cancel-safe.
    pub async fn keep_alive(&self) {
        if self.socket.is_none() {
            return std::future::pending().await;
        }
        tokio::join!(self.feed_watchdog(), self.send_again());
    }

    async fn feed_watchdog(&self) {
        let Some(period) = self.watchdog else { return std::future::pending().await };
        let mut ticks = Ticker::new(TickerRules::every((period / 2).clamp(SHORTEST, MAX_PERIOD)), Instant::now());
        loop {
            // One that is lost is followed by the next.
            let _ = self.send("WATCHDOG=1");
            ticks.tick().await;
        }
    }

    async fn send_again(&self) {
        loop {
            tokio::time::sleep(RESEND).await;
            let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
            while unsent.first().is_some_and(|state| self.send(state)) {
                unsent.remove(0);
            }
        }
    }

    /// Sends a state, in the order of the calls. A state that the manager's queue refuses is sent later by [`Manager::keep_alive`].
    fn tell(&self, state: String) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = unsent.is_empty() && self.send(&state);
        if !sent && unsent.len() < MAX_UNSENT {
            unsent.push(state);
        }
    }

    /// Sends a state; returns true when no other attempt is worth it: a full queue is worth one, a manager that is gone is not.
    fn send(&self, state: &str) -> bool {
        let Some((socket, address)) = &self.socket else { return true };
        !matches!(socket.send_to_addr(state.as_bytes(), address), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// The watchdog's period, when it watches this process.
fn watchdog_of(period: Option<String>, process: Option<String>, own: u32) -> Option<Duration> {
    if process.is_some_and(|process| process.parse() != Ok(own)) {
        return None;
    }
    period?.parse().ok().map(Duration::from_micros).filter(|period| !period.is_zero())
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// A manager's socket, and how to reach it.
    fn manager(name: &str) -> (UnixDatagram, SocketAddr) {
        let name = format!("evenkeel-{name}-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("an abstract socket");
        let socket = UnixDatagram::bind_addr(&address).expect("an abstract socket");
        socket.set_nonblocking(true).expect("an abstract socket");
        (socket, address)
    }

    fn heard(socket: &UnixDatagram) -> Vec<String> {
        let mut text = [0; 64];
        std::iter::from_fn(|| {
            socket.recv(&mut text).ok().map(|read| String::from_utf8_lossy(&text[..read]).into_owned())
        })
        .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_notified_at_once_and_within_each_period() {
        let (socket, address) = manager("watchdog");
        let period = Duration::from_secs(2);
        let manager = Manager::at(address, Some(period));
        let task = tokio::spawn(async move { manager.keep_alive().await });
        tokio::task::yield_now().await;
        assert_eq!(heard(&socket), ["WATCHDOG=1"]);
        for _ in 0..20 {
            // Half a period, and the ticker's jitter before and after.
            tokio::time::sleep(period.mul_f64(0.65)).await;
            assert!((1..=2).contains(&heard(&socket).len()));
        }
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_manager_that_does_not_read_blocks_nothing_and_gets_every_state_later() {
        let (socket, address) = manager("deaf");
        let manager = Manager::at(address, None);
        // More than the kernel's queue holds (net.unix.max_dgram_qlen): with a blocking socket this would not return.
        for _ in 0..1000 {
            let _ = manager.send("STATUS=busy");
        }
        assert!(!manager.send("STATUS=busy"), "the queue is full");
        manager.ready();
        manager.stopping(Duration::from_secs(27));
        assert!(heard(&socket).iter().all(|state| state == "STATUS=busy"));
        let task = tokio::spawn(async move { manager.keep_alive().await });
        tokio::time::sleep(2 * RESEND).await;
        assert_eq!(heard(&socket), ["READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=27000000"]);
        task.abort();
    }

    #[test]
    fn a_watchdog_of_another_process_gets_no_messages() {
        let of = |usec: &str, pid: Option<&str>| watchdog_of(Some(usec.to_owned()), pid.map(str::to_owned), 7);
        let second = Some(Duration::from_secs(1));
        assert_eq!(of("1000000", None), second);
        assert_eq!(of("1000000", Some("7")), second);
        for other in ["1", "", "seven", "-7"] {
            assert_eq!(of("1000000", Some(other)), None, "{other:?}");
        }
        assert_eq!((of("0", None), of("soon", None), watchdog_of(None, None, 7)), (None, None, None));
    }
}
