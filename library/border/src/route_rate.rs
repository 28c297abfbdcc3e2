//! Rate limits of one route: of all its requests, and of those of each client and of each caller; with the `RateLimit` fields
//! (draft-ietf-httpapi-ratelimit-headers-10) of its answers.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use resilience::rate_limit::{KeyedRateLimit, Limited, Quota, RateLimit, RateRules};
use tokio::time::Instant;

use crate::Problem;
use crate::route_rules::RouteRules;

/// Clients of a route whose rates are known, and callers: 16 bytes each.
pub(crate) const CLIENTS: usize = 4096;
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The problem type of the draft.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// Names of the limit of all requests, and of those of each client and of each caller.
pub(crate) const OF_ROUTE: &str = "route";
pub(crate) const OF_CLIENT: &str = "client";
pub(crate) const OF_CALLER: &str = "caller";

/// The limits of one route.
#[derive(Debug)]
pub(crate) struct RouteRate {
    all: Option<(RateRules, RateLimit)>,
    clients: Option<(RateRules, KeyedRateLimit)>,
    callers: Option<(RateRules, KeyedRateLimit)>,
    limited_all: AtomicU64,
    limited_clients: AtomicU64,
    limited_callers: AtomicU64,
}

/// The quotas that are left after a request, for its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Quotas {
    all: Option<Quota>,
    client: Option<Quota>,
    caller: Option<Quota>,
}

/// State of a limit.
pub(crate) struct RateState {
    pub(crate) policy: &'static str,
    pub(crate) rules: RateRules,
    pub(crate) limited: u64,
    pub(crate) forgotten: u64,
}

impl RouteRate {
    /// The limits of a route; none when it declares none.
    pub(crate) fn of(rules: &RouteRules, now: Instant) -> Option<Self> {
        rules.is_rate_limited().then(|| Self {
            all: rules.rate_limit.map(|rules| (rules, RateLimit::new(now))),
            clients: rules.client_rate_limit.map(|rules| (rules, KeyedRateLimit::new(CLIENTS, now))),
            callers: rules.caller_rate_limit.map(|rules| (rules, KeyedRateLimit::new(CLIENTS, now))),
            limited_all: AtomicU64::new(0),
            limited_clients: AtomicU64::new(0),
            limited_callers: AtomicU64::new(0),
        })
    }

    /// Returns true when the client of a request matters.
    pub(crate) const fn is_by_client(&self) -> bool {
        self.clients.is_some()
    }

    /// Takes a request out of the quota of its client, or refuses it: first, so that the excess of a client costs nothing to others. Without a key the
    /// client has no limit.
    pub(crate) fn pass_client(&self, client: Option<ClientKey>, now: Instant) -> Option<Problem> {
        let ((rules, limits), key) = self.clients.as_ref().zip(client)?;
        let limited = limits.try_pass(&key, rules, 1, now).err()?;
        self.limited_clients.fetch_add(1, Ordering::Relaxed);
        Some(problem(OF_CLIENT, "this client sends more requests to this route than its rate allows", limited))
    }

    /// Takes a request out of the quota of its caller, or refuses it. A stranger has no limit of a caller.
    pub(crate) fn pass_caller(&self, caller: Option<&str>, now: Instant) -> Option<Problem> {
        let ((rules, limits), key) = self.callers.as_ref().zip(caller)?;
        let limited = limits.try_pass(key, rules, 1, now).err()?;
        self.limited_callers.fetch_add(1, Ordering::Relaxed);
        Some(problem(OF_CALLER, "this caller sends more requests to this route than its rate allows", limited))
    }

    /// Returns what is left of each quota.
    pub(crate) fn quotas(&self, client: Option<ClientKey>, caller: Option<&str>, now: Instant) -> Quotas {
        Quotas {
            all: self.all.as_ref().map(|(rules, limit)| limit.quota(rules, now)),
            client: self.clients.as_ref().zip(client).map(|((rules, limits), key)| limits.quota(&key, rules, now)),
            caller: self.callers.as_ref().zip(caller).map(|((rules, limits), key)| limits.quota(key, rules, now)),
        }
    }

    /// Takes a request out of the quota of the route, or refuses it: last.
    pub(crate) fn pass_all(&self, now: Instant) -> Option<Problem> {
        let (rules, limit) = self.all.as_ref()?;
        let limited = limit.try_pass(rules, 1, now).err()?;
        self.limited_all.fetch_add(1, Ordering::Relaxed);
        Some(problem(OF_ROUTE, "this route gets more requests than its rate allows", limited))
    }

    /// The state of each limit.
    pub(crate) fn states(&self) -> impl Iterator<Item = RateState> {
        let all = self.all.as_ref().map(|(rules, _)| RateState {
            policy: OF_ROUTE,
            rules: *rules,
            limited: self.limited_all.load(Ordering::Relaxed),
            forgotten: 0,
        });
        let clients = self.clients.as_ref().map(|(rules, limits)| RateState {
            policy: OF_CLIENT,
            rules: *rules,
            limited: self.limited_clients.load(Ordering::Relaxed),
            forgotten: limits.forgotten(),
        });
        let callers = self.callers.as_ref().map(|(rules, limits)| RateState {
            policy: OF_CALLER,
            rules: *rules,
            limited: self.limited_callers.load(Ordering::Relaxed),
            forgotten: limits.forgotten(),
        });
        all.into_iter().chain(clients).chain(callers)
    }
}

