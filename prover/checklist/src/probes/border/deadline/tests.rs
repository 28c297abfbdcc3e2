//! `border.deadline` on its specimens.

use crate::testing::get;
use std::collections::BTreeMap;

use crate::probes::border::testing::things;
use crate::subject::{Dependencies, Dependency, RequestSpec, Subject};
use crate::testing::{
    command, does_not_apply, examine, examine_declared, falls_short, holds, is_unknown, reserved_port,
};

fn slow_things(subject: &mut Subject) {
    things(subject);
    subject.dependencies = Dependencies::Declared(Vec::new());
    subject.requests.push(RequestSpec { slow: true, ..get("/slow") });
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_answers_504_and_stops() {
    holds(&examine_declared("border.deadline", "border-sound", slow_things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_whose_dependency_is_silent() {
    let port = reserved_port();
    let dependency = Dependency {
        name: "relay".into(),
        env: "RELAY_URL".into(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("border-plain", port)),
        ready: Some("/".into()),
        env_of_run: BTreeMap::new(),
        many: None,
        named: None,
        trip: None,
        release: None,
    };
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.dependencies = Dependencies::Declared(vec![dependency]);
        subject.requests.push(RequestSpec { uses: vec!["relay".into()], ..get("/relay") });
    };
    holds(&examine_declared("border.deadline", "border-sound", declare).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_never_gives_up() {
    falls_short(&examine_declared("border.deadline", "border-never-gives-up", slow_things).await, &["no answer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_works_on_after_504() {
    falls_short(&examine_declared("border.deadline", "border-works-on", slow_things).await, &["goes on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_apply_when_nothing_makes_a_request_wait() {
    let alone = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    does_not_apply(&examine_declared("border.deadline", "border-sound", alone).await);
    is_unknown(&examine("border.deadline", "border-sound").await, "declare");
}
