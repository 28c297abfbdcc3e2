//! Clients of a listener: connections and requests open for each address or network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One client with something open.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicU64,
    /// List of clients and the address under which this one is counted.
    listed: Option<(Arc<Clients>, IpAddr)>,
}

/// The clients with something open. Each is listed while a connection or a request of it is.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    known: Mutex<HashMap<IpAddr, Weak<Client>>>,
}

impl Clients {
    /// The client at an address.
    pub(crate) fn at(self: &Arc<Self>, address: IpAddr) -> Arc<Client> {
        let address = network_of(address);
        let mut known = self.known();
        if let Some(client) = known.get(&address).and_then(Weak::upgrade) {
            return client;
        }
        let listed = Some((self.clone(), address));
        let client = Arc::new(Client { connections: AtomicUsize::new(0), requests: AtomicU64::new(0), listed });
        known.insert(address, Arc::downgrade(&client));
        client
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IpAddr, Weak<Client>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// The address or network that stands for it.
    pub(crate) fn network(&self) -> Option<IpAddr> {
        self.listed.as_ref().map(|(_, address)| *address)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some((clients, address)) = &self.listed else { return };
        let mut known = clients.known();
        // Another may have taken its place since.
        if known.get(address).is_some_and(|client| client.strong_count() == 0) {
            known.remove(address);
        }
    }
}

/// Returns the network that stands for a client: its IPv4 address, or the first 64 bits of its IPv6 address, because one customer or one host
/// has all the rest (RFC 6177).
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_addresses_are_clients_of_their_own_also_when_mapped_into_ipv6() {
        let network = |address: &str| network_of(address.parse().unwrap());
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:1:ffff::2"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
    }

    #[test]
    fn a_client_is_listed_while_something_of_it_is_open() {
        let clients = Arc::new(Clients::default());
        let (one, same) = (clients.at("192.0.2.1".parse().unwrap()), clients.at("192.0.2.1".parse().unwrap()));
        assert!(Arc::ptr_eq(&one, &same));
        drop(one);
        assert_eq!(clients.known().len(), 1);
        drop(same);
        assert_eq!(clients.known().len(), 0);
    }
}
