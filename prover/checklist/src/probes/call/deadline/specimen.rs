//! Servers for the probe of deadlines: a service that asks `DEPENDENCY_URL` for `/price`, twice when that fails, and heeds how
//! long its caller waits, or does not.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::server::{Request, Response, read_request, write_response};
use crate::specimen::{Server, Specimen};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Gives the call up when its caller's `grpc-timeout` is over, and says with each attempt how long is left.
    Carrying,
    /// Gives it up, and says nothing.
    Mute,
    /// Gives it up, but says with each attempt how long its caller waits in all.
    Stale,
    /// Gives it up, but says that it waits as long as it would for anybody.
    Extending,
    /// Gives it up, and says the same little to everybody.
    Fixed,
    /// Gives up every second one, and says nothing.
    Wavering,
    /// Reads no header, but gives the call up when its caller closes the connection.
    Watchful,
}

/// Default time limit of a call.
const TIMEOUT: Duration = Duration::from_millis(1500);
const ATTEMPTS: u32 = 2;
/// Deadline that the fixed one sends.
const FIXED: Duration = Duration::from_millis(150);
/// Between two looks at the caller and the dependency.
const LOOK: Duration = Duration::from_millis(10);

/// Requests that said how long their caller waits.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("patience-carrying", |port| heed(Way::Carrying, port))
        .holds("ends calls with their caller's patience, and says what is left"),
    GOOD.falls_short("calls go on after the caller has left"),
    Server::new("patience-extending", |port| heed(Way::Extending, port))
        .falls_short("says that it waits as long as it would for anybody"),
    Server::new("patience-stale", |port| heed(Way::Stale, port))
        .falls_short("says with each attempt how long its caller waits in all")
        .liar(),
    Server::new("patience-fixed", |port| heed(Way::Fixed, port))
        .is_unknown("gives calls up, and states the same deadline for every caller")
        .liar(),
    Server::new("patience-mute", |port| heed(Way::Mute, port)).is_unknown("gives calls up and says nothing"),
    Server::new("patience-wavering", |port| heed(Way::Wavering, port)).is_unknown("gives up every second call"),
    Server::new("patience-watchful", |port| heed(Way::Watchful, port))
        .is_unknown("gives a call up only when its caller closes the connection"),
    DEPENDENCY.is_called(),
];

fn heed(way: Way, port: u16) -> ! {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept() else { continue };
        std::thread::spawn(move || serve(stream, way));
    }
}

/// One request, then the connection is closed.
fn serve(mut caller: TcpStream, way: Way) -> std::io::Result<()> {
    let Some(request) = read_request(&mut BufReader::new(caller.try_clone()?))? else { return Ok(()) };
    let response = match request.path.as_str() {
        "/price" => price(&request, &caller, way),
        "/" => Response::new(200, "text/plain", "hello"),
        _ => Response::new(404, "text/plain", "nothing here"),
    };
    caller.set_nonblocking(false)?;
    write_response(&mut caller, &request, &response.header("Connection", "close"))
}

fn price(request: &Request, caller: &TcpStream, way: Way) -> Response {
    let heeds = || match way {
        Way::Watchful => false,
        Way::Wavering => ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2),
        _ => true,
    };
    let asked = request.header("grpc-timeout").filter(|_| heeds()).and_then(milliseconds);
    let waits = asked.map_or(TIMEOUT, |asked| asked.min(TIMEOUT));
    let until = Instant::now() + waits;
    for _ in 0..ATTEMPTS {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let said = match way {
            Way::Carrying => Some(left),
            Way::Stale => Some(waits),
            Way::Extending => Some(TIMEOUT),
            Way::Fixed => Some(FIXED.min(left)),
            Way::Mute | Way::Wavering | Way::Watchful => None,
        };
        if let Ok(body) = call(said, until, caller) {
            return Response::new(200, "application/json", body);
        }
    }
    Response::new(503, "text/plain", "no price now")
}

fn milliseconds(value: &str) -> Option<Duration> {
    value.strip_suffix('m')?.parse().ok().map(Duration::from_millis)
}

/// One call, given up at a time, or when the caller has closed its connection.
fn call(said: Option<Duration>, until: Instant, mut caller: &TcpStream) -> std::io::Result<Vec<u8>> {
    let address = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://").trim_end_matches('/'))?;
    let said = said.map_or(String::new(), |said| format!("grpc-timeout: {}m\r\n", said.as_millis()));
    write!(stream, "GET / HTTP/1.1\r\nHost: dependency\r\n{said}Connection: close\r\n\r\n")?;
    stream.set_read_timeout(Some(LOOK))?;
    caller.set_nonblocking(true)?;
    let mut answer = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= until || matches!(caller.read(&mut [0]), Ok(0)) {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    let head =
        answer.windows(4).position(|window| window == b"\r\n\r\n").filter(|_| answer.starts_with(b"HTTP/1.1 200 "));
    head.map(|head| answer[head + 4..].to_vec()).ok_or_else(|| ErrorKind::InvalidData.into())
}
