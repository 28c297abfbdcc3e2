//! The default library for services that have to stay up.
//!
//! A [`Service`] is safe before anything is configured: limits, deadlines, problem documents, security headers,
//! health, metrics, structured logs, supervision and an orderly end.
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
//! - [`service`]: what a service declares.
//! - [`settings`]: where its configuration comes from, and how mistakes in it are told.
//! - [`Dependency`]: what it calls, and what guards those calls.
//! - [`run`]: the program; [`run::ORDER`] lists its parts in the order of their start.
//! - [`idempotent`]: requests that take effect once.

mod admin;
mod cli;
mod configuration;
mod context;
mod cores;
mod cpu;
mod defaults;
mod dependency;
mod duration;
pub mod idempotent;
mod order;
mod purge;
mod refusal;
pub mod run;
pub mod service;
pub mod settings;
#[cfg(any(test, feature = "without-guards"))]
pub mod without;

pub use axum;
pub use border::{Border, Limits, Listener, Problem};
pub use client::{self, Client};
pub use context::Context;
pub use cores::Cores;
pub use dependency::Dependency;
pub use duration::parse_duration;
pub use idempotent::{Idempotent, problem_of, recorded};
pub use refusal::problem_of_work;
pub use service::Service;
pub use store;
pub use supervision::{Stop, StopSource};
pub use {resilience, telemetry, tracing, url, utoipa, vitals};

/// What a service's files import.
pub mod prelude {
    pub use std::process::ExitCode;

    pub use axum::Json;
    pub use axum::Router;
    pub use axum::extract::{Path, Query, State};
    pub use axum::http::StatusCode;
    pub use axum::response::{IntoResponse, Response};
    pub use axum::routing::{delete, get, patch, post, put};
    pub use store::{
        Isolation, Migration, Migrations, OnceOutcome, Store, StoreError, StoredResponse, Transaction, args,
    };
    pub use url::Url;

    pub use crate::{Context, Dependency, Idempotent, Problem, Service, Stop, build_info, problem_of, recorded};
}

/// What was built: name and version of the calling crate, and the commit of the variable `GIT_COMMIT` at build time.
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
