//! `keel drill`: drills and Chaos Toolkit experiments, their reports and journals, the exit code.

mod accepted;
#[cfg(feature = "chaos-toolkit")]
mod chaos_toolkit;
mod declared;
mod own;
mod stage;

use std::path::PathBuf;

use crate::exit::usage;
use crate::undo;

/// The experiments, and how they are run.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes:\n  0    every hypothesis held, or its failure is accepted\n  1    a hypothesis failed, or an experiment \
                  did not finish\n  2    a mistake in the command line or a file; nothing was done\n  3    the service could not be \
                  started"
)]
pub(crate) struct Arguments {
    #[cfg_attr(
        feature = "chaos-toolkit",
        doc = "Drills (.toml), run one after the other, or one Chaos Toolkit file (.json, .yaml)"
    )]
    #[cfg_attr(not(feature = "chaos-toolkit"), doc = "Drills (.toml), run one after the other")]
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    own: own::Options,
    #[cfg(feature = "chaos-toolkit")]
    #[command(flatten)]
    chaos_toolkit: chaos_toolkit::ChaosToolkit,
}

pub(crate) fn run(arguments: Arguments) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    undo::before_anything_else();
    let is_own = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "toml");
    let outcome = match arguments.files.as_slice() {
        files if files.iter().all(is_own) => runtime.block_on(own::run(files, &arguments.own)),
        #[cfg(feature = "chaos-toolkit")]
        [file] => runtime.block_on(chaos_toolkit::run(file, &arguments.chaos_toolkit)),
        _ if cfg!(feature = "chaos-toolkit") => {
            Err("pass one Chaos Toolkit file at a time: each writes a journal of its own".to_owned())
        }
        _ => Err("this keel was built without the feature chaos-toolkit: only drills (.toml) can be run".to_owned()),
    };
    outcome.unwrap_or_else(usage)
}
