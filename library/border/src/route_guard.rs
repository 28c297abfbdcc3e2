//! Enforcement of the rules of one route, on its requests and answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio::time::Instant;

use crate::Problem;
use crate::access::Access;
use crate::bulkheads::{BulkheadPlace, NamedBulkhead};
use crate::caller::Caller;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::held_body::held_by;
use crate::invalid_route::InvalidRouteRules;
use crate::limits::Limits;
use crate::open_streams::{OpenStreams, StreamPlace};
use crate::route_rate::{ClientKey, Quotas, RouteRate};
use crate::route_rules::RouteRules;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// One declared route.
#[derive(Debug)]
pub(crate) struct RouteGuard {
    rules: RouteRules,
    /// Names of what is looser than at the listener.
    loosened: Vec<&'static str>,
    rate: Option<RouteRate>,
    streams: Option<Arc<OpenStreams>>,
    bulkhead: Option<Arc<NamedBulkhead>>,
    /// Headers of each answer.
    headers: HeaderMap,
    cache_control: Option<HeaderValue>,
    /// The media types of a body, for `Accept`.
    accepted: Option<HeaderValue>,
    /// True once a router has it.
    is_routed: AtomicBool,
}

/// A request that the rules let pass, or refuse.
pub(crate) struct Passage {
    route: Arc<RouteGuard>,
    place: Option<BulkheadPlace>,
    quotas: Quotas,
    /// Refused by the limit of all requests: its client is not to blame.
    is_limited_for_all: bool,
    is_read: bool,
    origin: Option<HeaderValue>,
    stream: Option<StreamPlace>,
    connection: Option<Arc<Connection>>,
}

impl RouteGuard {
    /// Checks the rules; `bulkhead` is the one that they name.
    pub(crate) fn new(
        rules: RouteRules,
        listener: &Limits,
        bulkhead: Option<Arc<NamedBulkhead>>,
        now: Instant,
    ) -> Result<Self, InvalidRouteRules> {
        rules.check(listener)?;
        let route = rules.route();
        if let (Some(name), None) = (rules.bulkhead, &bulkhead) {
            return Err(InvalidRouteRules::UnknownBulkhead { route: route.to_owned(), bulkhead: name.to_owned() });
        }
        for media_type in rules.media_types {
            let is_token = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
            let is_valid =
                media_type.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
            if !is_valid || media_type.contains([';', ',', '*', ' ']) {
                let media_type = (*media_type).to_owned();
                return Err(InvalidRouteRules::MediaType { route: route.to_owned(), media_type });
            }
        }
        let value = |header: &'static str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| InvalidRouteRules::Header {
                route: route.to_owned(),
                header,
                value: text.to_owned(),
            })
        };
        let accepted = value("accept", &rules.media_types.join(", "))?;
        let (loosened, _) = rules.loosened_from(listener);
        Ok(Self {
            loosened,
            rate: RouteRate::of(&rules, now),
            streams: rules.streams.map(|(in_all, per_client)| Arc::new(OpenStreams::new(in_all, per_client))),
            bulkhead,
            headers: rules.deprecation.map_or(Ok(HeaderMap::new()), |deprecation| deprecation.headers(route))?,
            cache_control: rules.cache_control.map(|text| value("cache-control", text)).transpose()?,
            accepted: (!rules.media_types.is_empty()).then_some(accepted),
            is_routed: AtomicBool::new(false),
            rules,
        })
    }

    pub(crate) const fn rules(&self) -> &RouteRules {
        &self.rules
    }

    pub(crate) fn loosened(&self) -> &[&'static str] {
        &self.loosened
    }

    pub(crate) const fn rate(&self) -> Option<&RouteRate> {
        self.rate.as_ref()
    }

    /// Notes that a router has it.
    pub(crate) fn has_router(&self) {
        self.is_routed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_routed(&self) -> bool {
        self.is_routed.load(Ordering::Relaxed)
    }

    /// Lets a request pass, or refuses it: by its rate, by its caller, by its head, and last by its bulkhead, whose place it holds from then on.
    ///
    /// `client` is asked for the network of the client only where that matters; it returns none for a client without bounds.
    pub(crate) fn enter(
        self: &Arc<Self>,
        request: &Request,
        client: impl Fn() -> Option<ClientKey>,
        now: Instant,
    ) -> (Option<Problem>, Passage) {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let origin = self.rules.cross_origin.and_then(|_| request.headers().get(header::ORIGIN).cloned());
        let mut passage = Passage {
            route: self.clone(),
            place: None,
            quotas: Quotas::default(),
            is_limited_for_all: false,
            is_read,
            origin,
            stream: None,
            connection: None,
        };
        let caller = request.extensions().get::<Caller>().map(Caller::as_str);
        let key = self.rate.as_ref().filter(|rate| rate.is_by_client()).and_then(|_| client());
        let rate = self.rate.as_ref();
        let refused = rate
            .and_then(|rate| rate.pass_client(key, now))
            .or_else(|| self.check_access(caller))
            .or_else(|| rate?.pass_caller(caller, now))
            .or_else(|| {
                let limited = rate?.pass_all(now);
                passage.is_limited_for_all = limited.is_some();
                limited
            });
        passage.quotas = rate.map(|rate| rate.quotas(key, caller, now)).unwrap_or_default();
        if refused.is_some() {
            return (refused, passage);
        }
        if let Err(problem) = self.check_head(request.headers(), request.body()) {
            return (Some(problem), passage);
        }
        if let Some(streams) = &self.streams {
            match streams.enter(client()) {
                Ok(place) => passage.stream = Some(place),
                Err(problem) => return (Some(problem), passage),
            }
            let exchange = request.extensions().get::<Arc<Exchange>>();
            passage.connection = exchange.map(|exchange| exchange.connection().clone());
        }
        let place = self.bulkhead.as_ref().map(|bulkhead| bulkhead.enter()).transpose();
        match place {
            Ok(place) => (None, Passage { place, ..passage }),
            Err(problem) => (Some(problem), passage),
        }
    }

    /// Refuses a stranger at a closed route.
    fn check_access(&self, caller: Option<&str>) -> Option<Problem> {
        let is_closed = self.rules.access == Some(Access::Closed);
        (is_closed && caller.is_none()).then(|| {
            let detail = "this route serves callers with an identity alone; send a valid credential";
            Problem::new(StatusCode::UNAUTHORIZED, detail).with("code", "no_caller")
        })
    }

    fn check_head(&self, headers: &HeaderMap, body: &Body) -> Result<(), Problem> {
        if !self.rules.media_types.is_empty() && !body.is_end_stream() {
            let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let essence = kind.split(';').next().unwrap_or_default().trim();
            if !self.rules.media_types.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
                let known = self.rules.media_types.join(", ");
                let detail = match essence {
                    "" => format!("the body has no content type; send one of: {known}"),
                    _ => format!("a body of the type {essence:?} cannot be used here; send one of: {known}"),
                };
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
            }
        }
        if self.rules.idempotency_key && headers.get(IDEMPOTENCY_KEY).is_none_or(|key| key.is_empty()) {
            let detail = "the header Idempotency-Key is needed, so that a repetition takes effect once";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        if self.rules.if_match && !headers.contains_key(header::IF_MATCH) {
            let detail =
                "the header If-Match is needed, with the ETag of what was read, so that no change of others is lost";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
        }
        Ok(())
    }
}

