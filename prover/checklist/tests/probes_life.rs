//! Each probe of chapter `life` on specimens that hold and that do not.

mod specimen;

use std::collections::BTreeMap;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::subject::{Dependencies, Dependency, RequestSpec, State, Subject};
use specimen::{command, examine_declared, free_port, get, post};
use tokio::join;

/// The specimen with a folder of its own, which ends with the test.
async fn examine(id: &str, name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().to_owned();
    let finding = examine_declared(id, name, |subject| {
        subject.ready = Some("/ready".to_owned());
        subject.workdir = data.clone();
        subject.env.insert("LIFE_DATA".to_owned(), data.join("things").display().to_string());
        subject.env.insert("LIFE_NOTICE_MS".to_owned(), "200".to_owned());
        subject.data = vec![data];
        subject.state = State::Durable;
        subject.requests = vec![get("/"), make()];
        declare(subject);
    })
    .await;
    assert!(!finding.evidence.is_empty() || finding.verdict != Verdict::Holds, "{finding:?}");
    finding
}

fn make() -> RequestSpec {
    RequestSpec {
        headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        idempotent: Some("Idempotency-Key".to_owned()),
        ..post("/things", serde_json::json!({ "colour": "blue" }))
    }
}

async fn holds(id: &str) {
    let finding = examine(id, "life-good", |_| {}).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

/// The specimen falls short, and the summary says of what.
async fn falls_short(id: &str, name: &str, of: &str) {
    let Finding { verdict, summary, evidence, .. } = examine(id, name, |_| {}).await;
    assert_eq!(verdict, Verdict::FallsShort, "{name}: {summary} {evidence:#?}");
    assert!(summary.contains(of), "{name} falls short of {of:?}: {summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_soon_and_refuses_a_port_that_is_taken() {
    join!(
        holds("life.start"),
        falls_short("life.start", "life-slow-start", "the median is"),
        falls_short("life.start", "life-patient-start", "still runs"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_names_the_variable_and_the_port_that_it_cannot_start_with() {
    let finding = examine("life.start", "life-good", |_| {}).await;
    let tried = finding.evidence.iter().find(|piece| piece.what.contains("LIFE_NOTICE_MS"));
    assert_eq!(tried.and_then(|piece| piece.good), Some(true), "{finding:#?}");
    join!(
        falls_short("life.start", "life-takes-anything", "is ready after"),
        falls_short("life.start", "life-vague", "without naming port"),
        falls_short("life.start", "life-vague", "without naming LIFE_NOTICE_MS"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_variable_that_has_a_form_bad_configuration_is_not_tried_and_that_is_said() {
    let finding = examine("life.start", "life-takes-anything", |subject| {
        subject.env.remove("LIFE_NOTICE_MS");
    })
    .await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.summary.contains("was not tried"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_finished_after_sigterm() {
    holds("life.drain").await;
    falls_short("life.drain", "life-drops-in-flight", "half sent").await;
    falls_short("life.drain", "life-never-unready", "nobody answers").await;
    falls_short("life.drain", "life-bad-exit", "code 3").await;
    falls_short("life.drain", "life-cuts-answers", "is broken off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_dependency_is_in_flight_too() {
    let finding = examine("life.drain", "life-good", asks_another).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.evidence.iter().any(|piece| piece.what.contains("slow dependency") && piece.good == Some(true)));
    let finding = examine("life.drain", "life-drops-in-flight", asks_another).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("slow dependency"), "{}", finding.summary);
}

/// Only reads, one of which waits for another specimen.
fn asks_another(subject: &mut Subject) {
    let port = free_port();
    subject.requests = vec![get("/"), RequestSpec { uses: vec!["other".to_owned()], ..get("/ask") }];
    subject.dependencies = Dependencies::Declared(vec![Dependency {
        name: "other".to_owned(),
        env: "LIFE_UPSTREAM".to_owned(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("life-good", port)),
        ready: Some("/ready".to_owned()),
        env_of_run: BTreeMap::new(),
        many: None,
        named: None,
        trip: None,
        release: None,
    }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_held_in_flight_it_is_not_known_what_becomes_of_it() {
    let only_reads = |subject: &mut Subject| subject.requests.retain(RequestSpec::only_reads);
    let finding = examine("life.drain", "life-drops-in-flight", only_reads).await;
    assert_ne!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("life.drain", "life-good", only_reads).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_end_on_sigterm_falls_short() {
    let finding = examine("life.drain", "life-deaf", |subject| {
        subject.drain_timeout = std::time::Duration::from_secs(2);
    })
    .await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("still runs"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_is_told_and_finds_everything_in_the_foreground() {
    holds("life.manager").await;
    falls_short("life.manager", "life-pid-file", ".pid").await;
    falls_short("life.manager", "life-silent", "no READY=1").await;
    falls_short("life.manager", "life-too-soon", "does not answer").await;
    falls_short("life.manager", "life-stray", "left its process group").await;
    falls_short("life.manager", "life-daemon", "is not in its process group").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_is_there_once() {
    holds("life.kill").await;
    falls_short("life.kill", "life-forgets", "is gone").await;
    falls_short("life.kill", "life-doubles", "not answered as before").await;
    falls_short("life.kill", "life-alters", "another colour").await;
    falls_short("life.kill", "life-locks", "does not start by itself").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_read_back_it_is_not_known_what_a_kill_loses() {
    let finding = examine("life.kill", "life-good", |subject| {
        for request in &mut subject.requests {
            request.save.values_mut().for_each(|pointer| *pointer = "/number".to_owned());
        }
    })
    .await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("`save`"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_on_state_nothing_is_known_and_without_state_it_must_only_start() {
    let finding = examine("life.kill", "life-good", |subject| subject.state = State::Unsaid).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    let finding = examine("life.kill", "life-good", |subject| subject.requests.clear()).await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    let finding = examine("life.kill", "life-forgets", |subject| subject.state = State::None).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_costs_its_own_request_only() {
    let crash = |subject: &mut Subject| subject.requests.push(RequestSpec { crash: true, ..get("/crash") });
    let finding = examine("life.crash", "life-good", crash).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("life.crash", "life-fragile", crash).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert_eq!(examine("life.crash", "life-good", |_| {}).await.verdict, Verdict::NotApplicable);
}
