"""Puts one fault at a time into a copy of the sources and runs the test that has to notice it: seeded.py [WORD ...]

The script finds each fault's place by its text. A missing text, or a test that still passes, is reported, and the exit code is 1. The
page docs/guide/testing.md lists the noticed faults. WORD selects faults by file or test name."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import seeded_border

ROOT = pathlib.Path(__file__).resolve().parents[3]
COPY = ROOT / "target" / "seeded"
RESILIENCE, CLIENT, MODELS = "library/resilience/src/", "library/client/src/", "resilience-models"
# The file, the fault in words, the text to be replaced, its replacement, the package, the test.
FAULTS = [
    ("breaker.rs", "the answer of a probe of an earlier trial counts", "let State::HalfOpen { probes, since } = phase.state else { return None };\n            if phase.epoch != ticket.epoch {\n                return None;\n            }", "let State::HalfOpen { probes, since } = phase.state else { return None };", "evenkeel-resilience", "probes_that_never_end_do_not_hold_it_half_open"),
    ("breaker.rs", "answers of an earlier epoch count", "if epoch != ticket.epoch || !(outcome.counts()", "if !(outcome.counts()", MODELS, "a_late_answer_does_not_count_in_a_later_epoch"),
    ("breaker.rs", "one probe too few ends the trial", "probes.failed + probes.succeeded >= rules.probes {", "probes.failed + probes.succeeded + 1 >= rules.probes {", "evenkeel-resilience", "half_open_admits_only_the_configured_probes"),
    ("breaker.rs", "one probe more than configured is admitted", "State::HalfOpen { probes, .. } if probes.taken() < rules.probes => (phase, None),", "State::HalfOpen { probes, .. } if probes.taken() <= rules.probes => (phase, None),", MODELS, "half_open_admits_the_configured_probes_in_any_order_of_threads"),
    ("breaker.rs", "a neutral outcome counts", "if epoch != ticket.epoch || !(outcome.counts() || cancelled && slow) {", "if epoch != ticket.epoch {", "evenkeel-resilience", "refusals_of_the_callee_count_as_failures_and_neutral_outcomes_do_not_count"),
    ("breaker.rs", "a slow probe counts as a success", "!(outcome.is_failure() || slow && rules.slow_rate <= 1.0)", "!outcome.is_failure()", "evenkeel-resilience", "a_slow_probe_opens_it_again_although_it_succeeds"),
    ("breaker.rs", "an order to stay closed is ignored", "if order == Order::Closed as u8 {\n            return None;\n        }\n        let why", "let why", "evenkeel-resilience", "an_order_overrides_the_state_which_continues_when_it_is_withdrawn"),
    ("breaker/window.rs", "one of two concurrent outcomes is lost", "let index = self.next.fetch_add(1, Ordering::Relaxed) % calls.clamp(1, MAX_CALLS);", "let index = self.next.load(Ordering::Relaxed) % calls.clamp(1, MAX_CALLS);\n                self.next.store(index + 1, Ordering::Relaxed);", MODELS, "outcomes_that_come_together_are_all_counted"),
    ("budget.rs", "a withdrawal is read and written in two steps", "self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid).is_ok()", "paid(self.saved.load(Ordering::Relaxed)).map(|left| self.saved.store(left, Ordering::Relaxed)).is_some()", MODELS, "a_budget_pays_no_more_than_it_has"),
    ("budget.rs", "the floor is saved up for ever", "(next <= now.saturating_add(ahead)).then_some(next)", "(arrival.saturating_add(each) <= now.saturating_add(ahead)).then_some(arrival.saturating_add(each))", "evenkeel-resilience", "the_floor_refills_each_second_and_is_saved_up_for_at_most_one"),
    ("budget.rs", "a success pays for twice as much", "let part = (rules.ratio * TOKEN as f64) as u64;", "let part = (rules.ratio * 2.0 * TOKEN as f64) as u64;", "evenkeel-resilience", "repeats_never_exceed_what_successes_and_the_floor_pay_for"),
    ("rate_limit/gcra.rs", "a turn is read and written in two steps", "match arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {\n            Ok(_) => return Ok(Turn { arrival: next, added, wait }),\n            Err(other) => seen = other,\n        }", "arrival.store(next, Ordering::Relaxed);\n        seen = next;\n        return Ok(Turn { arrival: seen, added, wait });", MODELS, "a_rate_limit_lets_the_burst_pass_and_no_more"),
    ("rate_limit.rs", "a dropped wait gives its turn back in the middle of the queue too", "let _ = self.arrival.compare_exchange(arrival, arrival - added, Ordering::Relaxed, Ordering::Relaxed);", "let _ = arrival;\n            self.arrival.fetch_sub(added, Ordering::Relaxed);", "evenkeel-resilience", "a_dropped_wait_gives_its_turn_back_if_it_was_the_last"),
    ("rate_limit/gcra.rs", "a pause saves up more than the burst", "let next = seen.max(now).saturating_add(added);", "let next = seen.saturating_add(added);", "evenkeel-resilience", "a_long_pause_saves_up_no_more_than_the_burst"),
    ("bulkhead.rs", "a permit handed to a dropped call is lost", "        drop(waiting);\n        // It was given a permit that nobody will use.\n        self.bulkhead.leave(self.order);", "        drop(waiting);", MODELS, "no_permit_is_lost_between_a_release_and_a_cancelled_wait"),
    ("bulkhead.rs", "a released permit is not handed on", "let alone = |load: Load| load.waiting == 0 || load.in_flight > permits;", "let alone = |load: Load| load.waiting < u32::MAX || load.in_flight > permits;", "evenkeel-resilience", "later_calls_do_not_overtake_waiting_ones"),
    ("bulkhead.rs", "a call that gives up stays in the queue", "            waiting.queue.remove(index);\n            self.bulkhead.update", "            self.bulkhead.update", "evenkeel-resilience", "no_permit_is_lost_or_doubled_when_calls_are_dropped_at_any_time"),
    ("bulkhead.rs", "a permit is counted in two steps", "let taken = self.update(|load| free(load).map(|in_flight| Load { in_flight, ..load }));", "let taken = free(self.load()).map(|in_flight| self.word.store(Load { in_flight, ..self.load() }.pack(), Ordering::Relaxed)).is_some();", MODELS, "no_more_calls_are_admitted_than_there_are_permits"),
    ("coalesce.rs", "the last caller leaves the flight behind", "        if flight.waiters == 0 {", "        if flight.waiters == usize::MAX {", MODELS, "coalesced_callers_leave_nothing_behind_in_any_order"),
    ("coalesce.rs", "work is begun twice for two concurrent callers", "        // Somebody may have been faster.\n        if let Some(flight) = flights.get_mut(&key).filter(|flight| flight.goes_on()) {", "        if let Some(flight) = flights.get_mut(&key).filter(|_| false) {", MODELS, "coalesced_callers_leave_nothing_behind_in_any_order"),
    ("ticker.rs", "the first tick comes at once in every process", "First::AtRandom => now + rules.period.mul_f64(vitals::random_fraction()),", "First::AtRandom => now,", "evenkeel-resilience", "first_ticks_are_spread_over_a_period"),
    ("retry.rs", "a call that is not repeatable is retried", "if !repeatable {\n            return Err(Stop::NotRepeatable);", "if false {\n            return Err(Stop::NotRepeatable);", "evenkeel-resilience", "calls_that_are_not_repeatable_are_made_once"),
    ("cluster.rs", "a dropped call stays in flight", "self.state.in_flight.fetch_sub(1, Ordering::Relaxed);", "", "evenkeel-resilience", "a_dropped_call_is_no_longer_in_flight_and_counts_against_no_instance"),
    ("balance/choose.rs", "a retry goes to the same instance", "if !spared(chosen) {", "if true || !spared(chosen) {", "evenkeel-resilience", "a_retry_goes_to_another_healthy_instance_while_there_is_one"),
    ("hedge.rs", "the failure of the second call is the answer", "Err(_) => first.await,", "Err(error) => Err(error),", "evenkeel-resilience", "the_first_success_of_both_is_the_answer_and_else_the_last_failure"),
    ("policy/calls.rs", "a hedge is not paid for", "if terms.failed.load(Relaxed) || !self.shared.budget.withdraw(&retry.budget, now) {", "if terms.failed.load(Relaxed) {", "evenkeel-resilience", "calls_are_not_hedged_without_budget"),
    ("retry.rs", "repeats are not paid for", "if !budget.withdraw(&rules.budget, now) {", "if false {", "evenkeel-resilience", "with_every_call_failing_the_callee_sees_no_more_than_the_budget_pays_for"),
    ("deadline.rs", "an attempt may run beyond the deadline", "() = over => None,", "() = over => std::future::pending().await,", "evenkeel-resilience", "each_attempt_has_its_share_of_the_remaining_time_and_none_runs_beyond_the_deadline"),
    ("policy/attempt_guard.rs", "a dropped call is never settled", "self.report(Outcome::Cancelled, took, now);", "let _ = (Outcome::Cancelled, took, now);", "evenkeel-resilience", "all_permits_and_turns_return_when_calls_are_dropped_at_any_time"),
    ("policy/attempt_guard.rs", "the throttle does not get the outcome of a call", "self.shared.throttle.settle(throttle, outcome, now);", "let _ = throttle;", "evenkeel-resilience", "all_permits_and_turns_return_when_calls_are_dropped_at_any_time"),
    ("policy/attempt_guard.rs", "the wait before the next attempt holds the permit of the last", "        self.release();\n        now\n", "        now\n", "evenkeel-resilience", "a_call_that_waits_for_its_next_attempt_holds_no_permit"),
    ("policy/attempt_guard.rs", "a group has as many permits as the policy", "if self.group_permit.is_none() {", "if false {", "evenkeel-resilience", "a_hanging_group_leaves_the_others_their_permits"),
    ("policy/group.rs", "each handle of a group has its own permits", "known.iter().find(|group| *group.name == *name)", "known.iter().find(|_| false)", "evenkeel-resilience", "handles_of_a_group_share_its_permits_and_the_registry_shows_them"),
    ("policy/rules.rs", "an attempt is cut off at half of the budget", "Self { share: 1.0, at_most", "Self { share: 0.5, at_most", "evenkeel-resilience", "an_answer_within_the_deadline_arrives_with_an_empty_budget_too"),
    ("policy/calls.rs", "an attempt is abandoned for one that is not paid for", "Err(_) => until = end,", "Err(_) => break None,", "evenkeel-resilience", "a_share_ends_an_attempt_only_for_one_that_is_paid_for"),
    ("policy/calls.rs", "an answer that counts as a failure is kept as the last good one", "if !outcome.is_failure() => Ok(value),", "if true => Ok(value),", "evenkeel-resilience", "an_answer_that_counts_as_a_failure_is_never_the_last_good_one"),
    ("policy/attempt_guard.rs", "the breaker is not checked again after a wait", "if !self.shared.breaker.is_current(ticket) => self.ask_breaker(),", "if false && !self.shared.breaker.is_current(ticket) => self.ask_breaker(),", "evenkeel-resilience", "a_call_that_waited_while_the_breaker_opened_is_refused"),
    ("policy/attempt_guard.rs", "an open breaker takes a turn of the rate limit", "        self.ask_breaker()?;\n        if let Some(rate) = &self.rules.rate\n            && let Err(limited) = self.shared.rate.try_pass(rate, 1, self.now)\n        {\n            return if rate.patience.is_zero() { Err(by_rate(limited)) } else { Ok(Some(Queue::Rate)) };\n        }\n", "        if let Some(rate) = &self.rules.rate\n            && let Err(limited) = self.shared.rate.try_pass(rate, 1, self.now)\n        {\n            return if rate.patience.is_zero() { Err(by_rate(limited)) } else { Ok(Some(Queue::Rate)) };\n        }\n        self.ask_breaker()?;\n", "evenkeel-resilience", "an_open_breaker_takes_no_turn_of_the_rate_limit"),
    ("policy/attempt_guard.rs", "callers that leave hide a callee that hangs", "took = took.max(breaker.slow_after);", "let _ = breaker;", "evenkeel-resilience", "a_hanging_callee_opens_the_breaker_although_every_caller_leaves"),
    ("adaptive.rs", "each failure of a round lowers the limit", "if self.taken_back.is_none_or(|at| begun >= at) {", "if true {", "evenkeel-resilience", "failures_of_one_round_take_back_once"),
    ("adaptive.rs", "the baseline latency is measured under full load", "Phase::Alone { .. } => (found.limit as u32).min(ALONE.max(rules.least)),", "Phase::Alone { .. } => found.limit as u32,", "evenkeel-resilience", "the_baseline_latency_is_measured_again_with_a_few_calls_at_a_time"),
    ("cpu.rs", "the queue has no bound", "if inside >= (self.rules.threads + self.rules.queue) as usize {", "if inside == usize::MAX {", "evenkeel-resilience", "work_over_the_threads_waits_and_work_over_the_queue_is_refused_at_once"),
    ("cpu.rs", "a dropped caller stays in the queue", "let job = state.queue.remove(at);", "let job = state.queue.remove(at + usize::MAX / 2);", "evenkeel-resilience", "a_dropped_caller_frees_its_place_in_the_queue_and_its_work_never_begins"),
    (CLIENT + "call.rs", "a POST may be repeated", "out.method.is_idempotent() || out.headers.contains_key(IDEMPOTENCY_KEY)", "true", "evenkeel-client", "only_calls_that_are_idempotent_or_have_a_key_are_retried"),
    (CLIENT + "call.rs", "an unsafe call is hedged", "let beside = out.method.is_safe() && slot.is_none();", "let beside = slot.is_none();", "evenkeel-client", "only_slow_calls_with_safe_methods_are_hedged"),
    (CLIENT + "call.rs", "credentials go to another origin", "if !same_origin(&out.url, &next.url) || !Arc::ptr_eq(&peer, &next_peer) {", "if false {", "evenkeel-client", "nothing_that_may_be_a_secret_follows_a_redirect_to_another_origin_or_dependency"),
    (CLIENT + "instances.rs", "the outcome of an attempt is not reported to the cluster", "trying.end(ByResponse.classify(&answer));", "trying.end(Outcome::NotCounted);", "evenkeel-client", "a_hanging_instance_is_ejected_too"),
    (CLIENT + "transport.rs", "an answer's length is not bounded", "if body.size_hint().lower() > bound as u64 {", "if false {", "evenkeel-client", "an_answer_that_declares_more_than_the_bound_is_refused_before_its_body_comes"),
]


def put_in(path, there, fault):
    text = path.read_text(encoding="utf-8")
    if text.count(there) != 1:
        return False
    path.write_text(text.replace(there, fault), encoding="utf-8")
    return True


def main(words):
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(ROOT, COPY, ignore=shutil.ignore_patterns("target", ".git", "data", "dist"))
    missed = 0
    for file, fault, there, instead, package, test in FAULTS + seeded_border.FAULTS:
        if words and not any(word in file or word in test for word in words):
            continue
        path = COPY / (file if "/src/" in file else RESILIENCE + file)
        whole = path.read_text(encoding="utf-8")
        if not put_in(path, there, instead):
            print(f"not there   {file}: {fault}", flush=True)
            missed += 1
            continue
        run = subprocess.run(["cargo", "nextest", "run", "-p", *package.split(), "-E", f"test({test})"], cwd=COPY, capture_output=True,
                             text=True, env={**os.environ, "CARGO_TARGET_DIR": str(COPY) + "-target"}, timeout=600)
        path.write_text(whole, encoding="utf-8")
        said = run.stdout + run.stderr
        noticed = "FAIL [" in said or "SIGABRT" in said or "TIMEOUT" in said
        compiles = not re.search(r"error(\[E\d+\])?: (?!test run failed)", said) or noticed
        missed += not (noticed and compiles)
        verdict = "noticed" if noticed else "NOT NOTICED" if compiles else "no Rust"
        print(f"{verdict:11} {file}: {fault}: {test}", flush=True)
        if not compiles:
            print(said[-1500:], flush=True)
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
