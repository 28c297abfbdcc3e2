//! A request as every attempt of a call sends it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;
use vitals::TraceContext;

use crate::credentials::{Credentials, shown};

/// Request of every attempt of a call. Its `Debug` shows neither header values nor the body.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// Without user and password.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// True when the body is a stream, which can be sent once.
    pub(crate) streams: bool,
    /// User and password of the URL, for calls without an `Authorization` of their own.
    pub(crate) credentials: Option<Credentials>,
    /// The span of this attempt; none: it gets an id when it is sent.
    pub(crate) trace: Option<TraceContext>,
}

impl Outgoing {
    /// Without headers and body.
    pub(crate) fn new(method: Method, url: &Url) -> Self {
        let mut url = url.clone();
        let credentials = Credentials::take(&mut url);
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), streams: false, credentials, trace: None }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("headers", &self.headers.keys())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
