"""Changes the judges of keel's probes, one thing at a time, and runs the test that has to notice it: judges.py [--table] [WORD ...]

All changes are compiled at once, in a copy of the sources: the environment variable KEEL_MUTANT chooses one of them for each run of the
tests. The exit code is 1 when a test does not notice its change, when it fails without any, or when the text to be changed is missing.
WORD selects changes by probe, file or test. --table prints the table of docs/guide/judges.md instead of progress."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
COPY = ROOT / "target" / "judges"
SOURCES = "prover/checklist/src/"
FLIP, DROP, CONSTANT = "comparison", "clause", "constant"
SELECTOR = """
/// Returns true if the environment chooses this change.
fn mutant(number: u32) -> bool {
    std::env::var("KEEL_MUTANT").is_ok_and(|chosen| chosen == number.to_string())
}
"""
# Probe, kind of change, file, expression with its surroundings between the marks, the expression in its place, the test.
CHANGES = [
    ("see.health", FLIP, "probes/see/health.rs", "let good = «exchange.status().is_some_and(|status| status.is_success()) && exchange.took <= PROMPT»", "exchange.status().is_some_and(|status| status.is_success()) && exchange.took > PROMPT", "health::judge_tests::an_answer_is_good_when_it_is_2xx_and_prompt"),
    ("see.health", DROP, "probes/see/health.rs", "«nowhere.answer().is_some() && !found»", "nowhere.answer().is_some()", "health::judge_tests::a_path_is_there_only_where_another_one_is_answered_otherwise"),
    ("see.health", CONSTANT, "probes/see/health.rs", "clause::BUILD.saw(«named», format!(\"{path} {told} {what}\"))", "true", "health::judge_tests::a_document_names_the_build_and_the_state_of_parts"),
    ("see.logs", FLIP, "probes/see/logs.rs", "«lines >= sent»", "lines < sent", "logs::tests::lines_and_not_requests_make_a_flood"),
    ("see.logs", DROP, "probes/see/logs.rs", "«object.is_some_and(|object| names.iter().all(|name| name.is_some_and(|name| object.contains_key(name))))»", "object.is_some()", "logs::judge_tests::a_line_without_level_is_json_and_not_of_the_schema"),
    ("see.logs", CONSTANT, "probes/see/logs.rs", "let structured = «(lines.len() - objects.len()) * ONE_IN <= lines.len()»", "true", "logs::judge_tests::one_line_in_twenty_may_be_no_json"),
    ("see.query", FLIP, "probes/see/query/judge.rs", "(«risen == sent as f64», format!", "risen != sent as f64", "query::judge_tests::requests_are_counted_one_by_one"),
    ("see.query", DROP, "probes/see/query/judge.rs", "let is_good = «exchange.status().is_some_and(|status| status.as_u16() < 400) && exchange.took <= PROMPT»", "exchange.status().is_some_and(|status| status.as_u16() < 400)", "query::judge_tests::a_question_without_an_end_is_cut_while_others_are_answered"),
    ("see.query", CONSTANT, "probes/see/query/judge.rs", "(Some(before), Some(after)) if «after == before»", "true", "query::judge_tests::a_question_that_writes_is_refused_and_changes_nothing"),
    ("see.query", CONSTANT, "probes/see/query/judge.rs", "if «grown > MOST_MEMORY»", "false", "query::judge_tests::a_large_answer_is_cut_and_its_memory_too"),
    ("see.errors", FLIP, "probes/see/errors/judge.rs", "(«reports <= MOST_REPORTS»", "reports > MOST_REPORTS", "errors::judge_tests::a_few_reports_may_come_and_no_more"),
    ("see.errors", DROP, "probes/see/errors/judge.rs", "let is_one = «largest * 100 >= failures * SHARE && largest <= failures + failures / 10»", "largest * 100 >= failures * SHARE", "errors::judge_tests::equal_failures_are_one_group_that_counts_them"),
    ("see.errors", CONSTANT, "probes/see/errors/judge.rs", "find(|(secret, _)| «reports.iter().any(|report| report.to_string().contains(*secret))»)", "false && reports.is_empty() && secret.is_empty()", "errors::judge_tests::a_secret_in_any_report_is_seen"),
    ("see.errors", CONSTANT, "probes/see/errors/judge.rs", "(\"the cause\", «has_cause»)", "has_cause || true", "errors::judge_tests::each_part_that_a_report_lacks_is_named"),
    ("see.outliers", FLIP, "probes/see/outliers/judge.rs", "Some(first) if «first == client»", "first != client", "outliers::judge_tests::the_first_client_of_the_experiment_decides_and_others_do_not"),
    ("see.outliers", DROP, "probes/see/outliers/judge.rs", "answer.addresses().find(|address| «own.has(*address)»)", "{ let _ = (address, own); true }", "outliers::judge_tests::the_first_client_of_the_experiment_decides_and_others_do_not"),
    ("see.outliers", CONSTANT, "probes/see/outliers/judge.rs", "match «kept.len() * 4 < usize::from(flood) * 3»", "true", "outliers::judge_tests::a_bound_shows_when_a_quarter_of_the_flood_is_not_kept"),
    ("see.outliers", CONSTANT, "probes/see/outliers/judge.rs", "(«bytes <= MOST_MEMORY», format!", "true", "outliers::judge_tests::memory_may_grow_by_little"),
    ("see.console", FLIP, "probes/see/console/judge.rs", "(«risen == sent as f64», format!", "risen != sent as f64", "console::judge_tests::requests_are_shown_one_by_one"),
    ("see.console", DROP, "probes/see/console/judge.rs", "|line: &&String| «line.contains(reason) && author.is_none_or(|author| line.contains(author))»", "line.contains(reason)", "console::judge_tests::author_and_reason_are_in_one_line"),
    ("see.console", CONSTANT, "probes/see/console/judge.rs", "if «stopped == Some(false)»", "false", "console::judge_tests::a_lever_acts_shows_and_is_taken_back"),
    ("see.console", CONSTANT, "probes/see/console/judge.rs", "    if «is_shown» {", "false", "console::judge_tests::a_lever_that_must_be_refused_changes_nothing"),
    ("see.metrics", FLIP, "probes/see/metrics.rs", "«(sample.value - before.value(sample) - by as f64).abs() < 1e-9»", "(sample.value - before.value(sample) - by as f64).abs() > 1e-9", "metrics::judge_tests::series_must_rise_by_just_as_many_as_were_asked"),
    ("see.metrics", DROP, "probes/see/metrics.rs", "all().filter(counter).find(|sample| «just_so(sample, ASKED) && by(sample, &ROUTE)»)", "just_so(sample, ASKED)", "metrics::judge_tests::traffic_and_latency_are_counted_by_route_and_errors_by_status"),
    ("see.metrics", CONSTANT, "probes/see/metrics.rs", "let bounded = «new < LOST»", "true", "metrics::judge_tests::a_series_for_each_new_path_is_without_bound"),
    ("see.traces", FLIP, "probes/see/traces/propagated.rs", "if «context.span == sent.span»", "context.span != sent.span", "traces::judge_tests::a_call_continues_a_trace_with_the_same_trace_id_and_another_parent_id"),
    ("see.traces", DROP, "probes/see/traces/context.rs", "«same[0] > 0 && same[1] > 0»", "same[1] > 0", "traces::judge_tests::a_sampling_flag_is_kept_only_where_both_flags_were_seen"),
    ("see.traces", CONSTANT, "probes/see/traces/queues.rs", "«spans.iter().any(|span| span.trace == call.trace && span.links.contains(&sent.trace))»", "true", "traces::judge_tests::queued_work_is_of_the_trace_of_its_request_or_linked_to_it"),
    ("see.alerts", FLIP, "probes/see/alerts.rs", "«alerts <= FEW»", "alerts < FEW", "alerts::judge_tests::ten_alerts_are_few"),
    ("see.alerts", DROP, "probes/see/alerts.rs", "«!is_cause(metric) && has_word(metric, &SYMPTOM_WORDS)»", "!is_cause(metric)", "alerts::judge_tests::a_page_is_on_a_published_metric_of_requests_directly_or_recorded"),
    ("see.alerts", CONSTANT, "probes/see/alerts.rs", "Some(length) if «*length >= SHORTEST»", "true", "alerts::judge_tests::a_playbook_is_a_file_with_more_than_a_heading"),
    ("see.dashboards", FLIP, "probes/see/dashboards.rs", "if «!missing.is_empty()»", "missing.is_empty()", "dashboards::judge_tests::every_metric_of_a_panel_is_published"),
    ("see.dashboards", DROP, "probes/see/dashboards.rs", "«compared.notices_dashboard == Some(true) && compared.notices_rules != Some(false)»", "compared.notices_dashboard == Some(true)", "dashboards::judge_tests::files_are_generated_where_the_command_notices_each_changed_file"),
    ("see.dashboards", CONSTANT, "probes/see/ops_files.rs", "|| «scrape.types.contains_key(name)»", "true", "dashboards::judge_tests::every_metric_of_a_panel_is_published"),
    ("see.metrics", CONSTANT, "probes/see/metrics/percentiles.rs", "match «around && narrow»", "true", "percentiles::tests::a_wide_bucket_gives_no_percentile"),
    ("see.slo", FLIP, "probes/see/slo/burn.rs", "if «ends * PART <= longest»", "ends * PART > longest", "slo::judge_tests::a_page_comes_soon_and_ends_soon"),
    ("see.slo", DROP, "probes/see/slo/counted.rs", "«self.has([1.0, 1.0]) && (self.has([0.0, 1.0]) || self.has([1.0, 0.0]))»", "self.has([0.0, 1.0]) || self.has([1.0, 0.0])", "slo::judge_tests::counters_are_exact_when_they_rise_by_the_requests_that_were_sent"),
    ("see.slo", CONSTANT, "probes/see/slo/budget.rs", "if «failing < peace» && counts", "true", "slo::judge_tests::a_series_or_a_rule_that_falls_with_failures_tells_the_budget"),
    ("life.autoscale", FLIP, "probes/life/autoscale/rises.rs", "clause::DEPENDENCY.saw(«!course.rises_beside(slow)», what)", "course.rises_beside(slow)", "rises::tests::no_signal_may_rise_beside_a_slow_dependency"),
    ("life.autoscale", DROP, "probes/life/autoscale/manifest.rs", "«least <= most && most > 0»", "most > 0", "manifest::tests::a_manifest_has_a_minimum_a_maximum_and_a_cooldown"),
    ("life.autoscale", CONSTANT, "probes/life/autoscale/rises.rs", "match «course.falls»", "true", "rises::tests::one_signal_must_rise_under_load_and_fall_after_it"),
    ("web.headers", FLIP, "probes/web/headers.rs", "«*of == clause»", "*of != clause", "headers::judge_tests::a_header_that_one_answer_lacks_is_against_its_own_clause"),
    ("web.headers", DROP, "probes/web/headers/policy.rs", "!(«word == \"'unsafe-inline'\" && ignored»)", "ignored", "policy::tests::unsafe_inline_beside_a_nonce_is_for_browsers_that_are_too_old"),
    ("web.headers", CONSTANT, "probes/web/headers.rs", "«answers.iter().find(|one| !one.faults.is_empty())»", "None", "headers::judge_tests::all_answers_of_a_kind_must_carry_every_header"),
    ("web.csrf", FLIP, "probes/web/csrf.rs", "Some(status) if «status < 400» => Fate::Taken(status)", "status >= 400", "csrf::judge_tests::a_foreign_form_must_be_refused_for_what_it_is"),
    ("web.csrf", DROP, "probes/web/csrf.rs", "if «!landing::is_same(own, foreign)»", "false", "csrf::judge_tests::a_foreign_form_that_leads_elsewhere_was_not_taken_as_the_own_one"),
    ("web.csrf", CONSTANT, "probes/web/csrf.rs", "if «refusals.contains(&status)»", "true", "csrf::judge_tests::a_foreign_form_must_be_refused_for_what_it_is"),
    ("web.cookies", FLIP, "probes/web/cookies/set_cookie.rs", "«self.bytes <= MAX_BYTES»", "self.bytes > MAX_BYTES", "set_cookie::tests::a_cookie_that_carries_everything_is_too_long"),
    ("web.cookies", DROP, "probes/web/cookies/set_cookie.rs", "«self.attribute(\"max-age\").is_some() || self.attribute(\"expires\").is_some()»", "self.attribute(\"max-age\").is_some()", "cookies::judge_tests::a_cookie_that_ends_says_so_in_either_way"),
    ("web.cookies", CONSTANT, "probes/web/cookies.rs", "match «cookie.readable()»", "None", "cookies::judge_tests::state_that_everybody_can_read_is_against_it"),
    ("web.robots", FLIP, "probes/web/robots.rs", "if «answer.status.as_u16() != 200»", "answer.status.as_u16() == 200", "robots::judge_tests::a_text_with_rules_is_good_and_a_page_or_a_missing_one_is_not"),
    ("web.robots", DROP, "probes/web/robots.rs", "«plain && charset.is_none_or(|name| [\"utf-8\", \"utf8\", \"us-ascii\"].contains(&name))»", "plain", "robots::judge_tests::a_text_with_rules_is_good_and_a_page_or_a_missing_one_is_not"),
    ("web.robots", CONSTANT, "probes/web/robots.rs", "«text.map_or(0, rules::count)»", "1", "robots::judge_tests::a_text_without_a_rule_says_nothing_to_crawlers"),
    ("web.tls", FLIP, "probes/web/tls.rs", "Some(age) if «age >= LEAST_HSTS»", "age < LEAST_HSTS", "tls::judge_tests::hsts_of_180_days_is_long_enough"),
    ("web.tls", DROP, "probes/web/tls/redirect.rs", "«matches!(status, 301 | 302 | 303 | 307 | 308) && location.starts_with(\"https://\")»", "matches!(status, 301 | 302 | 303 | 307 | 308)", "tls::judge_tests::a_plain_port_leads_to_https_and_nowhere_else"),
    ("web.tls", CONSTANT, "probes/web/tls/reload.rs", "_ if «*failed > 0»", "false", "tls::judge_tests::a_replacement_without_a_failed_connection_holds"),
    ("border.limits", FLIP, "probes/border/limits/body.rs", "«flood.streamed >= STREAMED»", "flood.streamed < STREAMED", "body::tests::a_body_that_was_read_whole_falls_short_for_every_answer"),
    ("border.limits", DROP, "probes/border/limits/body.rs", "Some(status @ 400..=499) if «known || status == 413»", "known", "body::tests::an_answer_about_something_else_says_nothing_about_bodies"),
    ("border.limits", CONSTANT, "probes/border/limits/smuggling.rs", "[one] if «one.status >= 400 && closed»", "true", "smuggling::tests::an_ambiguous_request_gets_one_refusal_and_ends_the_connection"),
    ("border.slow-clients", FLIP, "probes/border/slow_clients/others.rs", "«late * LATE > self.times.max(LATE)»", "late * LATE <= self.times.max(LATE)", "slow_clients::judge_tests::one_late_answer_in_ten_is_a_busy_machine_and_more_are_bystanders_that_notice"),
    ("border.slow-clients", DROP, "probes/border/slow_clients/idler.rs", "Fate::Held(after) if «self == Self::KeptAlive»", "true", "slow_clients::judge_tests::only_a_kept_connection_may_stay_open"),
    ("border.slow-clients", CONSTANT, "probes/border/slow_clients.rs", "Fate::Held(after) => «clause.contradicts(format!(\"{name} was still held after {after:.1?}\"))»,", "clause.holds(format!(\"{name} was cut after {after:.1?}\"))", "slow_clients::judge_tests::a_slow_part_must_be_cut"),
    ("border.connections", FLIP, "probes/border/connections/client.rs", "let queued = «self.served + self.refused < self.all && others_are_well»", "self.served + self.refused >= self.all && others_are_well", "client::tests::an_address_is_limited_when_it_is_refused_or_waits_while_others_are_well"),
    ("border.connections", DROP, "probes/border/connections/client.rs", "let queued = «self.served + self.refused < self.all && others_are_well»", "self.served + self.refused < self.all", "client::tests::an_address_is_limited_when_it_is_refused_or_waits_while_others_are_well"),
    ("border.connections", CONSTANT, "probes/border/connections/client.rs", "«refused > 0 || self.refused > 0 || queued»", "true", "client::tests::an_address_is_limited_when_it_is_refused_or_waits_while_others_are_well"),
    ("border.deadline", FLIP, "probes/border/deadline.rs", "let in_time = «took <= deadline + GRACE»;", "took > deadline + GRACE", "deadline::judge_tests::an_answer_must_come_within_the_deadline"),
    ("border.deadline", DROP, "probes/border/deadline.rs", "Some(status @ 200..=299) if «spec.slow»", "false", "deadline::judge_tests::an_answer_must_say_that_time_was_over"),
    ("border.deadline", CONSTANT, "probes/border/deadline.rs", "_ if «!self.failed»", "false", "deadline::tests::calls_on_shared_connections_or_behind_a_success_are_not_accused"),
    ("border.idempotency", FLIP, "probes/border/idempotency/exchange.rs", "if «one.status != other.status»", "one.status == other.status", "idempotency::judge_tests::answers_are_the_same_by_status_and_document_or_by_what_they_name"),
    ("border.idempotency", DROP, "probes/border/idempotency/exchange.rs", "«names.peek().is_some() && names.all(|(one, other)| one.is_some() && one == other)»", "names.peek().is_some()", "idempotency::judge_tests::answers_are_the_same_by_status_and_document_or_by_what_they_name"),
    ("border.idempotency", CONSTANT, "probes/border/idempotency/callers.rs", "Seen::Times(times) => Some(«times > 1»)", "true", "idempotency::judge_tests::a_key_of_another_caller_is_another_request"),
    ("border.problem", FLIP, "probes/border/problem.rs", "«document.get(\"status\").and_then(Value::as_u64) != Some(u64::from(status))»", "document.get(\"status\").and_then(Value::as_u64) == Some(u64::from(status))", "problem::judge_tests::a_problem_document_has_a_type_a_title_and_the_status_of_its_answer"),
    ("border.problem", DROP, "probes/border/problem.rs", "for member in «[\"type\", \"title\"]»", "[\"type\", \"type\"]", "problem::judge_tests::a_problem_document_has_a_type_a_title_and_the_status_of_its_answer"),
    ("border.problem", CONSTANT, "probes/border/problem.rs", "«distinct.len() < self.ids.len()»", "false", "problem::judge_tests::each_error_has_a_request_id_of_its_own"),
    ("border.rate-limit", FLIP, "probes/border/rate_limit.rs", "clause::HEADERS.saw(«right == refused», statuses)", "right != refused", "rate_limit::judge_tests::refusals_must_be_429_and_say_when_to_come_again"),
    ("border.rate-limit", DROP, "probes/border/rate_limit.rs", "None if «!refused_meanwhile»", "false", "rate_limit::judge_tests::others_must_be_answered_while_the_first_is_refused"),
    ("border.rate-limit", CONSTANT, "probes/border/rate_limit.rs", "if «self.sent < FEW»", "true", "rate_limit::judge_tests::a_burst_without_a_refusal_shows_no_limit_unless_it_was_small"),
    ("border.validation", FLIP, "probes/border/validation/shown.rs", "shown.partition(|(_, form)| «*form == Form::Harmless»)", "*form != Form::Harmless", "validation::judge_tests::one_page_that_shows_markup_is_against_it_beside_pages_that_escape_it"),
    ("border.validation", DROP, "probes/border/validation.rs", "«!before && !after»", "!before", "validation::judge_tests::a_refusal_must_name_the_field_as_a_word_of_its_own"),
    ("border.validation", CONSTANT, "probes/border/validation.rs", "clause::FIELD.saw(«named», format!", "true", "validation::judge_tests::a_refusal_must_name_the_field_as_a_word_of_its_own"),
    ("border.compress", FLIP, "probes/border/compress.rs", "(Some(200..=399), Some(risen)) if «risen < MEMORY»", "risen >= MEMORY", "compress::judge_tests::a_bomb_that_is_taken_is_against_it_unless_it_cost_no_memory"),
    ("border.compress", DROP, "probes/border/compress/coded.rs", "if «!varies(answer)»", "false", "compress::judge_tests::an_answer_is_coded_only_as_it_was_asked_for"),
    ("border.compress", CONSTANT, "probes/border/compress/coded.rs", "clause::NEGOTIATED.saw(«faults.is_empty()», what)", "true", "compress::judge_tests::an_answer_is_coded_only_as_it_was_asked_for"),
    ("border.cacheable", FLIP, "probes/border/cacheable.rs", "let kept = «!control.no_store && age > ERROR_AGE»", "!control.no_store && age <= ERROR_AGE", "cacheable::judge_tests::an_error_is_kept_for_a_minute_at_most"),
    ("border.cacheable", DROP, "probes/border/cacheable.rs", "(«sets && control.is_shared()»)", "sets", "cacheable::judge_tests::a_cookie_is_a_fault_only_in_an_answer_that_is_shared"),
    ("border.cacheable", CONSTANT, "probes/border/cacheable/control.rs", "«self.no_store && (aged || self.immutable)»", "false", "cacheable::tests::contradictions_are_seen"),
    ("border.shed", FLIP, "probes/support/overload/judge.rs", "clause.saw(«share >= NEAR»,", "share < NEAR", "judge::tests::goodput_below_seven_tenths_of_the_capacity_is_a_collapse"),
    ("border.shed", DROP, "probes/support/overload/settled.rs", "«slice.sent() == 0 || slice.share_in_time() >= ORDERLY»", "slice.sent() == 0", "judge::tests::a_return_within_five_seconds_is_a_recovery"),
    ("border.shed", CONSTANT, "probes/support/overload/judge.rs", "clause.saw(«told_when == refused», what)", "true", "judge::tests::one_refusal_that_does_not_say_when_is_one_too_many"),
    ("border.criticality", FLIP, "probes/support/overload/shares.rs", "if self.strict.sent >= ENOUGH && «self.strict.share() >= SERVED»", "self.strict.share() < SERVED", "criticality::judge_tests::critical_requests_must_be_served_while_sheddable_ones_are_refused"),
    ("border.criticality", DROP, "probes/border/criticality/shares.rs", "(Ok(_), Some(false)) if «seen.identified»", "false", "criticality::judge_tests::clients_with_one_credential_may_be_one_client"),
    ("border.criticality", CONSTANT, "probes/border/criticality/order.rs", "Control::seen(«alone.in_peace(UNHURRIED).is_ok()», told, failed)", "true", "criticality::judge_tests::an_order_without_overload_or_without_peace_says_nothing"),
    ("border.bulkhead", FLIP, "probes/border/bulkhead.rs", "Some(true) if «late as f64 > (LATE * others.strict.sent as f64).round()»", "late as f64 <= (LATE * others.strict.sent as f64).round()", "bulkhead::judge_tests::other_requests_must_be_served_within_the_objective_at_the_99th_percentile"),
    ("border.bulkhead", DROP, "probes/border/bulkhead.rs", "Some(true) if «late as f64 > (LATE * others.strict.sent as f64).round()»", "false", "bulkhead::judge_tests::other_requests_must_be_served_within_the_objective_at_the_99th_percentile"),
    ("border.bulkhead", CONSTANT, "probes/border/bulkhead.rs", "Control::seen(«seen.storm[0].is_too_much()», \"\", \"the storm was nearly all answered in time: it was none\")", "true", "bulkhead::judge_tests::a_storm_that_the_service_keeps_up_with_shows_nothing"),
    ("border.backpressure", FLIP, "probes/border/backpressure.rs", "match «share >= GROWS && !comes_back»", "share < GROWS && !comes_back", "backpressure::tests::a_bound_that_is_not_reached_is_unknown_where_it_comes_back"),
    ("border.backpressure", DROP, "probes/border/backpressure.rs", "match «share >= GROWS && !comes_back»", "share >= GROWS", "backpressure::tests::a_bound_that_is_not_reached_is_unknown_where_it_comes_back"),
    ("border.backpressure", CONSTANT, "probes/border/backpressure.rs", "if «growth <= FEW || share <= LEVEL»", "true", "backpressure::tests::a_bound_that_is_not_reached_is_unknown_where_it_comes_back"),
    ("border.pagination", FLIP, "probes/border/pagination.rs", "if «page.items.len() > ITEMS»", "page.items.len() <= ITEMS", "pagination::judge_tests::a_page_with_a_next_one_is_bounded_and_a_long_list_is_not"),
    ("border.pagination", DROP, "probes/border/pagination.rs", "«twice == 0 && twice_in_peace == 0 && missing == 0»", "twice == 0 && twice_in_peace == 0", "pagination::judge_tests::a_walk_while_rows_come_sees_each_row_of_before_once"),
    ("border.pagination", CONSTANT, "probes/border/pagination.rs", "«moving.added > 0 && moving.pages > 1»", "true", "pagination::judge_tests::a_walk_while_rows_come_sees_each_row_of_before_once"),
    ("border.openapi", FLIP, "probes/border/openapi.rs", "if «status >= 500 && !(502..=504).contains(&status)»", "status < 500 && !(502..=504).contains(&status)", "openapi::judge_tests::an_answer_must_be_documented_and_match_its_schema"),
    ("border.openapi", DROP, "probes/border/openapi.rs", "if «status >= 500 && !(502..=504).contains(&status)»", "status >= 500", "openapi::judge_tests::a_server_error_is_a_fault_unless_it_speaks_of_others_and_is_documented"),
    ("border.openapi", CONSTANT, "probes/border/openapi.rs", "_ if «self.wrong > 0»", "false", "openapi::judge_tests::right_answers_hold_only_when_none_is_wrong_and_missing_credentials_are_a_gap"),
    ("border.unenumerable", FLIP, "probes/border/unenumerable.rs", "else if «bits < BITS»", "bits >= BITS", "unenumerable::tests::random_identifiers_hold"),
    ("border.unenumerable", DROP, "probes/border/unenumerable.rs", "«pair[1] > pair[0] && pair[1] - pair[0] < COUNTER_STEP»", "pair[1] > pair[0]", "unenumerable::tests::time_ordered_identifiers_with_74_random_bits_hold"),
    ("border.unenumerable", CONSTANT, "probes/border/unenumerable.rs", "else if «is_counter(&texts)»", "false", "unenumerable::judge_tests::a_number_and_a_text_that_counts_up_are_counted_and_a_repeat_is_guessed"),
    ("call.timeout", FLIP, "probes/call/timeout.rs", "let in_time = «exchange.answer().is_some() && took <= deadline + GRACE»", "exchange.answer().is_some() && took > deadline + GRACE", "timeout::judge_tests::a_request_must_be_answered_within_the_deadline"),
    ("call.timeout", DROP, "probes/call/timeout.rs", "let in_time = «exchange.answer().is_some() && took <= deadline + GRACE»", "took <= deadline + GRACE", "timeout::judge_tests::a_request_must_be_answered_within_the_deadline"),
    ("call.timeout", CONSTANT, "probes/call/timeout/open_calls.rs", "_ if «more > 0»", "false", "timeout::judge_tests::open_connections_are_kept_or_pile_up"),
    ("call.deadline", FLIP, "probes/call/deadline.rs", "«said.waits > left + waits / 4»", "said.waits <= left + waits / 4", "deadline::judge_tests::a_call_may_say_what_is_left_and_the_difference_of_clocks"),
    ("call.deadline", DROP, "probes/call/deadline.rs", "«self.answered <= limit && self.calls_ended <= limit»", "self.answered <= limit", "deadline::judge_tests::a_request_and_its_calls_must_both_end_in_time"),
    ("call.deadline", CONSTANT, "probes/call/deadline.rs", "«alone <= asked + asked / 10»", "true", "deadline::judge_tests::a_deadline_that_is_there_without_a_caller_is_fixed"),
    ("call.retry", FLIP, "probes/call/retry.rs", "clause::DEADLINE.saw(«most <= MOST_ATTEMPTS», few)", "most > MOST_ATTEMPTS", "retry::judge_tests::repeats_without_end_fall_short"),
    ("call.retry", DROP, "probes/call/retry.rs", "Some(true) if «!contention.is_scattered(spread, calls)»", "false", "retry::judge_tests::a_busy_machine_is_no_jitter"),
    ("call.retry", CONSTANT, "probes/call/retry.rs", "«*gap + CLOCKS >= Duration::from_secs(RETRY_AFTER)»", "true", "retry::judge_tests::a_repeat_comes_no_sooner_than_retry_after_says"),
    ("call.retry-budget", FLIP, "probes/call/retry_budget.rs", "if «calls <= WITHIN * requests + FLOOR»", "calls > WITHIN * requests + FLOOR", "retry_budget::judge_tests::a_tenth_more_calls_and_a_floor_are_a_budget"),
    ("call.retry-budget", DROP, "probes/call/retry_budget.rs", "if «calls <= WITHIN * requests + FLOOR»", "calls <= WITHIN * requests", "retry_budget::judge_tests::a_tenth_more_calls_and_a_floor_are_a_budget"),
    ("call.retry-budget", CONSTANT, "probes/call/retry_budget.rs", "if «share <= PAID»", "true", "retry_budget::judge_tests::few_of_the_calls_that_fail_are_repeated"),
    ("call.hedge", FLIP, "probes/call/hedge.rs", "«ended >= second.at + late / 16»", "ended < second.at + late / 16", "hedge::judge_tests::a_second_call_is_a_hedge_only_beside_the_first"),
    ("call.hedge", DROP, "probes/call/hedge.rs", "ratio if «ratio < REFUSED» => None", "false", "hedge::judge_tests::hedges_have_a_budget_of_a_tenth_and_a_floor"),
    ("call.hedge", CONSTANT, "probes/call/hedge.rs", "Some(2..) => Some(«false»)", "true", "hedge::judge_tests::an_unsafe_request_is_called_once"),
    ("call.breaker", FLIP, "probes/call/breaker/spared.rs", "let rested = «self.busy + waited <= MOST_BUSY»", "self.busy + waited > MOST_BUSY", "breaker::judge_tests::a_bound_of_calls_at_a_time_is_no_breaker"),
    ("call.breaker", DROP, "probes/call/breaker/spared.rs", "Control::seen(«rested || all_came», told, otherwise)", "rested", "breaker::judge_tests::a_bound_of_calls_at_a_time_is_no_breaker"),
    ("call.breaker", CONSTANT, "probes/call/breaker.rs", "(Some(true), Err(failed)) => «clause.gap(format!(\"{told}, but {}\", failed.what))»", "clause.holds(format!(\"{told}, {}\", failed.what))", "breaker::judge_tests::few_calls_without_a_control_show_no_breaker"),
    ("call.breaker-manual", FLIP, "probes/call/breaker_manual.rs", "clause::TRIP.saw(«calls == 0 && as_ever == 0», what)", "calls != 0 && as_ever == 0", "breaker_manual::judge_tests::a_lever_stops_every_call_and_no_answer_is_as_ever"),
    ("call.breaker-manual", DROP, "probes/call/breaker_manual.rs", "clause::TRIP.saw(«calls == 0 && as_ever == 0», what)", "calls == 0", "breaker_manual::judge_tests::a_lever_stops_every_call_and_no_answer_is_as_ever"),
    ("call.breaker-manual", CONSTANT, "probes/call/breaker_manual.rs", "_ if «named.iter().any(|text| has_time(text))»", "true", "breaker_manual::judge_tests::the_operator_is_named_with_a_time"),
    ("call.bulkhead", FLIP, "probes/call/support/concurrency_bound.rs", "let alike = «most - least <= ALIKE.max(most * ALIKE_OF_A_HUNDRED / 100)»", "most - least > ALIKE.max(most * ALIKE_OF_A_HUNDRED / 100)", "concurrency_bound::tests::a_full_set_of_places_is_a_bound_for_every_flood"),
    ("call.bulkhead", DROP, "probes/call/support/concurrency_bound.rs", "(«alike && most < smallest && crowds.iter().all(Crowd::is_held)»)", "alike && most < smallest", "concurrency_bound::tests::as_many_calls_as_are_made_within_a_timeout_are_no_bound"),
    ("call.bulkhead", CONSTANT, "probes/call/support/bystanders.rs", "0 if «self.slow <= NOISE.max(peace.slow * SLOWER)»", "true", "bulkhead::judge_tests::bystanders_must_be_answered_as_in_peace_while_calls_hang"),
    ("call.cpu-bulkhead", FLIP, "probes/call/cpu_bulkhead.rs", "(«last.refused == 0 && wait > deadline»)", "last.refused == 0 && wait <= deadline", "cpu_bulkhead::judge_tests::heavy_work_has_a_bound_when_some_is_done_and_the_rest_refused"),
    ("call.cpu-bulkhead", DROP, "probes/call/cpu_bulkhead.rs", "if «last.refused > 0 && last.done > 0»", "last.refused > 0", "cpu_bulkhead::judge_tests::heavy_work_has_a_bound_when_some_is_done_and_the_rest_refused"),
    ("call.cpu-bulkhead", CONSTANT, "probes/call/cpu_bulkhead.rs", "None if «self.bystanders.slow > stalled(peace)»", "false", "cpu_bulkhead::judge_tests::bystanders_that_are_much_slower_are_stalled"),
    ("call.balance", FLIP, "probes/call/balance.rs", "«load.share(place) >= LEAST»", "load.share(place) < LEAST", "balance::judge_tests::calls_are_spread_when_each_instance_has_a_ninth_of_them"),
    ("call.balance", DROP, "probes/call/balance.rs", "«load.share(place) <= most && is_well(load)»", "load.share(place) <= most", "balance::judge_tests::an_instance_is_spared_when_it_has_few_calls_and_no_request_suffers"),
    ("call.balance", CONSTANT, "probes/call/balance.rs", "«load.share(place) <= most && is_well(load)»", "true", "balance::judge_tests::an_instance_is_spared_when_it_has_few_calls_and_no_request_suffers"),
    ("call.discovery", FLIP, "probes/call/discovery.rs", "let good = «load.failed == 0 && load.calls[1] >= load.requests / 2»", "load.failed == 0 && load.calls[1] < load.requests / 2", "discovery::tests::calls_go_on_only_when_they_are_made_and_no_request_fails"),
    ("call.discovery", DROP, "probes/call/discovery.rs", "«stayed == 0 && failed <= requests / ONE_IN»", "stayed == 0", "discovery::tests::calls_have_moved_when_none_stays_and_few_requests_failed"),
    ("call.discovery", CONSTANT, "probes/call/discovery.rs", "«stayed == 0 && failed <= requests / ONE_IN»", "true", "discovery::tests::calls_have_moved_when_none_stays_and_few_requests_failed"),
    ("call.fallback", FLIP, "probes/call/fallback.rs", "status if «exchange.took > limit» =>", "exchange.took <= limit", "fallback::judge_tests::an_answer_after_the_deadline_or_none_is_no_fallback"),
    ("call.fallback", DROP, "probes/call/fallback.rs", "status if «exchange.took > limit» =>", "false", "fallback::judge_tests::an_answer_after_the_deadline_or_none_is_no_fallback"),
    ("call.fallback", CONSTANT, "probes/call/fallback.rs", "saw(clause::SAID_SO, «false», &format!(\"says other things", "true", "fallback::judge_tests::a_request_without_its_dependency_is_answered_with_less_or_clearly_refused"),
    ("call.bad-answers", FLIP, "probes/call/bad_answers.rs", "if «took > limit»", "took <= limit", "bad_answers::judge_tests::an_answer_that_is_late_or_passes_the_bad_bytes_on_is_no_clear_error"),
    ("call.bad-answers", DROP, "probes/call/bad_answers.rs", "«BAD.iter().any(|bad| text.contains(bad)) || answer.body_length > LONG»", "BAD.iter().any(|bad| text.contains(bad))", "bad_answers::judge_tests::an_answer_that_is_late_or_passes_the_bad_bytes_on_is_no_clear_error"),
    ("call.bad-answers", CONSTANT, "probes/call/bad_answers.rs", "_ if «is_broken(answer, &text, user.peace[1].answer())»", "false", "bad_answers::judge_tests::a_part_of_an_answer_is_broken"),
    ("call.jitter", FLIP, "probes/call/jitter.rs", "«self.width >= NOISE.max(self.period * JITTERED / 100)»", "self.width < NOISE.max(self.period * JITTERED / 100)", "jitter::tests::intervals_of_plus_or_minus_a_tenth_are_jittered"),
    ("call.jitter", DROP, "probes/call/jitter.rs", "if «least > AT_ONCE && differ > period.mul_f64(STARTS_DIFFER)»", "least > AT_ONCE", "jitter::tests::even_intervals_that_begin_anywhere_are_spread"),
    ("call.jitter", CONSTANT, "probes/call/jitter.rs", "return if «noise.is_some()»", "false", "jitter::tests::wide_intervals_are_jittered_only_beyond_what_the_machine_makes_of_even_ones"),
    ("access.secrets", FLIP, "probes/access/secrets/in_repository.rs", "«!reference && mixed && entropy(value) >= LEAST_ENTROPY»", "!reference && mixed && entropy(value) < LEAST_ENTROPY", "in_repository::tests::assigned_values_count_in_configuration_when_they_look_random"),
    ("access.secrets", DROP, "probes/access/secrets/in_repository.rs", "«!reference && mixed && entropy(value) >= LEAST_ENTROPY»", "mixed && entropy(value) >= LEAST_ENTROPY", "in_repository::tests::assigned_values_count_in_configuration_when_they_look_random"),
    ("access.secrets", CONSTANT, "probes/access/secrets.rs", "«exchange.answer().is_some_and(|answer| answer.text().contains(value))»", "false", "secrets::judge_tests::an_answer_with_a_declared_credential_is_against_it"),
    ("ship.config", FLIP, "probes/ship/config.rs", "Exit::Code(code) if «!unnamed.is_empty()»", "unnamed.is_empty()", "config::judge_tests::a_setting_is_refused_with_a_code_and_by_its_name"),
    ("ship.config", DROP, "probes/ship/config.rs", "Exit::Code(code) if «traced»", "false", "config::judge_tests::a_setting_is_refused_with_a_code_and_by_its_name"),
    ("ship.config", CONSTANT, "probes/ship/config.rs", "Exit::Code(0) => («false»,", "true", "config::judge_tests::a_setting_is_refused_with_a_code_and_by_its_name"),
    ("ship.make", FLIP, "probes/ship/make.rs", "if «!has_ci»", "has_ci", "make::judge_tests::ci_calls_make_and_its_failure_counts"),
    ("ship.make", DROP, "probes/ship/make.rs", "«calls(command) && command.ignored.is_none()»", "calls(command)", "make::judge_tests::ci_calls_make_and_its_failure_counts"),
    ("ship.make", CONSTANT, "probes/ship/make.rs", "Some(text) if «PROMISES.iter().any(|word| text.to_lowercase().contains(word))»", "false", "make::judge_tests::a_target_must_do_more_than_print"),
    ("ship.supply-chain", FLIP, "probes/ship/supply_chain.rs", "«repository::is_tracked(root, Path::new(name)) == Some(false)»", "repository::is_tracked(root, Path::new(name)) != Some(false)", "supply_chain::judge_tests::a_lockfile_must_be_tracked_by_git"),
    ("ship.supply-chain", DROP, "probes/ship/supply_chain.rs", "if «!alone && !ecosystem.checksums.iter().any(|word| text.contains(word))»", "!ecosystem.checksums.iter().any(|word| text.contains(word))", "supply_chain::judge_tests::a_lockfile_pins_with_checksums"),
    ("ship.supply-chain", CONSTANT, "probes/ship/supply_chain.rs", "«command.reached && command.ignored.is_none()»", "true", "supply_chain::judge_tests::a_check_counts_when_ci_reaches_it_and_its_failure_counts"),
    ("prove.load", FLIP, "probes/prove/load.rs", "«p99 <= declared.p99»", "p99 > declared.p99", "load::judge_tests::latency_is_at_most_as_declared"),
    ("prove.load", DROP, "probes/prove/load.rs", "«sent > 0 && errors <= declared.errors»", "errors <= declared.errors", "load::judge_tests::errors_are_at_most_as_declared_of_requests_that_were_sent"),
    ("prove.load", CONSTANT, "probes/prove/load.rs", "«sent > 0 && errors <= declared.errors»", "true", "load::judge_tests::errors_are_at_most_as_declared_of_requests_that_were_sent"),
    ("prove.attack", FLIP, "probes/prove/attack.rs", "let no_effect = «state != State::None && target.write.is_none()»", "state == State::None && target.write.is_none()", "attack::judge_tests::an_attack_on_effects_that_may_not_be_had_is_unknown"),
    ("prove.attack", DROP, "probes/prove/attack.rs", "if «outcome.verdict == AttackVerdict::Unknown && no_body && OF_BODIES.contains(&outcome.id)»", "outcome.verdict == AttackVerdict::Unknown && no_body", "attack::judge_tests::a_service_without_state_has_no_bodies_to_attack"),
    ("prove.attack", CONSTANT, "probes/prove/attack.rs", "AttackVerdict::Fell => «clause.contradicts(format!(\"{what} (mend by {})\", mend::by(outcome.id)))»", "clause.holds(what)", "attack::judge_tests::an_attack_that_fell_is_against_its_clause_and_one_that_held_is_for_it"),
    ("prove.soak", FLIP, "probes/support/steadiness/measure.rs", "if «rise < kind.noise(level)»", "rise >= kind.noise(level)", "measure::tests::a_rise_during_warm_up_alone_is_flat"),
    ("prove.soak", DROP, "probes/support/steadiness/measure.rs", "else if «rise >= kind.limit(level) && goes_on && largest_fall(warm) < RECYCLES * rise»", "rise >= kind.limit(level) && largest_fall(warm) < RECYCLES * rise", "measure::tests::a_continuing_rise_is_distinguished_from_one_that_settles"),
    ("prove.soak", CONSTANT, "probes/prove/soak.rs", "Kind::Descriptors => «clause::DESCRIPTORS»", "clause::MEMORY", "soak::judge_tests::each_resource_has_its_clause"),
    ("prove.stress", FLIP, "probes/prove/stress.rs", "«known.max()»", "known.min()", "stress::judge_tests::the_dearest_request_takes_longest"),
    ("prove.stress", DROP, "probes/support/overload.rs", "«share_in_time >= IN_ORDER || (!last && goodput > MORE * capacity)»", "share_in_time >= IN_ORDER", "overload::tests::a_load_under_which_much_more_than_the_capacity_is_done_was_no_overload"),
    ("prove.stress", CONSTANT, "probes/support/overload/judge.rs", "clause.saw(«took <= quick», what)", "true", "judge::tests::refusals_after_a_quarter_of_the_time_of_an_answer_are_not_quick"),
    ("data.location", FLIP, "probes/data/location/windows.rs", "«*with + MISSED >= asked && *with > 0 && *without == 0»", "*with + MISSED >= asked && *with > 0 && *without != 0", "windows::tests::a_file_that_changes_with_requests_only_is_the_services"),
    ("data.location", DROP, "probes/data/location/windows.rs", "«*with + MISSED >= asked && *with > 0 && *without == 0»", "*with + MISSED >= asked && *with > 0", "windows::tests::a_file_that_changes_with_requests_only_is_the_services"),
    ("data.location", CONSTANT, "probes/data/location.rs", "match «files.len()»", "0", "location::judge_tests::a_file_outside_of_the_declared_folders_is_a_stray"),
    ("life.start", FLIP, "probes/life/start.rs", "(«needed >= SOON && needed > took / 2»)", "needed < SOON && needed > took / 2", "start::tests::a_start_that_waited_for_a_cpu_is_not_called_slow"),
    ("life.start", DROP, "probes/life/start.rs", "(«needed >= SOON && needed > took / 2»)", "needed >= SOON", "start::tests::a_start_that_waited_for_a_cpu_is_not_called_slow"),
    ("life.start", CONSTANT, "probes/life/start/refusal.rs", "(«false», format!(\"ends with code {code} after {took:.1?} without naming {cause}\"))", "true", "start::judge_tests::a_start_that_cannot_succeed_ends_with_a_code_and_says_why"),
    ("life.drain", FLIP, "probes/life/drain.rs", "«seen.unready_by_answer && unready <= refused»", "seen.unready_by_answer && unready > refused", "drain::judge_tests::readiness_falls_by_an_answer_before_the_door_is_closed_and_before_the_work_ends"),
    ("life.drain", DROP, "probes/life/drain.rs", "«seen.unready_by_answer && unready <= refused»", "unready <= refused", "drain::judge_tests::readiness_falls_by_an_answer_before_the_door_is_closed_and_before_the_work_ends"),
    ("life.drain", CONSTANT, "probes/life/drain.rs", "«work.any(Evidence::is_for)»", "true", "drain::judge_tests::work_is_finished_only_when_some_was_under_way_and_answered"),
    ("ratchet.jobs", FLIP, "probes/ratchet/jobs/judge.rs", "if repeated && «attempts.last * 2 <= attempts.first»", "attempts.last * 2 > attempts.first", "jobs::judge_tests::repeats_that_become_rarer_back_off_and_frequent_ones_do_not"),
    ("ratchet.jobs", CONSTANT, "probes/ratchet/jobs/judge.rs", "«like(call) >= jobs»", "true", "jobs::judge_tests::a_kind_of_call_that_came_less_often_than_there_were_jobs_is_of_no_job"),
    ("ratchet.jobs", DROP, "probes/ratchet/jobs/judge.rs", "if «jobs * 4 < asked * 3 || most == 0»", "most == 0", "jobs::judge_tests::a_bound_shows_when_fewer_run_than_wait"),
    ("ratchet.jobs", CONSTANT, "probes/ratchet/jobs/judge.rs", "Some(keys) if «keys > jobs»", "false", "jobs::judge_tests::a_job_is_there_for_each_acknowledged_request_and_for_no_other"),
    ("ratchet.dead-letters", FLIP, "probes/ratchet/dead_letters/judge.rs", "(«after == before», format!", "after != before", "dead_letters::judge_tests::dead_letters_survive_a_kill"),
    ("ratchet.dead-letters", DROP, "probes/ratchet/letters.rs", "payload.is_some_and(has) || «name.len() >= LONG && has(document)»", "has(document)", "dead_letters::judge_tests::a_dead_letter_is_known_by_its_payload_and_elsewhere_only_by_a_long_name"),
    ("ratchet.dead-letters", CONSTANT, "probes/ratchet/dead_letters/judge.rs", "if «done > 0»", "false", "dead_letters::judge_tests::each_work_is_set_aside_with_a_reason_and_none_is_taken_for_done"),
    ("ratchet.dead-letters", CONSTANT, "probes/ratchet/dead_letters/judge.rs", "((«is_shown && is_done», edit.to_owned())", "is_shown", "dead_letters::judge_tests::an_edit_counts_when_it_shows_and_is_done_and_a_retry_when_nothing_is_left_of_it"),
    ("ratchet.events", FLIP, "probes/ratchet/events/judge.rs", "find(|pair| «pair[0] > pair[1]») { let (one, other)", "pair[0] < pair[1]", "events::judge_tests::a_log_has_one_order_which_is_that_of_each_writer"),
    ("ratchet.events", DROP, "probes/ratchet/events/judge.rs", "if «doubled > 0»", "false", "events::judge_tests::no_reader_may_leave_an_event_out_or_have_it_twice"),
    ("ratchet.events", CONSTANT, "probes/ratchet/events/judge.rs", "if let Some(first) = «skipped.first()»", "None::<&&&str>", "events::judge_tests::no_reader_may_leave_an_event_out_or_have_it_twice"),
    ("ratchet.events", DROP, "probes/ratchet/events/judge.rs", "if let Some((_, new)) = «new_before_old»", "None::<(&Row, &Row)>", "events::judge_tests::events_stay_as_they_are"),
    ("ratchet.events", CONSTANT, "probes/ratchet/events/judge.rs", "let is_possible = «seen.strangers > 0 && moved >= least && moved <= seen.events as f64»;", "seen.strangers > 0", "events::judge_tests::a_projection_is_the_fold_of_the_log"),
    ("ratchet.steps", FLIP, "probes/ratchet/steps/judge.rs", "Some(again) if «*again > works - reached»", "*again < works - reached", "steps::judge_tests::works_go_on_from_their_last_step"),
    ("ratchet.steps", DROP, "probes/ratchet/steps/judge.rs", "if «last_again < reached»", "false", "steps::judge_tests::works_go_on_from_their_last_step"),
    ("ratchet.steps", CONSTANT, "probes/ratchet/steps/judge.rs", "(Some(known), _) if «known > works»", "false", "steps::judge_tests::each_step_takes_effect_once"),
    ("ratchet.steps", CONSTANT, "probes/ratchet/steps/judge.rs", "Some(rest) if «rest.abs() > 1e-6»", "false", "steps::judge_tests::a_work_that_fails_leaves_nothing"),
    ("data.integrity", FLIP, "probes/data/integrity/judge.rs", "Some(found) if «found <= within»", "found > within", "integrity::judge_tests::a_breach_alerts_within_its_bound"),
    ("data.integrity", DROP, "probes/data/integrity/judge.rs", "match «(alarm.found, alarm.over)»", "(alarm.found, alarm.over.or(alarm.found))", "integrity::judge_tests::checks_go_on_where_one_finds_the_damage_and_another_the_repair"),
    ("data.integrity", CONSTANT, "probes/data/integrity/judge.rs", "_ => (Some(«false»), format!(\"a row was damaged", "true", "integrity::judge_tests::a_breach_alerts_within_its_bound"),
    ("data.purge", FLIP, "probes/data/purge/judge.rs", "find(|gone| «gone.most + slack < keep»)", "gone.most + slack > keep", "purge::judge_tests::rows_are_there_for_their_time_and_gone_soon_after"),
    ("data.purge", DROP, "probes/data/purge/judge.rs", "if «left > 0»", "false", "purge::judge_tests::rows_are_there_for_their_time_and_gone_soon_after"),
    ("data.purge", CONSTANT, "probes/data/purge/judge.rs", "let groups = «looks.iter().collect::<BTreeSet<_>>().len()»", "looks.len()", "purge::judge_tests::rows_that_go_at_several_looks_go_in_batches"),
    ("data.clean", FLIP, "probes/data/clean/judge.rs", "all(|(rose, records)| «(rose - records as f64).abs() < 1e-6»)", "(rose - records as f64).abs() > 1e-6", "clean::judge_tests::counters_rise_by_the_number_of_records"),
    ("data.clean", DROP, "probes/data/clean/judge.rs", "(«accepted && stored && !is_left», what", "accepted && stored", "clean::judge_tests::a_mended_record_is_stored_and_leaves_the_quarantine"),
    ("data.clean", CONSTANT, "probes/data/clean/judge.rs", "if «missing > 0»", "false", "clean::judge_tests::bad_records_are_set_aside_with_a_reason"),
    ("life.leader", FLIP, "probes/life/leader/judge.rs", "all(|pair| «pair[0] < pair[1]»)", "pair[0] <= pair[1]", "leader::judge_tests::fences_rise"),
    ("life.leader", DROP, "probes/life/leader/judge.rs", "if «*left != 0.0»", "false", "leader::judge_tests::an_old_leader_does_nothing_and_knows_it"),
    ("life.leader", CONSTANT, "probes/life/leader/judge.rs", "match «shown.iter().filter(|shown| shown.leads).count()»", "1_usize", "leader::judge_tests::one_of_two_leads"),
    ("life.leader", DROP, "probes/life/leader/judge.rs", "Some(took) if «left == 0.0»", "left <= 0.0", "leader::judge_tests::a_take_over_comes_in_time_and_does_each_work_once"),
    ("life.kill", FLIP, "probes/life/kill/counts.rs", "«now < self.least - EXACTLY * self.least.abs().max(1.0)»", "now >= self.least - EXACTLY * self.least.abs().max(1.0)", "counts::tests::a_sum_is_what_was_acknowledged_and_at_most_what_was_cut_off"),
    ("life.kill", DROP, "probes/life/kill/answers.rs", "«first.status() == again.status() && if one.is_empty() { bodies() } else { one == other }»", "if one.is_empty() { bodies() } else { one == other }", "kill::judge_tests::a_repeat_is_the_same_by_status_and_by_what_is_saved"),
    ("life.kill", CONSTANT, "probes/life/kill/content.rs", "«written.has(&self.sources, value)»", "true", "content::tests::requested_values_are_compared_where_they_show_although_the_answer_did_not_repeat_them"),
    ("life.crash", FLIP, "probes/life/crash.rs", "«exchange.status().is_none_or(|now| now.as_u16() != status)»", "exchange.status().is_none_or(|now| now.as_u16() == status)", "crash::judge_tests::a_crash_is_answered_with_a_5xx_and_no_other_client_notices"),
    ("life.crash", DROP, "probes/life/crash.rs", "«exchange.status().is_none_or(|now| now.as_u16() != status)»", "exchange.status().is_some_and(|now| now.as_u16() != status)", "crash::judge_tests::a_crash_is_answered_with_a_5xx_and_no_other_client_notices"),
    ("life.crash", CONSTANT, "probes/life/crash.rs", "let fivehundred = «crash.status().is_some_and(|status| status.is_server_error())»", "true", "crash::judge_tests::a_crash_is_answered_with_a_5xx_and_no_other_client_notices"),
    ("life.manager", FLIP, "probes/life/manager.rs", "(«longest <= limit», what)", "longest > limit", "manager::judge_tests::watchdog_messages_come_as_often_as_asked"),
    ("life.manager", DROP, "probes/life/manager.rs", "Some(Exit::Signal(SIGTERM)) if «handled»", "true", "manager::judge_tests::a_process_ends_by_itself_with_code_0_or_raises_the_signal_that_it_handles"),
    ("life.manager", CONSTANT, "probes/life/manager.rs", "Some(Exit::Code(code)) => («false»,", "true", "manager::judge_tests::a_process_ends_by_itself_with_code_0_or_raises_the_signal_that_it_handles"),
    ("life.steady", FLIP, "probes/life/steady/aborts.rs", "more if «more * ONE_IN >= left»", "more * ONE_IN < left", "aborts::tests::a_descriptor_for_one_in_a_hundred_that_left_is_a_leak_and_a_handful_is_none"),
    ("life.steady", DROP, "probes/life/steady/error_storm.rs", "«bad.log_rate() > BOUND && bad.log_rate() > TIMES * good.log_rate()»", "bad.log_rate() > BOUND", "error_storm::tests::errors_flood_the_log_when_they_add_much_and_far_more_than_what_succeeds"),
    ("life.steady", CONSTANT, "probes/life/steady/descriptor_limit.rs", "log if «log >= FLOODS»", "false", "descriptor_limit::tests::a_spin_a_flood_of_log_and_a_service_that_does_not_come_back_fall_short"),
]


def place(text, there):
    """The beginning and the end of the marked expression; white space may differ."""
    if "«" not in there:
        there = f"«{there}»"
    before, rest = there.split("«")
    inside, after = rest.split("»")
    flexible = [r"\s*".join(re.escape(word) for word in part.split()) for part in (before, inside, after)]
    found = list(re.finditer(r"(?:%s)\s*(%s)\s*(?:%s)" % tuple(flexible), text))
    return found[0].span(1) if len(found) == 1 else None


def put_in(changes):
    """Puts all changes into the copy; returns those that have no place."""
    missing, by_file = [], {}
    for number, change in changes:
        text = (COPY / SOURCES / change[2]).read_text(encoding="utf-8")
        span = place(text, change[3])
        if span is None:
            missing.append(number)
        else:
            by_file.setdefault(change[2], {}).setdefault(span, []).append((number, change[4]))
    for file, spans in by_file.items():
        path = COPY / SOURCES / file
        text = path.read_text(encoding="utf-8")
        for (begin, end), all_of in sorted(spans.items(), reverse=True):
            chosen = " else ".join(f"if crate::mutant({number}) {{ {instead} }}" for number, instead in all_of)
            text = f"{text[:begin]}({chosen} else {{ {text[begin:end]} }}){text[end:]}"
        path.write_text(text, encoding="utf-8")
    return missing


def compiled():
    """The program of the unit tests."""
    target = os.environ.get("CARGO_TARGET_DIR", f"{COPY}-target")
    run = subprocess.run(["cargo", "test", "-p", "keel-checklist", "--lib", "--no-run", "--message-format=json"], cwd=COPY,
                         env={**os.environ, "CARGO_TARGET_DIR": target}, stdout=subprocess.PIPE, text=True)
    told = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode:
        faults = [one["message"]["rendered"] for one in told if one.get("message", {}).get("level") == "error"]
        sys.exit("the changes do not compile:\n" + "\n".join(faults[:20]))
    return [one["executable"] for one in told if one.get("executable") and one["target"]["name"] == "keel_checklist"][-1]


def outcome(program, test, number):
    """Passed, failed, or none when no test has this name."""
    try:
        run = subprocess.run([program, test], env={**os.environ, "KEEL_MUTANT": str(number)}, capture_output=True, text=True,
                             cwd=COPY / "prover" / "checklist", timeout=60)
    except subprocess.TimeoutExpired:
        return "failed"
    if re.search(r"running 0 tests", run.stdout):
        return None
    return "failed" if run.returncode else "passed"


def main(arguments):
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    if unknown := [word for word in arguments if word.startswith("-") and word != "--table"]:
        print(f"unknown option {unknown[0]}; --help shows how it is used", file=sys.stderr)
        return 2
    words = [word for word in arguments if word != "--table"]
    chosen = [(number, change) for number, change in enumerate(CHANGES, 1)
              if not words or any(word in text for word in words for text in (change[0], change[2], change[5]))]
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(ROOT, COPY, ignore=lambda folder, _: ["target", ".git", "data", "dist"] if pathlib.Path(folder) == ROOT else [])
    missing = put_in(chosen)
    with (COPY / SOURCES / "lib.rs").open("a", encoding="utf-8") as lib:
        lib.write(SELECTOR)
    program = compiled()
    missed = 0
    if "--table" in arguments:
        print("| probe | what is changed | from | to | noticed by |\n|---|---|---|---|---|")
    for number, (probe, kind, file, there, instead, test) in chosen:
        if number in missing:
            verdict = "not there"
        elif outcome(program, test, 0) != "passed":
            verdict = "fails without a change"
        else:
            verdict = "noticed" if outcome(program, test, number) == "failed" else "NOT NOTICED"
        missed += verdict != "noticed"
        if "--table" not in arguments or verdict != "noticed":
            print(f"{verdict:11} {number:3} {probe}: {kind} in {file}: {test}", flush=True)
        elif "--table" in arguments:
            inside = " ".join(re.sub(".*«|».*", "", there, flags=re.S).split())
            cell = lambda text: "`" + " ".join(text.split()).replace("|", "\\|") + "`"
            print(f"| {probe} | {kind} | {cell(inside)} | {cell(instead)} | {cell(test.rsplit('::')[-1])} |", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} changes are noticed", file=sys.stderr)
    return 1 if missed else 0


sys.exit(main(sys.argv[1:]))
