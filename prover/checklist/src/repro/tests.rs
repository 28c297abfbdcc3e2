//! Every recipe as a script that is really run: on a specimen with the fault, where it must show, and on a sound one, where it
//! must not.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use keel_wire::http::Request;

use super::{MAX_LINES, script, without};
use crate::contention::machine::Machine;
use crate::finding::{Finding, Verdict};
use crate::lab::Lab;
use crate::probes;
use crate::probes::border::slow_clients;
use crate::recipe::storm::Storm;
use crate::recipe::strain::{Overload, Overloaded, Spent};
use crate::recipe::{Dependency, Manner, OnWire, Recipe, WithDependency};
use crate::selftest::{PACE, Stage, subject_of};
use crate::testing::program;

mod texts;

/// No script of these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(90);
/// The most scripts of one finding that are run.
const MOST: usize = 6;
/// A script is run so often on a busy machine.
const TRIES: usize = 3;
/// Share of the machine that other programs use, from which on a probe may see too little.
const BUSY: f64 = 0.25;
/// Exit code of a script that could not do what it shows.
const NOT_DONE: i32 = 2;

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
            // The sound server needs three writes of two seconds each to notice that nothing is read.
            slow_clients::Patience { cut: second * 10, drip: second / 3, ask: second },
        )
        .await;
    }
    let probe = probes::all().into_iter().find(|probe| probe.id == id).expect("the probe is there");
    (probe.examine)(&mut lab).await
}

