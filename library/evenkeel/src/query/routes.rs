//! The route of the admin listener for questions in SQL. It only reads, with POST too: a long statement does not fit into a path.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query as Parameters, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use border::Problem;
use console::query::{DEFAULT_TIME, Format, MAX_TIME, Query, QueryError, Question};
use serde::Deserialize;

/// The path of questions.
pub(super) const PATH: &str = "/debug/query";

/// The header that names the bound by which an answer was cut.
pub(super) const CUT: HeaderName = HeaderName::from_static("query-cut");

/// Wait that is advised to those who got no turn.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn routes<S: Clone + Send + Sync + 'static>(query: Query) -> Router<S> {
    Router::new().route(PATH, get(ask).post(ask)).with_state(query)
}

/// The query of the path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The statement; with POST also the body.
    sql: Option<String>,
    /// The name of a shipped query, in the place of a statement.
    name: Option<String>,
    /// The time for the answer.
    seconds: Option<f64>,
    /// The format, in the place of `Accept`.
    format: Option<String>,
}

async fn ask(
    State(query): State<Query>,
    Parameters(asked): Parameters<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let format = match &asked.format {
        Some(name) => {
            Format::of_name(name).ok_or_else(|| wrong(format!("there is no format {name:?}; {}", formats())))?
        }
        None => Format::accepted(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok())),
    };
    let time = time(asked.seconds)?;
    let body = std::str::from_utf8(&body).map_err(|_| wrong("the body is no UTF-8: send the statement as text"))?;
    let body = Some(body.to_owned()).filter(|body| !body.trim().is_empty());
    let question = match (asked.sql, asked.name, body) {
        (None, None, None) => Question::new("SELECT name, help, sql FROM vitals_queries"),
        (Some(sql), None, None) | (None, None, Some(sql)) => Question::new(sql),
        (None, Some(name), None) => query.named(&name).map_err(problem)?,
        _ => return Err(wrong("there is more than one statement: send one of `sql`, `name` and a body")),
    };
    let answer = query.rendered(question.within(time), format).await.map_err(problem)?;
    let head = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    let mut response = (head, answer.text).into_response();
    if let Some(cut) = answer.cut {
        response.headers_mut().insert(CUT, HeaderValue::from_static(cut.name()));
    }
    Ok(response)
}

fn time(seconds: Option<f64>) -> Result<Duration, Problem> {
    let Some(seconds) = seconds else { return Ok(DEFAULT_TIME) };
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero() && *time <= MAX_TIME);
    time.ok_or_else(|| wrong(format!("seconds={seconds}: expected more than 0 and at most {}", MAX_TIME.as_secs())))
}

fn formats() -> String {
    format!("the formats are {}", Format::ALL.map(|(_, name, _)| name).join(", "))
}

fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn problem(error: QueryError) -> Problem {
    let status = match &error {
        QueryError::Busy => StatusCode::TOO_MANY_REQUESTS,
        QueryError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        QueryError::Refused { .. } => StatusCode::FORBIDDEN,
        QueryError::UnknownName { .. } => StatusCode::NOT_FOUND,
        QueryError::Sql { .. } | QueryError::TooBig => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let problem = Problem::new(status, error.to_string());
    if error == QueryError::Busy { problem.retry_after(RETRY_AFTER) } else { problem }
}
