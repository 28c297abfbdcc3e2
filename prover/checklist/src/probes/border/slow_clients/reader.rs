//! A client that asks for much and reads nothing.
//!
//! That the service has cut it cannot be read from the connection without reading, which is what it must not do. The kernel's
//! table of sockets tells: the service's end is no longer ESTABLISHED once the service has closed it.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use keel_wire::http::Request;
use keel_wire::raw::{Connect, RawConnection};
use keel_wire::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::time::timeout;

use crate::lab::Lab;
use crate::lab::drip::Fate;
use crate::probes::border::support::drips::Until;
use crate::probes::border::support::writes::reads;
use crate::probes::support::listener::{self, Listener};
use crate::probes::support::sockets;
use crate::recipe::strain::Unread;

/// Number of bytes that are requested in all: four times the maximum of a send buffer on Linux.
const ASKED_FOR: usize = 16 << 20;
/// The most requests on the connection.
const REQUESTS: usize = 20_000;
/// The receive buffer asked for: the kernel makes of it the least it allows.
const RECEIVE_BUFFER: u32 = 4 << 10;
/// Time limit of the connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Interval between two reads of the kernel's table.
const LOOK: Duration = Duration::from_millis(250);
/// The most that is read at the end, to see whether answers were cut short.
const DRAINED: usize = 2 * ASKED_FOR;
/// Silence after which everything counts as received.
const DRAIN_QUIET: Duration = Duration::from_secs(2);
/// Time after which a figure that has not changed is taken to be settled.
const QUIET: Duration = Duration::from_secs(2);
/// Of the time of the connection, the share for which the service must have been unable to send.
const STALLED: f64 = 0.5;
/// Error of the kernel's figures: bytes in flight, head of an answer counted twice.
const SLACK: u64 = 64 << 10;

/// Largest answer to request.
pub(super) struct Largest {
    request: Vec<u8>,
    answer: usize,
}

impl Largest {
    /// The number of requests whose answers do not fit into the kernel's buffers.
    fn times(&self) -> usize {
        ASKED_FOR.div_ceil(self.answer).min(REQUESTS)
    }

    /// Sends as many requests again.
    pub(super) fn recipe(&self) -> Unread {
        Unread { request: self.request.clone(), times: self.times(), held: Duration::ZERO }
    }
}

/// Of all that can be asked for, what gives the largest answer; none when nothing gives one.
pub(super) async fn largest(lab: &Lab, listener: &Listener) -> Option<Largest> {
    let mut largest: Option<Largest> = None;
    for request in readable(lab) {
        let exchange = lab.http().send(request.clone()).await;
        let Some(answer) = exchange.answer().filter(|answer| answer.status.is_success()) else { continue };
        let answer = usize::try_from(answer.body_length).unwrap_or(usize::MAX).saturating_add(200);
        if largest.as_ref().is_none_or(|largest| largest.answer < answer) {
            largest = Some(Largest { request: listener.bytes(&request), answer });
        }
    }
    largest
}

