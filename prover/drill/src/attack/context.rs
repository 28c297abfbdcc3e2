//! The context of an attack: its target's address, its bounds, and the pace that keeps to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use keel_input::credentials;
use rand::TryRng;
use rand::rngs::SysRng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

use super::bounds::Bounds;
use super::consent::Site;
use super::evidence::Excuse;
use super::pace::Pace;
use super::target::Target;
use keel_wire::endpoint::Endpoint;
use keel_wire::http::Request;
use keel_wire::http2;
use keel_wire::raw::{Connect, Heard, RawConnection};

/// The address of attackers, on loopback.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The address of the bystander, on loopback.
const BYSTANDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Descriptors that this process needs besides those of the attack: the bystander's, files, the runtime's.
const SPARE: usize = 300;
/// The time limit of a connection: loopback needs microseconds, a full backlog drops the first SYN for a second.
const CONNECT: Duration = Duration::from_secs(3);
/// The time limit of an answer before the attack.
const IN_PEACE: Duration = Duration::from_secs(5);
/// Attempts to get an answer before the attack: the target may still remember an earlier attack.
const ATTEMPTS: u32 = 10;

/// The context of an attack.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) bounds: Bounds,
    pub(super) address: SocketAddr,
    /// The address, with TLS where it is spoken there.
    pub(super) endpoint: Endpoint,
    http2: Endpoint,
    /// The value of `Host`: that of the harmless request, else the target's own.
    pub(super) host: String,
    /// The status of the harmless request before the attack.
    pub(super) baseline: u16,
    /// Begins with the first thing that is begun, after the bystander has seen the target in peace.
    pace: OnceLock<Pace>,
}

impl<'a> Context<'a> {
    /// Opens the context, when the target answers a harmless request.
    ///
    /// # Errors
    /// The reason why nothing can be told of the target.
    pub(super) async fn open(target: &'a Target, bounds: &Bounds, site: Site) -> Result<Self, String> {
        let connections = bounds.connections.min(descriptors(bounds.connections + SPARE).saturating_sub(SPARE)).max(1);
        let bounds = Bounds { connections, ..*bounds };
        let Site { address, endpoint, http2, host } = site;
        let host = given(&target.read, "host").map_or(host, ToOwned::to_owned);
        let mut context = Self { target, bounds, address, endpoint, http2, host, baseline: 0, pace: OnceLock::new() };
        for _ in 0..ATTEMPTS {
            let heard = context.exchange_now(&context.bytes(&context.read()), IN_PEACE).await;
            match heard.as_ref().ok().and_then(Heard::status) {
                // Refusals for a while (429, 503) may be the end of the attack before.
                Some(429 | 503) | None => tokio::time::sleep(Duration::from_millis(500)).await,
                Some(status) => {
                    context.baseline = status;
                    return Ok(context);
                }
            }
        }
        Err(format!("it does not answer in peace: {} {}", context.target.read.method, context.target.read.path))
    }

    /// Returns true if source addresses can be chosen: the whole of 127.0.0.0/8 is ours.
    pub(super) fn has_many_sources(&self) -> bool {
        self.address.is_ipv4() && self.address.ip().is_loopback()
    }

    /// The bystander's address, where addresses can be chosen.
    pub(super) fn bystander(&self) -> Option<SocketAddr> {
        self.has_many_sources().then(|| SocketAddr::from((BYSTANDER, 0)))
    }

