//! The state of the pages that all viewers share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use border::Problem;
use console::pages::{List, Notice, Page, Pages, Section, policy};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::api::Api;
use crate::page_nonce::PageNonce;

/// The most event streams of pages at a time.
pub(super) const MAX_VIEWERS: usize = 16;
/// Age up to which the sections of a page serve all its viewers; those with rows of the database are kept longer.
const FRESH: Duration = Duration::from_millis(900);
const FRESH_LISTS: Duration = Duration::from_secs(3);

/// The pages of a service, and what their viewers share.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) pages: Pages,
    pub(super) api: Api,
    pub(super) viewers: Arc<Semaphore>,
    kept: Arc<Mutex<HashMap<Page, Kept>>>,
}

/// Sections of a page, and when they were made. There are no more pages than tables and a few.
type Kept = (Instant, Arc<Vec<Section>>);

impl Seat {
    pub(super) fn new(pages: Pages, api: Router) -> Self {
        let viewers = Arc::new(Semaphore::new(MAX_VIEWERS));
        Self { pages, api: Api::new(api), viewers, kept: Arc::default() }
    }

    pub(super) fn page(&self, path: &str) -> Result<Page, Problem> {
        self.pages
            .page(path)
            .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such page; /console has links to all"))
    }

    /// Forgets the sections of a page, so that it is made anew.
    pub(super) fn forget(&self, page: &Page) {
        self.kept().remove(page);
    }

    pub(super) fn document(
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
    pub(super) async fn sections(&self, page: &Page, headers: &HeaderMap) -> Arc<Vec<Section>> {
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
        // Groups of failures come and go: kept they would be without a bound.
        if !matches!(page, Page::ErrorGroup(_)) {
            self.kept().insert(page.clone(), (Instant::now(), sections.clone()));
        }
        sections
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Page, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
