//! Loopback ports that are reserved before a program listens on them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// Reserved loopback TCP port, which the system gives to no other program while this value lives.
///
/// A socket stays bound to the port and never listens. With `SO_REUSEADDR` on both sides, Linux lets a program that names
/// this port bind and listen on it (the standard library and tokio set the option), but never hands the port to a program that
/// asks for any free port, and gives it to no outgoing connection. A test that binds a port, closes it and passes its
/// number on has no such guarantee: a parallel test may be given the same number.
///
/// ```
/// use keel_wire::port::ReservedPort;
///
/// let port = ReservedPort::new()?;
/// let listener = std::net::TcpListener::bind(("127.0.0.1", port.number()))?;
/// # assert!(listener.local_addr()?.ip().is_loopback());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ReservedPort {
    _socket: Socket,
    number: u16,
}

impl ReservedPort {
    /// Reserves a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The operating system's, when no port is free.
    pub fn new() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { _socket: socket, number: address.port() })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Reserves the port until this process ends, for a test that passes only the number on.
    pub fn for_this_process(self) -> u16 {
        let number = self.number;
        std::mem::forget(self);
        number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics says where")]

    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_program_that_names_the_port_listens_on_it_again_and_again() {
        let port = ReservedPort::new().unwrap();
        for _ in 0..3 {
            let listener = TcpListener::bind(("127.0.0.1", port.number())).unwrap();
            let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.accept().unwrap();
        }
    }

    #[test]
    fn connections_are_refused_while_no_program_listens() {
        let port = ReservedPort::new().unwrap();
        let refused = TcpStream::connect(("127.0.0.1", port.number())).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_reserved_port_is_not_handed_out_as_a_free_one() {
        let reserved: Vec<ReservedPort> = (0..200).map(|_| ReservedPort::new().unwrap()).collect();
        let numbers: std::collections::HashSet<u16> = reserved.iter().map(ReservedPort::number).collect();
        assert_eq!(numbers.len(), reserved.len());
        let free: Vec<TcpListener> = (0..2_000).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        for listener in free {
            assert!(!numbers.contains(&listener.local_addr().unwrap().port()));
        }
    }
}