/// The script of a recipe on a specimen with a port of its own, run; `exit` is what it must end with. On a busy machine it may take some
/// tries, and one that strains the service may say each time that it could not be done.
async fn ends_with(exit: i32, id: &str, name: &str, recipe: &Recipe, stage: &Stage) {
    let mut told = Vec::new();
    for _ in 0..TRIES {
        let subject = subject_of(id, name, stage).expect("its files can be made");
        let text = script(&subject, id, "what was seen", recipe);
        assert!(text.lines().count() <= MAX_LINES, "{text}");
        let output = run(text.clone()).await;
        let code = output.status.code();
        if code == Some(exit) {
            return;
        }
        let (printed, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        told.push((code, format!("{text}\n{printed}{failed}\nexit code {code:?}")));
    }
    if matches!(recipe, Recipe::Overload(_)) && told.iter().all(|(code, _)| *code == Some(NOT_DONE)) {
        eprintln!("{id} on {name}: the machine was too busy for the script");
        return;
    }
    panic!("{id} on {name} does not end with {exit}:\n{}", told.pop().map(|(_, told)| told).unwrap_or_default());
}

/// The finding on `wrong` is shown by a script of its own, and the same script shows nothing on `sound`.
async fn is_shown(id: &str, wrong: &str, sound: &str) {
    // What the service keeps is there when the scripts run, as it is for whoever runs them.
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = &stage(folder.path());
    let before = Machine::now();
    let finding = found(id, wrong, stage).await;
    let others = before.zip(Machine::now()).and_then(|(before, now)| now.used_by_others(before));
    if finding.verdict() == Verdict::Unknown && others.is_some_and(|others| others > BUSY) {
        eprintln!("{id} on {wrong}: the machine was too busy for the probe");
        return;
    }
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    let mut recipes: Vec<&Recipe> = Vec::new();
    for recipe in finding.evidence().iter().filter(|piece| piece.is_against()).filter_map(|piece| piece.recipe()) {
        if !recipes.iter().any(|known| format!("{known:?}") == format!("{recipe:?}")) {
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
    #[ignore = "long: run by make test-long"]
    border_pagination_without_a_bound_is_shown: "border.pagination", "border-lists-all", "border-sound";
    border_unenumerable_that_counts_is_shown: "border.unenumerable", "border-counts", "border-sound";
    #[ignore = "long: run by make test-long"]
    border_shed_of_nothing_is_shown: "border.shed", "loaded-waits", "loaded-refuses";
    #[ignore = "long: run by make test-long"]
    border_shed_without_retry_after_is_shown: "border.shed", "loaded-refuses-badly", "loaded-refuses";
    #[ignore = "long: run by make test-long"]
    border_criticality_of_clients_is_shown: "border.criticality", "classes-greedy", "classes-ordered";
    #[ignore = "long: run by make test-long"]
    border_bulkhead_of_shared_places_is_shown: "border.bulkhead", "partitions-shared", "partitions-own";
    border_validation_that_takes_nonsense_is_shown: "border.validation", "validation-takes-anything", "validation-sound";
    border_compress_of_a_bomb_is_shown: "border.compress", "border-packed-unbounded", "border-packed";
    access_secrets_that_are_printed_are_shown: "access.secrets", "secrets-eavesdropping", "ship-good";
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
    see_metrics_that_stand_still_are_shown: "see.metrics", "see-standing-still", "see-good";
    #[ignore = "long: run by make test-long"]
    see_metrics_without_a_gauge_are_shown: "see.metrics", "see-no-saturation", "see-good";
    see_query_that_writes_is_shown: "see.query", "query-writes", "query-good";
    #[ignore = "long: run by make test-long"]
    see_slo_with_a_target_changed_by_hand_is_shown: "see.slo", "slo-by-hand", "slo-good";
    #[ignore = "long: run by make test-long"]
    data_location_of_a_file_elsewhere_is_shown: "data.location", "data-scattered", "ship-good";
    #[ignore = "long: run by make test-long"]
    data_location_of_an_open_file_elsewhere_is_shown: "data.location", "data-open-elsewhere", "ship-good";
    #[ignore = "long: run by make test-long"]
    life_start_that_is_slow_is_shown: "life.start", "life-slow-start", "life-good";
    #[ignore = "long: run by make test-long"]
    life_start_on_a_taken_port_is_shown: "life.start", "life-patient-start", "life-good";
    #[ignore = "long: run by make test-long"]
    life_start_with_a_senseless_variable_is_shown: "life.start", "life-takes-anything", "life-good";
    #[ignore = "long: run by make test-long"]
    life_manager_without_a_word_is_shown: "life.manager", "life-silent", "life-good";
    #[ignore = "long: run by make test-long"]
    life_manager_without_a_watchdog_is_shown: "life.manager", "life-no-watchdog", "life-good";
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
    life_steady_that_spins_is_shown: "life.steady", "steady-spins", "steady-good";
    #[ignore = "long: run by make test-long"]
    life_autoscale_on_a_metric_that_is_not_published_is_shown: "life.autoscale", "scale-renamed", "scale-good";
    #[ignore = "long: run by make test-long"]
    prove_attack_of_a_few_connections_is_shown: "prove.attack", "border-starves", "border-sound";
    #[ignore = "long: run by make test-long"]
    prove_stress_of_waiting_is_shown: "prove.stress", "loaded-waits", "loaded-refuses";
    #[ignore = "long: run by make test-long"]
    prove_soak_descriptors_are_shown: "prove.soak", "steady-leaks-descriptors", "steady-good";
    ship_make_that_is_absent_is_shown: "ship.make", "make-absent", "make-sound";
    ship_supply_chain_without_a_lockfile_is_shown: "ship.supply-chain", "supply-unlocked", "supply-checked";
    #[ignore = "long: run by make test-long"]
    ship_config_that_takes_anything_is_shown: "ship.config", "ship-lenient", "ship-good";
    #[ignore = "long: run by make test-long"]
    ship_config_with_a_stack_trace_is_shown: "ship.config", "ship-trace", "ship-good";
    #[ignore = "long: run by make test-long"]
    ship_config_that_names_nothing_is_shown: "ship.config", "ship-mute", "ship-good";
    #[ignore = "long: run by make test-long"]
    call_timeout_that_is_none_is_shown: "call.timeout", "call-patient", "call-good";
    #[ignore = "long: run by make test-long"]
    call_fallback_of_others_is_shown: "call.fallback", "call-entangled", "call-good";
    call_fallback_that_is_made_up_is_shown: "call.fallback", "call-inventing", "call-good";
    #[ignore = "long: run by make test-long"]
    call_bad_answers_that_are_trusted_are_shown: "call.bad-answers", "call-trusting", "call-good";
    #[ignore = "long: run by make test-long"]
    call_bad_answers_that_are_kept_whole_are_shown: "call.bad-answers", "call-greedy", "call-good";
    #[ignore = "long: run by make test-long"]
    call_deadline_that_is_not_heeded_is_shown: "call.deadline", "call-good", "patience-watchful";
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

/// The script of this recipe ends with 1 on `wrong` and with 0 on `sound`. The probe, which may find nothing on a busy machine, is not run.
async fn tells_apart(id: &str, wrong: &str, sound: &str, recipe: Recipe) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = &stage(folder.path());
    ends_with(1, id, wrong, &recipe, stage).await;
    ends_with(0, id, sound, &recipe, stage).await;
}

/// A request that works on the specimens that do so much at a time.
fn overload(fault: Overloaded) -> Recipe {
    let request = b"GET /work HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_vec();
    Recipe::Overload(Overload { request, objective: Duration::from_secs(1), fault })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_a_service_that_refuses_from_one_that_lets_all_wait() {
    tells_apart("border.shed", "loaded-waits", "loaded-refuses", overload(Overloaded::Unrefused(0.9))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_a_service_that_serves_critical_requests_first_from_one_that_serves_all_alike() {
    let bytes =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes();
    let storm = Storm {
        storm: bytes("/sheddable"),
        times: 2.0,
        beside: bytes("/critical"),
        rate: 20.0,
        clients: 0,
        objective: Duration::from_secs(1),
        least: 0.75,
    };
    tells_apart("border.criticality", "loaded-refuses", "classes-ordered", Recipe::Storm(storm)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_refusals_with_retry_after_from_others() {
    tells_apart("border.shed", "loaded-refuses-badly", "loaded-refuses", overload(Overloaded::NoRetryAfter)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_a_service_that_spins_without_descriptors_from_one_that_rests() {
    let begin = b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    let spent = Recipe::Spent(Spent { limit: 96, connections: 144, begin });
    tells_apart("life.steady", "steady-spins", "steady-frees-late", spent).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_a_service_whose_few_connections_are_taken_from_one_with_a_limit_for_each_address() {
    let begin = b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    let (beside, within) = (Request::get("/"), Duration::from_millis(500));
    let crowd = Recipe::Crowd { connections: 300, begin, beside, within };
    tells_apart("prove.attack", "border-starves", "border-sound", crowd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn script_tells_a_service_that_answers_two_hosts_from_one_that_refuses_them() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: one\r\nHost: two\r\nConnection: close\r\n\r\n".to_vec();
    let fault = OnWire::ServedOrSilent("HTTP/1[.][01] (?!400)".to_owned());
    let hosts = Recipe::Wire { pieces: vec![(bytes, 1)], fault };
    tells_apart("prove.attack", "border-plain", "border-sound", hosts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn script_tells_a_service_that_keeps_a_whole_long_answer_from_one_with_a_bound() {
    let request = || (Request::get("/price"), Duration::from_secs(9));
    let grows = WithDependency::MemoryGrows(40 << 20);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = &stage(folder.path());
    for (exit, name) in [(1, "call-greedy"), (0, "call-good")] {
        let subject = subject_of("call.bad-answers", name, stage).expect("its files can be made");
        let flood = Manner::Floods(80 << 20);
        let recipe = Dependency::of(&subject, "prices", flood, request(), grows.clone()).expect("prices are declared");
        ends_with(exit, "call.bad-answers", name, &recipe, stage).await;
    }
}

/// Returns true if this process may mount a volume for itself alone.
fn may_mount() -> bool {
    let mount = ["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "keel", "/tmp"];
    std::process::Command::new("unshare").args(mount).output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn script_tells_a_service_that_loses_writes_around_a_full_disk_from_one_that_keeps_them() {
    if !may_mount() {
        eprintln!("this host does not let a test mount a volume");
        return;
    }
    for wrong in ["data-careless", "data-forgetful", "data-mortal"] {
        is_shown("data.location", wrong, "ship-good").await;
    }
}

#[test]
fn every_probe_has_a_script_that_is_run_here_or_a_reason_for_none() {
    for probe in probes::all() {
        let (shown, reason) = (SHOWN.contains(&probe.id), without::reason(probe.id));
        assert!(shown != reason.is_some(), "{}: shown {shown}, without {reason:?}", probe.id);
    }
}
