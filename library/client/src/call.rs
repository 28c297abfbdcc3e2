//! A call: built, then sent under the policy of its peer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use resilience::Deadline;
use serde::Serialize;
use url::Url;

use crate::bounds::whole_millis;
use crate::instances::VisitedInstances;
use crate::transport::{Outgoing, shown};
use crate::{Bounds, Client, Error, Response};

/// The most redirects that a call can follow.
pub const MAX_REDIRECTS: u8 = 10;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that are for one origin alone.
const FOR_ONE_ORIGIN: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, IDEMPOTENCY_KEY];

/// A call about to be made.
#[must_use = "a call does nothing until it is sent"]
#[derive(Debug)]
pub struct Call<'c> {
    client: &'c Client,
    out: Outgoing,
    bounds: Bounds,
    redirects: u8,
    repeatable: Option<bool>,
    group: Option<String>,
    malformed: Option<String>,
}

impl Client {
    /// A GET.
    pub fn get(&self, url: &Url) -> Call<'_> {
        self.call(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: &Url) -> Call<'_> {
        self.call(Method::POST, url)
    }

    /// Any method.
    pub fn call(&self, method: Method, url: &Url) -> Call<'_> {
        Call::new(self, method, url, self.bounds)
    }
}

impl<'c> Call<'c> {
    fn new(client: &'c Client, method: Method, url: &Url, bounds: Bounds) -> Self {
        let out = Outgoing { method, url: url.clone(), headers: HeaderMap::new(), body: Bytes::new() };
        Self { client, out, bounds, redirects: 0, repeatable: None, group: None, malformed: None }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.out.headers.append(name, value);
            }
            _ => self.malformed = Some(format!("the header {name:?} has a name or value that HTTP cannot carry")),
        }
        self
    }

    /// With an `Idempotency-Key`, by which the other side knows a repeat: the call may then be tried again.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY.as_str(), key)
    }

    /// With a JSON body.
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

    /// With a body as it is, of this media type.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.out.body = body.into();
        self.header(header::CONTENT_TYPE.as_str(), media_type)
    }

    /// With another bound for the whole call; the first byte's shrinks with it.
    pub fn total_timeout(mut self, total: Duration) -> Self {
        self.bounds = self.bounds.with_total(total);
        self
    }

    /// Follows so many redirects, at most [`MAX_REDIRECTS`]; without this none. To another origin no credentials go, and
    /// never from https to http.
    pub fn redirects(mut self, most: u8) -> Self {
        self.redirects = most.min(MAX_REDIRECTS);
        self
    }

    /// Whether the call may be tried again. Without this it may when its method is idempotent (RFC 9110, 9.2.2) or it has an
    /// idempotency key.
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = Some(repeatable);
        self
    }

    /// In the name of a group of callers, which has places of its own at the peer: one that the peer's rules name
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
    pub async fn send(mut self) -> Result<Response, Error> {
        if let Some(cause) = self.malformed.take() {
            return Err(Error::Malformed { url: shown(&self.out.url), cause });
        }
        let total = Deadline::after_or_current(self.bounds.total);
        let within = whole_millis(total.left());
        let late = || Error::Timeout { url: shown(&self.out.url), what: "whole answer", bound: within };
        let entered = self.client.enter(total).await.map_err(|full| Error::Refused {
            url: shown(&self.out.url),
            why: format!("the client has {} calls under way: {full}", self.bounds.at_once),
            after: None,
            cause: None,
        })?;
        let answer = total.scope(self.follow()).await.unwrap_or_else(|_| Err(late()));
        drop(entered);
        answer
    }

    /// One call after the other, until one is not answered by a redirect that is to be followed.
    async fn follow(&self) -> Result<Response, Error> {
        let (mut out, mut left) = (self.out.clone(), self.redirects);
        loop {
            let answer = self.guarded(&out).await?;
            if left == 0 || !redirects(answer.status) {
                return Ok(answer);
            }
            out = redirected(out, &answer)?;
            left -= 1;
        }
    }

    /// One call to one peer, in as many attempts as its policy allows.
    async fn guarded(&self, out: &Outgoing) -> Result<Response, Error> {
        let peer = self.client.peers.of(&out.url);
        // Another peer, to which a redirect leads, has groups of its own.
        let group = self.group.as_ref().filter(|_| out.url.origin() == self.out.url.origin());
        let policy = match group {
            None => peer.policy().clone(),
            Some(group) => {
                let known = peer.policy().group(group);
                known.map_err(|cause| Error::Malformed { url: shown(&out.url), cause: cause.to_string() })?
            }
        };
        let (counted, begun) = (peer.begin(), Instant::now());
        let (transport, bounds, tried) = (&self.client.transport, &self.bounds, VisitedInstances::default());
        let work = |attempt: resilience::Attempt| {
            let (out, instances, tried) = (out.clone(), peer.instances(), &tried);
            async move {
                match instances {
                    Some(instances) => instances.exchange(transport, out, bounds, attempt, tried).await,
                    None => {
                        let until = attempt.deadline.unwrap_or_else(|| Deadline::after_or_current(bounds.total));
                        transport.exchange(out, bounds, until).await
                    }
                }
            }
        };
        let repeatable =
            self.repeatable.unwrap_or_else(|| out.method.is_idempotent() || out.headers.contains_key(IDEMPOTENCY_KEY));
        let answer = match (repeatable, out.method.is_safe()) {
            (true, true) => policy.call(work).await,
            (true, false) => policy.call_in_turn(work).await,
            (false, _) => policy.once(work).await,
        };
        let answer = answer.map_err(|error| Error::guarded(&shown(&out.url), error));
        counted.end(answer.as_ref().map(|answer| answer.status), begun.elapsed());
        answer
    }
}

fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// What is asked after a redirect (RFC 9110, 15.4): 307 and 308 ask the same elsewhere, the others become a GET.
fn redirected(out: Outgoing, answer: &Response) -> Result<Outgoing, Error> {
    let unexpected = |cause: String| Error::Unexpected { url: answer.url.clone(), cause };
    let location = answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| unexpected(format!("{} without a Location to follow", answer.status)))?;
    let url = out.url.join(location).map_err(|error| unexpected(format!("a Location that is no URL: {error}")))?;
    let secure = |url: &Url| url.scheme() == "https";
    if !matches!(url.scheme(), "http" | "https") || secure(&out.url) && !secure(&url) {
        return Err(unexpected(format!("a redirect to {}://, which is not followed from here", url.scheme())));
    }
    let mut next = Outgoing { url, ..out.clone() };
    if !matches!(answer.status.as_u16(), 307 | 308) && !matches!(out.method, Method::GET | Method::HEAD) {
        next.method = Method::GET;
        next.body = Bytes::new();
        next.headers.remove(header::CONTENT_TYPE);
        next.headers.remove(IDEMPOTENCY_KEY);
    }
    if next.url.origin() != out.url.origin() {
        for name in FOR_ONE_ORIGIN {
            next.headers.remove(name);
        }
    }
    Ok(next)
}
