//! The kernel's own table of TCP connections: it tells the state of the other end without touching it.

use std::collections::BTreeSet;

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};

/// One end of a connection, from `/proc/net/tcp` or `/proc/net/tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// Whether it is ESTABLISHED; a server that closed its end is in another state.
    pub(crate) established: bool,
    /// Bytes written that the peer has not taken yet.
    pub(crate) unsent: u64,
    /// Bytes come that have not been read yet.
    pub(crate) unread: u64,
}

/// The end with this own port and this peer port; none when there is none (any more), or when it lives in another network
/// namespace.
pub(crate) fn find(own: u16, peer: u16) -> Option<Socket> {
    let is_it = |entry: &TcpNetEntry| entry.local_address.port() == own && entry.remote_address.port() == peer;
    table().find(is_it).map(|entry| Socket::of(&entry))
}

/// The own ports of the established connections that lead to this port from here.
pub(crate) fn established_to(port: u16) -> BTreeSet<u16> {
    let leads_there = |entry: &TcpNetEntry| entry.remote_address.port() == port && Socket::of(entry).established;
    table().filter(leads_there).map(|entry| entry.local_address.port()).collect()
}

fn table() -> impl Iterator<Item = TcpNetEntry> {
    [tcp(), tcp6()].into_iter().flatten().flatten()
}

impl Socket {
    fn of(entry: &TcpNetEntry) -> Self {
        Self {
            established: entry.state == TcpState::Established,
            unsent: entry.tx_queue.into(),
            unread: entry.rx_queue.into(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use procfs::FromBufReadSI;
    use procfs::net::TcpNetEntries;

    use super::*;

    #[test]
    fn a_line_of_the_kernels_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     3: 0100007F:1F90 0200007F:C350 04 00000010:00000002 01:00000014 00000000     0        0 0 1\n";
        let TcpNetEntries(entries) =
            TcpNetEntries::from_buf_read(table.as_bytes(), procfs::current_system_info()).unwrap();
        assert_eq!((entries[0].local_address.port(), entries[0].remote_address.port()), (8080, 50000));
        assert_eq!(Socket::of(&entries[0]), Socket { established: false, unsent: 16, unread: 2 });
        assert_eq!(entries.len(), 1);
    }
}
