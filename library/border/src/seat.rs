//! Places of connections: how many are open in all, and from each client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use supervision::{Stop, StopSource};
use tokio::sync::Notify;

use crate::Limits;
use crate::admission::Neighbours;
use crate::traffic::Traffic;

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    limits: Arc<Limits>,
    traffic: Arc<Traffic>,
    open: AtomicU64,
    clients: Mutex<HashMap<IpAddr, Client>>,
    left: Notify,
    /// Whether one of the next two was requested.
    ending: AtomicBool,
    /// Requested when the listener takes no more requests. Here, as upgraded connections outlive their tasks.
    draining: StopSource,
    /// Requested when open connections are cut.
    cut: StopSource,
}

/// What is open for one client.
#[derive(Debug, Default)]
struct Client {
    connections: usize,
    requests: Neighbours,
}

/// A connection's place, given back by drop.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    client: IpAddr,
    pub(crate) neighbours: Neighbours,
}

impl Seats {
    pub(crate) fn new(limits: Arc<Limits>, traffic: Arc<Traffic>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            traffic,
            open: AtomicU64::new(0),
            clients: Mutex::default(),
            left: Notify::new(),
            ending: AtomicBool::new(false),
            draining: StopSource::new(),
            cut: StopSource::new(),
        })
    }

    /// Takes a place, or none when the listener or the client has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let client = client_of(peer);
        let open = self.open.fetch_add(1, Ordering::AcqRel);
        self.traffic.connections.fetch_add(1, Ordering::Relaxed);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let same = clients.entry(client).or_default();
        same.connections += 1;
        let over = open >= self.limits.connections as u64 || same.connections > self.limits.connections_per_address;
        let neighbours = same.requests.clone();
        drop(clients);
        let seat = Seat { seats: self.clone(), client, neighbours };
        (!over).then_some(seat)
    }

    /// The stops of a connection: of its last request, and of the connection.
    pub(crate) fn stops(&self) -> (Stop, Stop) {
        (self.draining.listen(), self.cut.listen())
    }

    /// Asks all connections to end with their open requests.
    pub(crate) fn drain(&self) {
        self.ending.store(true, Ordering::Release);
        self.draining.request();
    }

    /// Asks all connections to end at once.
    pub(crate) fn cut(&self) {
        self.ending.store(true, Ordering::Release);
        self.cut.request();
    }

    /// Whether the connections were asked to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Acquire)
    }

    /// Returns when no connection is open.
    pub(crate) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if self.open() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let seats = &self.seats;
        let mut clients = seats.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = clients.get_mut(&self.client) {
            same.connections -= 1;
            // Requests end before their connection does, or are dropped with it: nobody else has this count any more.
            if same.connections == 0 {
                clients.remove(&self.client);
            }
        }
        drop(clients);
        seats.traffic.connections.fetch_sub(1, Ordering::Relaxed);
        seats.open.fetch_sub(1, Ordering::AcqRel);
        seats.left.notify_waiters();
    }
}

/// The client behind an address: an IPv4 address, or the first 64 bits of an IPv6 address, as one customer or one host has all the rest
/// (RFC 6177).
pub(crate) fn client_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(limits: Limits) -> Arc<Seats> {
        Seats::new(Arc::new(limits), Arc::new(Traffic::new("public")))
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let seats = seats(Limits { connections_per_address: 2, ..Limits::default() });
        let take = |address: &str| seats.take(address.parse().unwrap());
        let held = [take("2001:db8:0:1::1"), take("2001:db8:0:1:ffff::2")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8:0:1::3").is_none());
        assert!(take("2001:db8:0:2::1").is_some());
        assert!(take("::ffff:192.0.2.1").is_some());
    }

    #[test]
    fn ipv4_addresses_are_clients_of_their_own_also_when_mapped_into_ipv6() {
        let client = |address: &str| client_of(address.parse().unwrap());
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
    }

    #[test]
    fn a_refused_connection_gives_back_its_place() {
        let seats = seats(Limits { connections: 1, ..Limits::default() });
        let peer = "192.0.2.1".parse().unwrap();
        let held = seats.take(peer);
        assert!(held.is_some() && seats.take(peer).is_none());
        drop(held);
        assert_eq!(seats.open(), 0);
        assert!(seats.take(peer).is_some());
    }
}
