//! The policy around a tower service.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tower::util::ServiceExt;
use tower::{Layer, Service};

use super::boxed::BoxedError;
use super::calls::Policy;
use super::error::CallError;
use super::terms::{Answered, Repeats};
use crate::outcome::{ByResult, Classify};

/// Copies a request that may be sent again.
type CopyRequest<Q> = Arc<dyn Fn(&Q) -> Option<Q> + Send + Sync>;

/// Puts a [`Policy`] around a service. Nothing is repeated or hedged until [`PolicyLayer::repeats`] or [`PolicyLayer::copies`] says which
/// requests may be; until then a request needs no `Clone`, so that streaming bodies work.
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
    copy: Option<CopyRequest<Q>>,
}

/// A service behind a [`Policy`]. It is always ready: an attempt that finds the inner service busy waits for it in its own time,
/// where deadline and timeout see the wait. Every attempt works on a clone of the inner service. Errors of the inner service are classified
/// as they are, and then put into a box ([`BoxedError`]), so that any layer of tower can stand inside and outside.
pub struct Guarded<S, Q, C = ByResult> {
    inner: S,
    around: Arc<Around<Q, C>>,
}

/// State that clones of a guarded service and its calls share: one count for all of it, because a call takes its part along.
struct Around<Q, C> {
    policy: Policy<C>,
    copy: Option<CopyRequest<Q>>,
}

/// Answer of a [`Guarded`] service. Cancel-safe: a dropped future gives back its permits of the policy's guards.
#[must_use = "futures do nothing unless polled"]
pub struct GuardedFuture<T> {
    // In a box, as a future of `async` has no name that could be written here.
    call: Pin<Box<dyn Future<Output = Result<T, CallError<BoxedError>>> + Send>>,
}

impl<T> Future for GuardedFuture<T> {
    type Output = Result<T, CallError<BoxedError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(context)
    }
}

impl<Q, C> PolicyLayer<Q, C> {
    /// A layer of this policy.
    pub fn new(policy: Policy<C>) -> Self {
        Self { policy, copy: None }
    }

    /// Returns the same layer with a predicate for requests that may be sent again: those that are idempotent, or carry an idempotency key.
    #[must_use]
    pub fn repeats(self, repeats: impl Fn(&Q) -> bool + Send + Sync + 'static) -> Self
    where
        Q: Clone,
    {
        self.copies(move |request| repeats(request).then(|| request.clone()))
    }

    /// Returns the same layer, with a function that copies a request which may be sent again, and gives `None` for one that may not, or that
    /// cannot be copied, such as one with a streaming body. A request that it copied once it must copy again.
    #[must_use]
    pub fn copies(self, copy: impl Fn(&Q) -> Option<Q> + Send + Sync + 'static) -> Self {
        Self { copy: Some(Arc::new(copy)), ..self }
    }
}

impl<S, Q, C: Clone> Layer<S> for PolicyLayer<Q, C> {
    type Service = Guarded<S, Q, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, around: Arc::new(Around { policy: self.policy.clone(), copy: self.copy.clone() }) }
    }
}

impl<S, Q, C> Service<Q> for Guarded<S, Q, C>
where
    S: Service<Q, Future: Send, Response: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send>
        + Clone
        + Send
        + 'static,
    Q: Send + 'static,
    C: Classify<S::Response, S::Error> + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = CallError<BoxedError>;
    type Future = GuardedFuture<S::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let (inner, around) = (self.inner.clone(), Arc::clone(&self.around));
        let copied = around.copy.as_ref().and_then(|copy| copy(&request));
        // A box for each kind of call, as one for all would have room for each of them.
        let call: Pin<Box<dyn Future<Output = _> + Send>> = match copied {
            None => Box::pin(async move {
                around.policy.once(move |_| sent(inner, Some(request))).await.map_err(CallError::boxed)
            }),
            Some(copied) => {
                let mut requests = Requests { inner, next: Some(copied), original: Some(request) };
                if around.policy.hedges() {
                    // Two attempts at a time may want one.
                    let requests = Mutex::new(requests);
                    Box::pin(async move {
                        let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).next(&around.copy);
                        let ended = around.policy.run(Repeats::Beside, |_| sent_as(next())).await;
                        ended.map(Answered::into_value).map_err(CallError::boxed)
                    })
                } else {
                    Box::pin(async move {
                        let next = |_| sent_as(requests.next(&around.copy));
                        let ended = around.policy.run_mut(Repeats::InTurn, next).await;
                        ended.map(Answered::into_value).map_err(CallError::boxed)
                    })
                }
            }
        };
        GuardedFuture { call }
    }
}

/// The requests of the attempts of one call.
struct Requests<S, Q> {
    inner: S,
    /// Copied already.
    next: Option<Q>,
    original: Option<Q>,
}

impl<S: Clone, Q> Requests<S, Q> {
    /// A service and a request for the next attempt.
    fn next(&mut self, copy: &Option<CopyRequest<Q>>) -> (S, Option<Q>) {
        let copied = self.next.take().or_else(|| copy.as_ref()?(self.original.as_ref()?));
        (self.inner.clone(), copied.or_else(|| self.original.take()))
    }
}

/// Sends the request of a pair.
fn sent_as<S: Service<Q>, Q>((inner, request): (S, Option<Q>)) -> impl Future<Output = Result<S::Response, S::Error>> {
    sent(inner, request)
}

/// Returns the service's answer. Without a request, which only a copying function that breaks its contract returns, there is no answer.
async fn sent<S: Service<Q>, Q>(mut inner: S, request: Option<Q>) -> Result<S::Response, S::Error> {
    let ready = inner.ready().await?;
    match request {
        Some(request) => ready.call(request).await,
        None => std::future::pending().await,
    }
}

impl<Q, C: Clone> Clone for PolicyLayer<Q, C> {
    fn clone(&self) -> Self {
        Self { policy: self.policy.clone(), copy: self.copy.clone() }
    }
}

impl<S: Clone, Q, C> Clone for Guarded<S, Q, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), around: Arc::clone(&self.around) }
    }
}

impl<Q, C: std::fmt::Debug> std::fmt::Debug for PolicyLayer<Q, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyLayer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S: std::fmt::Debug, Q, C: std::fmt::Debug> std::fmt::Debug for Guarded<S, Q, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded")
            .field("inner", &self.inner)
            .field("policy", &self.around.policy)
            .finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for GuardedFuture<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedFuture").finish_non_exhaustive()
    }
}
