//! Callers of requests: their identity, as the service proves it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;

use crate::Problem;

/// The identity of a request's caller, in the request's extensions.
///
/// The border puts it there for routes that need it ([`RouteRules::closed`](crate::RouteRules::closed),
/// [`RouteRules::caller_rate_limit`](crate::RouteRules::caller_rate_limit)); a middleware of the service can put it there for others.
///
/// ```
/// use axum::extract::Request;
/// use axum::middleware::Next;
/// use axum::response::Response;
/// use evenkeel_border::Caller;
///
/// async fn authenticate(mut request: Request, next: Next) -> Response {
///     // An identity that cannot be forged.
///     request.extensions_mut().insert(Caller::new("tenant-7"));
///     next.run(request).await
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller(Arc<str>);

impl Caller {
    /// A caller with this identity.
    pub fn new(identity: impl Into<Arc<str>>) -> Self {
        Self(identity.into())
    }

    /// The identity.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

type Read = dyn Fn(&Parts) -> Option<String> + Send + Sync;

/// Reads the identity of callers from the heads of their requests.
#[derive(Clone)]
pub struct Identify(Arc<Read>);

impl Identify {
    /// Reads identities with this function: none for a stranger. It runs before admission, so that it must be cheap and must not block.
    pub fn by(read: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Returns the caller of a head.
    pub fn caller_of(&self, head: &Parts) -> Option<Caller> {
        (self.0)(head).map(Caller::new)
    }

    /// Returns the request with its caller among its extensions. A panic of the function is a 500.
    pub(crate) fn identified(&self, request: Request) -> (Request, Option<Problem>) {
        let (mut head, body) = request.into_parts();
        let read = catch_unwind(AssertUnwindSafe(|| self.caller_of(&head)));
        let failed = match read {
            Ok(Some(caller)) => {
                head.extensions.insert(caller);
                None
            }
            Ok(None) => None,
            Err(_) => Some(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the caller cannot be identified")),
        };
        (Request::from_parts(head, body), failed)
    }
}

impl fmt::Debug for Identify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identify")
    }
}
