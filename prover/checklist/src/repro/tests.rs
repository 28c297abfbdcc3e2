//! Every recipe as a script that is really run: on a specimen with the fault, where it must show, and on a sound one, where it
//! must not.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use keel_wire::http::Request;

use super::{MAX_LINES, Recipe, of, script, without};
use crate::finding::{Finding, Verdict};
use crate::lab::Lab;
use crate::probes;
use crate::probes::border::slow_clients;
use crate::recipe::{
    self, Ask, Dependency, Held, Kill, Manner, OnWire, Printed, Shows, Start, Terminate, WithDependency,
};
use crate::selftest::{PACE, Stage, subject_of};
use crate::subject::{Dependencies, Subject};
use crate::testing::program;

/// No script of these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// The most scripts of one finding that are run.
const MOST: usize = 6;

fn stage(folder: &Path) -> Stage {
    Stage { program: program(), folder: folder.to_owned() }
}

/// Runs a script with Python and its standard library alone.
async fn run(text: String) -> Output {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("show.py");
    std::fs::write(&path, &text).expect("the script can be written");
    let mut command = tokio::process::Command::new("python3");
    command.arg("-I").arg(&path).kill_on_drop(true).stdin(std::process::Stdio::null());
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    ended.unwrap_or_else(|_| panic!("it ends in time:\n{text}")).expect("python3 can be run")
}

/// Returns the finding of the probe on a specimen.
async fn found(id: &str, name: &str, stage: &Stage) -> Finding {
    let subject = subject_of(id, name, stage).expect("its files can be made");
    let mut lab = Lab::open(subject).await.unwrap_or_else(|failure| panic!("the lab opens: {failure:?}"));
    lab.pace = PACE;
    lab.ensure_running().await.unwrap_or_else(|failure| panic!("{name} starts: {failure:?}"));
    if id == "border.slow-clients" {
        let second = Duration::from_secs(1);
        return slow_clients::examine_with(
            &mut lab,
            slow_clients::Patience { cut: second * 5, drip: second / 3, ask: second },
        )
        .await;
    }
    let probe = probes::all().into_iter().find(|probe| probe.id == id).expect("the probe is there");
    (probe.examine)(&mut lab).await
}

