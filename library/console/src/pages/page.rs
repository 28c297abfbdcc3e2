//! The pages, and the tables and lists of each.

use serde_json::Value;

use super::tables::Shown;

/// A page of the console.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// Objectives, saturation, plots of the last hour, the last events.
    Overview,
    /// Routes: requests, durations, limits.
    Routes,
    /// Calls to dependencies, and their breakers.
    Calls,
    /// Queues, jobs, dead letters, schedules, runs, subscriptions.
    Jobs,
    /// The store, its statements and what is kept in it.
    Stores,
    /// Failures in groups.
    Errors,
    /// One group of failures with its reports, by its fingerprint.
    ErrorGroup(String),
    /// The last events.
    Events,
    /// Every table.
    Tables,
    /// One table with all its columns.
    Table(String),
    /// The settings.
    Settings,
    /// Questions in SQL.
    Query,
}

/// Rows that the service fetches from its own admin API.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Its title.
    pub title: &'static str,
    /// The path of the admin API.
    pub path: &'static str,
    /// The JSON pointer of the rows in the answer.
    pub rows_at: &'static str,
    /// The rows; objects, mostly.
    pub rows: Vec<Value>,
}

impl Page {
    /// The pages of the navigation, in its order.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Routes,
        Self::Calls,
        Self::Jobs,
        Self::Stores,
        Self::Errors,
        Self::Events,
        Self::Tables,
        Self::Query,
        Self::Settings,
    ];

    pub(super) fn of_path(path: &str) -> Option<Self> {
        if let Some(name) = path.strip_prefix("tables/") {
            return Some(Self::Table(name.to_owned()));
        }
        if let Some(fingerprint) = path.strip_prefix("errors/") {
            return Some(Self::ErrorGroup(fingerprint.to_owned()));
        }
        Self::ALL.into_iter().find(|page| page.path() == path)
    }

    /// Its path behind `/console/`; empty for the overview.
    pub fn path(&self) -> String {
        match self {
            Self::Overview => String::new(),
            Self::Table(name) => format!("tables/{name}"),
            Self::ErrorGroup(fingerprint) => format!("errors/{fingerprint}"),
            other => other.title().to_lowercase(),
        }
    }

    /// Its path on the admin listener.
    pub fn href(&self) -> String {
        match self {
            Self::Overview => "/console".to_owned(),
            other => format!("/console/{}", other.path()),
        }
    }

    /// Its title.
    pub fn title(&self) -> &str {
        match self {
            Self::Overview => "Overview",
            Self::Routes => "Routes",
            Self::Calls => "Calls",
            Self::Jobs => "Jobs",
            Self::Stores => "Stores",
            Self::Errors => "Errors",
            Self::ErrorGroup(fingerprint) => fingerprint,
            Self::Events => "Events",
            Self::Tables => "Tables",
            Self::Table(name) => name,
            Self::Settings => "Settings",
            Self::Query => "Query",
        }
    }

    /// True when its sections change by themselves.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Settings | Self::Query)
    }

    /// The lists of the admin API that it shows, without rows. A service without jobs has none of them.
    pub fn lists(&self) -> Vec<List> {
        let list = |title, path, rows_at| List { title, path, rows_at, rows: Vec::new() };
        match self {
            Self::Jobs => vec![
                list("Dead letters", "/dead-letters?limit=100", "/dead_letters"),
                list("Jobs", "/jobs?limit=100", "/jobs"),
                list("Runs", "/runs", "/counts"),
                list("Paused kinds", "/kinds", "/paused"),
                list("Leases", "/leases", "/leases"),
            ],
            _ => Vec::new(),
        }
    }

    /// The tables that it shows.
    pub(super) fn tables(&self) -> &'static [Shown] {
        match self {
            Self::Routes => &ROUTES,
            Self::Calls => &CALLS,
            Self::Jobs => &JOBS,
            Self::Stores => &STORES,
            _ => &[],
        }
    }
}

const ROUTES: [Shown; 7] = [
    Shown::all("Durations of the last minute", "http_server_request").of("listener", "public").busy(),
    Shown::all("Requests since the start", "http_server").of("listener", "public").busy(),
    Shown::all("Admission by route", "http_admission_route"),
    Shown::all("Rules", "http_route_rules"),
    Shown::all("Loosened rules", "http_route_loosened"),
    Shown::all("Bulkheads", "http_bulkhead"),
    Shown::all("Rate limits", "http_rate_limit"),
];

const CALLS: [Shown; 5] = [
    Shown::only(
        "Policies",
        "policy",
        &[
            "name",
            "breaker",
            "breaker_order",
            "failure_share",
            "calls_in_flight",
            "calls_at_a_time",
            "calls_waiting",
            "retries_saved",
        ],
    ),
    Shown::all("Attempts of the last minute", "http_client_request").busy(),
    Shown::all("Groups of callers", "policy_group"),
    Shown::all("Instances", "instance"),
    Shown::all("The client", "client"),
];

const JOBS: [Shown; 6] = [
    Shown::only(
        "Queues",
        "job_queue",
        &[
            "queue",
            "state",
            "ready",
            "scheduled",
            "running",
            "dead",
            "oldest",
            "completed",
            "retried",
            "died",
            "wait",
            "run",
        ],
    ),
    Shown::all("Schedules", "job_schedule"),
    Shown::all("Ratchets", "ratchet"),
    Shown::all("Subscriptions", "subscription"),
    Shown::all("Leader", "leader"),
    Shown::all("Invariants", "invariant"),
];

const STORES: [Shown; 4] = [
    Shown::all("Store", "store"),
    Shown::all("Statements of the last minute", "db_client_operation"),
    Shown::all("Event log", "event_log"),
    Shown::all("Retention", "retention"),
];
