//! A call: built, then sent under the policy of its peer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use http_body::Body;
use hyper::body::Incoming;
use resilience::Deadline;
use serde::Serialize;
use telemetry::in_step;
use tokio::sync::OwnedSemaphorePermit;
use tower::BoxError;
use url::Url;
use vitals::Step;

use crate::attempt_span::AttemptSpan;
use crate::body::{ResponseBody, Stream, stream};
use crate::bounds::Bounds;
use crate::client::Client;
use crate::connector::Dial;
use crate::credentials::shown;
use crate::error::{Error, whole_millis};
use crate::instances::VisitedInstances;
use crate::outgoing::Outgoing;
use crate::peers::Peer;
use crate::place::same_origin;
use crate::redirect::{IDEMPOTENCY_KEY, leave_origin, redirected, redirects};
use crate::response::{Response, StreamingResponse};
use crate::sensitive::may_be_secret;

/// The headers that a request has once.
const SINGLETONS: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::AUTHORIZATION, header::HOST, header::USER_AGENT, IDEMPOTENCY_KEY];

/// The most redirects that a call can follow.
pub const MAX_REDIRECTS: u8 = 10;

/// A call about to be made. Its `Debug` shows no header values, no body and no query.
#[must_use = "a call does nothing until it is sent"]
#[derive(Debug)]
pub struct Call<'c> {
    client: &'c Client,
    /// Peer of the call, when the URL does not decide it.
    peer: Option<Arc<Peer>>,
    out: Outgoing,
    /// The body, where it is streamed.
    stream: Mutex<Option<Stream>>,
    bounds: Bounds,
    /// The bound on a streamed answer.
    streamed_bytes: Option<usize>,
    redirects: u8,
    repeatable: Option<bool>,
    group: Option<String>,
    malformed: Option<String>,
}

/// Slot for the body of an answer that is streamed.
type Slot = Mutex<Option<Incoming>>;

impl Client {
    /// Begins a GET of an absolute URL. The call belongs to the dependency whose URL covers it, or else to a peer with the default rules.
    pub fn get(&self, url: &Url) -> Call<'_> {
        self.call(Method::GET, url)
    }

    /// Begins a POST to an absolute URL; it is retried only with an idempotency key.
    pub fn post(&self, url: &Url) -> Call<'_> {
        self.call(Method::POST, url)
    }

    /// Begins a call of any method. A user and password in the URL are sent as `Authorization: Basic`, unless the call has an `Authorization` of its own.
    pub fn call(&self, method: Method, url: &Url) -> Call<'_> {
        Call::new(self, method, url)
    }
}

/// A call that may begin.
struct Entered {
    total: Deadline,
    /// The time until `total` when the call began.
    within: Duration,
    permit: OwnedSemaphorePermit,
}

impl<'c> Call<'c> {
    pub(crate) fn new(client: &'c Client, method: Method, url: &Url) -> Self {
        Self {
            client,
            peer: None,
            out: Outgoing::new(method, url),
            stream: Mutex::default(),
            bounds: client.bounds,
            streamed_bytes: None,
            redirects: 0,
            repeatable: None,
            group: None,
            malformed: None,
        }
    }

    /// Sets the peer, independent of the URL.
    pub(crate) fn to(self, peer: Arc<Peer>) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// Returns the peer of the call, before any redirect.
    pub(crate) fn peer(&self) -> Arc<Peer> {
        self.peer.clone().unwrap_or_else(|| self.client.peers.of(&self.out.url))
    }

    /// The bound for the whole call.
    pub(crate) fn total(&self) -> Duration {
        self.bounds.total
    }

    /// The URL for people.
    pub(crate) fn shown(&self) -> String {
        shown(&self.out.url)
    }

    /// A call that cannot be made.
    pub(crate) fn malformed(self, cause: String) -> Self {
        Self { malformed: Some(cause), ..self }
    }

