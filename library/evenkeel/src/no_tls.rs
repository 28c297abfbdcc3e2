//! TLS of the public listener in a build without the feature `tls`: there is none.

use std::net::SocketAddr;
use std::time::Duration;

use border::{Limits, Listener};
use supervision::Children;
use vitals::Registry;

use crate::failed::Failed;
use crate::settings::Standard;

/// No run has them.
pub(crate) enum TlsParts {}

pub(crate) fn open(
    _standard: &Standard,
    _limits: &Limits,
    _drain: Duration,
    _registry: &Registry,
) -> Result<Option<TlsParts>, Failed> {
    Ok(None)
}

pub(crate) fn check(_standard: &Standard) -> Result<(), Failed> {
    Ok(())
}

impl TlsParts {
    pub(crate) fn secure(&self, _listener: Listener) -> Listener {
        match *self {}
    }

    pub(crate) fn start(self, _public: SocketAddr, _children: &mut Children) -> Result<(), Failed> {
        match self {}
    }
}
