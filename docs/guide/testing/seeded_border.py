"""Faults of the border's connections, for seeded.py: the file, the fault in words, the text to be replaced, its replacement, the package, the
test. The number is that of the review (docs/guide/testing.md)."""

SRC = "library/border/src/"
# The package, and which of its tests: to build one kind of them takes half of the time.
UNIT, IT = "evenkeel-border --lib", "evenkeel-border --test it"
FAULTS = [(SRC + file, fault, there, instead, tests, test) for file, fault, there, instead, tests, test in [
    ("streams.rs", "1.8 a stream is never cut", "if now >= due {\n            return Poll::Ready(());", "if now >= due {\n            return Poll::Pending;", IT, "unread_answers_hold_their_permits_until_they_are_reset"),
    ("connection.rs", "1.8 an answer that waits in the socket holds no permit", "current.unflushed = permit;", "drop(permit);", IT, "an_answer_that_is_not_taken_holds_its_permit_until_its_connection_is_cut"),
    ("listener.rs", "1.16 an upgrade is not noticed", "running.exchange().connection().upgraded();", "", IT, "an_upgraded_connection_outlives_the_timeouts_of_requests"),
    ("record.rs", "1.17 a cancelled request is not counted", "if self.is_open {", "if false {", IT, "requests_whose_clients_leave_are_counted_as_cancelled"),
    ("state.rs", "1.18 any frame of HTTP/2 ends the idle time", "Self::Idle { .. } if !http2 => Self::Head { since: None },", "Self::Idle { .. } if !http2 => Self::Head { since: None },\n            Self::Idle { .. } => Self::Idle { since: now() },", UNIT, "an_idle_http2_connection_gets_goaway_in_spite_of_its_frames_and_is_cut_if_it_stays"),
    ("client.rs", "1.23 each IPv6 address is a client", "address.to_bits() >> 64 << 64", "address.to_bits()", UNIT, "addresses_of_one_ipv6_network_are_one_client"),
    ("seat.rs", "1.23 every peer is a trusted proxy", "if is_in(address, &self.limits.trusted_proxies) {", "if true {", IT, "bounds_by_address_hold_for_the_clients_of_a_trusted_proxy_and_no_other_peer_can_name_one"),
    ("body.rs", "1.31 the media type is compared by case", "part.eq_ignore_ascii_case(b\"json\")", "part == b\"json\"", IT, "every_refusal_is_a_problem_document_with_headers_and_request_id"),
    ("state.rs", "1.32 bytes during an answer begin a head", "// Frames of HTTP/2 without a request", "Self::Answering { .. } => Self::Head { since: None },\n            // Frames of HTTP/2 without a request", IT, "a_client_that_pipelines_during_a_long_answer_gets_both_answers"),
    ("host.rs", "1.33 the target may name another host", "refused(\"the Host and the host of the target differ\")", "Ok(())", IT, "every_refusal_is_a_problem_document_with_headers_and_request_id"),
    ("deadline.rs", "1.35 the caller's own time is a failure of the service", "true => (StatusCode::REQUEST_TIMEOUT,", "true => (StatusCode::GATEWAY_TIMEOUT,", UNIT, "a_time_that_is_over_already_is_refused_as_the_callers_doing"),
    ("limits.rs", "1.41 connections take all descriptors", "u128::from(descriptors) * 4 / 5", "u128::from(descriptors)", UNIT, "the_listeners_of_a_process_share_its_descriptors"),
    ("turn_away.rs", "1.44 HTTP/2 is refused in HTTP/1.1", "if http2 { HTTP2 } else { HTTP1 }", "if http2 { HTTP1 } else { HTTP1 }", IT, "a_refused_connection_gets_a_goaway_that_lets_it_repeat_its_requests"),
    ("socket.rs", "1.45 an idle connection wakes every 2 s", "if !self.overdue.has_passed(due, context) {", "if !self.overdue.has_passed(due.min(Instant::now() + LINGER), context) {", UNIT, "an_idle_connection_wakes_once_at_its_end"),
    ("reader.rs", "a reader has no minimum rate", "stops.unwrap_or(never).min(slow.unwrap_or(never))", "slow.map_or(never, |_| stops.unwrap_or(never))", UNIT, "a_reader_at_the_minimum_rate_gets_its_answer_and_one_below_it_is_cut"),
    ("reader.rs", "what a reader took before does not count", "time_for(taken.saturating_sub(self.before))", "time_for(0)", UNIT, "a_reader_that_took_much_and_then_stops_has_the_write_timeout"),
    ("reader.rs", "a flush does not end a slow read", "        self.stalled = None;\n        self.before", "        self.before", UNIT, "a_flush_ends_the_time_of_a_slow_reader"),
    ("socket.rs", "a flood goes on", "self.is_deaf = true;", "", UNIT, "a_flood_of_pings_ends_the_connection_with_a_goaway_and_the_rest_is_not_read"),
    ("socket.rs", "headers of HTTP/2 have no time of their own", "if head_due < due {", "if head_due > due {", UNIT, "headers_of_http2_that_never_end_are_cut_like_a_slow_head"),
    ("body.rs", "a sender has no minimum rate", ".map(|time| time.saturating_sub(self.waited))", ".map(|_| Duration::MAX)", UNIT, "a_sender_at_the_minimum_rate_is_not_refused_and_one_below_it_is"),
    ("body.rs", "the sender pays for the time of the handler", "self.waited += since.elapsed();", "self.since = Some(since);", UNIT, "the_time_for_which_the_handler_does_not_read_is_not_the_senders"),
    ("control_frames.rs", "control frames are not counted", "self.count += 1;", "", UNIT, "a_flood_of_control_frames_is_over_the_budget"),
    ("control_frames.rs", "the budget is one for the whole connection", "if now.saturating_duration_since(self.began) < WINDOW {", "if true {", UNIT, "control_frames_over_a_long_time_and_those_of_requests_and_answers_are_taken"),
    ("target.rs", "the first pass lets empty and dot segments by", " || last == b'/' && matches!(byte, b'/' | b'.')", "", UNIT, "ambiguous_paths_are_refused_with_their_reason"),
    ("framing.rs", "every transfer coding is taken", "(Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b\"chunked\") => Ok(()),", "(Some(_), _) => Ok(()),", UNIT, "chunked_alone_and_once_is_the_only_transfer_coding"),
    ("path.rs", "a refused transfer coding keeps its connection", "exchange.connection().retire();", "", IT, "a_transfer_coding_that_is_not_implemented_ends_the_connection"),
    ("connection.rs", "a connection has no last request", "current.is_old || current.requests >= self.limits.max_requests", "current.is_old", IT, "a_connection_ends_after_its_last_request_and_says_so"),
    ("connection.rs", "a busy connection has no age", "current.is_old |= self.opened.elapsed() >= self.max_age;", "", UNIT, "an_old_connection_retires_with_its_next_request_idle_or_busy"),
    ("pressure.rs", "any idle connections are closed", "idle.sort_by_key(|(since, _)| *since);", "", UNIT, "under_pressure_the_longest_idle_connections_end_and_no_more_than_needed"),
    ("pressure.rs", "all idle connections are closed", "idle.truncate(usize::try_from(excess).unwrap_or(usize::MAX));", "let _ = excess;", UNIT, "under_pressure_the_longest_idle_connections_end_and_no_more_than_needed"),
    ("connection.rs", "the answers of all connections have no bound", " && !self.is_under_pressure()", "", IT, "answers_of_all_connections_together_have_a_bound_and_others_are_served_when_readers_have_gone"),
    ("connection.rs", "answers of handlers that started together have no bound", "held == 0 || held.saturating_add(bytes) <= limit.saturating_mul(OVERSHOOT)", "held.max(bytes).max(limit).max(OVERSHOOT) > 0", IT, "answers_of_handlers_that_started_together_are_replaced_where_there_is_no_room_for_them"),
    ("path.rs", "handlers start while their client takes nothing", "work.exchange.as_ref().filter(|exchange| !exchange.try_start())", "work.exchange.as_ref().filter(|_| false)", IT, "an_http2_client_without_a_window_makes_the_server_hold_no_more_than_its_bound"),
    ("path.rs", "requests that wait for their client have the places of others", "exchange.place().unmeasured();\n            let room", "let room", IT, "an_http2_client_without_a_window_makes_the_server_hold_no_more_than_its_bound"),
    ("seat.rs", "no network is without bounds", " || is_in(address, &limits.unbounded_addresses)", "", IT, "networks_without_bounds_by_address_have_as_many_connections_as_the_listener"),
]]
