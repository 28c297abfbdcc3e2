//! Rules of one route: the one declaration of everything that the border does for it.

use std::time::Duration;

use axum::http::Method;
use resilience::Criticality;
use resilience::admission::MAX_OBJECTIVE;
use resilience::rate_limit::RateRules;

use crate::access::Access;
use crate::content_coding::ContentCoding;
use crate::cross_origin::CrossOrigin;
use crate::deprecation::Deprecation;
use crate::invalid_route::InvalidRouteRules;
use crate::limits::Limits;

/// Methods that a route can be declared for. The rules of GET are those of HEAD too.
const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
/// The shortest objective and deadline.
const SHORTEST: Duration = Duration::from_millis(1);

/// Rules of one route. What is not declared is as for every other route of the listener.
///
/// ```
/// use std::time::Duration;
///
/// use evenkeel_border::RouteRules;
/// use resilience::Criticality;
///
/// let search = RouteRules::of("GET /search")
///     .criticality(Criticality::Sheddable)
///     .objective(Duration::from_millis(200))
///     .bulkhead("search");
/// let upload = RouteRules::of("POST /upload")
///     .body_bytes(100 << 20)
///     .media_types(&["image/png", "image/jpeg"])
///     .loosened("photographs of claims have up to 100 MiB");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "rules have no effect until they are declared"]
pub struct RouteRules {
    route: &'static str,
    pub(crate) access: Option<Access>,
    pub(crate) objective: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) media_types: &'static [&'static str],
    pub(crate) criticality: Option<Criticality>,
    pub(crate) bulkhead: Option<&'static str>,
    pub(crate) rate_limit: Option<RateRules>,
    pub(crate) client_rate_limit: Option<RateRules>,
    pub(crate) caller_rate_limit: Option<RateRules>,
    pub(crate) idempotency_key: bool,
    pub(crate) streaming: bool,
    pub(crate) cache_control: Option<&'static str>,
    pub(crate) deprecation: Option<Deprecation>,
    pub(crate) compress: bool,
    pub(crate) codings: &'static [ContentCoding],
    pub(crate) coded_as_sent: bool,
    pub(crate) cross_origin: Option<CrossOrigin>,
    pub(crate) if_match: bool,
    pub(crate) cross_site: bool,
    pub(crate) streams: Option<(u32, u32)>,
    pub(crate) reason: Option<&'static str>,
}

impl RouteRules {
    /// Rules of a route: its method and its pattern, as in `POST /orders/{id}`. The rules of GET are those of HEAD too.
    pub const fn of(route: &'static str) -> Self {
        Self {
            route,
            access: None,
            objective: None,
            deadline: None,
            body_bytes: None,
            media_types: &[],
            criticality: None,
            bulkhead: None,
            rate_limit: None,
            client_rate_limit: None,
            caller_rate_limit: None,
            idempotency_key: false,
            streaming: false,
            cache_control: None,
            deprecation: None,
            compress: false,
            codings: &[],
            coded_as_sent: false,
            cross_origin: None,
            if_match: false,
            cross_site: false,
            streams: None,
            reason: None,
        }
    }

    /// Serves everybody, and says so: the declaration is listed at the start, in `/health` and in the OpenAPI document.
    pub const fn public(self) -> Self {
        Self { access: Some(Access::Public), ..self }
    }

    /// Serves callers with an identity alone ([`Border::identified_by`](crate::Border::identified_by)); strangers are refused (401). It is an error where no identity
    /// can be read.
    pub const fn closed(self) -> Self {
        Self { access: Some(Access::Closed), ..self }
    }

    /// Sets the latency objective ([`Limits::objective`]), from 1 ms to an hour.
    pub const fn objective(self, objective: Duration) -> Self {
        Self { objective: Some(objective), ..self }
    }

    /// Sets the deadline of a request ([`Limits::deadline`]), 1 ms at least.
    pub const fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Sets the most bytes of a body ([`Limits::body_bytes`]).
    pub const fn body_bytes(self, bytes: u64) -> Self {
        Self { body_bytes: Some(bytes), ..self }
    }

