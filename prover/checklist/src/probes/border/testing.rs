//! A declaration for the sound server of chapter `border` and those with one flaw.

use crate::testing::{command, post, request, reserved_port};
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::subject::{Dependencies, Dependency, RequestSpec, State, Subject};
use crate::testing::get;

/// Declares the things, as keel.toml would.
pub(crate) fn things(subject: &mut Subject) {
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
pub(crate) fn note() -> RequestSpec {
    RequestSpec {
        headers: BTreeMap::from([("Content-Type".into(), "text/plain".into())]),
        body: Some("a note".into()),
        expect: Some(204),
        ..request("PUT", "/note")
    }
}

/// The things, and a request that calls a dependency.
pub(crate) fn relaying(subject: &mut Subject) {
    let port = reserved_port();
    let dependency = Dependency {
        name: "relay".into(),
        env: "RELAY_URL".into(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("border-plain", port)),
        ready: Some("/".into()),
        env_of_run: BTreeMap::new(),
        many: None,
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        named: None,
        trip: None,
        release: None,
    };
    things(subject);
    subject.dependencies = Dependencies::Declared(vec![dependency]);
    subject.requests.push(RequestSpec { uses: vec!["relay".into()], ..get("/relay") });
}
