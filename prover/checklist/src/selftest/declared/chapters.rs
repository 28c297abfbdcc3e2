//! Declarations that the specimens of one chapter have in common.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::json;

use crate::selftest::stage::Stage;
use crate::subject::{Criticality, Dependencies, Dependency, Load, RequestSpec, State, Subject};

/// A password that the specimens of chapters `ship` and `access` are started with.
const PASSWORD: &str = "h7Gq2kZ9xW4m";

/// A GET for the mix.
pub(super) fn get(path: &str) -> RequestSpec {
    request("GET", path)
}

/// A request for the mix, named by its method and path.
pub(super) fn request(method: &str, path: &str) -> RequestSpec {
    let (name, method) = (format!("{method} {path}"), method.to_owned());
    RequestSpec { name, method, path: path.to_owned(), ..RequestSpec::default() }
}

/// A POST of JSON for the mix.
pub(super) fn post(path: &str, json: serde_json::Value) -> RequestSpec {
    RequestSpec { json: Some(json), ..request("POST", path) }
}

/// A form with a session.
pub(super) fn form() -> RequestSpec {
    let mut spec = RequestSpec { body: Some("amount=5".into()), ..request("POST", "/transfer") };
    spec.headers.insert("Cookie".into(), "session=abc".into());
    spec.headers.insert("Content-Type".into(), "application/x-www-form-urlencoded".into());
    spec
}

/// The things of chapter `border`.
pub(super) fn things(subject: &mut Subject) {
    subject.deadline = Duration::from_secs(2);
    subject.state = State::Durable;
    subject.requests = vec![
        RequestSpec {
            headers: BTreeMap::from([("Idempotency-Key".into(), "{key}".into())]),
            save: BTreeMap::from([("thing".into(), "/id".into())]),
            read: Some("/things/{thing}".into()),
            idempotent: Some("Idempotency-Key".into()),
            ..post("/things", json!({ "name": "a thing", "size": 7 }))
        },
        RequestSpec { list: true, ..get("/things") },
        get("/things/{thing}"),
    ];
}

/// A write of the things that carries no JSON.
pub(super) fn note() -> RequestSpec {
    RequestSpec {
        headers: BTreeMap::from([("Content-Type".into(), "text/plain".into())]),
        body: Some("a note".into()),
        expect: Some(204),
        ..request("PUT", "/note")
    }
}

/// A dependency that another specimen is.
fn dependency(name: &str, env: &str, specimen: &str, stage: &Stage) -> Dependency {
    let port = stage.port();
    Dependency {
        name: name.to_owned(),
        env: env.to_owned(),
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(stage.command(specimen, port)),
        ready: Some("/".to_owned()),
        env_of_run: BTreeMap::new(),
        many: None,
        named: None,
        trip: None,
        release: None,
    }
}

/// The things, and a request that calls a dependency.
pub(super) fn relaying(subject: &mut Subject, stage: &Stage) {
    things(subject);
    subject.dependencies = Dependencies::Declared(vec![dependency("relay", "RELAY_URL", "border-plain", stage)]);
    subject.requests.push(RequestSpec { uses: vec!["relay".into()], ..get("/relay") });
}

/// A request that calls for prices.
pub(super) fn prices(method: &str, path: &str) -> RequestSpec {
    RequestSpec { uses: vec!["prices".to_owned()], ..request(method, path) }
}

/// A dependency that tells prices, and which request calls it.
pub(super) fn calls_for_prices(subject: &mut Subject, stage: &Stage) {
    subject.deadline = Duration::from_secs(1);
    let prices_of = dependency("prices", "DEPENDENCY_URL", "call-dependency", stage);
    subject.dependencies = Dependencies::Declared(vec![prices_of]);
    subject.requests = vec![get("/"), prices("GET", "/price")];
}

/// A second dependency, and which request calls it.
pub(super) fn taxes(subject: &mut Subject, stage: &Stage) {
    let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
    declared.push(dependency("taxes", "TAX_URL", "call-dependency", stage));
    subject.requests.push(RequestSpec { uses: vec!["taxes".to_owned()], ..get("/tax") });
}

/// Declares the listener of health and metrics, and the dependencies.
pub(super) fn seen(subject: &mut Subject, stage: &Stage) {
    calls_for_prices(subject, stage);
    subject.health = Some("/health".to_owned());
    subject.metrics = Some("/metrics".to_owned());
}

/// Declares the dependency, the request that calls it, and one that calls it in queued work.
pub(super) fn traced(subject: &mut Subject, stage: &Stage) {
    calls_for_prices(subject, stage);
    subject.requests.push(RequestSpec { later: vec!["prices".to_owned()], ..prices("POST", "/order") });
    subject.drain_timeout = Duration::from_secs(2);
}

/// A service that keeps things in a file.
pub(super) fn lives(subject: &mut Subject, stage: &Stage) {
    subject.ready = Some("/ready".to_owned());
    subject.env.insert("LIFE_DATA".to_owned(), stage.folder.join("things").display().to_string());
    subject.env.insert("LIFE_NOTICE_MS".to_owned(), "200".to_owned());
    subject.data = vec![stage.folder.clone()];
    subject.state = State::Durable;
    let make = RequestSpec {
        headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        idempotent: Some("Idempotency-Key".to_owned()),
        ..post("/things", json!({ "colour": "blue" }))
    };
    subject.requests = vec![get("/"), make];
}

/// Work, and a load near what a specimen does, so that its capacity is soon found.
pub(super) fn works(subject: &mut Subject) {
    subject.load = Some(Load { rate: 100.0, peak: 100.0, p99: Duration::from_millis(400), errors: 0.0 });
    subject.requests = vec![get("/work")];
}

/// Work of three classes, where they are declared.
pub(super) fn classes(subject: &mut Subject, declared: bool) {
    works(subject);
    let of = |path, class| RequestSpec { criticality: Some(class), ..get(path) };
    if declared {
        let upper = [of("/critical", Criticality::Critical), of("/default", Criticality::Default)];
        subject.requests = upper.into_iter().chain([of("/sheddable", Criticality::Sheddable)]).collect();
    }
}

/// Two routes, each a partition where that is declared.
pub(super) fn partitions(subject: &mut Subject, declared: bool) {
    works(subject);
    let of = |name: &str| RequestSpec { bulkhead: declared.then(|| name.to_owned()), ..get(&format!("/{name}")) };
    subject.requests = ["checkout", "search"].map(of).into();
}

/// A service with settings, data and a folder to work in.
///
/// # Errors
/// When the folders cannot be made.
pub(super) fn shipped(subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    let (data, work) = (stage.folder.join("data"), stage.folder.join("work"));
    std::fs::create_dir_all(&data)?;
    std::fs::create_dir_all(&work)?;
    let port = subject.url.port().unwrap_or_default();
    subject.workdir = work;
    subject.env.extend([
        ("SHIP_PORT".to_owned(), port.to_string()),
        ("SHIP_LIMIT".to_owned(), "10".to_owned()),
        ("SHIP_DATA".to_owned(), data.display().to_string()),
        ("SHIP_DATABASE".to_owned(), format!("postgres://me:{PASSWORD}@127.0.0.1/none")),
    ]);
    subject.data = vec![data];
    subject.state = State::Durable;
    let make = RequestSpec {
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        expect: Some(201),
        ..post("/things", json!({ "colour": "blue" }))
    };
    subject.requests = vec![get("/"), make];
    Ok(())
}
