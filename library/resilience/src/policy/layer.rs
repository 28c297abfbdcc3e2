//! The policy around a tower service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::util::ServiceExt;
use tower::{Layer, Service};

use super::calls::Policy;
use super::error::CallError;
use super::terms::{Answered, Repeats};
use crate::outcome::{ByResult, Classify};

/// Whether a request may be sent again.
type MayRepeat<Q> = Arc<dyn Fn(&Q) -> bool + Send + Sync>;

/// Puts a [`Policy`] around a service. Nothing is repeated or hedged until [`PolicyLayer::repeats`] says what may be.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use evenkeel_resilience::policy::PolicyLayer;
/// use evenkeel_resilience::{Policy, Rules};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// let policy = Policy::new("bank", Rules::default()).expect("the defaults make sense");
/// let layer = PolicyLayer::new(policy).repeats(|amount: &u32| *amount == 0);
/// let bank = ServiceBuilder::new().layer(layer).service(service_fn(async |amount: u32| Ok::<_, std::io::Error>(amount)));
/// assert_eq!(bank.oneshot(5).await.expect("an answer"), 5);
/// # }
/// ```
pub struct PolicyLayer<Q, C = ByResult> {
    policy: Policy<C>,
    repeats: MayRepeat<Q>,
}

/// A service behind a [`Policy`]. It is always ready: an attempt that finds the inner service busy waits for it in its own time,
/// where deadline and timeout see the wait. Every try works on a clone of the inner service and of the request.
pub struct Guarded<S, Q, C = ByResult> {
    inner: S,
    policy: Policy<C>,
    repeats: MayRepeat<Q>,
}

impl<Q, C> PolicyLayer<Q, C> {
    /// A layer of this policy.
    pub fn new(policy: Policy<C>) -> Self {
        Self { policy, repeats: Arc::new(|_| false) }
    }

    /// The same layer, with which requests may be sent again: those that are idempotent, or carry an idempotency key.
    #[must_use]
    pub fn repeats(self, repeats: impl Fn(&Q) -> bool + Send + Sync + 'static) -> Self {
        Self { repeats: Arc::new(repeats), ..self }
    }
}

impl<S, Q, C: Clone> Layer<S> for PolicyLayer<Q, C> {
    type Service = Guarded<S, Q, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, policy: self.policy.clone(), repeats: Arc::clone(&self.repeats) }
    }
}

impl<S, Q, C> Service<Q> for Guarded<S, Q, C>
where
    S: Service<Q, Future: Send, Response: Send, Error: Send + Sync> + Clone + Send + Sync + 'static,
    Q: Clone + Send + Sync + 'static,
    C: Classify<S::Response, S::Error> + Clone + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, CallError<S::Error>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let (inner, policy) = (self.inner.clone(), self.policy.clone());
        let repeats = if (self.repeats)(&request) { Repeats::Beside } else { Repeats::Never };
        Box::pin(async move {
            let work = |_| {
                let (mut inner, request) = (inner.clone(), request.clone());
                async move { inner.ready().await?.call(request).await }
            };
            policy.run(repeats, work).await.map(Answered::into_value)
        })
    }
}

impl<Q, C: Clone> Clone for PolicyLayer<Q, C> {
    fn clone(&self) -> Self {
        Self { policy: self.policy.clone(), repeats: Arc::clone(&self.repeats) }
    }
}

impl<S: Clone, Q, C: Clone> Clone for Guarded<S, Q, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), policy: self.policy.clone(), repeats: Arc::clone(&self.repeats) }
    }
}

impl<Q, C: std::fmt::Debug> std::fmt::Debug for PolicyLayer<Q, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyLayer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S: std::fmt::Debug, Q, C: std::fmt::Debug> std::fmt::Debug for Guarded<S, Q, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("inner", &self.inner).field("policy", &self.policy).finish_non_exhaustive()
    }
}
