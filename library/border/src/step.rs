//! The steps of a request, by name and in order.

/// The steps of a request, in the order in which a request reaches them. Before them the socket has its own: connection limits
/// ([`crate::Listener`]), the peer's time (`socket`, `streams`), and the protocol's limits (hyper's, mostly a little wider than ours,
/// so that ours answer). After them the body of the answer (`answer`) keeps the request open until the peer has taken it.
///
/// Every step of the program runs through its [`Step`], and a test compares the trace of a real request with this list.
pub const STEPS: [Step; 14] = [
    Step::RequestId,
    Step::RouteRules,
    Step::Admission,
    Step::Host,
    Step::HeadLimits,
    Step::CrossSite,
    Step::Deadline,
    Step::BodyLimits,
    Step::Criticality,
    Step::PanicGuard,
    Step::Representation,
    Step::ProblemDocuments,
    Step::Headers,
    Step::Vitals,
];

/// One step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Takes over or makes the request id and the trace: first, so that everything after it can be found again.
    RequestId,
    /// Applies the declared rules of the route: rate limits, callers, media types, idempotency key, bulkhead. Before admission, so that requests over a
    /// declared rate or beyond a bulkhead take no place and no turn from others.
    RouteRules,
    /// Sheds load: the cheapest refusal, before any work.
    Admission,
    /// Checks that the request names its host once and well.
    Host,
    /// Bounds target, headers and declared body, and refuses ambiguous paths, other transfer codings and expectations.
    HeadLimits,
    /// Refuses cross-site requests that change state (CSRF).
    CrossSite,
    /// Refuses an expired deadline, and cancels the handler when the deadline passes.
    Deadline,
    /// Bounds the body while the handler reads it.
    BodyLimits,
    /// Sets the criticality of the calls that the handler makes: no higher than the request's.
    Criticality,
    /// Turns one handler's panic into one 500: innermost.
    PanicGuard,
    /// Adds the entity tag of what a cache may keep, compresses where that leaks nothing, evaluates the preconditions of a read, and answers OPTIONS.
    Representation,
    /// Gives every failure the shape of a problem document.
    ProblemDocuments,
    /// Adds the headers for security and caching and the request id: on errors too.
    Headers,
    /// Counts and logs the answer: last, so that both show the answer that the client saw.
    Vitals,
}

impl Step {
    /// The step's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestId => "request id and trace",
            Self::RouteRules => "rules of the route",
            Self::Admission => "admission",
            Self::Host => "host",
            Self::HeadLimits => "limits of the head",
            Self::CrossSite => "cross-site requests",
            Self::Deadline => "deadline",
            Self::BodyLimits => "limits of the body",
            Self::Criticality => "criticality",
            Self::PanicGuard => "panic guard",
            Self::Representation => "representation",
            Self::ProblemDocuments => "problem documents",
            Self::Headers => "headers",
            Self::Vitals => "vitals and access log",
        }
    }

    /// Runs the code of this step. Tests record it; elsewhere it costs nothing.
    #[inline(always)]
    pub(crate) fn run<T>(self, step: impl FnOnce() -> T) -> T {
        #[cfg(test)]
        trace::record(trace::Reached::Run(self));
        step()
    }

    /// Runs the rest of the request inside this step. Tests record it; elsewhere it costs nothing.
    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) fn around<F: Future>(self, rest: F) -> F {
        rest
    }

    /// Runs the rest of the request inside this step, and records when it is first polled.
    #[cfg(test)]
    pub(crate) async fn around<F: Future>(self, rest: F) -> F::Output {
        trace::record(trace::Reached::Around(self));
        rest.await
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The steps that requests of this thread have reached.
#[cfg(test)]
pub(crate) mod trace {
    use std::cell::RefCell;

    use super::Step;

    /// A step that was reached.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Reached {
        /// Its code ran.
        Run(Step),
        /// It began to stand around the rest of the request.
        Around(Step),
    }

    thread_local! {
        static TRACE: RefCell<Vec<Reached>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn record(reached: Reached) {
        TRACE.with_borrow_mut(|trace| trace.push(reached));
    }

    /// Takes the trace of this thread and leaves an empty one.
    pub(crate) fn take() -> Vec<Reached> {
        TRACE.take()
    }
}
