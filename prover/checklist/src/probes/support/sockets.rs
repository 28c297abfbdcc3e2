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
    let there = move |socket: &TcpSocket| socket.remote == port && socket.established;
    let look = move || sockets_of(port).into_iter().filter(there).map(|socket| socket.local).collect();
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}
