//! Examination of the specimens of the chapter `call` in tests.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::subject::{Dependencies, Dependency, RequestSpec, Subject};
use crate::testing::{calls_for_prices, command, examine_declared, get, reserved_port};

pub(crate) async fn examine(id: &str, name: &str) -> Finding {
    let finding = examine_declared(id, name, calls_for_prices).await;
    assert!(!finding.evidence().is_empty(), "{finding:?}");
    finding
}

/// Says that the specimen calls a second dependency as well, and which request does.
pub(crate) fn also_taxes(subject: &mut Subject) {
    calls_for_prices(subject);
    let port = reserved_port();
    let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
    declared.push(Dependency {
        name: "taxes".to_owned(),
        env: "TAX_URL".to_owned(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("call-dependency", port)),
        ready: Some("/".to_owned()),
        env_of_run: BTreeMap::new(),
        many: None,
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        named: None,
        trip: None,
        release: None,
    });
    subject.requests.push(RequestSpec { uses: vec!["taxes".to_owned()], ..get("/tax") });
}
