//! Each probe of chapter `call` on specimens that hold and that do not.

mod specimen;

use std::time::Duration;

use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::lab::Pace;
use keel_checklist::subject::RequestSpec;
use keel_checklist::subject::{Dependencies, Subject};
use specimen::{calls_for_prices, examine_declared, examine_in, lab, request};
use tokio::join;

async fn examine(id: &str, name: &str) -> Finding {
    let finding = examine_declared(id, name, calls_for_prices).await;
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_wait_for_ever_falls_short() {
    let finding = examine("call.timeout", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.timeout", "call-patient").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_must_become_clear_ones() {
    let finding = examine("call.bad-answers", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.bad-answers", "call-trusting").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("bad bytes"), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_grows_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-greedy").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("resident memory"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_with_a_bad_answer_falls_short() {
    let finding = examine("call.bad-answers", "call-mortal").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("ended"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_need_a_dependency_goes_on_without_it() {
    let finding = examine("call.fallback", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine("call.fallback", "call-entangled").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_that_is_declared_needs_the_dependency_nothing_is_known() {
    let finding = examine_declared("call.fallback", "call-good", |subject| {
        calls_for_prices(subject);
        subject.requests.retain(|request| !request.uses.is_empty());
    })
    .await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_not_seen_to_call_is_unknown_and_one_that_calls_nothing_not_examined() {
    for id in ["call.timeout", "call.bad-answers", "call.fallback"] {
        let finding = examine(id, "call-aloof").await;
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        assert!(finding.evidence[0].what.contains("DEPENDENCY_URL"), "{finding:#?}");
        let finding = examine_declared(id, "call-good", |_| {}).await;
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        let none = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
        assert_eq!(examine_declared(id, "call-good", none).await.verdict, Verdict::NotApplicable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_spares_a_failing_dependency_and_lets_calls_come_back() {
    let (breaks, calls_on) = join!(examine("call.breaker", "calls-breaking"), examine("call.breaker", "call-good"));
    assert_eq!(breaks.verdict, Verdict::Holds, "{breaks:#?}");
    assert_eq!(calls_on.verdict, Verdict::FallsShort, "{calls_on:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_must_open_when_calls_time_out_too() {
    let finding = examine("call.breaker", "calls-forgiving").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("silent"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_repeated_is_sent_once() {
    let also_orders = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.requests.push(RequestSpec { uses: vec!["prices".to_owned()], ..request("POST", "/order") });
    };
    let (retrying, careless) = join!(
        examine_declared("call.retry", "calls-retrying", also_orders),
        examine_declared("call.retry", "calls-careless", also_orders),
    );
    assert_eq!(retrying.verdict, Verdict::Holds, "{retrying:#?}");
    assert_eq!(careless.verdict, Verdict::FallsShort, "{careless:#?}");
    assert!(careless.summary.contains("not safe to repeat"), "{}", careless.summary);

    let only_orders = |subject: &mut Subject| {
        also_orders(subject);
        subject.requests.retain(|request| request.path != "/price");
    };
    let (retrying, careless) = join!(
        examine_declared("call.retry", "calls-retrying", only_orders),
        examine_declared("call.retry", "calls-careless", only_orders),
    );
    assert_eq!(retrying.verdict, Verdict::NotApplicable, "{retrying:#?}");
    assert_eq!(careless.verdict, Verdict::FallsShort, "{careless:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_end_with_the_request_that_caused_them() {
    let finding = examine("call.retry", "calls-tireless").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("the deadline is"), "{}", finding.summary);
    let only_it = finding.evidence.iter().filter(|piece| piece.good == Some(false)).count();
    assert_eq!(only_it, 1, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_opens_at_once_hides_repeats() {
    let (retry, budget) = join!(examine("call.retry", "calls-shy"), examine("call.retry-budget", "calls-shy"));
    for finding in [retry, budget] {
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        assert!(finding.summary.contains("breaker"), "{}", finding.summary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_of_calls_that_are_hung_up_on_count_too() {
    let (retry, budget) = join!(examine("call.retry", "calls-picky"), examine("call.retry-budget", "calls-picky"));
    assert_eq!(retry.verdict, Verdict::Holds, "{retry:#?}");
    assert_eq!(budget.verdict, Verdict::Holds, "{budget:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_must_pause_and_differ() {
    let (retrying, calls_once) = join!(examine("call.retry", "calls-retrying"), examine("call.retry", "call-good"));
    assert_eq!(retrying.verdict, Verdict::Holds, "{retrying:#?}");
    assert_eq!(calls_once.verdict, Verdict::FallsShort, "{calls_once:#?}");
    assert!(calls_once.summary.contains("came 1 times"), "{}", calls_once.summary);
    let finding = examine("call.retry", "calls-stubborn").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    // What it says of the pause itself is another word where the machine is busy.
    assert!(finding.summary.contains("told to come back after 1 s, it repeated"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_paid_from_a_budget() {
    let (retrying, calls_once) =
        join!(examine("call.retry-budget", "calls-retrying"), examine("call.retry-budget", "call-good"));
    assert_eq!(retrying.verdict, Verdict::Holds, "{retrying:#?}");
    assert_eq!(calls_once.verdict, Verdict::NotApplicable, "{calls_once:#?}");
    let finding = examine("call.retry-budget", "calls-stubborn").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_seen_although_only_successes_pay_for_them() {
    let (retry, budget) = join!(examine("call.retry", "calls-thrifty"), examine("call.retry-budget", "calls-thrifty"));
    for finding in [retry, budget] {
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_behind_a_breaker_is_seen_while_some_calls_fail() {
    let finding = examine("call.retry-budget", "calls-sparing").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.summary.contains("failing 30 %"), "{}", finding.summary);
    let finding = examine("call.retry-budget", "calls-weary").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("failing 30 %"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_hangs_must_not_starve_others() {
    let finding = examine("call.bulkhead", "calls-partitioned").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.summary.contains("at most 8 calls"), "{}", finding.summary);
    let finding = examine("call.bulkhead", "calls-shared").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_only_time_out_are_no_bound() {
    let finding = examine("call.bulkhead", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("no bound"), "{}", finding.summary);
    let finding = examine("call.bulkhead", "calls-trickling").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("no bound"), "{}", finding.summary);
}

/// With a deadline above what a call of the specimens of patience may take for anybody.
async fn examine_deadline(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.deadline = Duration::from_secs(2);
    };
    let finding = examine_declared("call.deadline", name, declare).await;
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_end_with_their_callers_patience_and_say_what_is_left_of_it() {
    let finding = examine_deadline("patience-carrying").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    assert!(finding.evidence.iter().any(|piece| piece.what.starts_with("a repeat")), "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_go_on_when_nobody_waits_fall_short() {
    let finding = examine_deadline("call-good").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("when a caller left"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_say_more_than_is_left_fall_short() {
    let (extending, stale) = join!(examine_deadline("patience-extending"), examine_deadline("patience-stale"));
    assert_eq!(extending.verdict, Verdict::FallsShort, "{extending:#?}");
    assert!(extending.summary.contains("its call said 1.5s"), "{}", extending.summary);
    assert_eq!(stale.verdict, Verdict::FallsShort, "{stale:#?}");
    assert!(stale.summary.contains("a repeat"), "{}", stale.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_that_are_not_seen_to_travel_are_unknown() {
    let (mute, wavering, watchful) = join!(
        examine_deadline("patience-mute"),
        examine_deadline("patience-wavering"),
        examine_deadline("patience-watchful"),
    );
    for (finding, why) in
        [(mute, "not each call told"), (wavering, "of 3 calls were given up"), (watchful, "when a caller left")]
    {
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
        assert!(finding.summary.contains(why), "{}", finding.summary);
    }
}

/// With a deadline that makes slow calls take half a second, and with orders.
async fn examine_hedges(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.deadline = Duration::from_secs(2);
        subject.requests.push(RequestSpec { uses: vec!["prices".to_owned()], ..request("POST", "/order") });
    };
    let finding = examine_declared("call.hedge", name, declare).await;
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reads_are_hedged_within_a_budget() {
    let finding = examine_hedges("hedges-budgeted").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
    let finding = examine_hedges("hedges-eager").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("while all calls took"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_safe_to_repeat_is_not_hedged() {
    let finding = examine_hedges("hedges-careless").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("not safe to repeat"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_a_timeout_is_no_hedge() {
    let finding = examine_hedges("hedges-repeating").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("had a second one after it"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_hedge_is_seen_nobody_said_whether_it_is_wanted() {
    let finding = examine("call.hedge", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("0 one beside it"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_as_hedged_must_be() {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.requests.iter_mut().filter(|spec| !spec.uses.is_empty()).for_each(|spec| spec.hedged = true);
    };
    let finding = examine_declared("call.hedge", "call-good", declare).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("declared as hedged"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_periodic_must_be_jittered() {
    let (jittered, even) = join!(examine("call.jitter", "periodic-jittered"), examine("call.jitter", "periodic-even"));
    assert_eq!(jittered.verdict, Verdict::Holds, "{jittered:#?}");
    assert_eq!(even.verdict, Verdict::FallsShort, "{even:#?}");
}

/// Its short twin is a unit test of the probe, on starts that were taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn what_goes_by_the_clock_is_synchronised_too() {
    let finding = examine("call.jitter", "periodic-clock").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_comes_by_itself_no_jitter_is_seen() {
    let finding = examine("call.jitter", "call-good").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("by themselves"), "{}", finding.summary);
    let none = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    assert_eq!(examine_declared("call.jitter", "call-good", none).await.verdict, Verdict::NotApplicable);
    assert_eq!(examine_declared("call.jitter", "call-good", |_| {}).await.verdict, Verdict::Unknown);
}

async fn examine_heavy(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        subject.requests = vec![request("GET", "/"), RequestSpec { heavy: true, ..request("GET", "/heavy") }];
    };
    examine_declared("call.cpu-bulkhead", name, declare).await
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_computes_beside_everything_else_and_is_refused_beyond_a_bound_holds() {
    let finding = examine_heavy("heavy-pooled").await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_computes_where_everything_is_answered_stalls_it() {
    let finding = examine_heavy("heavy-inline").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_waits_for_its_turn_without_end_falls_short() {
    let finding = examine_heavy("heavy-endless").await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary.contains("without end"), "{}", finding.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_keeps_no_processor_busy_says_nothing() {
    let finding = examine_heavy("heavy-idle").await;
    assert_eq!(finding.verdict, Verdict::Unknown, "{finding:#?}");
    assert!(finding.summary.contains("heavier"), "{}", finding.summary);
    let none = examine_declared("call.cpu-bulkhead", "heavy-pooled", |_| {}).await;
    assert_eq!(none.verdict, Verdict::Unknown, "{none:#?}");
    assert!(none.summary.contains("heavy = true"), "{}", none.summary);
}

/// Examines a specimen with the durations of `keel check`.
async fn at_the_full_pace(id: &str, name: &str, verdict: Verdict) {
    let mut lab = lab(name, calls_for_prices).await;
    lab.pace = Pace::FULL;
    let finding = examine_in(id, &mut lab).await;
    assert_eq!(finding.verdict, verdict, "{name}: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn probes_that_repeat_and_break_calls_find_the_same_at_their_full_pace() {
    join!(
        at_the_full_pace("call.breaker", "calls-breaking", Verdict::Holds),
        at_the_full_pace("call.breaker", "call-good", Verdict::FallsShort),
        at_the_full_pace("call.retry", "calls-retrying", Verdict::Holds),
        at_the_full_pace("call.retry", "calls-stubborn", Verdict::FallsShort),
    );
    at_the_full_pace("call.retry-budget", "calls-retrying", Verdict::Holds).await;
    at_the_full_pace("call.retry-budget", "calls-stubborn", Verdict::FallsShort).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn probes_that_flood_and_watch_find_the_same_at_their_full_pace() {
    join!(
        at_the_full_pace("call.timeout", "call-patient", Verdict::FallsShort),
        at_the_full_pace("call.bad-answers", "call-good", Verdict::Holds),
        at_the_full_pace("call.fallback", "call-good", Verdict::Holds),
        at_the_full_pace("call.jitter", "periodic-jittered", Verdict::Holds),
        at_the_full_pace("call.jitter", "periodic-even", Verdict::FallsShort),
    );
    at_the_full_pace("call.bulkhead", "calls-partitioned", Verdict::Holds).await;
    at_the_full_pace("call.bulkhead", "calls-shared", Verdict::FallsShort).await;
}
