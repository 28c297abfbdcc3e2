//! The kernel's own table of TCP sockets: it tells the state of the other end without touching it.
//!
//! A host under attack has tens of thousands of them, and the table is looked at every few milliseconds: only the lines of one port are
//! parsed.

/// One end of a connection, or a listener, in this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// Its own port.
    pub local: u16,
    /// The peer's port; zero of a listener.
    pub remote: u16,
    /// True if it listens.
    pub listens: bool,
    /// True if it is ESTABLISHED; a server that closed its end is in another state.
    pub established: bool,
    /// Bytes written that the peer has not taken yet.
    pub unsent: u64,
    /// Bytes come that have not been read yet.
    pub unread: u64,
    /// The number by which a process's descriptors name it.
    pub inode: u64,
}

/// The sockets with this port at either end; none where the kernel has no such table to read.
pub fn sockets_of(port: u16) -> Vec<TcpSocket> {
    #[cfg(target_os = "linux")]
    {
        ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|path| std::fs::read_to_string(path).ok())
            .flat_map(|table| linux::parse(&table, port))
            .collect()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = port;
        Vec::new()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::FromBufReadSI;
    use procfs::net::{TcpNetEntries, TcpState};

    use super::TcpSocket;

    pub(super) fn parse(table: &str, port: u16) -> Vec<TcpSocket> {
        let named = format!(":{port:04X} ");
        let mut lines = table.lines();
        let heading = lines.next().unwrap_or_default();
        let ours: String = [heading]
            .into_iter()
            .chain(lines.filter(|line| line.contains(&named)))
            .flat_map(|line| [line, "\n"])
            .collect();
        let entries = TcpNetEntries::from_buf_read(ours.as_bytes(), procfs::current_system_info());
        let TcpNetEntries(entries) = entries.unwrap_or_else(|_| TcpNetEntries(Vec::new()));
        let socket = |entry: procfs::net::TcpNetEntry| TcpSocket {
            local: entry.local_address.port(),
            remote: entry.remote_address.port(),
            listens: entry.state == TcpState::Listen,
            established: entry.state == TcpState::Established,
            unsent: entry.tx_queue.into(),
            unread: entry.rx_queue.into(),
            inode: entry.inode,
        };
        entries.into_iter().map(socket).filter(|socket| socket.local == port || socket.remote == port).collect()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_table_is_read_and_those_of_other_ports_are_not() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     3: 0100007F:1F90 0200007F:C350 04 00000010:00000002 01:00000014 00000000     0        0 7 1\n   \
                     4: 0100007F:1F91 0200007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 8 1\n";
        let expected = TcpSocket {
            local: 8080,
            remote: 50000,
            listens: false,
            established: false,
            unsent: 16,
            unread: 2,
            inode: 7,
        };
        assert_eq!(linux::parse(table, 8080), [expected]);
        assert_eq!(linux::parse(table, 50000), [expected]);
        assert!(linux::parse(table, 8082).is_empty());
    }

    #[test]
    fn a_listener_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        assert!(sockets_of(port).iter().any(|socket| socket.listens && socket.local == port));
    }
}
