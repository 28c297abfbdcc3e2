//! Sessions of people who sign in on the pages of a service.
//!
//! [`PageSessions::around`] reads the session of each request, refuses one that was ended, renews its cookie, and names the [`Caller`]. A handler takes
//! [`SignedIn`], or `Option<Extension<Session>>` where a stranger sees another page. Cross-site forms are refused by the border.
//!
//! ```
//! use evenkeel::prelude::*;
//! use evenkeel::sessions::{PageSessions, SessionSettings, SignedIn};
//!
//! fn routes(context: &Context<SessionSettings, Store>) -> Router {
//!     let sessions = PageSessions::stored(context.settings(), context.store());
//!     let page = get(async |SignedIn(session): SignedIn| format!("hello {}", session.subject()));
//!     let routes = Router::new().route("/", page).route("/sign-in", post(sign_in)).route("/sign-out", post(sign_out));
//!     sessions.around(routes.with_state(sessions.clone()))
//! }
//!
//! // A real service checks a password or asks an identity provider first.
//! async fn sign_in(State(sessions): State<PageSessions>) -> Result<impl IntoResponse, Problem> {
//!     Ok([("set-cookie", sessions.sign_in("ann")?)])
//! }
//!
//! async fn sign_out(State(sessions): State<PageSessions>, SignedIn(session): SignedIn) -> Result<impl IntoResponse, Problem> {
//!     Ok([("set-cookie", sessions.sign_out(&session).await?)])
//! }
//! # Service::new(build_info!()).settings::<SessionSettings>().store(evenkeel::sessions::add_schema(Vec::new())).routes(routes);
//! ```

use std::sync::Arc;
use std::time::SystemTime;

use access::{Answer, MemoryRevocations, Revocations, SessionKeys, SessionRules, Sessions};
use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use border::Problem;
use clap::Args;
use store::{Migration, Migrations, Store, args};

use crate::Caller;
pub use access::Session;