    /// Adds a header. A header that a request has once (`Content-Type`, `Authorization`, `Host`, `User-Agent`, `Idempotency-Key`) replaces the value
    /// that was set before.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(may_be_secret(&name));
                match SINGLETONS.contains(&name) {
                    true => drop(self.out.headers.insert(name, value)),
                    false => drop(self.out.headers.append(name, value)),
                }
            }
            _ => self.malformed = Some(format!("the header {name:?} has a name or value that HTTP cannot carry")),
        }
        self
    }

    /// Sets the `Idempotency-Key`, by which the other side recognizes a repeat: the call may then be retried.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY.as_str(), key)
    }

    /// Sets a JSON body, with the content type `application/json`. A value that cannot be serialized makes the call fail as [`Error::Malformed`].
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => {
                self.out.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.out.body = bytes.into();
            }
            Err(error) => self.malformed = Some(format!("the body cannot be JSON: {error}")),
        }
        self
    }

    /// Sets the body, of this media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.out.body = body.into();
        self.header(header::CONTENT_TYPE.as_str(), media_type)
    }

    /// Sets a streamed body of this media type. It can be sent once: the call is never repeated, and follows no redirect that needs the body
    /// again. The head of the answer may take the whole time of the call, because it may come after the body.
    ///
    /// ```no_run
    /// # async fn call() -> Result<(), evenkeel_client::Error> {
    /// # let client = evenkeel_client::Client::default();
    /// # let url = "http://127.0.0.1:9300/v1/upload".parse().expect("a URL");
    /// let body = http_body_util::Full::new(bytes::Bytes::from("any http_body::Body"));
    /// let answer = client.post(&url).body_stream("text/plain", body).send().await?;
    /// # Ok(()) }
    /// ```
    pub fn body_stream<B>(mut self, media_type: &str, body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.out.streams = true;
        self.stream = Mutex::new(Some(stream(body)));
        self.header(header::CONTENT_TYPE.as_str(), media_type)
    }

    /// Sets the timeout of the whole call: all attempts, waits and redirects. Default [`Bounds::total`], 10 s. The first byte's timeout shrinks with it.
    pub fn total_timeout(mut self, total: Duration) -> Self {
        self.bounds = self.bounds.of_call(total);
        self
    }

    /// Sets the timeout from the start of an attempt to the answer's head, for example for a long poll. The call's total stays.
    pub fn first_byte_timeout(mut self, first_byte: Duration) -> Self {
        self.bounds = self.bounds.of_head(first_byte);
        self
    }

    /// Sets the limit of the answer's body, in bytes. Default [`Bounds::answer_bytes`], 1 MiB. A longer answer is [`Error::TooLarge`].
    pub fn answer_bytes(mut self, answer_bytes: usize) -> Self {
        self.bounds = self.bounds.answer_bytes(answer_bytes);
        self.streamed_bytes = Some(answer_bytes);
        self
    }

    /// Follows up to this many redirects, at most [`MAX_REDIRECTS`]; by default none. Another origin, or another dependency, receives only
    /// headers that can hold no secret (`Accept`, `Content-Type`, `User-Agent` and the like). A redirect from https to http is never followed.
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most.min(MAX_REDIRECTS);
        self
    }

    /// Sets whether the call may be retried. By default it may when its method is idempotent (RFC 9110, 9.2.2) or it has an idempotency key.
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = Some(repeatable);
        self
    }

    /// Makes the call for a group of callers, which has permits of its own at the peer: one that the peer's rules name
    /// ([`resilience::Rules::groups`]).
    pub fn group(mut self, name: &str) -> Self {
        self.group = Some(name.to_owned());
        self
    }

    /// Makes the call, behind the policy of its peer; hedged, where the policy does, only when its method is safe.
    ///
    /// Cancel-safe: a dropped call closes its connection; whether the other side did the work is then not known.
    ///
    /// # Errors
    /// [`Error`], when there is no whole answer within the bounds. A status of 4xx or 5xx is an answer.
    pub async fn send(self) -> Result<Response, Error> {
        let _step = in_step(Step::CallQueue);
        let Entered { total, within, permit: _permit } = self.enter().await?;
        total.scope(self.follow(None)).await.unwrap_or_else(|_| Err(self.late(within)))
    }

    /// Makes the call until its answer begins, and hands out the body to be read as it comes. It is asked for without a coding, and given as it is.
    /// The bounds of the call hold for the head; then each piece of the body has [`Bounds::idle_body`] to come, and the bytes are bounded
    /// only by [`Call::answer_bytes`]. A call whose answer has begun is not repeated, and it is never hedged.
    ///
    /// Cancel-safe like [`Call::send`].
    ///
    /// ```no_run
    /// # async fn call() -> Result<(), evenkeel_client::Error> {
    /// # let client = evenkeel_client::Client::default();
    /// # let url = "http://127.0.0.1:9300/v1/export".parse().expect("a URL");
    /// let mut answer = client.get(&url).send_streaming().await?;
    /// while let Some(piece) = answer.body.chunk().await? {
    ///     println!("{} bytes", piece.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error`], when no answer begins within the bounds.
    pub async fn send_streaming(self) -> Result<StreamingResponse, Error> {
        let _step = in_step(Step::CallQueue);
        let Entered { total, within, permit } = self.enter().await?;
        let slot = Slot::default();
        let answer = total.scope(self.follow(Some(&slot))).await.unwrap_or_else(|_| Err(self.late(within)))?;
        let Some(incoming) = slot.into_inner().unwrap_or_else(PoisonError::into_inner) else {
            return Err(self.late(within));
        };
        let Response { status, headers, url, .. } = answer;
        let body = ResponseBody::new(incoming, url, self.bounds.idle_body, self.streamed_bytes, permit);
        Ok(StreamingResponse { status, headers, body })
    }

    /// A call that can be made has a permit among all of the client, and an end.
    async fn enter(&self) -> Result<Entered, Error> {
        let url = || shown(&self.out.url);
        if let Some(cause) = self.malformed.clone() {
            return Err(Error::Malformed { url: url(), cause });
        }
        let total = Deadline::after_or_current(self.bounds.total);
        let within = whole_millis(total.left());
        let permit = self.client.enter(total).await.ok_or_else(|| Error::Refused {
            url: url(),
            why: format!("the client has {} calls under way, and none ended in time", self.client.bounds.at_once),
            after: None,
            cause: None,
        })?;
        Ok(Entered { total, within, permit })
    }

    fn late(&self, within: Duration) -> Error {
        Error::Timeout { url: shown(&self.out.url), what: "whole answer", bound: within }
    }

    /// One call after the other, until one is not answered by a redirect that is to be followed.
    async fn follow(&self, slot: Option<&Slot>) -> Result<Response, Error> {
        let (mut out, mut left) = (self.out.clone(), self.redirects);
        let mut peer = self.peer();
        let first = Arc::clone(&peer);
        loop {
            // Another peer, to which a redirect leads, has groups of its own.
            let group = self.group.as_deref().filter(|_| Arc::ptr_eq(&peer, &first));
            let answer = self.guarded(&peer, &out, group, slot).await?;
            if left == 0 || !redirects(answer.status) {
                return Ok(answer);
            }
            let mut next = redirected(&out, &answer)?;
            let next_peer = self.client.peers.of(&next.url);
            if !same_origin(&out.url, &next.url) || !Arc::ptr_eq(&peer, &next_peer) {
                leave_origin(&mut next);
            }
            (out, peer) = (next, next_peer);
            left -= 1;
        }
    }

    /// One call to one peer, in as many attempts as its policy allows.
    async fn guarded(
        &self,
        peer: &Arc<Peer>,
        out: &Outgoing,
        group: Option<&str>,
        slot: Option<&Slot>,
    ) -> Result<Response, Error> {
        let policy = match group {
            None => peer.policy().clone(),
            Some(group) => peer
                .policy()
                .group(group)
                .map_err(|cause| Error::Malformed { url: shown(&out.url), cause: cause.to_string() })?,
        };
        let (counted, begun) = (peer.begin(), Instant::now());
        let (transport, tried) = (peer.transport().unwrap_or(&self.client.transport), VisitedInstances::default());
        let work = |attempt: resilience::Attempt| {
            let mut out = out.clone();
            let span = AttemptSpan::start(peer.name(), &out, attempt.number);
            out.trace = span.context();
            // They stay here: a redirect to elsewhere begins without them.
            out.credentials = out.credentials.or_else(|| peer.credentials().cloned());
            let until = attempt.deadline.unwrap_or_else(|| Deadline::after_or_current(self.bounds.total));
            let exchange = move |out, dial| self.exchange(transport, out, dial, until, slot);
            let (tried, number) = (&tried, attempt.number);
            async move {
                let begun = Instant::now();
                let answer = match peer.instances() {
                    Some(instances) => instances.attempt(out, until, tried, exchange).await,
                    None => exchange(out, None).await,
                };
                span.end(&answer);
                let (status, took) = (answer.as_ref().ok().map(|answer| answer.status), begun.elapsed());
                peer.attempts().record(status, took);
                let error = answer.as_ref().err();
                let (peer, status, error) = (peer.name(), status.map(|status| status.as_u16()), error.map(Error::kind));
                tracing::debug!(
                    peer,
                    attempt = number,
                    status,
                    error,
                    duration_ms = took.as_secs_f64() * 1e3,
                    "attempt"
                );
                answer
            }
        };
        let repeatable =
            self.repeatable.unwrap_or_else(|| out.method.is_idempotent() || out.headers.contains_key(IDEMPOTENCY_KEY));
        let beside = out.method.is_safe() && slot.is_none();
        let answer = match (repeatable && !out.streams, beside) {
            (true, true) => policy.call(work).await,
            (true, false) => policy.call_in_turn(work).await,
            (false, _) => policy.once(work).await,
        };
        let answer = answer.map_err(|error| Error::guarded(&shown(&out.url), error));
        counted.end(answer.as_ref().map(|answer| answer.status), begun.elapsed());
        answer
    }

    /// One attempt: the whole answer, or where there is a slot its head, and the body goes there.
    async fn exchange(
        &self,
        transport: &crate::transport::Transport,
        out: Outgoing,
        dial: Option<Dial>,
        until: Deadline,
        slot: Option<&Slot>,
    ) -> Result<Response, Error> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(slot) = slot else {
            return transport.exchange(out, stream, dial.as_ref(), &self.bounds, until).await;
        };
        let (head, body) = transport.head(out, stream, dial.as_ref(), &self.bounds, until, "identity").await?;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        Ok(head)
    }
}
