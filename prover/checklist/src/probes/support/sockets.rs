//! The connections between two ports of this host, as the kernel's table has them.

use std::collections::BTreeSet;

use keel_drill::tcp_table::{TcpSocket, sockets_of};

/// The end with this own port and this peer port; none when there is none (any more), or when it lives in another network
/// namespace.
pub(crate) fn find(own: u16, peer: u16) -> Option<TcpSocket> {
    sockets_of(own).into_iter().find(|socket| socket.local == own && socket.remote == peer)
}

/// The own ports of the established connections that lead to this port from here.
pub(crate) fn established_to(port: u16) -> BTreeSet<u16> {
    let there = sockets_of(port).into_iter().filter(|socket| socket.remote == port && socket.established);
    there.map(|socket| socket.local).collect()
}