    /// Sets the media types of a body, without parameters; a body of another one, or of none, is refused (415 with Accept).
    pub const fn media_types(self, media_types: &'static [&'static str]) -> Self {
        Self { media_types, ..self }
    }

    /// Sets the criticality of the requests ([`Limits::criticality`]).
    pub const fn criticality(self, criticality: Criticality) -> Self {
        Self { criticality: Some(criticality), ..self }
    }

    /// Puts the route into a bulkhead: its requests, together with those of the other routes in it, have at most as many places as the bulkhead.
    /// There is no queue: a request without a place is refused (503). A request holds its place until its answer is made; of an answer that
    /// streams, until it ends.
    pub const fn bulkhead(self, name: &'static str) -> Self {
        Self { bulkhead: Some(name), ..self }
    }

    /// Limits the rate of all requests (429). Off unless set. The patience of the rules has no effect: no request waits.
    pub const fn rate_limit(self, rules: RateRules) -> Self {
        Self { rate_limit: Some(rules), ..self }
    }

    /// Limits the rate of the requests of each client (429): an IPv4 address, or the first 64 bits of an IPv6 address. Off unless set. The 4,096
    /// busiest clients are known; one that was forgotten has its whole burst again. [`Limits::unbounded_addresses`] have no limit. Where
    /// another server than [`Listener`](crate::Listener) serves, the address is not known, and all requests are of one client.
    pub const fn client_rate_limit(self, rules: RateRules) -> Self {
        Self { client_rate_limit: Some(rules), ..self }
    }

    /// Limits the rate of the requests of each identified caller (429), from whichever address they come; requests of strangers are not counted
    /// ([`Self::client_rate_limit`] counts them too). The 4,096 busiest callers are known. Off unless set; it is an error where no identity can be read.
    pub const fn caller_rate_limit(self, rules: RateRules) -> Self {
        Self { caller_rate_limit: Some(rules), ..self }
    }

    /// Requires the header `Idempotency-Key` (400 without it). The handler makes the request take effect once.
    pub const fn idempotency_key(self) -> Self {
        Self { idempotency_key: true, ..self }
    }

    /// The answers stream or wait for events: they are not held to a latency objective.
    pub const fn streaming(self) -> Self {
        Self { streaming: true, ..self }
    }

    /// Bounds the open streams of the route (server-sent events, WebSockets, long polls): so many in all (503 beyond), and so many of each client (429),
    /// 1 at least. A stream holds its place until its answer ends, and a WebSocket until its connection does.
    pub const fn streams(self, in_all: u32, per_client: u32) -> Self {
        Self { streams: Some((in_all, per_client)), ..self }
    }

    /// Sets `Cache-Control` of successful answers to GET and HEAD, unless the handler sets it.
    pub const fn cache_control(self, value: &'static str) -> Self {
        Self { cache_control: Some(value), ..self }
    }

    /// Marks the route as deprecated: in its answers, and in the OpenAPI document.
    pub const fn deprecated(self, deprecation: Deprecation) -> Self {
        Self { deprecation: Some(deprecation), ..self }
    }

    /// Compresses successful answers also where they are not public: they carry no secret, or nothing that a client or a page sent. Public answers
    /// are compressed without this, and answers that set a cookie never are.
    pub const fn compress(self) -> Self {
        Self { compress: true, ..self }
    }

    /// Takes bodies in these codings (`Content-Encoding`), and decodes them within the limits of the body and at most a hundredfold. A body in
    /// another coding is refused (415).
    pub const fn content_codings(self, codings: &'static [ContentCoding]) -> Self {
        Self { codings, ..self }
    }

    /// Leaves coded bodies as they were sent: the handler stores or decodes them.
    pub const fn coded_as_sent(self) -> Self {
        Self { coded_as_sent: true, ..self }
    }

    /// Lets scripts of pages of other origins call the route (CORS).
    pub const fn cross_origin(self, cross_origin: CrossOrigin) -> Self {
        Self { cross_origin: Some(cross_origin), ..self }
    }

    /// Requires the header `If-Match` (428 without it), so that no write changes what its client has not seen. The handler compares it
    /// ([`Preconditions`](crate::Preconditions)).
    pub const fn if_match(self) -> Self {
        Self { if_match: true, ..self }
    }

    /// Takes requests from pages of other origins ([`Limits::cross_site`]), such as a callback that a foreign page posts; it needs a reason ([`Self::loosened`]).
    pub const fn cross_site(self) -> Self {
        Self { cross_site: true, ..self }
    }

    /// Sets the reason why rules are looser than those of the listener: a longer or no objective, a longer deadline, a larger body, cross-site requests. Without it they
    /// are an error.
    pub const fn loosened(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The method and the pattern.
    pub const fn route(&self) -> &'static str {
        self.route
    }

    /// The method.
    pub fn method(&self) -> &'static str {
        self.route.split_once(' ').map_or("", |(method, _)| method)
    }

    /// The pattern of the path.
    pub fn path(&self) -> &'static str {
        self.route.split_once(' ').map_or("", |(_, path)| path)
    }

    /// The media types of a body; empty: any.
    pub const fn accepted(&self) -> &'static [&'static str] {
        self.media_types
    }

    /// True where the header `Idempotency-Key` is required.
    pub const fn requires_idempotency_key(&self) -> bool {
        self.idempotency_key
    }

    /// True where requests are refused with 429.
    pub const fn is_rate_limited(&self) -> bool {
        self.rate_limit.is_some() || self.client_rate_limit.is_some() || self.caller_rate_limit.is_some()
    }

    /// The declared access; none where nothing is declared.
    pub const fn access(&self) -> Option<Access> {
        self.access
    }

    /// True where the caller must be identified.
    pub(crate) const fn needs_caller(&self) -> bool {
        matches!(self.access, Some(Access::Closed)) || self.caller_rate_limit.is_some()
    }

    /// True where the header `If-Match` is required.
    pub const fn requires_if_match(&self) -> bool {
        self.if_match
    }

    /// The origins whose pages may call the route.
    pub const fn cross_origins(&self) -> Option<CrossOrigin> {
        self.cross_origin
    }

    /// The deprecation.
    pub const fn deprecation(&self) -> Option<Deprecation> {
        self.deprecation
    }

    /// Describes the declared latency objective; none where nothing is declared.
    pub fn objective_told(&self) -> Option<String> {
        match self.objective {
            _ if self.streaming => Some("none, as its answers stream".to_owned()),
            objective => objective.map(|objective| format!("{objective:?}")),
        }
    }

    /// The declared latency objective.
    pub const fn declared_objective(&self) -> Option<Duration> {
        if self.streaming { None } else { self.objective }
    }

    /// The name of the bulkhead.
    pub const fn bulkhead_name(&self) -> Option<&'static str> {
        self.bulkhead
    }

    /// The limits of the route at a listener, or of a group of its routes, with these limits.
    pub fn limits(&self, listener: &Limits) -> Limits {
        listener.clone().with(|limits| {
            if self.streaming {
                limits.objective = None;
            } else if let (Some(objective), Some(_)) = (self.objective, limits.objective) {
                limits.objective = Some(objective);
            }
            limits.deadline = self.deadline.unwrap_or(limits.deadline);
            limits.body_bytes = self.body_bytes.unwrap_or(limits.body_bytes);
            limits.criticality = self.criticality.unwrap_or(limits.criticality);
            limits.cross_site |= self.cross_site;
        })
    }

    /// Returns the names of the rules that are looser than those of the listener, with the reason.
    pub fn loosened_from(&self, listener: &Limits) -> (Vec<&'static str>, &'static str) {
        (self.limits(listener).looser_than(listener), self.reason.unwrap_or_default())
    }

    /// Checks what can be checked without a router.
    pub(crate) fn check(&self, listener: &Limits) -> Result<(), InvalidRouteRules> {
        let route = || self.route.to_owned();
        if !METHODS.iter().any(|method| method == self.method()) || !self.path().starts_with('/') {
            return Err(InvalidRouteRules::Route { route: route() });
        }
        for rules in [self.rate_limit, self.client_rate_limit, self.caller_rate_limit].into_iter().flatten() {
            rules.check().map_err(|error| InvalidRouteRules::Rate { route: route(), error })?;
        }
        if self.objective.is_some_and(|objective| !(SHORTEST..=MAX_OBJECTIVE).contains(&objective)) {
            return Err(InvalidRouteRules::Range { route: route(), what: "objective", range: "from 1 ms to an hour" });
        }
        self.cross_origin.map_or(Ok(()), |cross_origin| cross_origin.check(self.route))?;
        if self.deadline.is_some_and(|deadline| deadline < SHORTEST) {
            return Err(InvalidRouteRules::Range { route: route(), what: "deadline", range: "1 ms at least" });
        }
        if self.streams.is_some_and(|(in_all, per_client)| in_all == 0 || per_client == 0) {
            return Err(InvalidRouteRules::Range { route: route(), what: "streams", range: "1 at least" });
        }
        let (loosened, _) = self.loosened_from(listener);
        match (loosened.is_empty(), self.reason.filter(|reason| !reason.is_empty())) {
            (false, None) => Err(InvalidRouteRules::NoReason { route: route(), what: loosened.join(", ") }),
            (true, Some(reason)) => {
                Err(InvalidRouteRules::NothingLoosened { route: route(), reason: reason.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(rules: RouteRules) -> String {
        rules.check(&Limits::default()).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_route_has_the_limits_of_the_listener_where_nothing_is_declared() {
        let listener = Limits::default().with(|limits| limits.body_bytes = 7);
        assert_eq!(RouteRules::of("GET /a").limits(&listener), listener);
        assert_eq!(message(RouteRules::of("GET /a")), "");
    }

    #[test]
    fn a_rule_looser_than_the_listeners_needs_a_reason_that_is_named() {
        let long = Duration::from_secs(60);
        let looser = RouteRules::of("POST /a").body_bytes(2 << 20).deadline(long).objective(long);
        assert_eq!(
            message(looser.clone()),
            "the rules of POST /a loosen body_bytes, deadline, objective; say why with loosened(\"...\")"
        );
        assert_eq!(message(looser.clone().loosened("uploads")), "");
        assert!(message(RouteRules::of("GET /a").streaming()).contains("loosen objective"));
        assert!(message(RouteRules::of("POST /a").cross_site()).contains("loosen cross_site"));
        let tighter = RouteRules::of("POST /a").body_bytes(10).deadline(Duration::from_secs(1));
        assert_eq!(message(tighter.clone()), "");
        assert!(message(tighter.loosened("why")).contains("loosen nothing"));
        assert_eq!(looser.loosened_from(&Limits::default()).0, ["body_bytes", "deadline", "objective"]);
    }

    #[test]
    fn a_listener_that_sheds_nothing_keeps_shedding_nothing() {
        let off = Limits::default().with(|limits| limits.objective = None);
        assert_eq!(RouteRules::of("GET /a").objective(Duration::from_secs(1)).limits(&off).objective, None);
    }

    #[test]
    fn numbers_and_routes_out_of_their_range_are_refused() {
        for route in ["", "/a", "get /a", "GET a", "GET", "HEAD /a", "TRACE /a"] {
            assert!(message(RouteRules::of(route)).contains("is not a method and a path"), "{route}");
        }
        let second = Duration::from_secs(1);
        for wrong in [
            RouteRules::of("GET /a").objective(Duration::ZERO),
            RouteRules::of("GET /a").objective(Duration::from_secs(3601)).loosened("why"),
            RouteRules::of("GET /a").deadline(Duration::ZERO),
            RouteRules::of("GET /a").streams(0, 1),
            RouteRules::of("GET /a").caller_rate_limit(RateRules::default().burst(0)),
            RouteRules::of("GET /a").rate_limit(RateRules::default().rate(0)),
            RouteRules::of("GET /a").client_rate_limit(RateRules::default().per(Duration::from_nanos(1))),
        ] {
            assert!(message(wrong).contains("GET /a"), "it is refused");
        }
        assert_eq!(message(RouteRules::of("GET /a").rate_limit(RateRules::default().per(second))), "");
    }
}
