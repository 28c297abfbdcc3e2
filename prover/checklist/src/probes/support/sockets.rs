//! The connections between two ports of this host, as the kernel's table has them.

use std::collections::BTreeSet;

use keel_drill::tcp_table::{TcpSocket, sockets_of};

/// The end with this own port and this peer port; none when there is none (any more), or when it lives in another network
/// namespace.
pub(crate) fn find(own: u16, peer: u16) -> Option<TcpSocket> {
    sockets_of(own).into_iter().find(|socket| socket.local == own && socket.remote == peer)
}

/// The own ports of the established connections that lead to this port from here.
///
/// The table of a host that was flooded is long: it is read beside the task that waits for answers meanwhile.
pub(crate) async fn established_to(port: u16) -> BTreeSet<u16> {
    own_ports(port, |socket| socket.established).await
}

/// The own ports of the connections that are being opened to this port from here, or being closed.
pub(crate) async fn connecting_to(port: u16) -> BTreeSet<u16> {
    // One whose process is gone has no inode.
    own_ports(port, |socket| !socket.established && !socket.listens && socket.inode != 0).await
}

async fn own_ports(port: u16, fits: fn(&TcpSocket) -> bool) -> BTreeSet<u16> {
    let there = move |socket: &TcpSocket| socket.remote == port && fits(socket);
    let look = move || sockets_of(port).into_iter().filter(there).map(|socket| socket.local).collect();
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}
