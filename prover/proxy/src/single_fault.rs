//! A proxy with one fault at a time.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keel_input::seed::Seed;

use crate::hold::Hold;
use crate::proxy::Proxy;
use crate::shared::Cut;
use crate::socket::Reservation;
use crate::toxic::{
    Blackhole, Endless, Garbage, Hang, Kind, Latency, LimitData, LostAnswer, ResetRequest, ServerError, Slicer, Stream,
    Toxic,
};

/// The fault of a proxy, for new and open connections.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Refuses connections (the listener is closed; open connections are reset).
    Down,
    /// Accepts and reads, never answers.
    Hang,
    /// Holds every answer back for so long.
    Latency(Duration),
    /// Passes the answer on a few bytes at a time.
    Drip {
        /// Bytes at a time.
        bytes: usize,
        /// Between two pieces.
        every: Duration,
    },
    /// Resets the connection after the request has been read.
    Reset,
    /// Answers with bytes that are not the protocol.
    Garbage,
    /// Passes so many bytes of the answer on, then closes.
    Truncate(usize),
    /// Answers 500 itself, as HTTP.
    ServerError,
    /// Answers 200 with JSON content type and a body that never ends (as fast as the peer reads), as HTTP.
    Endless,
    /// Passes the request on, waits for the upstream's answer, and closes without giving it.
    LostAnswer,
}

impl Fault {
    /// The toxics that make it.
    fn toxics(&self) -> Vec<Toxic> {
        let down = |kind: Kind| vec![Toxic::new(Stream::Downstream, kind)];
        match self {
            Self::None | Self::Down => Vec::new(),
            Self::Hang => {
                vec![Toxic::new(Stream::Upstream, Hang), Toxic::new(Stream::Downstream, Blackhole)]
            }
            Self::Latency(latency) => down(Latency { latency: milliseconds(*latency), jitter: 0 }.into()),
            Self::Drip { bytes, every } => down(Kind::from(Slicer {
                average_size: i64::try_from(*bytes).unwrap_or(i64::MAX),
                size_variation: 0,
                delay: i64::try_from(every.as_micros()).unwrap_or(i64::MAX),
            })),
            Self::Reset => down(ResetRequest.into()),
            Self::Garbage => down(Garbage.into()),
            Self::Truncate(bytes) => down(Kind::from(LimitData { bytes: i64::try_from(*bytes).unwrap_or(i64::MAX) })),
            Self::ServerError => down(ServerError.into()),
            Self::Endless => down(Endless.into()),
            Self::LostAnswer => down(LostAnswer.into()),
        }
    }
}

/// Rounds up to whole milliseconds: no answer comes too early.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// A TCP proxy on a port of its own, in front of one upstream. Dropping it resets everything.
///
/// Its port stays its own while it is [`Fault::Down`]: a second socket is bound to it that never listens.
#[derive(Debug)]
pub struct FaultProxy {
    proxy: Proxy,
    upstream: String,
    address: SocketAddr,
    fault: Mutex<Fault>,
}

impl FaultProxy {
    /// Starts it in front of `upstream` (`host:port`). Nothing is sent there before a connection comes.
    ///
    /// # Errors
    /// When no loopback port can be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(upstream: String) -> std::io::Result<Self> {
        Self::on(Reservation::make()?, upstream).await
    }

    /// Starts it at this address, for a client that cannot be given another one.
    ///
    /// # Errors
    /// If another program listens on the port.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start_at(address: SocketAddr, upstream: String) -> std::io::Result<Self> {
        Self::on(Reservation::at(address)?, upstream).await
    }

    async fn on(reservation: Reservation, upstream: String) -> std::io::Result<Self> {
        let address = reservation.address();
        let proxy = Proxy::reserved("lab".to_owned(), reservation, upstream.clone(), Seed::fresh());
        proxy.start().await.map_err(std::io::Error::other)?;
        Ok(Self { proxy, upstream, address, fault: Mutex::new(Fault::None) })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address that it forwards to.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Changes what it does, from now on. On return the change is in force: with [`Fault::Down`] the listener is closed and
    /// every connection is reset, after it the listener is open again.
    pub async fn set(&self, fault: Fault) {
        self.proxy.replace_toxics(fault.toxics());
        let down = fault == Fault::Down;
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        if down {
            self.proxy.stop(Cut::Reset).await;
        } else {
            self.proxy.start_patiently().await;
        }
    }

    /// Sets the flow of the bytes, for every fault.
    pub fn hold(&self, hold: Hold) {
        self.proxy.set_hold(hold);
    }

    /// Returns the current fault.
    pub fn fault(&self) -> Fault {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.proxy.connections()
    }

    /// Bytes that the upstream has sent since the start, whether they were passed on or not.
    pub fn answered(&self) -> u64 {
        self.proxy.received(Stream::Downstream)
    }

    /// Bytes that clients have sent since the start, whether they were passed on or not.
    pub fn heard(&self) -> u64 {
        self.proxy.received(Stream::Upstream)
    }
}
