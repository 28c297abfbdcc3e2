//! The list of the conformance suite, for code and for tests.

/// Passes the list of cases to a macro: `file::case, ...`.
///
/// ```ignore
/// macro_rules! tests {
///     ($($file:ident :: $case:ident,)*) => {
///         $(#[tokio::test(flavor = "multi_thread")]
///         async fn $case() {
///             evenkeel_work::conformance::find(stringify!($case)).unwrap().run(empty_database()).await;
///         })*
///     };
/// }
/// evenkeel_work::for_each_job_case!(tests);
/// ```
#[macro_export]
macro_rules! for_each_job_case {
    ($make:ident) => {
        $make! {
            enqueueing::w1_a_job_exists_when_its_transaction_commits_and_not_otherwise,
            enqueueing::w1_a_batch_keeps_its_order_and_its_properties,
            enqueueing::w7_a_unique_key_gives_the_live_job_that_has_it,
            enqueueing::w7_eight_callers_at_once_add_one_job_of_a_unique_key,
            enqueueing::w9_a_job_starts_at_its_time_by_the_clock_of_the_database,
            enqueueing::a_job_out_of_its_bounds_is_refused_with_the_bound,
            enqueueing::priorities_start_in_their_order_and_then_by_time,
            traces::a_job_is_of_the_trace_of_the_work_that_enqueued_it_in_each_attempt,
            traces::a_job_without_a_trace_or_with_a_malformed_one_begins_a_trace,
            fences::w3_a_job_is_claimed_by_one_of_eight_claimers,
            fences::w4_a_worker_past_its_lease_changes_nothing,
            fences::w4_a_zombie_does_complete_a_job_when_the_fence_is_removed,
            fences::w4_the_fence_of_a_job_only_rises,
            fences::w5_a_heartbeat_keeps_the_job_and_names_the_jobs_that_are_gone,
            fences::w2_a_job_of_a_kind_without_handler_stays,
            fences::a_claim_behind_the_floor_takes_each_job_once,
            taking::w3_a_taken_job_is_done_with_its_transaction_and_ready_without_it,
            taking::w3_eight_takers_beside_claimers_give_each_job_to_one,
            taking::a_job_that_only_workers_may_run_is_not_taken,
            retries::w3_a_job_is_tried_at_most_as_often_as_it_may,
            retries::w8_a_job_whose_worker_dies_every_time_becomes_a_dead_letter,
            retries::a_job_that_was_handed_back_loses_no_attempt,
            retries::the_errors_of_all_attempts_are_kept_until_the_job_is_done,
            ordering::w6_jobs_of_a_key_run_one_after_the_other_in_their_order,
            ordering::w6_a_retry_holds_its_successors_up_and_other_keys_go_on,
            ordering::w6_keys_behind_the_cursor_get_their_turn,
            ordering::w5_two_claimers_never_run_two_jobs_of_one_key,
            limits::w5_a_limit_of_running_jobs_holds_over_all_claimers,
            limits::a_rate_limit_lets_a_burst_pass_and_then_nothing,
            administration::a_paused_queue_gives_no_jobs_until_it_is_resumed,
            administration::a_ready_job_is_cancelled_at_once_and_a_running_one_with_its_heartbeat,
            administration::the_depth_counts_the_jobs_of_each_state,
            administration::a_paused_kind_gives_no_jobs_and_other_kinds_go_on,
            administration::a_scheduled_job_starts_now_when_it_is_asked_to,
            administration::jobs_are_listed_in_pages_and_by_queue_kind_and_state,
            dead_letters::a_dead_letter_is_inspected_edited_and_redriven,
            dead_letters::a_dead_letter_whose_unique_key_is_taken_stays,
            dead_letters::dead_letters_are_bounded_by_age_and_number,
            workers::w2_two_workers_run_each_of_many_jobs_once,
            workers::w3_an_effect_in_the_transaction_of_the_job_happens_once,
            workers::w8_a_poisonous_job_does_not_hold_up_the_others,
            workers::a_running_job_is_cancelled_and_its_handler_is_dropped,
            workers::the_stop_hands_back_the_jobs_that_have_not_started,
            schedules::w9_a_slot_is_fired_once_by_eight_processes,
            schedules::w9_a_schedule_that_was_changed_waits_for_its_new_slot,
            workers::a_commit_of_the_same_process_wakes_the_workers,
            workers::a_deadline_that_is_over_makes_a_dead_letter,
            leases::w14_a_leader_paused_past_its_lease_changes_nothing,
            leases::w14_a_lease_is_taken_by_one_of_eight_candidates_and_fences_only_rise,
            leases::w14_a_take_over_waits_for_a_guarded_transaction_and_a_renewal_does_not,
            leases::w14_one_of_many_leaders_works_and_the_next_one_goes_on,
            events::w1_an_event_exists_when_its_transaction_commits_and_not_otherwise,
            events::w10_a_reader_by_number_loses_an_event_and_the_log_does_not,
            events::w10_an_expected_version_decides_and_the_versions_of_a_stream_are_dense,
            events::w10_the_order_of_the_log_is_that_of_the_versions_of_each_stream,
            events::w10_a_reader_beside_parallel_writers_reads_each_event_once_in_order,
            events::w10_a_restored_log_goes_on_in_a_new_epoch,
            subscriptions::w10_a_projection_is_the_fold_of_the_log_from_zero_and_incremental,
            subscriptions::w3_two_processes_fold_each_event_once_while_the_log_grows,
            subscriptions::w4_a_subscription_paused_past_its_lease_moves_nothing,
            subscriptions::w11_an_outbox_delivers_every_event_in_order_and_the_receiver_takes_it_once,
            subscriptions::w8_an_event_that_always_fails_halts_its_subscription_and_no_other,
            subscriptions::w8_an_event_that_always_fails_goes_to_the_quarantine_with_its_reason,
            subscriptions::a_batch_over_a_range_ends_and_goes_on_after_a_failure,
            subscriptions::a_paused_subscription_consumes_nothing_until_it_is_resumed,
            runs::w1_a_run_exists_when_its_transaction_commits_and_once_for_its_message_id,
            runs::w13_a_run_goes_through_its_steps_and_a_committed_one_never_runs_again,
            runs::w13_a_step_that_fails_for_good_undoes_the_others_last_to_first,
            runs::w13_a_wait_ends_with_its_time_and_a_cancellation_turns_the_run_back,
            runs::w13_a_run_that_does_not_fit_its_ratchet_needs_a_decision,
            runs::w13_versions_of_a_ratchet_stand_side_by_side,
            runs::w13_a_run_that_is_cancelled_behind_a_call_without_an_undo_needs_a_decision,
            runs::w13_a_call_without_an_answer_or_an_undo_needs_a_decision,
            runs::w4_a_driver_paused_past_its_lease_commits_nothing,
            steady::w18_old_rows_are_deleted_in_batches_and_young_ones_stay,
            steady::an_invariant_holds_until_a_row_breaks_it_and_names_that_row,
            steady::a_row_that_is_not_as_it_was_written_is_named,
        }
    };
}
