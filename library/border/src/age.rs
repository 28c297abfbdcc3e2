//! Age of a request at the moment it is read: the time for which its bytes waited in the socket.
//!
//! The queue that ends a busy event loop is in front of the process: bytes that came while other tasks computed. Nothing inside counts them,
//! but the kernel notes when the last data came. Linux alone tells it (`TCP_INFO`); elsewhere the age is unknown.

use std::time::Duration;

/// A socket that may know when the peer's last bytes came.
pub(crate) trait Received {
    /// Time since the last bytes came, to a few milliseconds; none where the system does not tell.
    fn since_last_received(&self) -> Option<Duration>;
}

#[cfg(target_os = "linux")]
impl Received for tokio::net::TcpStream {
    fn since_last_received(&self) -> Option<Duration> {
        use nix::sys::socket::GetSockOpt;

        let info = linux::TcpInfo.get(self).ok()?;
        info.get(linux::LAST_DATA_RECEIVED).map(|millis| Duration::from_millis(u64::from(*millis)))
    }
}

#[cfg(not(target_os = "linux"))]
impl Received for tokio::net::TcpStream {
    fn since_last_received(&self) -> Option<Duration> {
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    /// The first 56 bytes of `struct tcp_info` (`linux/tcp.h`), which every kernel has: eight bytes of flags, then numbers of 32 bits.
    pub(super) type Info = [u32; 14];

    /// Position of `tcpi_last_data_recv`, in milliseconds.
    pub(super) const LAST_DATA_RECEIVED: usize = 13;

    /// The socket option.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct TcpInfo;

    nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Info, nix::sys::socket::sockopt::GetStruct<Info>);
}

#[cfg(test)]
impl Received for tokio::io::DuplexStream {
    fn since_last_received(&self) -> Option<Duration> {
        None
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
        let (age, passed) = (socket.since_last_received().unwrap(), sent.elapsed());
        // The kernel's clock ticks every few milliseconds.
        assert!(age >= Duration::from_millis(50) && age <= passed + Duration::from_millis(20), "{age:?} of {passed:?}");
    }
}
