//! The queries that have a name: what operators ask first in an outage.

use vitals::Table;

/// A query with a name.
#[derive(Clone, Copy, Debug)]
struct Named {
    name: &'static str,
    help: &'static str,
    /// SELECTs with equal columns, each with its table. Those whose table is not there are left out.
    parts: &'static [(&'static str, &'static str)],
    /// Order and number of the rows.
    end: &'static str,
}

const NAMED: [Named; 7] = [
    Named {
        name: "slowest-routes",
        help: "Routes by the 99th percentile of the last minute.",
        parts: &[(
            "http_server_request",
            "SELECT http_route, http_request_method, error_type, duration_count AS requests, duration_p50 AS p50, duration_p99 AS p99 \
             FROM http_server_request WHERE listener = 'public' AND duration_count > 0",
        )],
        end: "ORDER BY p99 DESC LIMIT 20",
    },
    Named {
        name: "noisy-clients",
        help: "Clients by their share of requests, failures or time, whichever is largest, in this minute and the last one.",
        parts: &[(
            "clients",
            "SELECT client, requests_at_least AS requests, requests_share, failures_at_least AS failures, failures_share, mean_duration, \
             times_median, trace_id FROM clients WHERE listener = 'public'",
        )],
        end: "ORDER BY max(requests_share, 1.0 * failures_at_least / max(1, sum(failures_at_least) OVER ()), \
              time_at_least / max(1e-9, sum(time_at_least) OVER ())) DESC LIMIT 20",
    },
    Named {
        name: "stuck-requests",
        help: "Requests in flight by their age, with their step.",
        parts: &[(
            "requests",
            "SELECT http_route, http_request_method, step, age, deadline_left, request_id, trace_id FROM requests WHERE listener = 'public'",
        )],
        end: "ORDER BY age DESC LIMIT 20",
    },
    Named {
        name: "open-breakers",
        help: "Dependencies to which not all calls are made.",
        parts: &[(
            "policy",
            "SELECT name, breaker, breaker_order, failure_share FROM policy WHERE breaker NOT IN ('off', 'closed')",
        )],
        end: "ORDER BY name LIMIT 100",
    },
    Named {
        name: "full-pools",
        help: "Bounded parts by the share in use: requests, connections, permits of dependencies, the store, threads.",
        parts: &[
            (
                "http_listener",
                "SELECT 'requests' AS pool, listener AS name, requests_in_flight AS used, requests_in_flight_limit AS most, \
                 0 AS waiting FROM http_listener",
            ),
            (
                "http_listener",
                "SELECT 'connections' AS pool, listener AS name, connections AS used, connections_limit AS most, 0 AS waiting FROM http_listener",
            ),
            (
                "policy",
                "SELECT 'calls' AS pool, name, calls_in_flight AS used, calls_at_a_time AS most, calls_waiting AS waiting FROM policy \
                 WHERE calls_at_a_time > 0",
            ),
            (
                "store",
                "SELECT 'store' AS pool, db_system_name AS name, connections - connections_idle AS used, connections_limit AS most, \
                 0 AS waiting FROM store",
            ),
            (
                "cpu_pool",
                "SELECT 'threads' AS pool, name, running AS used, threads AS most, queued AS waiting FROM cpu_pool",
            ),
        ],
        end: "ORDER BY 1.0 * used / most DESC, waiting DESC LIMIT 20",
    },
    Named {
        name: "busy-queues",
        help: "Queues of jobs by their length.",
        parts: &[(
            "job_queue",
            "SELECT queue, state, ready, scheduled, running, dead, oldest, wait_p99, run_p99 FROM job_queue",
        )],
        end: "ORDER BY ready DESC LIMIT 100",
    },
    Named {
        name: "budget",
        help: "Objectives by what is left of their error budget.",
        parts: &[(
            "objective",
            "SELECT objective, route, kind, target, events, bad, budget_left, burn_5m, burn_1h, alert FROM objective",
        )],
        end: "ORDER BY budget_left LIMIT 100",
    },
];

/// Returns the queries whose tables are there: name, help, statement.
pub(super) fn available(tables: &[&'static Table]) -> Vec<(&'static str, &'static str, String)> {
    let is_there = |name: &str| tables.iter().any(|table| table.name == name);
    let statement = |named: &Named| {
        let parts: Vec<&str> =
            named.parts.iter().filter(|(table, _)| is_there(table)).map(|(_, select)| *select).collect();
        let (first, rest) = parts.split_first()?;
        let all = match rest {
            [] => (*first).to_owned(),
            _ => format!("SELECT * FROM ({})", parts.join(" UNION ALL ")),
        };
        Some((named.name, named.help, format!("{all} {}", named.end)))
    };
    NAMED.iter().filter_map(statement).collect()
}
