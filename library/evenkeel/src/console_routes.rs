//! The operator's pages on the admin listener: pages, their event stream, and the forms of levers.
//!
//! `GET` only reads. A form is sent to `POST /console/levers/NAME`, and becomes the request of the admin API that its lever stands for, with the same guard, checks and audit: the
//! pages can do nothing that the API cannot.

mod api;
mod levers;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use border::Problem;
use console::pages::{Lever, List, Notice, Page, Pages, Section, policy};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::api::Api;
use crate::page_nonce::PageNonce;

/// The most event streams of pages at a time.
const MAX_VIEWERS: usize = 16;
/// Age up to which the sections of a page serve all its viewers; those with rows of the database are kept longer.
const FRESH: Duration = Duration::from_millis(900);
const FRESH_LISTS: Duration = Duration::from_secs(3);

/// The pages of a service, and what their viewers share.
#[derive(Clone)]
pub(crate) struct Seat {
    pages: Pages,
    api: Api,
    viewers: Arc<Semaphore>,
    kept: Arc<Mutex<HashMap<Page, Kept>>>,
}

/// Sections of a page, and when they were made. There are no more pages than tables and a few.
type Kept = (Instant, Arc<Vec<Section>>);

/// Returns the routes of the pages; `api` has those of the admin API, with the guard.
pub(crate) fn routes(pages: Pages, api: Router) -> Router {
    let (viewers, kept) = (Arc::new(Semaphore::new(MAX_VIEWERS)), Arc::default());
    Router::new()
        .route("/console", get(overview))
        .route("/console/{*page}", get(page))
        .route("/console/stream", get(stream::stream))
        .route("/console/levers/{lever}", post(levers::act))
        .with_state(Seat { pages, api: Api::new(api), viewers, kept })
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
    fn page(&self, path: &str) -> Result<Page, Problem> {
        self.pages
            .page(path)
            .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such page; /console has links to all"))
    }

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
            self.kept().remove(page);
        }
        let sections = self.sections(page, headers).await;
        self.document(StatusCode::OK, page, &sections, nonce, notice.as_ref())
    }

    fn document(
        &self,
        status: StatusCode,
        page: &Page,
        sections: &[Section],
        nonce: &PageNonce,
        notice: Option<&Notice>,
    ) -> Response {
        let html = self.pages.document(page, sections, nonce.as_str(), notice);
        let policy =
            HeaderValue::from_str(&policy(nonce.as_str())).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let head = [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            // Without a referrer browsers send the forms of a page with a foreign Origin.
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        ];
        (status, head, html).into_response()
    }

    /// The sections of a page: those of the last moment, when there are some. One reading serves all viewers.
    async fn sections(&self, page: &Page, headers: &HeaderMap) -> Arc<Vec<Section>> {
        let lists = page.lists();
        let fresh = if lists.is_empty() { FRESH } else { FRESH_LISTS };
        let kept = self.kept().get(page).filter(|(made, _)| made.elapsed() < fresh).map(|(_, kept)| kept.clone());
        if let Some(kept) = kept {
            return kept;
        }
        let mut filled: Vec<List> = Vec::new();
        for list in lists {
            filled.extend(self.api.filled(list, headers).await);
        }
        let sections = Arc::new(self.pages.sections(page, &filled));
        self.kept().insert(page.clone(), (Instant::now(), sections.clone()));
        sections
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Page, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
