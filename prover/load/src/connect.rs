//! Opening a connection to the target.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use crate::plan::Plan;

/// How an attempt ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused,
    Reset,
    Broken,
}

/// Opens a connection to the target, from the worker's own address where the plan has several.
pub(super) async fn connect(plan: &Plan, number: usize) -> Result<TcpStream, Failure> {
    let host = plan.target.host_str().unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    let port = plan.target.port_or_known_default().unwrap_or(80);
    let address = match host.parse() {
        Ok(address) => SocketAddr::new(address, port),
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|_| Failure::Refused)?;
    if let (1.., SocketAddr::V4(_)) = (plan.sources, address) {
        let place = u32::try_from(number).unwrap_or(0) % plan.sources;
        let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + place);
        socket.bind(SocketAddr::from((source, 0))).map_err(|_| Failure::Refused)?;
    }
    let stream = socket.connect(address).await.map_err(|_| Failure::Refused)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
