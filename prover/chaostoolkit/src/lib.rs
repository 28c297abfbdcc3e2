//! Runs experiments of the Chaos Toolkit: the same files, the same verdicts, the same journals.
//!
//! The format is that of <https://chaostoolkit.org/reference/api/experiment/>, as chaoslib 1.45 reads it, with its `process`
//! and `http` providers. What keel does not do is refused before anything acts: the `python` provider, `https`, secrets in
//! a vault, `runtime.python`. Controls are Python code: they are named in a warning and not run, as by the reference when
//! their module is not installed. Where the reference dies with a traceback and leaves no journal, the status is `aborted`.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use keel_chaostoolkit::{Experiment, Options, Status};
//!
//! let experiment = Experiment::new(serde_json::from_str(
//!     r#"{
//!         "title": "the folder is there",
//!         "description": "nothing is broken",
//!         "steady-state-hypothesis": {
//!             "title": "it is listed",
//!             "probes": [{
//!                 "type": "probe", "name": "list", "tolerance": 0,
//!                 "provider": {"type": "process", "path": "ls", "arguments": ["/"]}
//!             }]
//!         },
//!         "method": []
//!     }"#,
//! )?)?;
//! let journal = experiment.run(&Options::default(), Arc::new(|line: &str| println!("{line}")), std::future::pending()).await?;
//! assert_eq!(journal.status, Status::Completed);
//! # Ok(()) }
//! ```
//!
//! # Features and platforms
//!
//! No features. Unix only, because activities run in process groups of their own. Tested on Linux.

mod activity;
mod document;
mod experiment;
mod failure;
mod http;
mod journal;
mod json_path;
mod mistake;
mod process;
mod python;
mod python_regex;
mod run;
mod scene;
mod seconds;
mod strategy;
mod substitution;
mod tolerance;
mod validity;
pub mod value;
mod variables;
mod whole_numbers;
mod yaml;

pub use self::experiment::Experiment;
pub use self::journal::{CHAOSLIB_VERSION, Interruption, Journal, Run, State, Status, SteadyStates};
pub use self::mistake::Mistake;
pub use self::strategy::{Dry, HypothesisStrategy, Options, RollbackStrategy};
pub use self::variables::variable;