impl Passage {
    /// Returns true for a request that the limit of all requests refused, whichever client sends them.
    pub(crate) const fn is_limited_for_all(&self) -> bool {
        self.is_limited_for_all
    }

    /// Adds the headers of the route to an answer, and gives the place back: at once when the answer is complete, else when it ends.
    pub(crate) fn leave(self, mut response: Response) -> Response {
        let Self { route, place, quotas, is_limited_for_all: _, is_read, origin, stream, connection } = self;
        let status = response.status();
        let headers = response.headers_mut();
        for (name, value) in &route.headers {
            headers.append(name.clone(), value.clone());
        }
        quotas.add_to(headers);
        if let Some(cross_origin) = route.rules.cross_origin {
            cross_origin.add_to(origin.as_ref(), headers);
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE
            && let Some(accepted) = &route.accepted
        {
            headers.entry(header::ACCEPT).or_insert_with(|| accepted.clone());
        }
        let is_cacheable = is_read && (status.is_success() || status == StatusCode::NOT_MODIFIED);
        if let Some(value) = route.cache_control.as_ref().filter(|_| is_cacheable) {
            headers.entry(header::CACHE_CONTROL).or_insert_with(|| value.clone());
        }
        let response = match (stream, connection) {
            (Some(stream), Some(connection)) if status == StatusCode::SWITCHING_PROTOCOLS => {
                connection.hold_stream(stream);
                response
            }
            (Some(stream), _) if response.body().size_hint().exact().is_none() => {
                response.map(|body| held_by(stream, body))
            }
            _ => response,
        };
        match place {
            Some(place) if response.body().size_hint().exact().is_none() => response.map(|body| held_by(place, body)),
            _ => response,
        }
    }
}
