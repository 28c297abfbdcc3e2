//! A report as an envelope: a line about the envelope, a line about its item, and the event.

use serde_json::{Map, Value as Json, json};

/// Makes the envelope of a report. `event_id` has 32 hexadecimal digits.
pub(super) fn envelope(report: &Json, event_id: &str, environment: &str) -> Vec<u8> {
    let event = event(report, event_id, environment).to_string();
    let head = json!({ "event_id": event_id, "sent_at": report["at"] });
    let item = json!({ "type": "event", "length": event.len(), "content_type": "application/json" });
    format!("{head}\n{item}\n{event}\n").into_bytes()
}

fn event(report: &Json, event_id: &str, environment: &str) -> Json {
    let (service, work, trace) = (&report["service"], &report["work"], &report["trace"]);
    let name = work["route"].as_str().or(work["name"].as_str()).unwrap_or_default();
    let method = work["method"].as_str().unwrap_or_default();
    let mut event = json!({
        "event_id": event_id,
        "timestamp": report["at"],
        "platform": "native",
        "level": "error",
        "logger": "evenkeel",
        "transaction": format!("{method} {name}").trim(),
        "server_name": service["host"],
        "release": format!("{}@{}", text(service, "name"), text(service, "version")),
        "fingerprint": [report["fingerprint"]],
        "exception": { "values": exceptions(report) },
        "breadcrumbs": { "values": breadcrumbs(report) },
        "tags": {
            "fingerprint": report["fingerprint"],
            "commit": service["commit"],
            "request_id": work["id"],
            "work": work["is"],
        },
        "contexts": {
            "trace": { "trace_id": trace["trace_id"], "span_id": trace["span_id"], "op": work["is"] },
            "work": without(work, &["headers", "query"]),
            "service": service,
            "load": report["load"],
        },
        "extra": { "steps": report["steps"], "policies": report["policies"], "events": report["events"], "left_out": report["left_out"] },
    });
    if !environment.is_empty() {
        event["environment"] = Json::from(environment);
    }
    if work["is"] == "request" {
        event["request"] = json!({
            "method": method,
            "url": work["path"],
            "query_string": work["query"],
            "headers": work["headers"],
        });
    }
    if let Some(backtrace) = report.get("backtrace") {
        event["extra"]["backtrace"] = backtrace.clone();
    }
    event
}

/// The causes, the innermost first, as the protocol has them; the place is that of the last one.
fn exceptions(report: &Json) -> Vec<Json> {
    let causes = report["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |(number, cause): (usize, &Json)| {
        if number > 0 {
            return json!({ "type": "cause", "value": cause });
        }
        let mut outermost = json!({ "type": report["kind"], "value": cause });
        let place = text(report, "place");
        if let Some((file, line)) = place.rsplit_once(':') {
            let frame = json!({ "filename": file, "lineno": line.parse::<u32>().ok(), "in_app": true });
            outermost["stacktrace"] = json!({ "frames": [frame] });
        }
        outermost
    };
    let mut all: Vec<Json> = causes.iter().enumerate().map(of).collect();
    all.reverse();
    all
}

/// The log lines of the request, and its calls, by time.
fn breadcrumbs(report: &Json) -> Vec<Json> {
    let lines = report["logs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let crumb = |line: &Json| match line.as_str() {
        Some(text) => json!({ "category": "log", "message": text }),
        None => json!({
            "timestamp": line["ts"],
            "category": line["target"],
            "level": line["level"].as_str().unwrap_or_default().to_lowercase().replace("warn", "warning"),
            "message": line["message"],
            "data": without(line, &["ts", "level", "target", "message", "request_id", "trace_id", "span_id"]),
        }),
    };
    let calls = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let calls = calls.iter().filter(|step| step.get("peer").is_some());
    let call = |step: &Json| json!({ "type": "http", "category": "call", "message": format!("{}: {}", text(step, "peer"), text(step, "outcome")), "data": step });
    calls.map(call).chain(lines.iter().map(crumb)).collect()
}

fn without(object: &Json, names: &[&str]) -> Map<String, Json> {
    let members = object.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| !names.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn text<'j>(object: &'j Json, name: &str) -> &'j str {
    object[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_three_lines_and_the_event_has_the_causes_innermost_first() {
        let report = json!({
            "at": "2026-11-29T12:00:00.000000Z", "fingerprint": "ab", "kind": "OrderError", "place": "src/order.rs:7",
            "causes": ["the order cannot be stored", "disk full"],
            "service": { "name": "shop", "version": "1.2.3", "commit": "abc", "host": "h" },
            "work": { "is": "request", "id": "r-1", "route": "/orders", "method": "POST", "path": "/orders", "query": "a=1", "headers": {} },
            "trace": { "trace_id": "t", "span_id": "s" },
            "steps": [{ "step": "pool" }, { "step": "call", "peer": "bank", "attempt": 1, "outcome": "timeout" }],
            "logs": [{ "ts": "2026", "level": "WARN", "target": "shop", "message": "slow", "disk": 7 }, "cut"],
        });
        let id = "0123456789abcdef0123456789abcdef";
        let text = String::from_utf8(envelope(&report, id, "production")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [head, item, event] = [0, 1, 2].map(|line| serde_json::from_str::<Json>(lines[line]).unwrap());
        assert_eq!((lines.len(), &head["event_id"]), (3, &Json::from(id)));
        assert_eq!((&item["type"], item["length"].as_u64()), (&"event".into(), Some(lines[2].len() as u64)));
        let causes = event["exception"]["values"].as_array().unwrap();
        assert_eq!(
            (&causes[0]["value"], &causes[1]["value"]),
            (&"disk full".into(), &"the order cannot be stored".into())
        );
        assert_eq!(
            causes[1]["stacktrace"]["frames"][0],
            json!({ "filename": "src/order.rs", "lineno": 7, "in_app": true })
        );
        assert_eq!((&event["transaction"], &event["release"]), (&"POST /orders".into(), &"shop@1.2.3".into()));
        assert_eq!((&event["environment"], &event["fingerprint"]), (&"production".into(), &json!(["ab"])));
        assert_eq!(event["request"]["query_string"], "a=1");
        let crumbs = event["breadcrumbs"]["values"].as_array().unwrap();
        assert_eq!(
            (&crumbs[0]["message"], &crumbs[1]["level"], &crumbs[1]["data"]),
            (&"bank: timeout".into(), &"warning".into(), &json!({ "disk": 7 }))
        );
    }
}
