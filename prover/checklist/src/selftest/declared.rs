//! Declarations of each specimen, as keel.toml would have them, so that its probe sees all that it examines.

mod chapters;

use std::io;
use std::time::Duration;

use serde_json::json;

use self::chapters::{
    calls_for_prices, classes, form, get, jobs, lives, note, partitions, post, prices, relaying, request, seen,
    shipped, taxes, things, traced, works,
};
use super::stage::Stage;
use crate::subject::{Dependencies, Lever, Load, RequestSpec, State, Subject};

/// Declares what is known about this specimen for this probe.
///
/// # Errors
/// When its files cannot be made.
pub(crate) fn declare(id: &str, name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    match id.split_once('.').unwrap_or((id, "")) {
        ("web", attribute) => web(attribute, name, subject, stage),
        ("border", attribute) => border(attribute, name, subject, stage),
        ("call", attribute) => call(attribute, name, subject, stage),
        ("see", attribute) => see(attribute, name, subject, stage)?,
        ("life", "autoscale") if name != "border-plain" => {
            calls_for_prices(subject, stage);
            crate::probes::life::autoscale::specimen::declare(name, subject, stage)?;
        }
        ("life", "autoscale") => {}
        ("life", "leader") => {
            let port = stage.port();
            let run = stage.command(name, port);
            crate::probes::life::leader::specimen::declare(name, subject, &stage.folder, run, port);
        }
        ("life", attribute) => life(attribute, name, subject, stage),
        ("prove", attribute) => prove(attribute, name, subject, stage),
        ("data", "clean") => crate::probes::data::clean::specimen::declare(name, subject),
        ("data", "integrity") => crate::probes::data::integrity::specimen::declare(name, subject, &stage.folder),
        ("data", "purge") => crate::probes::data::purge::specimen::declare(name, subject),
        ("ratchet", "dead-letters") => {
            crate::probes::ratchet::dead_letters::specimen::declare(name, subject, &stage.folder)
        }
        ("ratchet", "events") => crate::probes::ratchet::events::specimen::declare(name, subject, &stage.folder),
        ("ratchet", "steps") => {
            calls_for_prices(subject, stage);
            crate::probes::ratchet::steps::specimen::declare(subject, &stage.folder);
        }
        ("ratchet", _) => jobs(subject, stage),
        ("ship" | "data" | "access", _) => ship(id, name, subject, stage)?,
        _ => {}
    }
    Ok(())
}

fn web(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) {
    match (attribute, name) {
        ("tls", "web-good") => {}
        ("tls", _) => crate::probes::web::tls::specimen::declare(subject, &stage.folder),
        ("headers", "web-bare-writes") => subject.requests.push(request("POST", "/transfer")),
        ("csrf", "web-open-cookie") => subject.requests.push(request("POST", "/transfer")),
        ("csrf", _) => {
            subject.requests.push(form());
            let spec = &mut subject.requests[0];
            match name {
                "web-token" => spec.body = Some("amount=5&csrf_token=known".into()),
                "web-lets-scripts" => spec.method = "PUT".into(),
                "web-public-form" => drop(spec.headers.remove("Cookie")),
                _ => {}
            }
        }
        _ => {}
    }
}

