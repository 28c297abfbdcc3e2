//! Looks at pages and pulls levers, as a browser of an operator does.

use std::time::{Duration, Instant};

use keel_wire::http::{Client, Exchange, Request};
use regex::Regex;

use crate::lab::Lab;
use crate::subject::{Act, Console, Shown};

/// The author where a lever asks for one.
const AUTHOR: &str = "keel-operator";
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at the admin listener.
pub(super) struct Looker {
    client: Client,
}

impl Looker {
    pub(super) fn new(lab: &Lab) -> Self {
        Self { client: lab.admin() }
    }

    pub(super) async fn look(&self, page: &str) -> Exchange {
        self.client.send(Request::get(page)).await
    }

    /// The text of a page; nothing when it is not answered with success.
    pub(super) async fn text(&self, page: &str) -> String {
        let exchange = self.look(page).await;
        let answer = exchange.answer().filter(|answer| answer.status.is_success());
        answer.map(|answer| answer.text()).unwrap_or_default()
    }

    pub(super) async fn shows(&self, shown: &Shown) -> bool {
        let text = self.text(&shown.page).await;
        Regex::new(&shown.pattern).is_ok_and(|pattern| pattern.is_match(&text))
    }

    /// Returns whether the page shows it, once that is as `wanted` or the time is over.
    pub(super) async fn becomes(&self, shown: &Shown, wanted: bool, within: Duration) -> bool {
        let begun = Instant::now();
        loop {
            let is_shown = self.shows(shown).await;
            if is_shown == wanted || begun.elapsed() >= within {
                return is_shown;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn pull(&self, act: &Act, reason: &str, headers: &[(&str, &str)]) -> Exchange {
        self.client
            .send(headers.iter().fold(request(act, reason), |request, (name, value)| request.header(*name, *value)))
            .await
    }

    /// The same by GET, with a form as its query.
    pub(super) async fn get(&self, act: &Act, reason: &str) -> Exchange {
        let filled = request(act, reason);
        let path = match std::str::from_utf8(&filled.body) {
            Ok(form) if !form.is_empty() && !form.starts_with('{') => {
                let join = if filled.path.contains('?') { '&' } else { '?' };
                format!("{}{join}{form}", filled.path)
            }
            _ => filled.path.clone(),
        };
        let mut request = Request::get(path);
        let kept = |name: &str| !name.eq_ignore_ascii_case("content-type");
        request.headers.extend(filled.headers.into_iter().filter(|(name, _)| kept(name)));
        self.client.send(request).await
    }

    /// The author that the log must name; none where the lever does not say it: an identity of its own is not known.
    pub(super) fn author(&self, declared: &Console) -> Option<&'static str> {
        let says = declared.lever.as_ref().is_some_and(|lever| lever.body.contains("{author}"));
        says.then_some(AUTHOR)
    }
}

/// The request of a lever.
pub(super) fn request(act: &Act, reason: &str) -> Request {
    let body = act.body.replace("{author}", AUTHOR).replace("{reason}", reason);
    let mut request = Request::new(act.method.to_ascii_uppercase().parse().unwrap_or_default(), &act.path);
    request.headers = act.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if body.is_empty() {
        return request;
    }
    let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    let has_kind = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let request = if has_kind { request } else { request.header("content-type", kind) };
    request.body(body)
}
