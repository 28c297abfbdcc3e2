//! Which processes hold a listening socket, as `/proc` shows them.

use std::collections::HashSet;
use std::fs;

/// The state of a socket that listens (`include/net/tcp_states.h`).
const LISTEN: &str = "0A";

/// The processes that listen on a TCP port, those of this user (of everybody, for root).
pub(super) fn listening_on(port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let sockets: HashSet<String> =
        tables.iter().flat_map(|table| table.lines()).filter_map(|line| listener(line, port)).collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| holds_one_of(*pid, &sockets)).collect()
}

/// The socket of a line, as a descriptor names it, when it listens on this port.
fn listener(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let own = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
    (own == port && *state == LISTEN).then(|| format!("socket:[{inode}]"))
}

fn holds_one_of(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    targets.into_iter().any(|target| sockets.contains(&*target.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_is_found() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        assert_eq!(listening_on(port), [std::process::id()]);
        drop(listener);
        assert!(!listening_on(port).contains(&std::process::id()));
    }
}
