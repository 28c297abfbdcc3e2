//! The library for services that have to stay up.
//!
//! A [`Service`] is safe by default: limits, deadlines, problem documents, security headers,
//! health, metrics, structured logs, supervision and graceful shutdown.
//!
//! ```no_run
//! use evenkeel::prelude::*;
//!
//! fn main() -> ExitCode {
//!     Service::new(build_info!())
//!         .routes(|_context| Router::new().route("/hello", get(async || "hello")))
//!         .main()
//! }
//! ```
//!
//! - [`service`]: the declaration of a service.
//! - [`settings`]: configuration from flags and variables, and the report of its mistakes.
//! - [`Dependency`]: outgoing calls and their guards.
//! - [`Service::main`] runs it as a program, [`Service::start`] inside another program or a test; [`ORDER`] lists its parts in
//!   the order of their start.
//! - [`idempotent`]: requests that take effect once.
//! - [`sessions`]: people who sign in on the pages of a service.
//! - [`work`]: background jobs, which `Service::jobs` declares.
//!
//! The guides are in `docs/guide` of the repository: a service from nothing, the border around an existing app, testing a service.
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `sqlite`, `postgres` | `Service::store`: a store on this engine. Either of them turns `store` on | yes |
//! | `client` | [`Dependency`], `Context::client`: guarded calls | yes |
//! | `openapi` | `Service::openapi`: the description of the API | yes |
//! | `query` | SQL over the live state: `/debug/query` of the admin listener and the subcommand `query`. It links SQLite | yes |
//! | `tls` | TLS of the public listener | yes |
//! | `native-roots` | `client::Tls::native`: the authorities of the host's certificate store | no |
//! | `testing` | for tests: `store::testing`, a private PostgreSQL; `client::misbehave`, misbehaving peers | no |
//! | `without-guards` | switches that turn guards off, for tests that show what a guard prevents; never for production | no |
//!
//! Unix only; tested on Linux. `CPU_CORES` pins threads on Linux only. The front pages of `evenkeel-border`,
//! `evenkeel-client` and `evenkeel-supervision` list the other differences between platforms.

mod admin;
mod asked;
mod caller;
mod change;
mod cli;
#[cfg(feature = "client")]
mod collector;
mod configuration;
#[cfg(feature = "query")]
mod console_routes;
mod context;
mod cores;
mod cpu;
#[cfg(feature = "store")]
pub mod cursors;
mod database;
mod declared_routes;
mod defaults;
#[cfg(feature = "client")]
mod dependencies;
#[cfg(feature = "client")]
mod dependency;
mod duration;
mod error_reports;
mod event_stream;
#[cfg(feature = "client")]
mod export;
mod failed;
mod field_errors;
mod history;
#[cfg(feature = "store")]
pub mod idempotent;
#[cfg(feature = "store")]
mod jobs;
mod json_body;
mod limits;
mod objectives;
mod observe;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operator;
mod order;
mod page_nonce;
mod parts;
mod periodic;
mod program;
#[cfg(feature = "store")]
mod purge;
#[cfg(feature = "query")]
mod query;
mod refusal;
mod route_rules;
mod routes;
mod run;
mod running;
mod security_contact;
mod security_txt;
#[cfg(feature = "client")]
mod sentry;
pub mod service;
#[cfg(feature = "store")]
pub mod sessions;
pub mod settings;
mod stop_budget;
mod strict_json;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod valid;
#[cfg(any(all(test, feature = "client"), feature = "without-guards"))]
pub mod without;

#[cfg(feature = "store")]
pub use access;
pub use axum;
pub use border::{
    Access, Border, ContentCoding, CrossOrigin, Deprecation, Draining, ForwardedHeader, InvalidNetwork,
    InvalidRouteRules, Limits, Listener, Network, Preconditions, Problem, RouteRules,
};
#[cfg(feature = "tls")]
pub use border::{ClientCertificate, Tls, TlsError, TlsFiles};
pub use caller::Caller;
pub use clap;
#[cfg(feature = "client")]
pub use client::{self, Client};
#[cfg(feature = "query")]
pub use console;
pub use context::Context;
pub use cores::{Cores, InvalidCore};
pub use database::Database;
#[cfg(feature = "client")]
pub use dependency::Dependency;
pub use duration::{InvalidDuration, parse_duration};
pub use event_stream::EventStream;
pub use failed::{Cause, Failed};
pub use garde;
#[cfg(feature = "store")]
pub use idempotent::{Idempotent, problem_of, recorded};
pub use observe::ObserveError;
pub use order::{ORDER, Part, STOP_ORDER};
pub use page_nonce::PageNonce;
pub use parts::Stopped;
#[cfg(feature = "query")]
pub use query::QueryFailed;
pub use refusal::problem_of_work;
pub use running::{NotReady, Running};
pub use service::Service;
#[cfg(feature = "store")]
pub use store::{self, Store};
pub use supervision::{self, ChildSpec, Restart, RestartRules, Stop, StopSource};
pub use telemetry::errors::note_error;
pub use telemetry::objectives::Objective;
#[cfg(feature = "client")]
pub use url;
pub use valid::Valid;
#[cfg(feature = "store")]
pub use work;
pub use {resilience, telemetry, tracing, vitals};
#[cfg(feature = "openapi")]
pub use {utoipa, utoipa_axum};

/// Imports for the files of a service.
pub mod prelude {
    pub use std::process::ExitCode;

    pub use axum::Json;
    pub use axum::Router;
    pub use axum::extract::{Path, Query, State};
    pub use axum::http::StatusCode;
    pub use axum::response::{IntoResponse, Response};
    pub use axum::routing::{delete, get, patch, post, put};
    #[cfg(feature = "store")]
    pub use store::{
        Isolation, Migration, Migrations, OnceOutcome, Store, StoreError, StoredResponse, Transaction, args,
    };
    #[cfg(feature = "client")]
    pub use url::Url;
    #[cfg(feature = "store")]
    pub use work::{Job, JobContext, JobError, Schedule, WorkError, Workers, enqueue};

    #[cfg(feature = "client")]
    pub use crate::Dependency;
    pub use crate::{Caller, Context, Objective, Problem, RouteRules, Service, Stop, build_info};
    #[cfg(feature = "store")]
    pub use crate::{Idempotent, problem_of, recorded};
}

/// Builds the [`Build`](crate::vitals::Build): name and version of the calling crate, and the commit of the variable `GIT_COMMIT` at build time.
#[macro_export]
macro_rules! build_info {
    () => {
        $crate::vitals::Build {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            commit: match option_env!("GIT_COMMIT") {
                Some(commit) => commit,
                None => "unknown",
            },
        }
    };
}
