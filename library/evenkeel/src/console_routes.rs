//! The operator's pages on the admin listener: pages, their event stream, and the forms of levers.
//!
//! `GET` only reads. A form is sent to `POST /console/levers/NAME`, and becomes the request of the admin API that its lever stands for, with the same guard, checks and audit: the
//! pages can do nothing that the API cannot.

mod api;
mod levers;
mod seat;
mod stream;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use border::Problem;
use console::pages::{Lever, Notice, Page, Pages};
use serde::Deserialize;

use self::seat::Seat;
use crate::page_nonce::PageNonce;

/// Returns the routes of the pages; `api` has those of the admin API, with the guard.
pub(crate) fn routes(pages: Pages, api: Router) -> Router {
    Router::new()
        .route("/console", get(overview))
        .route("/console/{*page}", get(page))
        .route("/console/stream", get(stream::stream))
        .route("/console/levers/{lever}", post(levers::act))
        .with_state(Seat::new(pages, api))
}

/// The query of a page.
#[derive(Debug, Deserialize)]
struct Asked {
    /// The lever whose form was taken.
    done: Option<String>,
    /// Of the page of questions: the statement, or the name of a shipped one.
    sql: Option<String>,
    name: Option<String>,
}

async fn overview(
    State(seat): State<Seat>,
    Query(asked): Query<Asked>,
    nonce: PageNonce,
    headers: HeaderMap,
) -> Response {
    seat.answer(&Page::Overview, asked, &nonce, &headers).await
}

async fn page(
    State(seat): State<Seat>,
    Path(path): Path<String>,
    Query(asked): Query<Asked>,
    nonce: PageNonce,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = seat.page(&path)?;
    Ok(seat.answer(&page, asked, &nonce, &headers).await)
}

impl Seat {
    async fn answer(&self, page: &Page, asked: Asked, nonce: &PageNonce, headers: &HeaderMap) -> Response {
        let notice = asked.done.as_deref().and_then(Lever::named).map(|lever| Notice {
            text: format!("{}: done. The events have it with its author and reason.", lever.title),
            is_good: true,
        });
        if *page == Page::Query {
            let question = self.pages.question(asked.sql.as_deref(), asked.name.as_deref()).await;
            return self.document(StatusCode::OK, page, &[question], nonce, None);
        }
        // After a change the page is made anew.
        if notice.is_some() {
            self.forget(page);
        }
        let sections = self.sections(page, headers).await;
        self.document(StatusCode::OK, page, &sections, nonce, notice.as_ref())
    }
}
