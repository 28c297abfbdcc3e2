//! The probes that examine a service for the attributes of [`keel_catalogue`], and the reports.
//!
//! - [`subject`]: what is examined: `keel.toml`, or what the command line says.
//! - [`lab`]: the subject while it is examined: started, observed, restarted, its dependencies behind fault proxies.
//! - [`probes`]: one room for each [`probe`], named by its attribute. With feature `specimens` also the small servers on which
//!   its verdict is known.
//! - [`clause`]: the clauses of the statements, a constant for each; [`evidence`] is about one of them, and names the
//!   [`control`] of an experiment.
//! - [`finding`]: what a probe found, judged from evidence; [`contradiction`] compares the findings of one report.
//! - [`decision`]: what people decided, with owner, reason and expiry; [`calendar`] says whether it is still current.
//! - [`forecast`]: the declarations that each probe lacks, and its duration, before anything is started.
//! - [`first_try`]: the declared requests, sent once before any probe runs.
//! - [`examination`]: runs the probes in order and applies the decisions.
//! - [`openapi`]: OpenAPI documents, in JSON and YAML.
//! - [`rejudge`]: judges the evidence of an old report again.
//! - [`report`]: an examination as text, in each of [`report::FORMATS`], also compared with an earlier one.
//! - [`repro`]: a script of at most fifteen lines that shows a finding without keel.
//! - `contention`: what other programs on the machine may have to do with a late answer.
//! - `selftest`: judges the specimens on the machine at hand; with feature `specimens`.
//! - [`sources`]: the files of an attribute in the repository.
//!
//! A declaration, and the forecast of a probe: the declarations that it lacks.
//!
//! ```
//! use std::path::Path;
//!
//! use keel_checklist::forecast::{self, Reach};
//! use keel_checklist::subject::Subject;
//!
//! let text = "[service]\nname = \"shop\"\nrun = \"./shop\"\nurl = \"http://127.0.0.1:8080\"\n";
//! let subject = Subject::from_text("keel.toml", text, Path::new(".")).expect("a declaration");
//! let forecast = forecast::of("call.timeout", &subject);
//! assert_eq!(forecast.reach, Reach::Unknown);
//! assert!(!forecast.lacks.is_empty());
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `specimens` | small servers with a known verdict, and `selftest` | no |
//!
//! Linux only: probes read `/proc` and use the faults of [`keel_drill`].

pub mod calendar;
pub mod clause;
mod contention;
pub mod contradiction;
pub mod control;
pub mod decision;
pub mod evidence;
pub mod examination;
pub mod finding;
pub mod first_try;
pub mod forecast;
pub mod lab;
pub mod openapi;
pub mod probe;
pub mod probes;
pub mod reach;
pub mod recipe;
pub mod rejudge;
pub mod report;
pub mod repro;
#[cfg(feature = "specimens")]
pub mod selftest;
pub mod sources;
#[cfg(feature = "specimens")]
pub mod specimen;
pub mod subject;
#[cfg(test)]
mod testing;
pub mod verdict;
