//! Age of a request at the moment it is read: the time for which its bytes waited in the socket.
//!
//! The queue that ends a busy event loop is in front of the process: bytes that came while other tasks computed. Nothing inside counts them,
//! but the kernel notes when the last data came. Linux alone tells it (`TCP_INFO`); elsewhere the age is unknown.

use std::time::Duration;

/// Knowledge of the system about the bytes that a program reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Time since the last bytes came, to a few milliseconds; none where the system does not tell.
    pub(crate) age: Option<Duration>,
    /// True if the peer has reset the connection since, and waits for no answer.
    pub(crate) is_reset: bool,
    /// True if the peer has sent all that it will send: it has closed the connection, or its half of it.
    pub(crate) has_finished: bool,
}

impl Arrival {
    /// Returns true if the peer has most likely left. Clients that close their half of a connection and wait for an answer are rare, and a server that is
    /// behind with its work cannot tell them from those that do not wait any more.
    pub(crate) fn has_left(self) -> bool {
        self.is_reset || self.has_finished
    }
}

/// A socket that may know when the peer's last bytes came, and whether the peer is still there.
pub(crate) trait Received {
    /// Returns what is known of the bytes that were read last.
    fn arrival(&self) -> Arrival;
}

#[cfg(target_os = "linux")]
impl Received for tokio::net::TcpStream {
    fn arrival(&self) -> Arrival {
        use nix::sys::socket::GetSockOpt;

        let Ok(info) = linux::TcpInfo.get(self) else { return Arrival::default() };
        let age = info.get(linux::LAST_DATA_RECEIVED).map(|millis| Duration::from_millis(u64::from(*millis)));
        let state = info.first().map(|flags| flags.to_ne_bytes()[0]);
        Arrival { age, is_reset: state == Some(linux::CLOSE), has_finished: state == Some(linux::CLOSE_WAIT) }
    }
}

#[cfg(not(target_os = "linux"))]
impl Received for tokio::net::TcpStream {
    fn arrival(&self) -> Arrival {
        Arrival::default()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    /// The first 56 bytes of `struct tcp_info` (`linux/tcp.h`), which every kernel has: the state and seven bytes of flags, then numbers of 32 bits.
    pub(super) type Info = [u32; 14];

    /// Position of `tcpi_last_data_recv`, in milliseconds.
    pub(super) const LAST_DATA_RECEIVED: usize = 13;

    /// The state of a connection that has ended (`TCP_CLOSE` of `net/tcp_states.h`): of one whose peer closed it in order it is another.
    pub(super) const CLOSE: u8 = 7;
    /// The state of a connection whose peer has closed its half of it in order (`TCP_CLOSE_WAIT`).
    pub(super) const CLOSE_WAIT: u8 = 8;

    /// The socket option.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct TcpInfo;

    nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Info, nix::sys::socket::sockopt::GetStruct<Info>);
}

#[cfg(test)]
impl Received for tokio::io::DuplexStream {
    fn arrival(&self) -> Arrival {
        Arrival::default()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn bytes_that_wait_unread_grow_older() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        peer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        // In the accept queue, where no program can look.
        let sent = std::time::Instant::now();
        std::thread::sleep(Duration::from_millis(60));
        let (socket, _) = listener.accept().await.unwrap();
        let (age, passed) = (socket.arrival().age.unwrap(), sent.elapsed());
        // The kernel's clock ticks every few milliseconds.
        assert!(age >= Duration::from_millis(50) && age <= passed + Duration::from_millis(20), "{age:?} of {passed:?}");
    }

    #[tokio::test]
    async fn a_connection_that_its_peer_has_reset_says_so_although_bytes_are_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let arrival = async |reset: bool| {
            let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            if reset {
                peer.set_zero_linger().unwrap();
            }
            drop(peer);
            let (mut socket, _) = listener.accept().await.unwrap();
            let read = tokio::io::AsyncReadExt::read(&mut socket, &mut [0; 8]).await;
            let arrival = socket.arrival();
            (read.is_ok(), arrival.is_reset, arrival.has_finished)
        };
        assert_eq!(arrival(true).await, (true, true, false));
        assert_eq!(arrival(false).await, (true, false, true), "it was closed in order, and its peer may read on");
    }
}
