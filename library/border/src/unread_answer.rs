//! Answers that an idle connection has not read: the service has given them to the kernel, and the peer takes none of them.
//!
//! A socket takes up to [`NOT_SENT`] bytes for a peer that reads nothing, and for the server the connection is idle by then. Two looks at the
//! kernel, half a `write_timeout` apart, tell such a connection from one that waits for its next request.

use std::time::Duration;

use tokio::time::Instant;

/// The most bytes of answers, to a packet, that the kernel takes for a peer beyond those that are on their way (`TCP_NOTSENT_LOWAT`).
/// Without this bound it takes megabytes for each connection.
pub(crate) const NOT_SENT: u32 = 128 * 1024;

/// The looks at one connection.
#[derive(Debug, Default)]
pub(crate) enum UnreadAnswer {
    /// The connection has not been looked at in its present idle time.
    #[default]
    Unknown,
    /// At this look, in the idle time since `idle`, the peer had acknowledged so many bytes and not all.
    Held { idle: Instant, at: Instant, acknowledged: Option<u64> },
    /// The peer has taken everything that was sent before this idle time.
    Taken { idle: Instant },
}

impl UnreadAnswer {
    /// Returns the time of the next look at a connection that has been idle since `idle`; none when nothing is left to see.
    pub(crate) fn next_look(&self, idle: Instant, write_timeout: Duration) -> Option<Instant> {
        match self {
            Self::Taken { idle: since } if *since == idle => None,
            Self::Held { idle: since, at, .. } if *since == idle => at.checked_add(write_timeout / 2),
            _ => idle.checked_add(write_timeout / 2),
        }
    }

    /// Looks. `held` are the bytes that the peer has acknowledged so far, while some are not; none: it has all. Returns true when it has
    /// taken nothing since the last look.
    pub(crate) fn look(&mut self, idle: Instant, now: Instant, held: Option<Option<u64>>) -> bool {
        let Some(acknowledged) = held else {
            *self = Self::Taken { idle };
            return false;
        };
        if let Self::Held { idle: since, acknowledged: before, .. } = self
            && *since == idle
            && *before == acknowledged
        {
            return true;
        }
        *self = Self::Held { idle, at: now, acknowledged };
        false
    }
}

/// Bounds what the kernel takes for each connection of a listener; its connections inherit the bound. Elsewhere than on Linux it does nothing.
#[cfg(target_os = "linux")]
pub(crate) fn bound_send_queue(listener: &tokio::net::TcpSocket) {
    use nix::sys::socket::SetSockOpt;

    // A system without this option keeps its own bound.
    let _ = linux::NotSentLowat.set(listener, &NOT_SENT);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn bound_send_queue(_listener: &tokio::net::TcpSocket) {}

#[cfg(target_os = "linux")]
mod linux {
    /// The socket option.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct NotSentLowat;

    nix::setsockopt_impl!(
        NotSentLowat,
        libc::IPPROTO_TCP,
        libc::TCP_NOTSENT_LOWAT,
        u32,
        nix::sys::socket::sockopt::SetStruct<'_, u32>
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_between_two_looks_has_stopped() {
        let (idle, mut unread) = (Instant::now(), UnreadAnswer::default());
        assert_eq!(unread.next_look(idle, TIMEOUT), Some(idle + TIMEOUT / 2));
        let first = idle + TIMEOUT / 2;
        assert!(!unread.look(idle, first, Some(Some(100))));
        assert_eq!(unread.next_look(idle, TIMEOUT), Some(idle + TIMEOUT));
        assert!(!unread.look(idle, idle + TIMEOUT, Some(Some(101))), "it took a byte");
        assert!(unread.look(idle, idle + TIMEOUT * 3 / 2, Some(Some(101))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_all_is_looked_at_once_in_each_idle_time() {
        let (idle, mut unread) = (Instant::now(), UnreadAnswer::default());
        assert!(!unread.look(idle, idle + TIMEOUT / 2, None));
        assert_eq!(unread.next_look(idle, TIMEOUT), None);
        let later = idle + TIMEOUT;
        assert_eq!(unread.next_look(later, TIMEOUT), Some(later + TIMEOUT / 2));
        // What another idle time showed means nothing.
        assert!(!unread.look(later, later + TIMEOUT / 2, Some(Some(100))));
        assert!(!unread.look(later + TIMEOUT, later + TIMEOUT * 2, Some(Some(100))));
    }
}