fn border(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) {
    match (attribute, name) {
        ("shed" | "backpressure", _) => works(subject),
        ("criticality", name) => classes(subject, name != "classes-undeclared"),
        ("bulkhead", name) => partitions(subject, name != "partitions-undeclared"),
        ("rate-limit", _) | ("connections", "border-http2" | "border-plain") => {}
        ("compress" | "openapi" | "validation", "border-plain") => {}
        ("validation", _) => subject.requests.push(post("/notes", json!({ "text": "a note", "stars": 3 }))),
        ("compress", name) if name.starts_with("border-packed") => {
            subject.requests.push(post("/things", json!({ "name": "a thing" })));
            subject.metrics = (name == "border-packed-metrics").then(|| "/metrics".to_owned());
        }
        ("deadline", "border-leaks-calls" | "border-waits-for-bytes" | "border-keeps-connections") => {
            relaying(subject, stage)
        }
        ("deadline", _) => {
            things(subject);
            subject.dependencies = Dependencies::Declared(Vec::new());
            subject.requests.push(RequestSpec { slow: true, ..get("/slow") });
        }
        ("problem", "border-sound" | "border-leaks-in-report") => {
            things(subject);
            subject.requests.push(RequestSpec { expect: Some(500), ..get("/report") });
        }
        ("cacheable", "border-sound" | "border-dead-validator") => {
            things(subject);
            subject.env.insert("SPECIMEN_DATA".into(), stage.folder.display().to_string());
        }
        ("cacheable", "border-shares-personal-page") => {
            things(subject);
            let headers = [("Authorization".to_owned(), "Bearer one".to_owned())].into();
            subject.requests = vec![RequestSpec { headers, ..get("/me") }];
        }
        ("openapi", "border-yaml") => {
            things(subject);
            subject.openapi = Some("/openapi.yaml".to_owned());
        }
        ("limits", "border-sound" | "border-one-at-a-time" | "border-takes-long-notes")
        | ("slow-clients", "border-waits-for-notes") => {
            things(subject);
            subject.requests.push(note());
        }
        ("slow-clients", _) => {
            things(subject);
            subject.requests.push(get("/large"));
        }
        ("idempotency", _) => {
            things(subject);
            subject.env.insert("SPECIMEN_DATA".into(), stage.folder.display().to_string());
            if name == "border-shares-keys" {
                let caller = |name: &str| {
                    let mut spec = subject.requests[0].clone();
                    spec.headers.insert("Authorization".into(), format!("Bearer {name}"));
                    spec
                };
                let callers = [caller("one"), RequestSpec { idempotent: None, ..caller("other") }];
                subject.requests.splice(0..1, callers);
            }
        }
        _ => things(subject),
    }
}

fn call(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) {
    if attribute == "cpu-bulkhead" {
        subject.requests = vec![get("/"), RequestSpec { heavy: true, ..get("/heavy") }];
        return;
    }
    calls_for_prices(subject, stage);
    match (attribute, name) {
        ("timeout" | "deadline" | "hedge", _) => subject.deadline = Duration::from_secs(2),
        ("jitter", "periodic-split") => {
            taxes(subject, stage);
            subject.requests.retain(|spec| spec.path != "/tax");
        }
        ("balance" | "discovery", _) => instances(subject),
        ("breaker-manual", name) if name.starts_with("lever") => levers(subject),
        _ => {}
    }
    match (attribute, name) {
        ("timeout", "call-multiplexed") => {
            if let Dependencies::Declared(declared) = &mut subject.dependencies {
                let port = declared[0].url.port().unwrap_or_default();
                declared[0].url = format!("tcp://127.0.0.1:{port}").parse().expect("a loopback URL is a URL");
                (declared[0].run, declared[0].ready) = (Some(stage.command("call-bus", port)), None);
            }
        }
        ("hedge", name) if name.starts_with("hedges") => subject.requests.push(prices("POST", "/order")),
        ("retry", "calls-careless") => subject.requests.push(prices("POST", "/order")),
        _ => {}
    }
}

/// Declares the value of the dependency's variable for more than one instance, and for a name that is looked up.
fn instances(subject: &mut Subject) {
    let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
    declared[0].many = Some("http://{1},http://{2},http://{3}".to_owned());
    declared[0].named = Some("http://{name}:{port}/?resolver={resolver}".to_owned());
}

/// Declares the commands by which an operator stops calls, and lets them go on.
fn levers(subject: &mut Subject) {
    subject.health = Some("/health".to_owned());
    let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
    let lever = |method: &str, json| Lever { method: method.to_owned(), path: "/breakers/prices".to_owned(), json };
    declared[0].trip = Some(lever("PUT", Some(json!({ "open": true, "by": "{author}", "why": "{reason}" }))));
    declared[0].release = Some(lever("DELETE", None));
}

