//! HTTP/2, several workers on one connection: with prior knowledge (RFC 9113, section 3.3), or by ALPN over TLS.

use std::cell::Cell;
use std::rc::Rc;

use ::http::header::RETRY_AFTER;
use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use tokio::sync::Mutex;

use crate::answer::Head;
use crate::connect::{Failure, Peer};
use crate::template::{Filling, Template};

/// The window of the connection and of each stream, in bytes.
const WINDOW: u32 = 1 << 20;
/// Maximum number of times that a request is moved to another connection because its own ended before the server had begun with it.
const MAX_MOVES: u32 = 5;

/// A connection that workers share; opened by the first that needs it.
#[derive(Default)]
pub(super) struct Carrier(Mutex<Link>);

#[derive(Default)]
struct Link {
    /// The number of the connection: the end of one must not end the next one.
    generation: u64,
    sender: Option<SendRequest<Bytes>>,
    /// True once it has answered a request.
    answered: Rc<Cell<bool>>,
}

/// A connection as one request gets it.
struct Seat {
    sender: SendRequest<Bytes>,
    generation: u64,
    answered: Rc<Cell<bool>>,
}

/// A request that got no whole answer.
struct Lost {
    error: h2::Error,
    /// True if the request was given to the connection.
    sent: bool,
    /// True if no part of an answer had come.
    silent: bool,
}

/// Sends one request; the head of the answer, once all of it is there.
///
/// A connection that ends in order costs no error, as over HTTP/1.1: a request that the server has not begun with (a stream
/// above the last one of GOAWAY, or refused: RFC 9113, sections 6.8 and 8.7) is sent on another connection, for every
/// method. One that may have been carried out is sent again only if its method allows that.
pub(super) async fn ask(
    carrier: &Carrier,
    peer: &Peer,
    template: &Template,
    filling: &Filling,
    number: usize,
    keep: usize,
    kept: &mut Vec<u8>,
) -> Result<Head, Failure> {
    let body = Bytes::from(template.body.filled(filling));
    let mut moves = 0;
    loop {
        let request = request(template, filling)?;
        let seat = carrier.seat(peer, number).await.map_err(|failure| match failure {
            // It was sent before: whether it was carried out is not known.
            Failure::Refused if moves > 0 => Failure::Reset,
            other => other,
        })?;
        let (generation, answered) = (seat.generation, Rc::clone(&seat.answered));
        kept.clear();
        let outcome = exchange(seat, request, body.clone(), keep, kept).await;
        let ended = outcome.as_ref().is_err_and(|lost| !lost.sent || lost.error.is_io() || lost.error.is_go_away());
        if !template.keep_alive || ended {
            carrier.retire(generation).await;
        }
        match outcome {
            Ok(head) => {
                answered.set(true);
                return Ok(head);
            }
            Err(lost) if moves < MAX_MOVES && lost.moves(answered.get(), template.method.is_idempotent()) => moves += 1,
            Err(lost) => return Err(lost.failure()),
        }
    }
}

fn request(template: &Template, filling: &Filling) -> Result<::http::Request<()>, Failure> {
    let (authority, path) = (template.authority.filled(filling), template.path.filled(filling));
    let mut request = ::http::Request::builder()
        .method(template.method.clone())
        .uri(format!("{}://{authority}{path}", template.scheme));
    for (name, value) in &template.headers {
        request = request.header(name.as_str(), value.filled(filling));
    }
    request.body(()).map_err(|_| Failure::Broken("the request cannot be written as HTTP/2"))
}

async fn exchange(
    seat: Seat,
    request: ::http::Request<()>,
    body: Bytes,
    keep: usize,
    kept: &mut Vec<u8>,
) -> Result<Head, Lost> {
    let lost = |sent: bool, silent: bool| move |error: h2::Error| Lost { error, sent, silent };
    let mut sender = seat.sender.ready().await.map_err(lost(false, true))?;
    let bodiless = body.is_empty();
    let (answer, mut stream) = sender.send_request(request, bodiless).map_err(lost(false, true))?;
    if !bodiless {
        // A failure is not the end: a server may answer before it has read all. The answer tells.
        let _ = stream.send_data(body, true);
    }
    let answer = answer.await.map_err(lost(true, true))?;
    let head = Head { status: answer.status().as_u16(), retry_after: answer.headers().contains_key(RETRY_AFTER) };
    let mut incoming = answer.into_body();
    while let Some(piece) = incoming.data().await {
        let piece = piece.map_err(lost(true, false))?;
        kept.extend_from_slice(&piece[..piece.len().min(keep.saturating_sub(kept.len()))]);
        incoming.flow_control().release_capacity(piece.len()).map_err(lost(true, false))?;
    }
    Ok(head)
}

impl Carrier {
    /// The connection, opened when there is none.
    async fn seat(&self, peer: &Peer, number: usize) -> Result<Seat, Failure> {
        let mut link = self.0.lock().await;
        if let Some(sender) = link.sender.clone() {
            return Ok(Seat { sender, generation: link.generation, answered: Rc::clone(&link.answered) });
        }
        let stream = peer.connect(number).await?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
        let (sender, connection) = builder.handshake(stream).await.map_err(|_| Failure::Reset)?;
        tokio::task::spawn_local(async move {
            // Its end is seen by the requests on it.
            let _ = connection.await;
        });
        *link = Link { generation: link.generation + 1, sender: Some(sender.clone()), answered: Rc::default() };
        Ok(Seat { sender, generation: link.generation, answered: Rc::clone(&link.answered) })
    }

    /// Lets the next request open a connection, unless that has happened.
    async fn retire(&self, generation: u64) {
        let mut link = self.0.lock().await;
        if link.generation == generation {
            link.sender = None;
        }
    }
}

impl Lost {
    /// Returns true if the request may be sent on another connection, and its loss is no error of the server.
    fn moves(&self, answered: bool, idempotent: bool) -> bool {
        let in_order = self.error.is_go_away() && self.error.reason() == Some(Reason::NO_ERROR);
        let refused = self.error.is_reset() && self.error.reason() == Some(Reason::REFUSED_STREAM);
        let unprocessed = self.error.is_remote() && (in_order || refused);
        // A connection that has answered, and that the server has closed meanwhile.
        let stale = answered && (!self.sent || (self.silent && idempotent && self.error.is_io()));
        unprocessed || stale
    }

    fn failure(&self) -> Failure {
        match self.error.is_io() || self.error.is_go_away() || self.error.is_reset() {
            true => Failure::Reset,
            false => Failure::Broken("it breaks the rules of HTTP/2"),
        }
    }
}
