//! The paths at which services usually have readiness, health, metrics and an OpenAPI document.

use keel_checklist::openapi::{Document, NoDocument, USUAL_PATHS, looks_like_one};
use keel_wire::http::{Answer, Client, Request};

const READY: [&str; 7] = [
    "/readyz",
    "/ready",
    "/health/ready",
    "/healthz/ready",
    "/-/ready",
    "/actuator/health/readiness",
    "/q/health/ready",
];
const HEALTH: [&str; 9] =
    ["/health", "/healthz", "/livez", "/live", "/health/live", "/-/healthy", "/actuator/health", "/q/health", "/ping"];
const METRICS: [&str; 4] = ["/metrics", "/actuator/prometheus", "/q/metrics", "/stats/prometheus"];
/// A path that no service has: the answer to it shows one that answers everything alike.
const NOWHERE: &str = "/keel-init-nowhere-6b65656c";

/// The paths and the OpenAPI document that were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ready: Option<String>,
    pub(super) health: Option<String>,
    pub(super) metrics: Option<String>,
    pub(super) openapi: Option<String>,
    pub(super) document: Option<Document>,
    /// Descriptions of answers that could not be used.
    pub(super) remarks: Vec<String>,
}

impl Found {
    /// Looks at the public listener and at that of the operators.
    pub(super) async fn at(client: &Client, admin: &Client, openapi: Option<&str>) -> Self {
        let mut found = Self {
            ready: path(admin, &READY, |_| true).await,
            health: path(admin, &HEALTH, |_| true).await,
            metrics: path(admin, &METRICS, is_metrics).await,
            ..Self::default()
        };
        found.look_for_openapi(client, openapi).await;
        found
    }

    async fn look_for_openapi(&mut self, client: &Client, declared: Option<&str>) {
        let paths = declared.map_or_else(|| USUAL_PATHS.to_vec(), |path| vec![path]);
        for path in paths {
            let exchange = client.send(Request::get(path)).await;
            let Some(answer) = exchange.answer().filter(|answer| answer.status.is_success()) else {
                if declared.is_some() {
                    self.remarks.push(format!("no OpenAPI document at {path}: {}", exchange.came_back()));
                }
                continue;
            };
            if declared.is_none() && !looks_like_one(&answer.text()) {
                continue;
            }
            match Document::parse(&answer.body, path) {
                Ok(document) => {
                    (self.openapi, self.document) = (Some(path.to_owned()), Some(document));
                    return;
                }
                Err(NoDocument::Unreadable(why)) => {
                    self.remarks.push(format!("the document at {path} cannot be read: {why}"));
                }
                Err(NoDocument::Lacks(why)) => self.remarks.push(format!("{path} is no OpenAPI 3 document: {why}")),
            }
        }
    }

    /// Returns true for the paths of readiness, health, metrics and OpenAPI, which are not part of the mix.
    pub(super) fn has_purpose(&self, path: &str) -> bool {
        [&self.ready, &self.health, &self.metrics, &self.openapi].into_iter().flatten().any(|found| found == path)
    }
}

/// The first of these paths that is answered with 2xx, with what is looked for, and otherwise than a path that is nowhere.
async fn path(client: &Client, paths: &[&str], is_it: impl Fn(&Answer) -> bool) -> Option<String> {
    let nowhere = client.send(Request::get(NOWHERE)).await;
    let nowhere = nowhere.answer().filter(|answer| answer.status.is_success());
    for path in paths {
        let exchange = client.send(Request::get(*path)).await;
        let answer = exchange.answer().filter(|answer| answer.status.is_success() && is_it(answer));
        let differs = |answer: &&Answer| nowhere.is_none_or(|nowhere| nowhere.body != answer.body);
        if answer.filter(differs).is_some() {
            return Some((*path).to_owned());
        }
    }
    None
}

/// Returns true for an answer in Prometheus text format.
fn is_metrics(answer: &Answer) -> bool {
    let text = answer.text();
    text.lines().any(|line| line.starts_with("# TYPE ") || line.starts_with("# HELP "))
}
