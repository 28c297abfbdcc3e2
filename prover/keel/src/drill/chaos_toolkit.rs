//! Chaos Toolkit files: the options of `chaos run`, the journal, the verdict.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use keel_chaostoolkit::value::{Map, Value};
use keel_chaostoolkit::{Dry, Experiment, HypothesisStrategy, Journal, Options, RollbackStrategy, Status, variable};

use crate::exit::{FELL_SHORT, FINE};
use crate::interrupt::Interrupt;
use crate::output::{can_write, print, write};

/// The options of `chaos run`, under its names.
#[derive(clap::Args)]
#[command(next_help_heading = "For a Chaos Toolkit experiment")]
pub(super) struct ChaosToolkit {
    /// The file to write the journal to
    #[arg(long, value_name = "FILE", default_value = "journal.json")]
    journal_path: PathBuf,
    /// Checks of the hypothesis [default: the file's strategy, else before and after the method]
    #[arg(long, value_enum, value_name = "WHEN")]
    hypothesis_strategy: Option<Hypothesis>,
    /// Seconds between two checks while the method runs
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    hypothesis_frequency: f64,
    /// Stop the method at the first check that fails
    #[arg(long)]
    fail_fast: bool,
    /// Runs of the rollbacks [default: the file's strategy, else unless the experiment failed or was interrupted]
    #[arg(long, value_enum, value_name = "WHEN")]
    rollback_strategy: Option<Rollbacks>,
    /// Walk through the experiment without executing these
    #[arg(long, value_enum, value_name = "WHAT")]
    dry: Option<DryRun>,
    /// Override a configuration value of the file; types are str, int, float, bool, json
    #[arg(long, value_name = "NAME[:TYPE]=VALUE", value_parser = variable)]
    var: Vec<(String, Value)>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Hypothesis {
    Default,
    BeforeMethodOnly,
    AfterMethodOnly,
    DuringMethodOnly,
    #[value(alias = "continously")]
    Continuously,
    Skip,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rollbacks {
    Default,
    Always,
    Never,
    Deviated,
}

#[derive(Clone, Copy, ValueEnum)]
enum DryRun {
    Probes,
    Actions,
    Activities,
    Pause,
}

/// Runs one file; the exit code.
pub(super) async fn run(file: &Path, arguments: &ChaosToolkit) -> Result<u8, String> {
    let experiment = Experiment::from_file(file).map_err(|mistake| mistake.to_string())?;
    can_write(&arguments.journal_path)?;
    let mut interrupt = Interrupt::new().map_err(|error| format!("cannot listen to signals: {error}"))?;
    for warning in experiment.warnings() {
        eprintln!("keel: {warning}");
    }
    let interrupted = async { interrupt.name().await.to_owned() };
    let told = Arc::new(|line: &str| print(&format!("{line}\n")));
    let journal = experiment.run(&arguments.options(), told, interrupted).await;
    let journal = journal.map_err(|mistake| format!("{}: {mistake}", file.display()))?;
    write(&arguments.journal_path, &journal.to_json())?;
    print(&format!("{}\n", verdict(&journal)));
    Ok(if journal.holds() { FINE } else { FELL_SHORT })
}

fn verdict(journal: &Journal) -> String {
    let before = journal.steady_states.before.as_ref().and_then(|state| state.steady_state_met);
    match journal.status {
        Status::Interrupted => "Broken off".to_owned(),
        Status::Aborted => "Aborted: the experiment itself is wrong, see above".to_owned(),
        _ if journal.deviated => "Deviated: the steady state was lost, a weakness may have been found".to_owned(),
        Status::Failed => {
            "Failed: a probe brought nothing, or the steady state was lost while the method ran".to_owned()
        }
        _ if before == Some(false) => "Not run: the steady state did not hold before the method".to_owned(),
        _ => "Completed: the steady state held".to_owned(),
    }
}

impl ChaosToolkit {
    fn options(&self) -> Options {
        let hypothesis = self.hypothesis_strategy.map(|strategy| match strategy {
            Hypothesis::Default => HypothesisStrategy::Default,
            Hypothesis::BeforeMethodOnly => HypothesisStrategy::Before,
            Hypothesis::AfterMethodOnly => HypothesisStrategy::After,
            Hypothesis::DuringMethodOnly => HypothesisStrategy::During,
            Hypothesis::Continuously => HypothesisStrategy::Continuously,
            Hypothesis::Skip => HypothesisStrategy::Skip,
        });
        let rollbacks = self.rollback_strategy.map(|strategy| match strategy {
            Rollbacks::Default => RollbackStrategy::Default,
            Rollbacks::Always => RollbackStrategy::Always,
            Rollbacks::Never => RollbackStrategy::Never,
            Rollbacks::Deviated => RollbackStrategy::Deviated,
        });
        let dry = self.dry.map(|dry| match dry {
            DryRun::Probes => Dry::Probes,
            DryRun::Actions => Dry::Actions,
            DryRun::Activities => Dry::Activities,
            DryRun::Pause => Dry::Pause,
        });
        Options {
            hypothesis,
            rollbacks,
            frequency: Some(self.hypothesis_frequency),
            fail_fast: self.fail_fast,
            dry,
            variables: Map::from_iter(self.var.iter().cloned()),
        }
    }
}
