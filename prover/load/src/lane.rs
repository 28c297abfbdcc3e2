//! A lane: one request at a time, with its connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use tokio::net::{TcpSocket, TcpStream};

use super::answer::Head;
use super::dispatch::{Arrival, Floor};
use super::record::Outcome;
use super::{Completed, Protocol, http1, http2};

/// The most of an answer's body that is kept for an observer, in bytes.
pub(super) const MAX_BODY_KEPT: usize = 64 << 10;

pub(super) struct Lane {
    floor: Rc<Floor>,
    number: usize,
    /// Its connection's number: of the lanes of HTTP/2 several share one.
    carrier: usize,
    http1: http1::Connection,
}

/// How an attempt ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused,
    Reset,
    Broken,
}

impl Lane {
    pub(super) fn new(floor: Rc<Floor>, number: usize, carrier: usize) -> Self {
        Self { floor, number, carrier, http1: http1::Connection::default() }
    }

    /// Takes one request after the other, until the generator's end.
    pub(super) async fn run(mut self) {
        loop {
            let arrival = self.floor.next(self.number).await;
            let under_way = UnderWay::begin(&self.floor, arrival);
            let (outcome, head) = self.ask(&under_way.arrival).await;
            under_way.over(outcome, head, &self.http1.body);
        }
    }

    /// With as many immediate retries as the plan has.
    async fn ask(&mut self, arrival: &Arrival) -> (Outcome, Option<Head>) {
        let mut came = self.attempt(arrival).await;
        for _ in 0..self.floor.plan.retries {
            if came.0 == Outcome::Expected {
                break;
            }
            came = self.attempt(arrival).await;
        }
        came
    }

    async fn attempt(&mut self, arrival: &Arrival) -> (Outcome, Option<Head>) {
        let Self { floor, carrier, http1, .. } = self;
        floor.recorder.borrow_mut().attempt();
        let (plan, template) = (&floor.plan, &floor.templates[arrival.kind]);
        http1.body.clear();
        let keep = if floor.bodies { MAX_BODY_KEPT } else { 0 };
        let asking = async {
            match plan.protocol {
                Protocol::Http1 => http1.ask(plan, template, &arrival.filling, *carrier, keep).await,
                Protocol::Http2 { .. } => {
                    let carriers = &floor.carriers[*carrier];
                    http2::ask(carriers, plan, template, &arrival.filling, *carrier, keep, &mut http1.body).await
                }
            }
        };
        match tokio::time::timeout(plan.timeout, asking).await {
            Ok(Ok(head)) if plan.kinds[arrival.kind].expects(head.status) => (Outcome::Expected, Some(head)),
            Ok(Ok(head)) => (Outcome::Status(u8::try_from(head.status / 100).unwrap_or(9)), Some(head)),
            Ok(Err(Failure::Refused)) => (Outcome::Refused, None),
            Ok(Err(Failure::Reset)) => (Outcome::Reset, None),
            Ok(Err(Failure::Broken)) => (Outcome::Broken, None),
            Err(_) => {
                // What would still come is the answer to a question that nobody asks any more.
                self.http1.close();
                (Outcome::Timeout, None)
            }
        }
    }
}

/// A request from its sending on. One that is dropped without an outcome, because the run ends before its answer, counts
/// as one whose answer did not come in time.
struct UnderWay {
    floor: Rc<Floor>,
    arrival: Arrival,
    sent: Instant,
    known: bool,
}

impl UnderWay {
    fn begin(floor: &Rc<Floor>, arrival: Arrival) -> Self {
        floor.begin();
        let sent = Instant::now();
        floor.recorder.borrow_mut().left();
        Self { floor: Rc::clone(floor), arrival, sent, known: false }
    }

    fn over(mut self, outcome: Outcome, head: Option<Head>, body: &[u8]) {
        self.known = true;
        self.tell(outcome, head, body);
    }

    fn tell(&self, outcome: Outcome, head: Option<Head>, body: &[u8]) {
        self.floor.end(&Completed {
            kind: self.arrival.kind,
            filling: &self.arrival.filling,
            intended: self.arrival.intended,
            sent: self.sent,
            done: Instant::now(),
            outcome,
            head,
            body,
        });
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.known {
            self.tell(Outcome::Timeout, None, &[]);
        }
    }
}

/// A connection to the target, from the lane's own address where the plan has several.
pub(super) async fn connect(plan: &super::Plan, number: usize) -> Result<TcpStream, Failure> {
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
