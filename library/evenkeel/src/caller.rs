//! Caller of a request, as identified by authentication.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};

use crate::service::IdentifyCaller;

/// The identity of a request's caller, in the request's extensions: [`Service::caller`](crate::Service::caller) or a middleware of the
/// service puts it there, [`Idempotent`](crate::Idempotent) gives each caller keys of its own.
///
/// ```
/// use evenkeel::axum::extract::Request;
/// use evenkeel::axum::middleware::{Next, from_fn};
/// use evenkeel::prelude::*;
///
/// async fn authenticate(mut request: Request, next: Next) -> Response {
///     // An identity that cannot be forged.
///     request.extensions_mut().insert(Caller::new("tenant-7"));
///     next.run(request).await
/// }
/// # let _: Router = Router::new().layer(from_fn(authenticate));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller(String);

impl Caller {
    /// A caller with this identity.
    pub fn new(identity: impl Into<String>) -> Self {
        Self(identity.into())
    }

    /// The identity.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Puts the caller into the extensions of each request.
pub(crate) fn layered(routes: Router, identify: Option<IdentifyCaller>) -> Router {
    let Some(identify) = identify else { return routes };
    routes.layer(from_fn(move |request: Request, next: Next| {
        let (mut head, body) = request.into_parts();
        if let Some(identity) = identify(&head) {
            head.extensions.insert(Caller::new(identity));
        }
        next.run(Request::from_parts(head, body))
    }))
}