/// The script of a recipe on a specimen with a port of its own, run; `exit` is what it must end with.
async fn ends_with(exit: i32, id: &str, name: &str, recipe: &Recipe, stage: &Stage) {
    let subject = subject_of(id, name, stage).expect("its files can be made");
    let text = script(&subject, id, "what was seen", recipe);
    assert!(text.lines().count() <= MAX_LINES, "{text}");
    let output = run(text.clone()).await;
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{id} on {name}\n{text}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The finding on `wrong` is shown by a script of its own, and the same script shows nothing on `sound`.
async fn is_shown(id: &str, wrong: &str, sound: &str) {
    // What the service keeps is there when the scripts run, as it is for whoever runs them.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = &stage(folder.path());
    let finding = found(id, wrong, stage).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    let mut recipes: Vec<&Recipe> = Vec::new();
    for recipe in finding.evidence().iter().filter(|piece| piece.is_against()).filter_map(|piece| piece.recipe()) {
        // At the pace of the tests a start that is slow to fail looks like one that does not.
        let is_of_pace = wrong == "life-slow-start" && matches!(recipe, Recipe::Start(Start::TakenPort));
        if !is_of_pace && !recipes.iter().any(|known| format!("{known:?}") == format!("{recipe:?}")) {
            recipes.push(recipe);
        }
    }
    assert!(!recipes.is_empty(), "{finding:#?}");
    join_all(recipes.into_iter().take(MOST).map(|recipe| async move {
        ends_with(1, id, wrong, recipe, stage).await;
        ends_with(0, id, sound, recipe, stage).await;
    }))
    .await;
}

macro_rules! shown {
    ($($(#[$how:meta])* $test:ident: $id:literal, $wrong:literal, $sound:literal;)*) => {
        const SHOWN: &[&str] = &[$($id),*];
        $(#[tokio::test(flavor = "multi_thread")]
        $(#[$how])*
        async fn $test() {
            is_shown($id, $wrong, $sound).await;
        })*
    };
}

shown! {
    #[ignore = "long: run by make test-long"]
    web_headers_that_errors_lack_are_shown: "web.headers", "web-bare-errors", "web-good";
    #[ignore = "long: run by make test-long"]
    web_headers_with_an_unsafe_policy_are_shown: "web.headers", "web-unsafe-inline", "web-good";
    #[ignore = "long: run by make test-long"]
    web_cookies_without_guards_are_shown: "web.cookies", "web-open-cookie", "web-good";
    #[ignore = "long: run by make test-long"]
    web_robots_that_is_a_page_is_shown: "web.robots", "web-robots-is-page", "web-good";
    web_robots_that_is_absent_is_shown: "web.robots", "web-no-robots", "web-good";
    web_csrf_by_a_form_is_shown: "web.csrf", "web-takes-foreign", "web-good";
    #[ignore = "long: run by make test-long"]
    border_cacheable_without_a_word_is_shown: "border.cacheable", "border-silent-on-caching", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_cacheable_with_a_dead_validator_is_shown: "border.cacheable", "border-dead-validator", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_cacheable_without_vary_is_shown: "border.cacheable", "border-hides-vary", "border-sound";
    border_cacheable_with_a_shared_cookie_is_shown: "border.cacheable", "border-public-cookie", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_compress_against_the_wish_is_shown: "border.compress", "border-packed-forced", "border-packed";
    #[ignore = "long: run by make test-long"]
    border_compress_without_vary_is_shown: "border.compress", "border-packed-no-vary", "border-packed";
    #[ignore = "long: run by make test-long"]
    border_problem_in_plain_text_is_shown: "border.problem", "border-plain-errors", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_problem_that_leaks_is_shown: "border.problem", "border-leaks-in-report", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_openapi_with_a_500_is_shown: "border.openapi", "border-fragile", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_limits_that_are_none_are_shown: "border.limits", "border-unlimited", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_limits_of_one_write_are_shown: "border.limits", "border-takes-long-notes", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_slow_clients_that_are_held_are_shown: "border.slow-clients", "border-patient", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_connections_of_one_address_are_shown: "border.connections", "border-starves", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_rate_limit_that_is_none_is_shown: "border.rate-limit", "border-plain", "border-rate-limit";
    #[ignore = "long: run by make test-long"]
    border_deadline_that_is_none_is_shown: "border.deadline", "border-never-gives-up", "border-sound";
    border_idempotency_of_forgotten_keys_is_shown: "border.idempotency", "border-forgets-keys", "border-sound";
    #[ignore = "long: run by make test-long"]
    see_health_that_is_a_word_is_shown: "see.health", "see-bare-health", "see-good";
    #[ignore = "long: run by make test-long"]
    see_health_whose_liveness_asks_others_is_shown: "see.health", "see-dying-with-others", "see-good";
    #[ignore = "long: run by make test-long"]
    see_logs_that_are_text_are_shown: "see.logs", "see-text-logs", "see-good";
    #[ignore = "long: run by make test-long"]
    see_logs_with_secrets_are_shown: "see.logs", "see-leaky-logs", "see-good";
    #[ignore = "long: run by make test-long"]
    see_logs_without_ids_are_shown: "see.logs", "see-anonymous", "see-good";
    #[ignore = "long: run by make test-long"]
    see_logs_that_are_silent_are_shown: "see.logs", "border-plain", "see-good";
    see_metrics_that_are_none_are_shown: "see.metrics", "see-no-metrics", "see-good";
    #[ignore = "long: run by make test-long"]
    see_metrics_without_a_gauge_are_shown: "see.metrics", "see-no-saturation", "see-good";
    #[ignore = "long: run by make test-long"]
    life_start_that_is_slow_is_shown: "life.start", "life-slow-start", "life-good";
    #[ignore = "long: run by make test-long"]
    life_start_on_a_taken_port_is_shown: "life.start", "life-patient-start", "life-good";
    #[ignore = "long: run by make test-long"]
    life_start_with_a_senseless_variable_is_shown: "life.start", "life-takes-anything", "life-good";
    #[ignore = "long: run by make test-long"]
    life_manager_without_a_word_is_shown: "life.manager", "life-silent", "life-good";
    #[ignore = "long: run by make test-long"]
    life_drain_of_what_is_in_flight_is_shown: "life.drain", "life-drops-in-flight", "life-good";
    #[ignore = "long: run by make test-long"]
    life_drain_of_a_transfer_is_shown: "life.drain", "life-cuts-transfers", "life-good";
    life_drain_with_a_bad_exit_is_shown: "life.drain", "life-bad-exit", "life-good";
    #[ignore = "long: run by make test-long"]
    life_drain_without_a_fall_of_readiness_is_shown: "life.drain", "life-never-unready", "life-good";
    #[ignore = "long: run by make test-long"]
    life_crash_of_the_process_is_shown: "life.crash", "life-fragile", "life-good";
    #[ignore = "long: run by make test-long"]
    life_kill_that_loses_is_shown: "life.kill", "life-forgets", "life-good";
    #[ignore = "long: run by make test-long"]
    life_steady_memory_is_shown: "life.steady", "steady-leaks-memory", "steady-good";
    #[ignore = "long: run by make test-long"]
    prove_soak_descriptors_are_shown: "prove.soak", "steady-leaks-descriptors", "steady-good";
    ship_make_that_is_absent_is_shown: "ship.make", "make-absent", "make-sound";
    ship_supply_chain_without_a_lockfile_is_shown: "ship.supply-chain", "supply-unlocked", "supply-checked";
    #[ignore = "long: run by make test-long"]
    ship_config_that_takes_anything_is_shown: "ship.config", "ship-lenient", "ship-good";
    #[ignore = "long: run by make test-long"]
    call_timeout_that_is_none_is_shown: "call.timeout", "call-patient", "call-good";
    #[ignore = "long: run by make test-long"]
    call_fallback_of_others_is_shown: "call.fallback", "call-entangled", "call-good";
    call_fallback_that_is_made_up_is_shown: "call.fallback", "call-inventing", "call-good";
    #[ignore = "long: run by make test-long"]
    call_bad_answers_that_are_trusted_are_shown: "call.bad-answers", "call-trusting", "call-good";
    call_retry_that_is_none_is_shown: "call.retry", "call-good", "calls-retrying";
    #[ignore = "long: run by make test-long"]
    call_retry_before_its_time_is_shown: "call.retry", "calls-stubborn", "calls-retrying";
    #[ignore = "long: run by make test-long"]
    call_retry_budget_that_is_none_is_shown: "call.retry-budget", "calls-stubborn", "calls-retrying";
    #[ignore = "long: run by make test-long"]
    call_breaker_that_is_none_is_shown: "call.breaker", "call-good", "calls-breaking";
    #[ignore = "long: run by make test-long"]
    call_bulkhead_that_is_none_is_shown: "call.bulkhead", "calls-shared", "calls-partitioned";
}

#[test]
fn every_probe_has_a_script_that_is_run_here_or_a_reason_for_none() {
    for probe in probes::all() {
        let (shown, reason) = (SHOWN.contains(&probe.id), without::reason(probe.id));
        assert!(shown != reason.is_some(), "{}: shown {shown}, without {reason:?}", probe.id);
    }
}

/// A subject of which everything is declared that makes a script longer.
fn declared_whole() -> Subject {
    let text = r#"
[service]
run = "cd here && ./serve --port 8080"
url = "http://127.0.0.1:8080/base"
admin = "http://127.0.0.1:8081"
ready = "/ready"
[service.env]
LEVEL = "info"
API_TOKEN = "s3cr3t"
[dependencies.one]
env = "ONE_URL"
url = "http://127.0.0.1:9001/v1"
run = "one"
[dependencies.one.run_env]
PORT = "9001"
[dependencies.two]
env = "TWO_URL"
url = "postgres://me:hidden@127.0.0.1:9002/two?sslmode=disable"
run = "two"
"#;
    Subject::from_text("keel.toml", text, Path::new("/tmp")).expect("it is a subject")
}

/// One of every kind.
fn every_recipe() -> Vec<Recipe> {
    let request = || Request::get("/a?b=\"c\"").header("X-A", "b").body("{\"x\": 1}");
    let shows = || Shows::Missing("(?i)^2".to_owned());
    let second = Duration::from_secs(1);
    let ask = |admin| Recipe::Ask(Ask { requests: vec![request(), request()], admin, within: None, fault: shows() });
    let kill = Kill {
        write: request(),
        acknowledged: 201,
        read: Kill::parts("/a/{id}/b", &[("id".to_owned(), "/items/0/id".to_owned())].into()).expect("it is saved"),
        headers: vec![("A".to_owned(), "b".to_owned())],
    };
    let with = |manner, fault| {
        Recipe::Dependency(Dependency {
            variable: "ONE_URL".to_owned(),
            manner,
            request: request(),
            within: second,
            fault,
        })
    };
    let wire = |fault| Recipe::Wire { pieces: vec![(b"GET / HTTP/1.1\r\n".to_vec(), 1), (b"a".to_vec(), 9)], fault };
    let half = Terminate::HalfSent { head: b"POST".to_vec(), body: b"body".to_vec(), status: "2".to_owned() };
    let variable = Start::Variable { name: "LEVEL".to_owned(), value: "//".to_owned() };
    vec![
        ask(false),
        ask(true),
        wire(OnWire::ServedOrSilent("HTTP/1[.][01] 2".to_owned())),
        wire(OnWire::NotClosedAfterOne),
        Recipe::Slow { begin: b"GET".to_vec(), drip: Some(b'a'), held: second },
        Recipe::Crowd { connections: 9, begin: b"GET".to_vec(), beside: request(), within: second },
        Recipe::AllServed { connections: 9, newest: 3, begin: b"GET".to_vec() },
        Recipe::Undescribed { request: request(), paths: vec!["/openapi.json".to_owned()] },
        Recipe::Terminate(Terminate::Idle),
        Recipe::Terminate(half),
        Recipe::Terminate(Terminate::Transfer { request: b"GET".to_vec(), body: 9 }),
        Recipe::Terminate(Terminate::Readiness("/ready".to_owned())),
        Recipe::Kill(kill),
        Recipe::Start(Start::Slow(second)),
        Recipe::Start(Start::TakenPort),
        Recipe::Start(Start::Notified),
        Recipe::Start(variable),
        with(Manner::Hangs, WithDependency::NoAnswer),
        with(Manner::Refuses, WithDependency::Answer(shows())),
        with(Manner::status(503, "A: b\r\n"), WithDependency::Calls { requests: 3, counted: 2, most: 1 }),
        with(Manner::Drips, WithDependency::NoAnswer),
        with(Manner::HangsUp, WithDependency::NoRepeat),
        with(Manner::HangsUp, WithDependency::RepeatWithin(second)),
        with(Manner::Hangs, WithDependency::OthersStarve { times: 9, other: request() }),
        Recipe::Output {
            requests: vec![request(), request(), request()],
            fault: Printed::NoLine(vec!["a".to_owned()]),
        },
        Recipe::NeverRefused { request: request(), times: 9 },
        Recipe::AnsweredAnew(request()),
        Recipe::Grows { held: Held::Memory, request: request(), times: 9, most: 9 },
        Recipe::Files { any_of: vec!["a".to_owned(), "b".to_owned()] },
        Recipe::Command("make -n test".to_owned()),
    ]
}

#[tokio::test]
async fn every_script_is_python_of_at_most_fifteen_lines_for_every_declaration_and_holds_no_secret() {
    let subject = declared_whole();
    let texts: Vec<String> =
        every_recipe().iter().map(|recipe| script(&subject, "a.b", "it \n says \"what\"", recipe)).collect();
    for text in &texts {
        assert!(text.lines().count() <= MAX_LINES, "{} lines:\n{text}", text.lines().count());
        assert!(!text.contains("s3cr3t") && !text.contains("hidden"), "{text}");
    }
    let started = texts.iter().find(|text| text.contains("def start")).expect("one starts the service");
    assert!(started.contains("(set API_TOKEN, TWO_URL first)") && started.contains("\"LEVEL\": \"info\""), "{started}");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = texts.iter().enumerate().map(|(number, text)| {
        let path = folder.path().join(format!("{number}.py"));
        std::fs::write(&path, text).expect("it can be written");
        path
    });
    let compiled = std::process::Command::new("python3").args(["-I", "-m", "py_compile"]).args(files).output();
    let compiled = compiled.expect("python3 can be run");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
fn only_what_falls_short_has_a_script() {
    use crate::clause::web::robots::{RULES, SERVED};
    let recipe = || Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let subject = declared_whole();
    let holds = vec![SERVED.holds("served").reproduced_by(recipe()), RULES.holds("rules")];
    assert_eq!(of(&subject, &Finding::judge("web.robots", holds)), None);
    let short = vec![SERVED.contradicts("gone").reproduced_by(recipe()), RULES.holds("rules")];
    let text = of(&subject, &Finding::judge("web.robots", short)).expect("it falls short");
    assert!(text.contains("# web.robots: gone"), "{text}");
    let without = vec![SERVED.contradicts("gone"), RULES.contradicts("none").reproduced_by(recipe())];
    let text = of(&subject, &Finding::judge("web.robots", without)).expect("another piece has a recipe");
    assert!(text.contains("# web.robots: none"), "{text}");
}

#[test]
fn a_path_of_saved_names_is_split_and_an_unknown_name_ends_it() {
    let saved = [("id".to_owned(), "/id".to_owned())].into();
    assert_eq!(Kill::parts("/a/{id}", &saved).map(|parts| parts.len()), Some(3));
    assert!(recipe::Kill::parts("/a/{other}", &saved).is_none());
}

#[test]
fn a_script_gives_the_address_of_a_dependency_in_its_declared_form() {
    let mut subject = declared_whole();
    let Dependencies::Declared(declared) = &mut subject.dependencies else { panic!("it declares some") };
    declared[0].url = "tcp://127.0.0.1:7001".parse().expect("it is a URL");
    declared[0].value = Some("redis://{host}:{port}".to_owned());
    let name = declared[0].name.clone();
    let asks = Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let text = script(&subject, "a.b", "it fails", &asks);
    assert!(text.contains("\"redis://127.0.0.1:7001\""), "{text}");
    let ask = (Request::get("/"), Duration::from_secs(1));
    let hangs = Dependency::of(&subject, &name, Manner::Hangs, ask, WithDependency::NoAnswer).expect("it is declared");
    let text = script(&subject, "a.b", "it hangs", &hangs);
    assert!(text.contains("f\"redis://127.0.0.1:{stand.getsockname()[1]}\""), "{text}");
}

#[test]
fn a_script_waits_until_each_dependency_listens_before_it_starts_the_service() {
    let asks = Recipe::ask(vec![Request::get("/")], Shows::Found("^5".to_owned()));
    let text = script(&declared_whole(), "a.b", "it fails", &asks);
    let waits = "socket.socket().connect_ex((\"127.0.0.1\", 9001)) == 0 or time.sleep";
    let (started, waited) = (text.find("start(\"exec one\""), text.find(waits));
    assert!(started.is_some() && started < waited && waited < text.find("start(); any("), "{text}");
    assert!(text.lines().any(|line| line.starts_with("import ") && line.contains("socket")), "{text}");
}