/// Asks over and over on one connection, reads nothing, and waits until the service has had enough.
pub(super) async fn never_read(listener: &Listener, largest: Option<Largest>, until: &Until) -> Fate {
    let Some(largest) = largest else { return Fate::NotJudged("no GET gives a 2xx".into()) };
    let requests = largest.times();
    let Some(service) = listener.endpoint.tcp() else {
        return Fate::NotJudged("what is unread on a Unix socket is not counted: name a TCP port".into());
    };
    let how = Connect { receive_buffer: Some(RECEIVE_BUFFER), ..Connect::default() };
    let stream = match RawConnection::connect_with(listener.endpoint.clone(), how, PATIENCE).await {
        Ok(connection) => connection.into_stream(),
        Err(error) => return Fate::NotJudged(format!("no connection: {error}")),
    };
    let Ok(own) = stream.local_address() else { return Fate::NotJudged("the connection has no address".into()) };
    // Tells of a reset beside the two halves, and reads nothing.
    let Ok(watch) = stream.as_fd().try_clone_to_owned().map(std::net::TcpStream::from) else {
        return Fate::NotJudged("no descriptor is left to watch the connection".into());
    };
    let (mut reader, mut writer) = tokio::io::split(stream);
    let began = Instant::now();
    let asking = tokio::spawn(async move {
        for _ in 0..requests {
            if writer.write_all(&largest.request).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
        writer // kept: dropping it would close our half, which is another fault than this one
    });
    let mut quiet = Quiet { figure: 0, since: Instant::now() };
    let end = loop {
        tokio::time::sleep(LOOK).await;
        if watch.take_error().ok().flatten().is_some() {
            break End::Reset;
        }
        let socket = sockets::find(service.port(), own.port());
        if socket.is_some_and(|socket| !socket.established) {
            break End::Closed;
        }
        // Over TLS these are bytes of TLS, a few more than those within.
        let held = socket.map_or(0, |socket| socket.unsent) + unread(own, service);
        let is_quiet = quiet.for_long(held);
        if asking.is_finished() && is_quiet && held + SLACK > (requests * largest.answer) as u64 {
            break End::Fits;
        }
        if until.left(began).is_none() {
            break End::Patience(held, quiet.lasts());
        }
    };
    let after = began.elapsed();
    let fate = match end {
        End::Reset => Fate::Cut(after, "reset".into()),
        End::Fits => Fate::NotJudged("all answers fit into the kernel's buffers".into()),
        End::Closed => {
            let bytes = drain(&mut reader, DRAINED).await;
            match listener::answers(&bytes).last() {
                Some(last) if last.complete => Fate::NotJudged(format!(
                    "the service closed after {} bytes, which fit into the kernel's buffers",
                    bytes.len()
                )),
                _ => Fate::Cut(after, "closed in the middle of an answer".into()),
            }
        }
        End::Patience(held, stalled) => {
            let all = drain(&mut reader, usize::try_from(held + SLACK + 1).unwrap_or(DRAINED)).await.len() as u64;
            at_the_end(all, held, stalled, after)
        }
    };
    asking.abort();
    fate
}

/// Why waiting ended.
enum End {
    Reset,
    Closed,
    Fits,
    /// With so many bytes in the kernel's buffers, which have been as many for this long.
    Patience(u64, Duration),
}

/// Judges a connection that is still there, whose answers came to `all` bytes once they were read. A service whose answers still came a while ago was not
/// held up by its reader: it takes long for each of them.
pub(super) fn at_the_end(all: u64, held: u64, stalled: Duration, after: Duration) -> Fate {
    // More than these were still in the service.
    if all <= held + SLACK {
        return Fate::NotJudged(format!("its {all} bytes of answers fit into the kernel's buffers"));
    }
    match stalled >= after.mul_f64(STALLED) {
        true => Fate::Held(after),
        false => Fate::NotJudged(format!(
            "its answers filled the kernel's buffers until {stalled:.0?} before the end: that is too short a time to tell"
        )),
    }
}

/// Notices that a figure no longer changes.
struct Quiet {
    figure: u64,
    since: Instant,
}

impl Quiet {
    /// Returns true if the figure has been the same for 2 s.
    fn for_long(&mut self, figure: u64) -> bool {
        if figure != self.figure {
            (self.figure, self.since) = (figure, Instant::now());
        }
        self.lasts() >= QUIET
    }

    /// Time for which the figure has been the same.
    fn lasts(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Returns the number of bytes that have come to our end and have not been read.
fn unread(own: SocketAddr, service: SocketAddr) -> u64 {
    sockets::find(own.port(), service.port()).map_or(0, |socket| socket.unread)
}

/// Reads all that still comes, until it is so many bytes, bounded in bytes and time.
async fn drain(reader: &mut ReadHalf<Stream>, enough: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 256 << 10];
    while bytes.len() < enough.min(DRAINED) {
        match timeout(DRAIN_QUIET, reader.read(&mut piece)).await {
            Ok(Ok(read)) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    bytes
}

/// The GETs of the mix and the root: what a slow reader may ask for.
fn readable(lab: &Lab) -> Vec<Request> {
    let mut requests: Vec<Request> = lab.mix().iter().filter(|spec| reads(spec)).map(|spec| lab.fill(spec)).collect();
    requests.push(Request::get("/"));
    requests
}
