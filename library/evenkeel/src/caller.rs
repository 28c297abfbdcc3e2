//! Caller of a request, as identified by authentication.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
pub use border::Caller;
use border::Identify;

/// Puts the caller into the extensions of each request where the border has not done so.
pub(crate) fn layered(routes: Router, identify: Option<Identify>) -> Router {
    let Some(identify) = identify else { return routes };
    routes.layer(from_fn(move |request: Request, next: Next| {
        let (mut head, body) = request.into_parts();
        if head.extensions.get::<Caller>().is_none()
            && let Some(caller) = identify.caller_of(&head)
        {
            head.extensions.insert(caller);
        }
        next.run(Request::from_parts(head, body))
    }))
}