    /// Connects as the attacker.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) async fn open_connection(&self) -> std::io::Result<RawConnection> {
        self.open_with(self.endpoint.clone(), Connect::default()).await
    }

    /// Connects as an attacker who will read nothing: little fits between the two.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) async fn open_narrow(&self) -> std::io::Result<RawConnection> {
        self.open_with(self.endpoint.clone(), narrow()).await
    }

    /// Connects as the attacker to where HTTP/2 is spoken; `unread` when little is to fit between the two.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) async fn open_h2(&self, unread: bool) -> std::io::Result<RawConnection> {
        let how = if unread { narrow() } else { Connect::default() };
        // A port of its own is one without TLS.
        let to = match self.target.h2_port {
            Some(port) => SocketAddr::new(self.address.ip(), port).into(),
            None => self.http2.clone(),
        };
        self.open_with(to, how).await
    }

    /// A GET of the harmless path as a header block of HTTP/2.
    pub(super) fn h2_get(&self) -> Vec<u8> {
        let over_tls = self.target.h2_port.is_none() && self.http2.is_tls();
        http2::get_by_scheme(over_tls, &self.read().path, &self.host)
    }

    async fn open_with(&self, to: Endpoint, how: Connect) -> std::io::Result<RawConnection> {
        let from = self.has_many_sources().then(|| SocketAddr::from((ATTACKER, 0)));
        RawConnection::connect_with(to, Connect { from, ..how }, CONNECT).await
    }

    /// Waits for its turn, sends bytes on a connection of their own and gives what came back until an answer was whole or
    /// `timeout`. That not everything could be written is no failure: a server may answer and close before.
    ///
    /// # Errors
    /// When the bounds are used up or no connection can be made: neither says anything of how the bytes are answered.
    pub(super) async fn exchange(&self, bytes: &[u8], timeout: Duration) -> Result<Heard, Excuse> {
        if !self.turn().await {
            return Err(Excuse::Unknown("the bounds were used up before it could be sent: allow more".to_owned()));
        }
        self.exchange_now(bytes, timeout).await.map_err(no_connection)
    }

    async fn exchange_now(&self, bytes: &[u8], timeout: Duration) -> std::io::Result<Heard> {
        let mut connection = self.open_connection().await?;
        let _ = connection.write(bytes, timeout).await;
        Ok(connection.listen_answer(timeout).await)
    }

    /// The harmless request.
    pub(super) fn read(&self) -> Request {
        fill(&self.target.read)
    }

    /// A request that carries a body, without its body, and whether the target was said to take it: else a POST of the
    /// harmless path.
    pub(super) fn body_route(&self) -> (Request, bool) {
        match &self.target.body {
            Some(request) => (fill(request), true),
            None => {
                let post = Request::new(http::Method::POST, self.target.read.path.clone());
                (post.header("Content-Type", "application/json"), false)
            }
        }
    }

    /// A request as bytes: its head, and its body with the right length.
    pub(super) fn bytes(&self, request: &Request) -> Vec<u8> {
        let length = match request.body.len() {
            0 if !["POST", "PUT", "PATCH"].contains(&request.method.as_str()) => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let mut bytes = self.head(request, &length);
        bytes.extend_from_slice(&request.body);
        bytes
    }

    /// The head of a request alone, with lines added that are written as they are (each ends with CRLF). Framing headers
    /// of the request itself are left out; its `Host` stands in place of the target's.
    pub(super) fn head(&self, request: &Request, lines: &str) -> Vec<u8> {
        let mut head = self.opened_head(request);
        head.push_str(lines);
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The head of a request without its last, empty line.
    pub(super) fn opened_head(&self, request: &Request) -> String {
        let host = given(request, "host").unwrap_or(&self.host);
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", request.method, request.path);
        if let Some(value) =
            credentials::authorization(&self.target.url).filter(|_| given(request, "authorization").is_none())
        {
            head.push_str(&format!("Authorization: {value}\r\n"));
        }
        for (name, value) in &request.headers {
            let framing = ["host", "content-length", "transfer-encoding", "connection"];
            if !framing.contains(&name.to_ascii_lowercase().as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head
    }

    /// Waits until the next thing may be begun; false when the bounds are used up.
    pub(super) async fn turn(&self) -> bool {
        self.turns(1).await
    }

    /// Waits until so many things may be begun together; false when the bounds do not allow as many any more.
    pub(super) async fn turns(&self, count: u64) -> bool {
        self.pace().turns(count).await
    }

    /// Returns the end of the attack.
    pub(super) fn deadline(&self) -> Instant {
        self.pace().until
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }

    fn pace(&self) -> &Pace {
        self.pace.get_or_init(|| Pace::new(&self.bounds))
    }
}

/// The value of a header that the request itself has.
fn given<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn narrow() -> Connect {
    Connect { receive_buffer: Some(1 << 10), max_segment: Some(536), ..Connect::default() }
}

/// The excuse when no connection could be made.
pub(super) fn no_connection(error: std::io::Error) -> Excuse {
    Excuse::Unknown(format!("no connection could be made: {error}"))
}

/// The request with `{key}` replaced by one fresh UUID.
pub(super) fn fill(request: &Request) -> Request {
    let key = fresh_key();
    let fill = |text: &str| text.replace("{key}", &key);
    let mut filled = request.clone();
    filled.path = fill(&request.path);
    for (_, value) in &mut filled.headers {
        *value = fill(value);
    }
    if let Ok(body) = std::str::from_utf8(&request.body) {
        filled.body = Bytes::from(fill(body));
    }
    filled
}

/// A UUID of version 4 (RFC 9562, 5.4).
pub(super) fn fresh_key() -> String {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives randomness");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Raises the soft limit of descriptors to what is wanted or allowed; what it is then.
fn descriptors(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted as u64) {
        let current = limit.maximum.map_or(wanted as u64, |maximum| maximum.min(wanted as u64));
        // Refused: then a smaller attack has to do, and the evidence says how many connections there were.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}
