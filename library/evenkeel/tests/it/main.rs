//! The facade: its documents, its dependencies, its services in and out of process, and the structure of the workspace.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

#[cfg(feature = "client")]
mod admin_page;
mod arrows;
mod border_checks;
mod cancel_safety;
mod circles;
mod clients;
#[cfg(feature = "client")]
mod collector;
mod console;
mod contributing;
#[cfg(feature = "client")]
mod declared;
#[cfg(feature = "client")]
mod dependencies;
#[cfg(feature = "client")]
mod embedded;
#[cfg(all(feature = "client", feature = "query"))]
mod errors;
mod front_pages;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod job_traces;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod jobs_admin;
mod links;
#[cfg(feature = "client")]
mod objectives;
mod operator;
mod process;
#[cfg(all(feature = "client", feature = "query"))]
mod query;
mod readme;
#[cfg(all(feature = "client", feature = "openapi"))]
mod route_rules;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod runs_admin;
mod scope;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod sessions;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod settings_page;
#[cfg(all(feature = "client", feature = "sqlite"))]
mod shortener;
mod testing_page;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "client")]
mod traces;
mod weight;
mod words;
