//! HTTP/2, several workers on one connection: with prior knowledge (RFC 9113, section 3.3), or by ALPN over TLS.

use ::http::header::RETRY_AFTER;
use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::Mutex;

use crate::answer::Head;
use crate::connect::{Failure, connect};
use crate::plan::Plan;
use crate::template::{Filling, Template};

/// The window of the connection and of each stream, in bytes.
const WINDOW: u32 = 1 << 20;

/// A connection that workers share; opened by the first that needs it.
#[derive(Default)]
pub(super) struct Carrier(Mutex<Option<SendRequest<Bytes>>>);

pub(super) async fn ask(
    carrier: &Carrier,
    plan: &Plan,
    template: &Template,
    filling: &Filling,
    number: usize,
    keep: usize,
    kept: &mut Vec<u8>,
) -> Result<Head, Failure> {
    let mut request = ::http::Request::builder().method(template.method.clone()).uri(format!(
        "{}://{}{}",
        if plan.target.scheme() == "https" { "https" } else { "http" },
        template.authority,
        template.path.filled(filling)
    ));
    for (name, value) in &template.headers {
        request = request.header(name.as_str(), value.filled(filling));
    }
    let request = request.body(()).map_err(|_| Failure::Broken)?;
    let body = Bytes::from(template.body.filled(filling));
    let outcome = exchange(carrier, plan, request, body, number, keep, kept).await;
    if !plan.keep_alive || outcome.as_ref().is_err_and(|error| error.is_io() || error.is_go_away()) {
        *carrier.0.lock().await = None;
    }
    outcome.map_err(|error| failure(&error))
}

async fn exchange(
    carrier: &Carrier,
    plan: &Plan,
    request: ::http::Request<()>,
    body: Bytes,
    number: usize,
    keep: usize,
    kept: &mut Vec<u8>,
) -> Result<Head, h2::Error> {
    let mut sender = open(carrier, plan, number).await?.ready().await?;
    let bodiless = body.is_empty();
    let (answer, mut stream) = sender.send_request(request, bodiless)?;
    if !bodiless {
        stream.send_data(body, true)?;
    }
    let answer = answer.await?;
    let head = Head { status: answer.status().as_u16(), retry_after: answer.headers().contains_key(RETRY_AFTER) };
    let mut incoming = answer.into_body();
    while let Some(piece) = incoming.data().await {
        let piece = piece?;
        kept.extend_from_slice(&piece[..piece.len().min(keep.saturating_sub(kept.len()))]);
        incoming.flow_control().release_capacity(piece.len())?;
    }
    Ok(head)
}

async fn open(carrier: &Carrier, plan: &Plan, number: usize) -> Result<SendRequest<Bytes>, h2::Error> {
    let mut place = carrier.0.lock().await;
    if let Some(sender) = &*place {
        return Ok(sender.clone());
    }
    let refused = || h2::Error::from(h2::Reason::CONNECT_ERROR);
    let stream = connect(plan, number).await.map_err(|_| refused())?;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
    let (sender, connection) = builder.handshake(stream).await?;
    tokio::task::spawn_local(async move {
        // Its end is seen by the requests on it.
        let _ = connection.await;
    });
    *place = Some(sender.clone());
    Ok(sender)
}

fn failure(error: &h2::Error) -> Failure {
    match error.reason() {
        Some(h2::Reason::CONNECT_ERROR) if !error.is_remote() => Failure::Refused,
        _ if error.is_io() || error.is_go_away() || error.is_reset() => Failure::Reset,
        _ => Failure::Broken,
    }
}
