//! Request body limits: size, JSON depth, and the sender's time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::exchange::Exchange;
use crate::min_rate::MinRate;
use crate::{Limits, Problem};

/// Time for which a request holds its place among those that execute while it waits for its client.
const HOLDS_ITS_PLACE: Duration = Duration::from_millis(50);

/// Reason for refusing a body, for the step that answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal(Arc<AtomicU8>);

/// Reason for refusing a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    Large = 1,
    Deep = 2,
    Slow = 3,
    /// It decodes to far more than was sent.
    Bomb = 4,
    /// It is not in its content coding.
    Undecodable = 5,
}

impl Refusal {
    pub(crate) fn set(&self, reason: Reason) {
        self.0.store(reason as u8, Ordering::Release);
    }

    /// The answer for a refused body; none when nothing was refused.
    pub(crate) fn problem(&self, limits: &Limits) -> Option<Problem> {
        match self.0.load(Ordering::Acquire) {
            1 => Some(limits.body_too_large()),
            2 => {
                let detail = format!("the JSON body is nested deeper than {} levels", limits.json_depth);
                Some(Problem::new(StatusCode::BAD_REQUEST, detail))
            }
            3 => Some(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly; send it in one go")),
            4 => {
                let detail = "the compressed body unpacks to far more than was sent; send it as it is";
                Some(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
            }
            5 => {
                let detail = "the body is not in the coding of its Content-Encoding, or ends early";
                Some(Problem::new(StatusCode::BAD_REQUEST, detail))
            }
            _ => None,
        }
    }
}

/// Returns true when a body may be read as JSON. Media types are case-insensitive (RFC 9110, 8.3.1).
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.windows(4).any(|part| part.eq_ignore_ascii_case(b"json"))
}

/// The body a handler reads.
pub(crate) struct Guarded {
    body: Body,
    exchange: Option<Arc<Exchange>>,
    refusal: Refusal,
    bytes_left: u64,
    depth: Option<Depth>,
    pace: Pace,
    /// Until the place is given back: from the first wait for the client on.
    holds_place: Option<Pin<Box<Sleep>>>,
    has_place: bool,
    ended: bool,
}

impl Guarded {
    pub(crate) fn new(body: Body, json: bool, limits: &Limits, exchange: Option<Arc<Exchange>>) -> (Self, Refusal) {
        let refusal = Refusal::default();
        let guarded = Self {
            body,
            exchange,
            refusal: refusal.clone(),
            bytes_left: limits.body_bytes,
            depth: json.then(|| Depth::new(limits.json_depth)),
            pace: Pace::new(limits),
            holds_place: None,
            has_place: true,
            ended: false,
        };
        (guarded, refusal)
    }

    /// Gives the place back when the client has been waited for too long: it does not execute, and others can.
    fn poll_place(&mut self, context: &mut Context<'_>) {
        if !self.has_place {
            return;
        }
        let Some(exchange) = &self.exchange else { return };
        let holds = self.holds_place.get_or_insert_with(|| Box::pin(tokio::time::sleep(HOLDS_ITS_PLACE)));
        if holds.as_mut().poll(context).is_ready() {
            exchange.place().unmeasured();
            (self.has_place, self.holds_place) = (false, None);
        }
    }

    fn refuse(&mut self, reason: Reason) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.refusal.set(reason);
        Poll::Ready(Some(Err(axum::Error::new(format!("the body was refused: {reason:?}")))))
    }

    fn check(&mut self, data: &Bytes) -> Result<(), Reason> {
        self.bytes_left = self.bytes_left.checked_sub(data.len() as u64).ok_or(Reason::Large)?;
        self.pace.heard(data.len());
        match &mut self.depth {
            Some(depth) => depth.check(data),
            None => Ok(()),
        }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() {
            self.poll_place(context);
            ready!(self.pace.poll_overdue(context));
            return self.refuse(Reason::Slow);
        }
        match &polled {
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(Err(reason)) = frame.data_ref().map(|data| self.check(data)) {
                    return self.refuse(reason);
                }
            }
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let read = self.ended || http_body::Body::is_end_stream(&self.body);
        if let (false, Some(exchange)) = (read, &self.exchange) {
            exchange.connection().leave_unread();
        }
    }
}

/// The time a sender may take: `body_timeout` between two pieces, and that of `min_rate` in all. Only time for which the handler waits counts.
struct Pace {
    rate: MinRate,
    timeout: Duration,
    received: u64,
    /// Time for which the handler has waited, but for the current wait.
    waited: Duration,
    /// Start of the current wait.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(limits: &Limits) -> Self {
        Self {
            rate: MinRate::of(limits),
            timeout: limits.body_timeout,
            received: 0,
            waited: Duration::ZERO,
            since: None,
            timer: None,
        }
    }

    fn heard(&mut self, bytes: usize) {
        self.received += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let left = self.rate.time_for(self.received).map(|time| time.saturating_sub(self.waited));
        let due = since + left.unwrap_or(Duration::MAX).min(self.timeout);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(context)
    }
}

