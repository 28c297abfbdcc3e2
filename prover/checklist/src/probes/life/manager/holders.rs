//! The processes that hold a listening socket, as `/proc` shows them.

use std::collections::HashSet;

use keel_drill::tcp_table::sockets_of;
use procfs::process::{FDTarget, Process, all_processes};

/// The processes that listen on a TCP port, those of this user (of everybody, for root).
pub(super) fn listening_on(port: u16) -> Vec<u32> {
    let listeners = sockets_of(port).into_iter().filter(|socket| socket.listens && socket.local == port);
    let sockets: HashSet<u64> = listeners.map(|socket| socket.inode).collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let processes = all_processes().into_iter().flatten().flatten();
    processes.filter(|process| holds_one_of(process, &sockets)).map(|process| process.pid().cast_unsigned()).collect()
}

fn holds_one_of(process: &Process, sockets: &HashSet<u64>) -> bool {
    let descriptors = process.fd().into_iter().flatten().flatten();
    descriptors.into_iter().any(|info| matches!(info.target, FDTarget::Socket(inode) if sockets.contains(&inode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listening_process_is_found() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        assert_eq!(listening_on(port), [std::process::id()]);
        drop(listener);
        assert!(!listening_on(port).contains(&std::process::id()));
    }
}
