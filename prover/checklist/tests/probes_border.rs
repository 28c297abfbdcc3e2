//! The probes of chapter `border`, each against a specimen that holds and one that does not.
//!
//! The specimens differ from the sound one in one thing each, so that a probe that fails for another reason is noticed.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod specimen;

use std::collections::BTreeMap;
use std::time::Duration;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::lab::Lab;
use keel_checklist::probes::border::slow_clients::{self, Patience};
use keel_checklist::subject::{Dependencies, Dependency, RequestSpec, State, Subject};
use serde_json::json;
use specimen::{examine, examine_declared, free_port, get, post};

/// What keel.toml would say about the things.
fn things(subject: &mut Subject) {
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

/// The same, and where the specimen keeps things across a SIGKILL.
fn durable_things(folder: &tempfile::TempDir) -> impl FnOnce(&mut Subject) {
    let folder = folder.path().display().to_string();
    move |subject| {
        things(subject);
        subject.env.insert("SPECIMEN_DATA".into(), folder);
    }
}

fn slow_things(subject: &mut Subject) {
    things(subject);
    subject.dependencies = Dependencies::Declared(Vec::new());
    subject.requests.push(RequestSpec { slow: true, ..get("/slow") });
}

#[track_caller]
fn holds(finding: &Finding) {
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

/// It falls short, and only for the reason that is told by each of these words.
#[track_caller]
fn falls_short(finding: &Finding, words: &[&str]) {
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    for word in words {
        assert!(finding.summary.contains(word), "{word} is not in the summary: {finding:#?}");
    }
}

#[track_caller]
fn is_unknown(finding: &Finding, word: &str) {
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains(word), "{finding:#?}");
}

#[track_caller]
fn does_not_apply(finding: &Finding) {
    assert_eq!(finding.verdict, Verdict::NotApplicable, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_limits_holds_for_a_server_that_answers_431_414_and_413() {
    holds(&examine_declared("border.limits", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_limits_falls_short_for_a_server_that_takes_everything() {
    let finding = examine_declared("border.limits", "border-unlimited", things).await;
    falls_short(
        &finding,
        &["one header of", "small headers", "a URI of", "declares 1 GiB", "chunked body", "Content-Length"],
    );
}

const SHORT: Patience =
    Patience { cut: Duration::from_secs(8), drip: Duration::from_millis(300), ask: Duration::from_millis(500) };

async fn slow_clients_of(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.requests.push(get("/large"));
    };
    let mut lab: Lab = specimen::lab(name, declare).await;
    slow_clients::examine_with(&mut lab, SHORT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn border_slow_clients_holds_for_a_server_that_cuts_after_two_seconds() {
    let finding = slow_clients_of("border-sound").await;
    holds(&finding);
    let judged = finding.evidence.iter().filter(|piece| piece.good == Some(true)).count();
    assert_eq!(judged, 6, "five slow clients and the harmless one are judged: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_slow_clients_falls_short_for_a_server_that_waits_for_ever() {
    let finding = slow_clients_of("border-patient").await;
    falls_short(&finding, &["a head that", "a body that", "says nothing", "idle after", "never reads"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_connections_holds_for_a_server_that_limits_each_address() {
    holds(&examine_declared("border.connections", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_connections_falls_short_for_a_server_without_a_limit() {
    falls_short(&examine_declared("border.connections", "border-hoards", things).await, &["no limit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_connections_falls_short_for_a_server_that_one_address_can_fill() {
    falls_short(
        &examine_declared("border.connections", "border-starves", things).await,
        &["another address is not answered"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn border_connections_examines_http2_floods_where_http2_is_spoken_without_tls() {
    let finding = examine("border.connections", "border-http2").await;
    let told = |word: &str| finding.evidence.iter().find(|piece| piece.what.contains(word));
    let continuation = told("CONTINUATION frames").unwrap_or_else(|| panic!("{finding:#?}"));
    assert_eq!(continuation.good, Some(true), "hyper cuts a header block without end: {finding:#?}");
    assert!(told("after rapid resets").is_some_and(|piece| piece.good == Some(true)), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_problem_holds_for_problem_documents() {
    holds(&examine_declared("border.problem", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_problem_falls_short_for_errors_in_plain_text() {
    let finding = examine_declared("border.problem", "border-plain-errors", things).await;
    falls_short(&finding, &["text/plain instead of application/problem+json", "no request id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_problem_falls_short_for_a_panic_in_the_detail() {
    falls_short(&examine_declared("border.problem", "border-leaks", things).await, &["a Rust panic"]);
}

async fn idempotency_of(name: &str) -> Finding {
    let folder = tempfile::tempdir().expect("a folder for the journal");
    examine_declared("border.idempotency", name, durable_things(&folder)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_holds_for_a_server_that_keeps_keys_with_their_effects() {
    let finding = idempotency_of("border-sound").await;
    holds(&finding);
    assert_eq!(finding.evidence.len(), 5, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_falls_short_for_a_server_that_ignores_keys() {
    falls_short(&idempotency_of("border-forgets-keys").await, &["repeated", "50 distinct", "another body"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_falls_short_for_keys_that_are_checked_before_they_are_taken() {
    falls_short(&idempotency_of("border-races-keys").await, &["at once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_falls_short_for_keys_in_memory() {
    falls_short(&idempotency_of("border-loses-keys-in-crash").await, &["repeated after a SIGKILL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_falls_short_for_a_server_that_takes_another_body() {
    falls_short(&idempotency_of("border-takes-other-body").await, &["another body under a used key is not refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_idempotency_does_not_apply_without_state() {
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.idempotency", "border-sound", stateless).await);
    is_unknown(&examine("border.idempotency", "border-sound").await, "declare");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_pagination_holds_for_opaque_cursors_and_bounded_pages() {
    holds(&examine_declared("border.pagination", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_pagination_falls_short_for_offsets() {
    let finding = examine_declared("border.pagination", "border-offsets", things).await;
    falls_short(&finding, &["a plain number", "while rows were added"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_pagination_falls_short_for_a_list_of_everything() {
    falls_short(
        &examine_declared("border.pagination", "border-lists-all", things).await,
        &["no bound", "no way to a next page"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn border_unenumerable_holds_for_random_identifiers() {
    holds(&examine_declared("border.unenumerable", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_unenumerable_falls_short_for_a_counter() {
    falls_short(&examine_declared("border.unenumerable", "border-counts", things).await, &["count up", "neighbour"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_deadline_holds_for_a_server_that_answers_504_and_stops() {
    holds(&examine_declared("border.deadline", "border-sound", slow_things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_deadline_holds_for_a_server_whose_dependency_is_silent() {
    let port = free_port();
    let dependency = Dependency {
        name: "relay".into(),
        env: "RELAY_URL".into(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(specimen::command("border-plain", port)),
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
async fn border_deadline_falls_short_for_a_server_that_never_gives_up() {
    falls_short(&examine_declared("border.deadline", "border-never-gives-up", slow_things).await, &["no answer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_deadline_falls_short_for_a_server_that_works_on_after_504() {
    falls_short(&examine_declared("border.deadline", "border-works-on", slow_things).await, &["goes on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_deadline_does_not_apply_when_nothing_makes_a_request_wait() {
    let alone = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    does_not_apply(&examine_declared("border.deadline", "border-sound", alone).await);
    is_unknown(&examine("border.deadline", "border-sound").await, "declare");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_cacheable_holds_for_validators_that_work() {
    holds(&examine_declared("border.cacheable", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_cacheable_falls_short_for_each_way_to_mislead_a_cache() {
    for (name, words) in [
        ("border-silent-on-caching", "no Cache-Control"),
        ("border-dead-validator", "gives 200, not 304"),
        ("border-hides-vary", "lacks Vary"),
        ("border-public-cookie", "Set-Cookie"),
    ] {
        falls_short(&examine_declared("border.cacheable", name, things).await, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn border_openapi_holds_for_a_server_that_does_as_its_document_says() {
    holds(&examine_declared("border.openapi", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_openapi_falls_short_for_an_operation_that_is_not_documented() {
    falls_short(
        &examine_declared("border.openapi", "border-undocumented", things).await,
        &["the request is not documented"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn border_openapi_falls_short_for_a_500_on_a_wrong_type() {
    falls_short(&examine_declared("border.openapi", "border-fragile", things).await, &["answered 500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_openapi_falls_short_without_a_document_only_where_there_is_an_api() {
    falls_short(&examine_declared("border.openapi", "border-no-document", things).await, &["no OpenAPI document"]);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.openapi", "border-plain", stateless).await);
    is_unknown(&examine("border.openapi", "border-plain").await, "declare");
}

#[tokio::test(flavor = "multi_thread")]
async fn border_rate_limit_holds_for_429_of_one_address_for_as_long_as_it_says() {
    holds(&examine("border.rate-limit", "border-rate-limit").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_rate_limit_falls_short_for_each_way_to_limit_badly() {
    for (name, words) in [
        ("border-plain", "2000 requests from one address"),
        ("border-rate-shared", "another address suffers"),
        ("border-rate-trickles", "another address suffers"),
        ("border-rate-503", "not the status of a rate limit"),
        ("border-rate-silent", "neither Retry-After nor RateLimit"),
        ("border-rate-lies", "not answered after 2s"),
    ] {
        falls_short(&examine("border.rate-limit", name).await, &[words]);
    }
}

fn json_write(subject: &mut Subject) {
    subject.requests.push(post("/things", json!({ "name": "a thing" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn border_compress_holds_for_codings_as_asked_and_bodies_unpacked_within_bounds() {
    holds(&examine_declared("border.compress", "border-packed", json_write).await);
    holds(&examine_declared("border.compress", "border-packed-masked", json_write).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn border_compress_falls_short_for_each_way_to_mislead_and_for_a_bomb() {
    for (name, words) in [
        ("border-packed-forced", "although gzip;q=0"),
        ("border-packed-twice", "compressed twice"),
        ("border-packed-no-vary", "lacks Vary"),
        ("border-packed-other", "something else"),
        ("border-packed-unbounded", "raise resident memory"),
        ("border-packed-guessable", "the token csrf_token, which stays the same"),
    ] {
        falls_short(&examine_declared("border.compress", name, json_write).await, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn border_compress_does_not_apply_where_nothing_is_compressed_nor_taken_compressed() {
    does_not_apply(&examine_declared("border.compress", "border-sound", things).await);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.compress", "border-plain", stateless).await);
    is_unknown(&examine("border.compress", "border-plain").await, "declare");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_any_defence_falls_short_of_the_rows_that_need_no_declaration() {
    for id in ["border.limits", "border.connections", "border.problem", "border.cacheable"] {
        falls_short(&examine(id, "border-plain").await, &[]);
    }
}
