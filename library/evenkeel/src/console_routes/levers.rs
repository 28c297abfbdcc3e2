//! The forms of levers.

use axum::Form;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use border::Problem;
use console::pages::{Lever, LeverForm, Notice};
use serde::Deserialize;

use super::api::Outcome;
use super::seat::Seat;
use crate::page_nonce::PageNonce;

/// A form as a browser sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    target: String,
    number: String,
    author: String,
    reason: String,
    confirm: String,
}

/// Makes the change of a form. 303 to the page of the lever when it took effect, and the page with a notice when it was refused.
pub(super) async fn act(
    State(seat): State<Seat>,
    Path(name): Path<String>,
    nonce: PageNonce,
    request: Request,
) -> Result<Response, Response> {
    let lever = Lever::named(&name).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "there is no such lever; the pages have the forms of all").into_response()
    })?;
    let (head, body) = request.into_parts();
    let form = Request::from_parts(head.clone(), body);
    let Form(sent) = Form::<Sent>::from_request(form, &()).await.map_err(IntoResponse::into_response)?;
    let Sent { target, number, author, reason, confirm } = sent;
    let form = LeverForm { target, number, author, reason, confirm };
    let headers = head.headers.clone();
    let outcome = match lever.request(&form) {
        Ok(change) => seat.api.change(head, change).await,
        Err(detail) => Outcome { status: StatusCode::UNPROCESSABLE_ENTITY, headers: Default::default(), detail },
    };
    let page = lever.page();
    if outcome.status.is_success() {
        let location = format!("{}?done={}", page.href(), lever.name);
        let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/console"));
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response());
    }
    let notice = Notice { text: format!("{}: refused. {}", lever.title, outcome.detail), is_good: false };
    let sections = seat.sections(&page, &headers).await;
    let mut response = seat.document(outcome.status, &page, &sections, &nonce, Some(&notice));
    if let Some(challenge) = outcome.headers.get(header::WWW_AUTHENTICATE) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
    }
    Ok(response)
}
