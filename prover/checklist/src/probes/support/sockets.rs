//! The kernel's own table of TCP connections: what the other end of a connection is in, without touching it.

use std::collections::BTreeSet;
use std::fs;

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
    tables().iter().flat_map(|table| table.lines().skip(1)).find_map(|line| {
        let (local, remote, socket) = parse(line)?;
        (local == own && remote == peer).then_some(socket)
    })
}

/// The own ports of the established connections that lead to this port from here.
pub(crate) fn established_to(port: u16) -> BTreeSet<u16> {
    let tables = tables();
    let rows = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(parse);
    rows.filter(|(_, remote, socket)| *remote == port && socket.established).map(|(own, ..)| own).collect()
}

fn tables() -> Vec<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// Own port, peer port and state of a line.
fn parse(line: &str) -> Option<(u16, u16, Socket)> {
    let mut fields = line.split_whitespace().skip(1);
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    let local = port(fields.next()?)?;
    let remote = port(fields.next()?)?;
    let established = fields.next()? == "01";
    let (unsent, unread) = fields.next()?.split_once(':')?;
    let unsent = u64::from_str_radix(unsent, 16).ok()?;
    let unread = u64::from_str_radix(unread, 16).ok()?;
    Some((local, remote, Socket { established, unsent, unread }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_table_is_read() {
        let line = "   3: 0100007F:1F90 0200007F:C350 04 00000010:00000002 01:00000014 00000000     0        0 0 1";
        assert_eq!(parse(line), Some((8080, 50000, Socket { established: false, unsent: 16, unread: 2 })));
    }
}
