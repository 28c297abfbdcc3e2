//! The guard before every change on the admin listener.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use border::Problem;
use vitals::Registry;

use super::act::Act;
use super::here::elsewhere;
use super::token_file::TokenFile;

/// Paths that only read, with POST too.
const READS: [&str; 1] = ["/debug/query"];

/// Asks a browser for name and token.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"operators\", charset=\"UTF-8\"");

/// The tokens that the guard accepts, and the registry for its audit.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) tokens: Option<TokenFile>,
    pub(crate) registry: Registry,
}

/// Puts the guard around routes.
pub(crate) fn guarded(routes: Router, guard: Guard) -> Router {
    routes.layer(from_fn_with_state(guard, check))
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let is_read = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read || READS.contains(&head.uri.path()) {
        return next.run(Request::from_parts(head, body)).await;
    }
    let operator = match guard.identify(&head).await {
        Ok(operator) => operator,
        Err(problem) => {
            let (method, path, reason) = (&head.method, head.uri.path(), problem.detail());
            tracing::warn!(%method, path, reason, "a change was refused: it has no operator");
            let is_unknown = problem.status() == StatusCode::UNAUTHORIZED;
            let mut response = problem.into_response();
            if is_unknown {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
            }
            return response;
        }
    };
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    head.extensions.insert(Act { operator, method, path, registry: guard.registry });
    next.run(Request::from_parts(head, body)).await
}

impl Guard {
    /// Returns the operator of the token; none without a token file, for a request of this host.
    async fn identify(&self, head: &Parts) -> Result<Option<Arc<str>>, Problem> {
        let Some(file) = &self.tokens else {
            return match elsewhere(head) {
                None => Ok(None),
                Some(reason) => {
                    let detail = format!(
                        "without ADMIN_TOKEN_FILE a change must come from the host of the service, sent to an address: {reason}"
                    );
                    Err(Problem::new(StatusCode::FORBIDDEN, detail))
                }
            };
        };
        let Some((name, token)) = credentials(head) else {
            let detail = "a change needs an operator: send Authorization: Bearer TOKEN, or Basic with name and token";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
        };
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        let tokens = match read {
            Ok(Ok(tokens)) => tokens,
            failed => {
                let error = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "its reading broke off".to_owned(),
                };
                tracing::error!(error, "ADMIN_TOKEN_FILE cannot be used: every change is refused");
                let detail = "the token file cannot be used, and the log says why: nothing was changed";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
            }
        };
        let operator = tokens.operator(name.as_deref(), &token);
        operator.map(Some).ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "the token is none of an operator: nothing was changed")
        })
    }
}

/// The token of a request, and the name where it has one.
fn credentials(head: &Parts) -> Option<(Option<String>, String)> {
    let mut values = head.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some((None, rest.trim().to_owned())),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            let (name, token) = text.split_once(':')?;
            Some((Some(name.to_owned()), token.to_owned()))
        }
        _ => None,
    }
}