const SCHEMA: &str = "
CREATE TABLE evenkeel_session_revoked (
    id TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX evenkeel_session_revoked_until ON evenkeel_session_revoked (until);
";

/// Settings of sessions, to be flattened into those of a service.
#[derive(Args, Clone, Debug, Default)]
#[non_exhaustive]
pub struct SessionSettings {
    /// Keys that seal the cookies of sessions, as in id:key,id:key with 32 bytes each in base64: the first one seals, all of them open. Default: a random
    /// one, with which sessions end with the process.
    #[arg(long, env = "SESSION_KEYS", value_name = "ID:KEY,...", hide_env_values = true)]
    pub session_keys: Option<SessionKeys>,
}

/// Adds the table of ended sessions to the migrations of a service.
pub fn add_schema(migrations: impl Into<Migrations>) -> Migrations {
    migrations.into().library("sessions", vec![Migration::both(1, "ended sessions", SCHEMA)])
}

/// Sessions on the pages of a service. Cheap to clone.
#[derive(Clone)]
pub struct PageSessions {
    sessions: Sessions,
    ended: Arc<dyn Revocations>,
}

impl PageSessions {
    /// Sessions whose ends are in the store, where all processes of the service see them; it needs [`add_schema`].
    pub fn stored(settings: &SessionSettings, store: &Store) -> Self {
        let keys = settings.session_keys.clone().unwrap_or_else(|| {
            tracing::info!("SESSION_KEYS is not set: sessions end with this process, and no other process knows them");
            SessionKeys::random()
        });
        Self { sessions: Sessions::new(keys, SessionRules::default()), ended: Arc::new(Stored(store.clone())) }
    }

    /// Sessions of this process alone, which end with it.
    pub fn in_memory(rules: SessionRules) -> Self {
        Self { sessions: Sessions::new(SessionKeys::random(), rules), ended: Arc::new(MemoryRevocations::default()) }
    }

    /// Starts a session of a person who has proved who they are; returns its `Set-Cookie`.
    ///
    /// # Errors
    /// The problem document for an id that is empty or longer than 256 bytes.
    pub fn sign_in(&self, subject: &str) -> Result<HeaderValue, Problem> {
        let started = self.sessions.start(subject, SystemTime::now());
        let (_, cookie) = started.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
        Ok(cookie)
    }

    /// Ends a session everywhere; returns the `Set-Cookie` that removes its cookie. Cancel-safe: when the call is dropped, the session has ended or goes on.
    ///
    /// # Errors
    /// 503 when the end cannot be stored: the session goes on.
    pub async fn sign_out(&self, session: &Session) -> Result<HeaderValue, Problem> {
        let ended = self.ended.revoke(session.id(), self.sessions.end_of(session)).await;
        ended.map_err(|error| unknown(&*error))?;
        Ok(self.sessions.removal())
    }

    /// Puts the sessions around routes.
    pub fn around<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        let sessions = self.clone();
        routes.layer(from_fn(move |request: Request, next: Next| {
            let sessions = sessions.clone();
            async move { sessions.pass(request, next).await }
        }))
    }

    async fn pass(&self, mut request: Request, next: Next) -> Response {
        let now = SystemTime::now();
        let session = match self.sessions.read(request.headers(), now) {
            Ok(session) => session,
            Err(error) => return Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        };
        let Some(session) = session else { return next.run(request).await };
        match self.ended.is_revoked(session.id()).await {
            Ok(false) => {}
            Ok(true) => return next.run(request).await,
            Err(error) => return unknown(&*error).into_response(),
        }
        let renewed = self.sessions.renew(&session, now);
        request.extensions_mut().insert(Caller::new(session.subject()));
        request.extensions_mut().insert(session);
        let mut response = next.run(request).await;
        if let Some(cookie) = renewed.filter(|_| may_carry_a_cookie(response.headers())) {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl std::fmt::Debug for PageSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageSessions").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// Returns true for an answer to this person alone. One that a cache may keep goes to other people too, and one with a cookie has its own.
fn may_carry_a_cookie(headers: &HeaderMap) -> bool {
    let cache = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let mut directives = cache.flat_map(|value| value.split(',')).map(str::trim).peekable();
    let is_personal = directives.peek().is_none()
        || directives.any(|one| ["no-store", "private"].iter().any(|name| one.eq_ignore_ascii_case(name)));
    is_personal && !headers.contains_key(header::SET_COOKIE)
}

/// Returns the problem document for ended sessions that cannot be read: no request is let in.
fn unknown(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "the ended sessions cannot be read or written");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "sessions cannot be checked at the moment; retry later")
        .retry_after(std::time::Duration::from_secs(1))
}

/// The session of a request, behind [`PageSessions::around`]; without one the answer is 401.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Session);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let session = head.extensions.get::<Session>().cloned();
        session.map(Self).ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "sign in first"))
    }
}

/// Ended sessions in the store.
struct Stored(Store);

impl Revocations for Stored {
    fn revoke<'a>(&'a self, session: &'a str, until: SystemTime) -> Answer<'a, ()> {
        let (until, now) = (seconds(until), seconds(SystemTime::now()));
        Box::pin(async move {
            let ended = self.0.write(|tx| {
                let session = session.to_owned();
                Box::pin(async move {
                    // Sessions that would have ended by now need no row any more.
                    tx.execute("DELETE FROM evenkeel_session_revoked WHERE until < $1", args![now]).await?;
                    let insert =
                        "INSERT INTO evenkeel_session_revoked (id, until) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
                    tx.execute(insert, args![&session, until]).await.map(drop)
                })
            });
            ended.await.map_err(Into::into)
        })
    }

    fn is_revoked<'a>(&'a self, session: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let row = self.0.read(|tx| {
                let session = session.to_owned();
                Box::pin(async move {
                    tx.fetch_optional("SELECT until FROM evenkeel_session_revoked WHERE id = $1", args![&session]).await
                })
            });
            Ok(row.await?.is_some())
        })
    }
}

fn seconds(time: SystemTime) -> i64 {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
