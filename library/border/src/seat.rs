//! Connection limits: the number of open connections, in all and from each client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use supervision::{Stop, StopSource};
use tokio::sync::Notify;

use crate::Limits;
use crate::client::Clients;
use crate::connection::Peer;
use crate::forwarded::is_in;
use crate::pressure::OpenConnections;
use crate::traffic::Traffic;
use crate::unsent::UnsentInAll;

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    limits: Arc<Limits>,
    traffic: Arc<Traffic>,
    open: AtomicU64,
    clients: Arc<Clients>,
    /// Bytes of answers that wait for their clients.
    pub(crate) unsent: Arc<UnsentInAll>,
    pub(crate) connections: OpenConnections,
    left: Notify,
    /// True once one of the next two was requested.
    ending: AtomicBool,
    /// Requested when the listener takes no more requests. Here, as upgraded connections outlive their tasks.
    draining: StopSource,
    /// Requested when open connections are cut.
    cut: StopSource,
}

/// A connection's place, given back by drop.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    pub(crate) peer: Peer,
}

impl Seats {
    pub(crate) fn new(limits: Arc<Limits>, traffic: Arc<Traffic>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            traffic,
            open: AtomicU64::new(0),
            clients: Arc::default(),
            unsent: Arc::default(),
            connections: OpenConnections::default(),
            left: Notify::new(),
            ending: AtomicBool::new(false),
            draining: StopSource::new(),
            cut: StopSource::new(),
        })
    }

    /// Takes a place, or none when the listener or the client has as many as it may. A trusted proxy has those of many
    /// clients.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let open = self.open.fetch_add(1, Ordering::AcqRel);
        self.traffic.connections.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { seats: self.clone(), peer: Peer::Proxy(self.clients.clone(), address) };
        let limits = &self.limits;
        let closed = self.connections.relieve(open + 1, limits.connections, limits.idle_timeout_under_pressure);
        self.traffic.closed_early.fetch_add(closed as u64, Ordering::Relaxed);
        if open >= self.limits.connections as u64 {
            return None;
        }
        if is_in(address, &self.limits.trusted_proxies) { Some(seat) } else { seat.of_client(address) }
    }

    /// The stops of a connection: of its last request, and of the connection.
    pub(crate) fn stops(&self) -> (Stop, Stop) {
        (self.draining.listen(), self.cut.listen())
    }

    /// Ends all connections after their open requests.
    pub(crate) fn drain(&self) {
        self.ending.store(true, Ordering::Release);
        self.draining.request();
    }

    /// Cuts all connections at once.
    pub(crate) fn cut(&self) {
        self.ending.store(true, Ordering::Release);
        self.cut.request();
    }

    /// Returns true once the connections are to end.
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

impl Seat {
    /// The place as one of a client, or none when that has as many as it may.
    pub(crate) fn of_client(mut self, address: IpAddr) -> Option<Self> {
        let client = self.seats.clients.at(address);
        let before = client.connections.fetch_add(1, Ordering::AcqRel);
        self.peer = Peer::Client(client);
        let limits = &self.seats.limits;
        let is_within = before < limits.connections_per_address || is_in(address, &limits.unbounded_addresses);
        is_within.then_some(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let seats = &self.seats;
        if let Peer::Client(client) = &self.peer {
            client.connections.fetch_sub(1, Ordering::AcqRel);
        }
        seats.traffic.connections.fetch_sub(1, Ordering::Relaxed);
        seats.open.fetch_sub(1, Ordering::AcqRel);
        seats.left.notify_waiters();
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
    fn a_trusted_proxy_has_as_many_connections_as_the_listener() {
        let trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
        let seats = seats(Limits { connections_per_address: 1, trusted_proxies, ..Limits::default() });
        let held = [(); 3].map(|()| seats.take("192.0.2.7".parse().unwrap()));
        assert!(held.iter().all(Option::is_some));
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
