//! Happy Eyeballs: one connection from several addresses, without waiting for the silent ones (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

/// The most addresses of a name that are tried for one connection.
pub(crate) const MAX_ADDRESSES: usize = 16;
/// Delay from one attempt to the next while none has succeeded (RFC 8305, section 5, "Connection Attempt Delay").
const DELAY: Duration = Duration::from_millis(250);
/// The least delay that the RFC allows.
const LEAST_DELAY: Duration = Duration::from_millis(10);

/// Connects to the first address that accepts. Attempts start one after the other, sooner when one fails, and run side by side. The
/// caller bounds the whole by `bound`, in which every address gets its turn.
///
/// Cancel-safe: a dropped call ends all attempts.
///
/// # Errors
/// The last failure, when every address failed, or when there is none.
pub(crate) async fn connect<T, F>(
    addresses: Vec<SocketAddr>,
    bound: Duration,
    dial: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut addresses = interleaved(addresses).into_iter();
    let delay = delay(bound, addresses.len());
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let attempt = |address| {
        let dialled = dial(address);
        async move { dialled.await.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}"))) }
    };
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(attempt(address));
        }
        let ended = match addresses.len() {
            0 => attempts.join_next().await,
            _ => match tokio::time::timeout(delay, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            None => return Err(last),
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(error))) => last = error,
            Some(Err(panicked)) => last = io::Error::other(panicked),
        }
    }
}

/// Returns a delay so short that every address is tried within the bound.
fn delay(bound: Duration, addresses: usize) -> Duration {
    let share = bound / u32::try_from(addresses).unwrap_or(u32::MAX).saturating_add(1);
    share.clamp(LEAST_DELAY, DELAY)
}

/// One family after the other in turn, beginning with IPv6 (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (six, four): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv6);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut ordered = Vec::new();
    while ordered.len() < MAX_ADDRESSES {
        let before = ordered.len();
        ordered.extend(six.next());
        ordered.extend(four.next());
        if ordered.len() == before {
            break;
        }
    }
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const BOUND: Duration = Duration::from_secs(2);

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// Port 1 is silent, port 2 refuses, any other accepts.
    async fn dial(address: SocketAddr) -> io::Result<SocketAddr> {
        match address.port() {
            1 => std::future::pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => Ok(address),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_delays_the_next_by_a_quarter_of_a_second() {
        let begun = Instant::now();
        let addresses = vec![at("127.0.0.1:1"), at("127.0.0.2:80")];
        assert_eq!(connect(addresses, BOUND, dial).await.expect("the second accepts"), at("127.0.0.2:80"));
        assert_eq!(begun.elapsed(), DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_refuses_delays_nothing() {
        let begun = Instant::now();
        let addresses = vec![at("[::1]:2"), at("127.0.0.2:80")];
        assert_eq!(connect(addresses, BOUND, dial).await.expect("the second accepts"), at("127.0.0.2:80"));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_gets_its_turn_within_the_bound() {
        let begun = Instant::now();
        let mut addresses = vec![at("127.0.0.1:1"); MAX_ADDRESSES - 1];
        addresses.push(at("127.0.0.2:80"));
        connect(addresses, BOUND, dial).await.expect("the last accepts");
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn the_error_names_the_address() {
        let error = connect(vec![at("127.0.0.1:2")], BOUND, dial).await.expect_err("it refuses");
        assert!(error.to_string().starts_with("127.0.0.1:2: "), "{error}");
        let error = connect(Vec::new(), BOUND, dial).await.expect_err("none to dial");
        assert!(error.to_string().contains("no address"), "{error}");
    }

    #[test]
    fn families_take_turns_and_the_number_is_bounded() {
        let ordered = interleaved(vec![at("1.0.0.1:1"), at("1.0.0.2:1"), at("[::1]:1"), at("1.0.0.3:1")]);
        assert_eq!(ordered, [at("[::1]:1"), at("1.0.0.1:1"), at("1.0.0.2:1"), at("1.0.0.3:1")]);
        assert_eq!(interleaved(vec![at("1.0.0.1:1"); 50]).len(), MAX_ADDRESSES);
    }
}
