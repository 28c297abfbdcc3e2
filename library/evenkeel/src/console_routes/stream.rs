//! The event stream of a page: the sections that changed, at most once a second.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use border::Problem;
use console::pages::Page;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::seat::{MAX_VIEWERS, Seat};
use crate::event_stream::EventStream;

/// Time between two frames.
const FRAME: Duration = Duration::from_secs(1);
/// Wait of a browser before it connects again.
const RETRY: Duration = Duration::from_secs(2);

/// The query of the path.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    page: String,
}

/// One viewer, with the sections that were sent already.
struct Viewer {
    seat: Seat,
    page: Page,
    headers: HeaderMap,
    /// A hash of the HTML of each section.
    seen: HashMap<String, u64>,
    /// Events of this frame that are not sent yet, the last one first.
    waiting: Vec<Event>,
    is_begun: bool,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn stream(
    State(seat): State<Seat>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    answer: EventStream,
) -> Result<Response, Problem> {
    let page = seat.page(&asked.page)?;
    let place = seat.viewers.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("{MAX_VIEWERS} pages are looked at already; use Refresh");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(Duration::from_secs(30))
    })?;
    let viewer =
        Viewer { seat, page, headers, seen: HashMap::new(), waiting: Vec::new(), is_begun: false, _place: place };
    Ok(answer.of(stream::unfold(viewer, async |mut viewer| viewer.next().await.map(|event| (event, viewer)))))
}

impl Viewer {
    /// Waits for the next changed section. The first frame is sent at once and has all of them.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if self.is_begun {
                tokio::time::sleep(FRAME).await;
            }
            self.is_begun = true;
            let sections = self.seat.sections(&self.page, &self.headers).await;
            let sequence = self.seat.pages.sequence();
            for section in sections.iter().rev() {
                let mut hasher = DefaultHasher::new();
                section.html.hash(&mut hasher);
                let hash = hasher.finish();
                if self.seen.insert(section.id.clone(), hash) != Some(hash) {
                    let data = json!({ "id": section.id, "html": section.html }).to_string();
                    let event = Event::default().event("section").id(sequence.to_string()).retry(RETRY).data(data);
                    self.waiting.push(event);
                }
            }
        }
    }
}
