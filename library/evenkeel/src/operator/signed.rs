//! The body of a change: what is asked, its reason, and who asks.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use border::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::act::{Act, said};
use crate::json_body;

/// A change without values of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A change by an operator, for a route of the admin listener: an extractor of its JSON body.
///
/// The body is an object with `reason`, with `author` where the listener has no token file, with `confirm` where the change is dangerous, and with the fields of `T`, which should
/// deny unknown ones. The author is the operator of the token, not the name in the body. Once extracted, the change is in the log and on the event bus, before it
/// takes effect.
///
/// Refused with 400 and 415 for a body that is not JSON, with 422 for one that lacks a reason or an author, or has another shape than `T`, and with 403 where
/// the route is not one of the admin listener.
///
/// ```
/// use evenkeel::operator::Signed;
/// use evenkeel::prelude::*;
///
/// async fn rebuild(by: Signed) -> Result<StatusCode, Problem> {
///     by.confirm("balances")?;
///     println!("{} rebuilds the balances: {}", by.author, by.reason);
///     Ok(StatusCode::NO_CONTENT)
/// }
///
/// Service::new(build_info!()).admin_routes(|_context| Router::new().route("/balances/rebuild", post(rebuild)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signed<T = Nothing> {
    /// The operator: 1 to 200 characters.
    pub author: String,
    /// The reason: 1 to 200 characters.
    pub reason: String,
    /// The fields of the change itself.
    pub asked: T,
    confirm: Option<String>,
}

impl<T> Signed<T> {
    /// Checks the second word of a dangerous change: `confirm` of the body must name its target.
    ///
    /// # Errors
    /// 422 when it names another target or none.
    pub fn confirm(&self, target: &str) -> Result<(), Problem> {
        if self.confirm.as_deref().map(str::trim) == Some(target) {
            return Ok(());
        }
        let detail = format!("this cannot be undone: repeat its target, {target:?}, in `confirm`; nothing was changed");
        Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
    }

    /// Takes the body apart, and audits the change.
    fn read(act: Option<&Act>, mut body: Map<String, Value>) -> Result<Self, Problem>
    where
        T: DeserializeOwned,
    {
        let act = act.ok_or_else(|| {
            let detail = "this change has no operator: its route belongs on the admin listener";
            Problem::new(StatusCode::FORBIDDEN, detail)
        })?;
        let mut text = |name: &str| match body.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            // An id is a target too.
            Some(Value::Number(number)) if name == "confirm" => Ok(Some(number.to_string())),
            Some(_) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{name} must be a text"))),
        };
        let (named, reason, confirm) = (text("author")?, text("reason")?, text("confirm")?);
        let asked = serde_json::from_value(Value::Object(body))
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
        let (author, reason) = (act.author(named)?, said("reason", reason)?);
        act.audit(&author, &reason);
        Ok(Self { author, reason, asked, confirm })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Signed<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        json_body::check_content_type(request.headers()).map_err(IntoResponse::into_response)?;
        let act = request.extensions().get::<Act>().cloned();
        let bytes = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let body = json_body::parse(&bytes).map_err(IntoResponse::into_response)?;
        Self::read(act.as_ref(), body).map_err(IntoResponse::into_response)
    }
}
