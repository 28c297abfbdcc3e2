//! Servers for `see.errors`: orders fail, and are reported well or with one flaw.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::probes::border::specimen::PLAIN;
use crate::specimen::server::{Request, Response, locked, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{ErrorList, ErrorReports, RequestSpec, Subject};

/// The way in which a specimen reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    /// Groups with a report each.
    Grouped,
    /// The first failure alone is sent to a Sentry.
    Sentry,
    /// Each failure is sent to a Sentry.
    Flood,
    /// Groups by a message that has the trace.
    ByMessage,
    /// As the first, with all headers.
    Headers,
    /// As the first, with the body.
    Body,
    /// As the first, without cause, place and what came before.
    Bare,
    /// As the first, and counts the failures that have a report.
    Undercounted,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("errors-good", |port| answer(Reports::Grouped, port))
        .holds("counts equal failures in one group, with a report of the first one"),
    Server::new("errors-sentry", |port| answer(Reports::Sentry, port))
        .holds("has no list, and sends the first of equal failures to SENTRY_DSN"),
    Server::new("errors-flood", |port| answer(Reports::Flood, port))
        .falls_short("sends a report of each failure to SENTRY_DSN")
        .liar(),
    Server::new("errors-by-message", |port| answer(Reports::ByMessage, port))
        .falls_short("makes a group of each failure, as its message has the trace")
        .liar(),
    Server::new("errors-headers", |port| answer(Reports::Headers, port))
        .falls_short("has all headers in its reports, with their secrets")
        .liar(),
    Server::new("errors-body", |port| answer(Reports::Body, port))
        .falls_short("has the body in its reports, with its secrets")
        .liar(),
    Server::new("errors-counts-reports", |port| answer(Reports::Undercounted, port))
        .falls_short("counts the failures that have a report alone")
        .liar(),
    Server::new("errors-bare", |port| answer(Reports::Bare, port))
        .falls_short("reports say that there is an internal error"),
    PLAIN.is_unknown("says nothing of failures"),
];

/// Declares how a specimen is read.
pub(crate) fn declare(name: &str, subject: &mut Subject) {
    if name == "border-plain" {
        return;
    }
    subject.requests = vec![RequestSpec {
        name: "order".to_owned(),
        method: "POST".to_owned(),
        path: "/orders/7".to_owned(),
        json: Some(json!({ "count": 1 })),
        expect: Some(500),
        ..RequestSpec::default()
    }];
    let is_sentry = matches!(name, "errors-sentry" | "errors-flood");
    let list = ErrorList {
        path: "/errors".to_owned(),
        rows: "/groups".to_owned(),
        id: "/id".to_owned(),
        count: "/count".to_owned(),
        show: "/errors/{id}".to_owned(),
        reports: "/reports".to_owned(),
    };
    subject.errors = Some(ErrorReports {
        request: "order".to_owned(),
        without: None,
        cause: Some("out of stock".to_owned()),
        list: (!is_sentry).then_some(list),
        sentry: is_sentry,
    });
}

/// A group: its failures, and its reports.
type Groups = BTreeMap<String, (u64, Vec<Value>)>;

fn answer(how: Reports, port: u16) -> ! {
    let groups: Arc<Mutex<Groups>> = Arc::default();
    serve(port, move |request| answer_to(request, how, &groups))
}

fn answer_to(request: &Request, how: Reports, groups: &Mutex<Groups>) -> Response {
    match request.path.as_str() {
        "/" => Response::new(200, "text/plain", "hello"),
        "/errors" => {
            let row = |(id, (count, _)): (&String, &(u64, Vec<Value>))| json!({ "id": id, "count": count });
            let rows: Vec<Value> = locked(groups).iter().map(row).collect();
            Response::json(200, &json!({ "groups": rows }))
        }
        path if path.starts_with("/errors/") => match locked(groups).get(&path["/errors/".len()..]) {
            Some((_, reports)) => Response::json(200, &json!({ "reports": reports })),
            None => Response::new(404, "text/plain", "no such group"),
        },
        path if path.starts_with("/orders/") => {
            fail(request, how, groups);
            Response::new(500, "text/plain", "the order failed")
        }
        _ => Response::new(404, "text/plain", "nothing"),
    }
}

fn fail(request: &Request, how: Reports, groups: &Mutex<Groups>) {
    let trace = request.header("traceparent").unwrap_or_default().split('-').nth(1).unwrap_or_default();
    let report = report(request, how, trace);
    let id = if how == Reports::ByMessage { format!("order-{trace}") } else { "order".to_owned() };
    let is_first = {
        let mut groups = locked(groups);
        let (count, reports) = groups.entry(id).or_default();
        let is_first = reports.is_empty();
        if is_first {
            reports.push(report.clone());
        }
        if is_first || how != Reports::Undercounted {
            *count += 1;
        }
        is_first
    };
    if how == Reports::Flood || (how == Reports::Sentry && is_first) {
        send(&report);
    }
}

fn report(request: &Request, how: Reports, trace: &str) -> Value {
    let mut report = json!({
        "fingerprint": ["order"],
        "transaction": "/orders/{id}",
        "release": "specimen@1.2.3",
        "server_name": "specimen-host",
        "tags": { "commit": "0123abc" },
        "request": { "url": request.path, "method": request.method, "headers": { "User-Agent": request.header("user-agent") } },
        "contexts": { "trace": { "trace_id": trace } },
        "exception": { "values": [{ "type": "OrderError", "value": "out of stock", "stacktrace": { "frames": [{ "filename": "orders.rs", "lineno": 7 }] } }] },
        "breadcrumbs": { "values": [{ "message": "the order was read" }] },
    });
    match how {
        Reports::Headers => {
            report["request"]["headers"] = request.headers.iter().map(|(name, value)| json!([name, value])).collect()
        }
        Reports::Body => report["request"]["data"] = Value::from(String::from_utf8_lossy(&request.body).into_owned()),
        Reports::Bare => {
            report["exception"] = json!({ "values": [{ "type": "Error", "value": "internal error" }] });
            report["breadcrumbs"] = json!({ "values": [] });
        }
        _ => {}
    }
    report
}

/// Sends an event to `SENTRY_DSN`, and waits for the answer.
fn send(event: &Value) {
    let Ok(dsn) = std::env::var("SENTRY_DSN") else { return };
    let Some((key, rest)) = dsn.trim_start_matches("http://").split_once('@') else { return };
    let Some((address, project)) = rest.split_once('/') else { return };
    let envelope = format!("{{}}\n{{\"type\":\"event\"}}\n{event}\n");
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let head = format!(
        "POST /api/{project}/envelope/ HTTP/1.1\r\nHost: {address}\r\nX-Sentry-Auth: Sentry sentry_key={key}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        envelope.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(envelope.as_bytes()));
    let _ = stream.read_to_end(&mut Vec::new());
}