/// The client of a request; requests of unknown clients share one key.
pub(crate) type ClientKey = Option<IpAddr>;

fn problem(policy: &'static str, wrong: &str, limited: Limited) -> Problem {
    let detail = format!("{wrong}; try again after Retry-After");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).kind(QUOTA_EXCEEDED);
    let problem = problem.with("code", "rate_limited").with("violated-policies", vec![policy]);
    match limited.retry_after() {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
}

impl Quotas {
    /// Adds the fields to an answer.
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        let known = [(OF_CLIENT, self.client), (OF_CALLER, self.caller), (OF_ROUTE, self.all)];
        let known = || known.iter().filter_map(|(name, quota)| Some((*name, (*quota)?)));
        let list = |one: fn((&str, Quota)) -> String| {
            let items: Vec<String> = known().map(one).collect();
            HeaderValue::try_from(items.join(", ")).ok().filter(|value| !value.is_empty())
        };
        let policy = list(|(name, quota)| format!("\"{name}\";q={};w={}", quota.limit, whole_seconds(quota.window)));
        let limit = list(|(name, quota)| format!("\"{name}\";r={};t={}", quota.remaining, whole_seconds(quota.reset)));
        if let (Some(policy), Some(limit)) = (policy, limit) {
            headers.insert(POLICY, policy);
            headers.insert(LIMIT, limit);
        }
    }
}

/// Returns whole seconds, rounded up.
fn whole_seconds(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: Option<ClientKey> = Some(Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1))));
    const OTHER: Option<ClientKey> = Some(Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2))));

    fn rules() -> RouteRules {
        let client = RateRules::default().rate(1).burst(2);
        RouteRules::of("GET /a").client_rate_limit(client).rate_limit(client.burst(3))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_over_its_rate_is_refused_and_costs_others_nothing() {
        let now = Instant::now();
        let rate = RouteRate::of(&rules(), now).unwrap();
        let pass = |client, now| rate.pass_client(client, now).or_else(|| rate.pass_all(now));
        let status = |client, now| pass(client, now).map(|problem| problem.status().as_u16());
        assert_eq!([ONE, ONE, ONE, ONE].map(|client| status(client, now)), [None, None, Some(429), Some(429)]);
        assert_eq!(status(OTHER, now), None);
        // Now the limit of all is reached, and the client is not to blame.
        assert_eq!(pass(OTHER, now).unwrap().document()["violated-policies"], serde_json::json!(["route"]));
        assert_eq!(status(ONE, now + Duration::from_secs(1)), None);
        let limited: Vec<u64> = rate.states().map(|state| state.limited).collect();
        assert_eq!(limited, [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_without_bounds_has_the_limit_of_the_route_alone() {
        let rate = RouteRate::of(&rules(), Instant::now()).unwrap();
        let now = Instant::now();
        let pass = || rate.pass_client(None, now).or_else(|| rate.pass_all(now));
        let passed = (0..5).filter(|_| pass().is_none()).count();
        assert_eq!(passed, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_fields_are_lists_of_structured_fields_with_whole_seconds() {
        let rate = RouteRate::of(&rules(), Instant::now()).unwrap();
        let now = Instant::now();
        assert!(rate.pass_client(ONE, now).or_else(|| rate.pass_all(now)).is_none());
        let quotas = rate.quotas(ONE, None, now);
        let mut headers = HeaderMap::new();
        quotas.add_to(&mut headers);
        assert_eq!(headers[POLICY], "\"client\";q=2;w=2, \"route\";q=3;w=3");
        assert_eq!(headers[LIMIT], "\"client\";r=1;t=1, \"route\";r=2;t=1");
        let mut none = HeaderMap::new();
        Quotas::default().add_to(&mut none);
        assert!(none.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_over_its_rate_is_refused_from_any_address_and_strangers_are_not_counted() {
        let now = Instant::now();
        let rules = RouteRules::of("GET /a").caller_rate_limit(RateRules::default().rate(1).burst(1));
        let rate = RouteRate::of(&rules, now).unwrap();
        let status = |caller| rate.pass_caller(caller, now).map(|problem| problem.status().as_u16());
        assert_eq!(
            [Some("ann"), Some("ann"), Some("bob"), None, None].map(status),
            [None, Some(429), None, None, None]
        );
        let refused = rate.pass_caller(Some("ann"), now).unwrap();
        assert_eq!(refused.document()["violated-policies"], serde_json::json!(["caller"]));
        let mut headers = HeaderMap::new();
        rate.quotas(ONE, Some("ann"), now).add_to(&mut headers);
        assert_eq!(headers[POLICY], "\"caller\";q=1;w=1");
    }
}
