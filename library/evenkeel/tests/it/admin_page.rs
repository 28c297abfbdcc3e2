//! `docs/guide/admin.md` against a running service: each request of its tables is sent, and each route of the admin listener has a row.

use evenkeel::client::{Client, Response};
use evenkeel::prelude::*;
use evenkeel::url::Url;

const PAGE: &str = include_str!("../../../../docs/guide/admin.md");
const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

/// A request of the page: method, path, and the body where it has one.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Option<&'static str>,
}

impl Row {
    /// True for a request that only a service with jobs answers.
    pub(crate) fn is_of_jobs(&self) -> bool {
        ["/jobs", "/dead-letters", "/queues", "/kinds", "/schedules"].iter().any(|part| self.path.starts_with(part))
    }

    /// True for a request whose answer is a page or a stream.
    fn is_of_the_console(&self) -> bool {
        self.path.starts_with("/console/")
    }

    /// True for a request about runs, events, subscriptions or leases.
    pub(crate) fn is_of_runs(&self) -> bool {
        ["/runs", "/events", "/subscriptions", "/leases"].iter().any(|part| self.path.starts_with(part))
    }
}

/// The requests that the first cells of the page's tables name.
pub(crate) fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let mut code = line.strip_prefix("| `")?.split('`');
        let (method, path) = code.next()?.split_once(' ')?;
        let body = code.nth(1).filter(|body| body.starts_with('{'));
        (path.starts_with('/')).then_some(Row { method, path, body })
    };
    PAGE.lines().filter_map(row).collect()
}

pub(crate) async fn send(client: &Client, row: &Row, url: &Url, media_type: &str, body: Option<&str>) -> Response {
    let call = client.call(row.method.parse().unwrap(), url).repeatable(false);
    let call = match body {
        Some(body) => call.body(media_type, body.to_owned()),
        None => call,
    };
    call.send().await.unwrap_or_else(|error| panic!("{row:?}: {error}"))
}

#[tokio::test]
async fn every_request_of_the_page_is_answered_as_it_says() {
    let rows = rows();
    assert!(rows.len() >= 8, "the page has a row for each request: {rows:?}");
    let bank = |_: &_| Dependency::http(&Url::parse("http://127.0.0.1:9").unwrap());
    let running = Service::new(build_info!()).dependency("bank", bank).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    const JSON: &str = "application/json";
    for row in rows.iter().filter(|row| !row.is_of_jobs() && !row.is_of_runs() && !row.is_of_the_console()) {
        let url = running.admin_url(&row.path.replace("NAME", "bank"));
        let answer = send(&client, row, &url, JSON, row.body).await;
        // No failure has this fingerprint; those that are there are read in the tests of `errors`.
        let expected = if row.path.ends_with("/FINGERPRINT") { 404 } else { 200 };
        assert_eq!(answer.status.as_u16(), if row.body.is_some() { 204 } else { expected }, "{row:?}");
        let Some(body) = row.body else { continue };

        // The table of errors.
        let unknown = running.admin_url(&row.path.replace("NAME", "mint"));
        let unsigned = body.replace("\"author\"", "\"signed\"");
        let refusals = [
            (&url, JSON, "{", 400),
            (&url, "text/plain", body, 415),
            (&url, JSON, unsigned.as_str(), 422),
            (&unknown, JSON, body, 404),
        ];
        for (url, media_type, body, expected) in refusals {
            let answer = send(&client, row, url, media_type, Some(body)).await;
            assert_eq!(answer.status.as_u16(), expected, "{row:?} with {media_type} {body}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{row:?}");
        }
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_of_a_guard_that_the_code_turned_off_is_refused_except_a_rate_limit() {
    let bank =
        |_: &_| Dependency::http(&Url::parse("http://127.0.0.1:9").unwrap()).rules(evenkeel::resilience::Rules::NONE);
    let running = Service::new(build_info!()).dependency("bank", bank).start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let row = Row { method: "PATCH", path: "/policies/NAME", body: None };
    for (change, expected) in [("attempts", 409), ("permits", 409), ("queue", 409), ("burst", 409), ("rate", 204)] {
        let body = format!(r#"{{"{change}": 1, "author": "ada", "reason": "an incident"}}"#);
        let url = running.admin_url("/policies/bank");
        let answer = send(&running.client(), &row, &url, "application/json", Some(&body)).await;
        assert_eq!(answer.status.as_u16(), expected, "{change}");
    }
    running.stop().await.unwrap();
}

#[test]
fn every_route_of_the_admin_listener_has_a_row() {
    let sources = [
        include_str!("../../src/admin.rs"),
        include_str!("../../src/admin/policies.rs"),
        include_str!("../../src/query/routes.rs"),
        include_str!("../../src/console_routes.rs"),
        include_str!("../../src/jobs/routes.rs"),
        include_str!("../../src/jobs/run_routes.rs"),
        include_str!("../../src/jobs/subscription_routes.rs"),
    ];
    let literal = |rest: &'static str| rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
    let routed = sources.iter().flat_map(|source| source.split(".route(").skip(1)).filter_map(literal);
    let constants = sources.iter().flat_map(|source| source.split("&str = ").skip(1)).filter_map(literal);
    let words = [("{name}", "NAME"), ("{id}", "ID"), ("{*page}", "PAGE"), ("{lever}", "LEVER")];
    let worded = |path: &str| words.iter().fold(path.to_owned(), |path, (name, word)| path.replace(name, word));
    let paths: Vec<String> = routed.chain(constants).map(worded).collect();
    assert!(paths.len() >= 7, "{paths:?}");
    for path in paths {
        assert!(rows().iter().any(|row| row.path == path), "docs/guide/admin.md has no row for {path}");
    }
}
