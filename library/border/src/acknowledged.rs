//! Bytes that the peer has acknowledged: what it has taken of an answer, when the kernel's send buffer still holds the rest.
//!
//! A full send buffer takes bytes again when a third of it is free. A slow reader empties that in minutes, and a socket alone cannot tell it from
//! a reader that has stopped. Linux counts the acknowledged bytes (`TCP_INFO`); elsewhere they are unknown.

/// A socket that may know how many bytes its peer has acknowledged.
pub(crate) trait Acknowledged {
    /// Bytes acknowledged since the connection was opened; none where the system does not tell.
    fn acknowledged(&self) -> Option<u64>;

    /// Returns true while the kernel holds bytes that the peer has not acknowledged; false where the system does not tell.
    fn holds_unacknowledged(&self) -> bool;
}

#[cfg(target_os = "linux")]
impl Acknowledged for tokio::net::TcpStream {
    fn acknowledged(&self) -> Option<u64> {
        use nix::sys::socket::GetSockOpt;

        let info = linux::TcpInfo.get(self).ok()?;
        info.get(linux::BYTES_ACKED).copied()
    }

    fn holds_unacknowledged(&self) -> bool {
        use nix::sys::socket::GetSockOpt;

        let Ok(info) = linux::SendQueue.get(self) else { return false };
        info[linux::UNACKED_PACKETS] > 0 || info[linux::NOT_SENT_BYTES] > 0
    }
}

#[cfg(not(target_os = "linux"))]
impl Acknowledged for tokio::net::TcpStream {
    fn acknowledged(&self) -> Option<u64> {
        None
    }

    fn holds_unacknowledged(&self) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
mod linux {
    /// The first 128 bytes of `struct tcp_info` (`linux/tcp.h`): 104 bytes of smaller numbers, then numbers of 64 bits. Linux has them since 4.1.
    pub(super) type Info = [u64; 16];

    /// Position of `tcpi_bytes_acked`.
    pub(super) const BYTES_ACKED: usize = 15;

    /// The socket option.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct TcpInfo;

    nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Info, nix::sys::socket::sockopt::GetStruct<Info>);

    /// The first 148 bytes of it, as numbers of 32 bits. Linux has them since 4.6.
    pub(super) type Queue = [u32; 37];

    /// Positions of `tcpi_unacked`, in packets, and of `tcpi_notsent_bytes`.
    pub(super) const UNACKED_PACKETS: usize = 6;
    pub(super) const NOT_SENT_BYTES: usize = 36;

    /// The same socket option, read further.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct SendQueue;

    nix::getsockopt_impl!(
        SendQueue,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        Queue,
        nix::sys::socket::sockopt::GetStruct<Queue>
    );
}

#[cfg(test)]
impl Acknowledged for tokio::io::DuplexStream {
    fn acknowledged(&self) -> Option<u64> {
        None
    }

    fn holds_unacknowledged(&self) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn bytes_count_once_the_peers_kernel_has_taken_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        let before = socket.acknowledged().unwrap();
        socket.write_all(&[0; 5000]).await.unwrap();
        let mut bytes = [0; 5000];
        peer.read_exact(&mut bytes).await.unwrap();
        let acknowledged = async {
            while socket.acknowledged().unwrap() - before < 5000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), acknowledged).await.unwrap();
        assert_eq!(socket.acknowledged().unwrap() - before, 5000);
        assert!(!socket.holds_unacknowledged());
    }

    #[tokio::test]
    async fn bytes_that_the_peers_kernel_has_no_room_for_are_held() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = tokio::net::TcpSocket::new_v4().unwrap();
        peer.set_recv_buffer_size(4096).unwrap();
        let _peer = peer.connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        assert!(!socket.holds_unacknowledged());
        socket.write_all(&[0; 60_000]).await.unwrap();
        assert!(socket.holds_unacknowledged());
    }
}