/// Returns true when a whole JSON text is nested deeper than `bound`.
#[cfg(any(test, fuzzing))]
pub(crate) fn is_too_deep(text: &[u8], bound: usize) -> bool {
    Depth::new(bound).check(text).is_err()
}

/// Follows the nesting of a JSON text as it streams by, without parsing it.
pub(crate) struct Depth {
    bound: usize,
    level: usize,
    state: Text,
}

#[derive(Clone, Copy)]
enum Text {
    Outside,
    InString,
    AfterBackslash,
}

impl Depth {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, level: 0, state: Text::Outside }
    }

    pub(crate) fn check(&mut self, data: &[u8]) -> Result<(), Reason> {
        for byte in data {
            self.state = match (self.state, byte) {
                (Text::Outside, b'"') => Text::InString,
                (Text::Outside, b'{' | b'[') => {
                    self.level += 1;
                    if self.level > self.bound {
                        return Err(Reason::Deep);
                    }
                    Text::Outside
                }
                (Text::Outside, b'}' | b']') => {
                    self.level = self.level.saturating_sub(1);
                    Text::Outside
                }
                (Text::InString, b'"') => Text::Outside,
                (Text::InString, b'\\') => Text::AfterBackslash,
                (Text::AfterBackslash, _) => Text::InString,
                (state, _) => state,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;

    async fn read(body: Body, json: bool, limits: Limits) -> Result<Bytes, StatusCode> {
        let (guarded, refusal) = Guarded::new(body, json, &limits, None);
        match guarded.collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(_) => Err(refusal.problem(&limits).map_or(StatusCode::IM_A_TEAPOT, |problem| problem.status())),
        }
    }

    #[tokio::test]
    async fn a_body_at_its_bound_passes_and_one_byte_more_is_refused() {
        let limits = Limits { body_bytes: 10, ..Limits::default() };
        assert!(read(Body::from(vec![0; 10]), false, limits.clone()).await.is_ok());
        assert_eq!(read(Body::from(vec![0; 11]), false, limits).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test]
    async fn json_is_refused_by_its_depth_and_brackets_in_strings_do_not_count() {
        let limits = Limits { json_depth: 3, ..Limits::default() };
        assert!(read(Body::from(r#"[[["[[[[\"{"]]]"#), true, limits.clone()).await.is_ok());
        assert_eq!(read(Body::from("[[[[]]]]"), true, limits.clone()).await, Err(StatusCode::BAD_REQUEST));
        assert!(read(Body::from("[[[[]]]]"), false, limits).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_refused_although_it_never_stands_still() {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        let start = Instant::now();
        assert_eq!(read(Body::from_stream(drip), false, Limits::default()).await, Err(StatusCode::REQUEST_TIMEOUT));
        assert!(start.elapsed() <= Duration::from_secs(12));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_at_the_minimum_rate_is_not_refused_and_one_below_it_is() {
        for (bytes, expected) in [(240, Ok(24_000)), (200, Err(StatusCode::REQUEST_TIMEOUT))] {
            let pieces = futures_util::stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                (sent < 100).then(|| (Ok::<_, std::io::Error>(vec![b'x'; bytes]), sent + 1))
            });
            let outcome = read(Body::from_stream(pieces), false, Limits::default()).await;
            assert_eq!(outcome.map(|body| body.len()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_which_the_handler_does_not_read_is_not_the_senders() {
        let pieces = futures_util::stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_secs(4)).await;
            (sent < 2).then(|| (Ok::<_, std::io::Error>("x"), sent + 1))
        });
        let limits = Limits::default().with(|limits| limits.rate_grace = Duration::from_secs(13));
        let (mut guarded, _) = Guarded::new(Body::from_stream(pieces), false, &limits, None);
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert!(guarded.frame().await.unwrap().is_ok());
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(guarded.frame().await.is_none());
    }

    proptest! {
        #[test]
        fn splitting_a_text_does_not_change_its_json_depth(text in r#"[\[\]{}"\\a]{0,40}"#, cut in 0usize..40) {
            let cut = cut.min(text.len());
            let (mut whole, mut pieces) = (Depth::new(4), Depth::new(4));
            let at_once = whole.check(text.as_bytes());
            let in_two = pieces.check(&text.as_bytes()[..cut]).and_then(|()| pieces.check(&text.as_bytes()[cut..]));
            prop_assert_eq!(at_once, in_two);
        }
    }
}