fn see(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    match (attribute, name) {
        ("alerts" | "dashboards" | "slo", "border-plain") => {}
        ("alerts" | "dashboards", _) => crate::probes::see::ops_specimen::declare(name, subject, stage)?,
        ("slo", _) => {
            calls_for_prices(subject, stage);
            crate::probes::see::slo::specimen::declare(name, subject, stage)?;
        }
        ("outliers", _) => crate::probes::see::outliers::specimen::declare(name, subject),
        ("errors", _) => crate::probes::see::errors::specimen::declare(name, subject),
        ("console", _) => crate::probes::see::console::specimen::declare(name, subject),
        ("query", _) => crate::probes::see::query::specimen::declare(name, subject),
        ("metrics" | "traces", "border-plain") | ("health", "see-page-for-all" | "see-echo-for-all") => {}
        ("traces", "traces-leaf") => subject.dependencies = Dependencies::Declared(Vec::new()),
        ("traces", _) => traced(subject, stage),
        _ => seen(subject, stage),
    }
    Ok(())
}

fn life(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) {
    if attribute == "steady" {
        subject.requests = vec![get("/")];
        return;
    }
    lives(subject, stage);
    match (attribute, name) {
        ("crash", _) => subject.requests.push(RequestSpec { crash: true, ..get("/crash") }),
        ("drain", "life-cuts-transfers") => subject.requests.push(get("/large")),
        ("drain", "life-deaf") => subject.drain_timeout = Duration::from_secs(2),
        _ => {}
    }
}

fn prove(attribute: &str, name: &str, subject: &mut Subject, stage: &Stage) {
    let load = |rate, peak| Load { rate, peak, p99: Duration::from_secs(2), errors: 0.01 };
    match (attribute, name) {
        ("attack", "border-forgets-keys") => {
            things(subject);
            subject.env.insert("SPECIMEN_DATA".into(), stage.folder.display().to_string());
        }
        ("attack", _) => subject.state = State::None,
        ("soak", _) => {
            subject.requests = vec![get("/")];
            subject.state = State::None;
        }
        ("stress", _) => {
            works(subject);
            subject.requests = vec![get("/"), get("/work")];
        }
        ("load", "loaded-once") => {
            let spec = post("/work", json!({}));
            subject.requests = vec![RequestSpec { idempotent: Some("Idempotency-Key".to_owned()), ..spec }];
            subject.load = Some(load(10.0, 20.0));
        }
        ("load", _) => {
            subject.deadline = Duration::from_secs(1);
            subject.requests = vec![get("/work")];
            subject.load = Some(if name == "loaded-waits" { load(10.0, 400.0) } else { load(400.0, 400.0) });
        }
        _ => {}
    }
}

fn ship(id: &str, name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    shipped(subject, stage)?;
    match (id, name) {
        ("ship.config", _) => {
            subject.env.remove("SHIP_DATABASE");
            subject.start_timeout = Duration::from_secs(2);
        }
        ("access.secrets", "secrets-logins") => {
            let mut spec =
                RequestSpec { body: Some("user=ada&password=sEcr3t-0f-Ada".into()), ..request("POST", "/login") };
            spec.headers.insert("Content-Type".into(), "application/x-www-form-urlencoded".into());
            subject.requests.push(spec);
        }
        ("ship.make" | "ship.supply-chain", _) => {
            let files = crate::probes::ship::specimen::repository(name);
            for (file, text) in files {
                let path = stage.folder.join("repository").join(file);
                path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                std::fs::write(path, text)?;
            }
            subject.repository = (!files.is_empty()).then(|| stage.folder.join("repository"));
        }
        _ => {}
    }
    Ok(())
}
