//! TLS in a build without the feature `tls`: there is none.

use supervision::Stop;
use tokio::net::TcpStream;

use crate::Limits;
use crate::transport::Transport;

/// No listener has it.
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

/// No client has shown one.
#[derive(Clone, Debug)]
pub(crate) enum ClientCertificate {}

impl Tls {
    pub(crate) async fn accept(
        &self,
        _socket: TcpStream,
        _limits: &Limits,
        _draining: &Stop,
    ) -> Option<(Transport, Option<ClientCertificate>)> {
        match *self {}
    }
}
