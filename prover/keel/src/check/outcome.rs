//! The findings that make `keel check` fail: `--fail-on`, `--strict` and `--baseline`.

use std::path::PathBuf;

use clap::ValueEnum;
use keel_checklist::report::{Baseline, FailOn, Report};

#[derive(clap::Args)]
#[command(next_help_heading = "Outcome")]
pub(super) struct Outcome {
    /// The findings that make the exit code 1: `falls-short`; `unknown` for those and unknown ones; `new` for those that
    /// did not fall short in the baseline
    #[arg(long, value_enum, value_name = "WHAT", default_value = "falls-short")]
    fail_on: Word,
    /// Treat unknown as failure: the same as --fail-on unknown
    #[arg(long, conflicts_with = "fail_on")]
    strict: bool,
    /// Compare with an earlier report, and list the findings that are new or fixed
    #[arg(long, value_name = "REPORT.json")]
    baseline: Option<PathBuf>,
}

/// The words of `--fail-on`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    FallsShort,
    Unknown,
    New,
}

/// The same, read and checked before the examination.
pub(super) struct Rule {
    fail_on: FailOn,
    baseline: Option<Baseline>,
}

impl Outcome {
    /// Reads the baseline.
    ///
    /// # Errors
    /// When it cannot be read, is no report, or is missing although it is asked for what is new.
    pub(super) fn rule(&self) -> Result<Rule, String> {
        let fail_on = match self.fail_on {
            Word::Unknown => FailOn::Unknown,
            _ if self.strict => FailOn::Unknown,
            Word::New => FailOn::New,
            Word::FallsShort => FailOn::FallsShort,
        };
        if fail_on == FailOn::New && self.baseline.is_none() {
            return Err("--fail-on new compares with an earlier report: pass --baseline REPORT.json".to_owned());
        }
        let read = |path: &PathBuf| {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                format!("{name}: {error}: --baseline is an earlier report, written by `keel check --json FILE`")
            })?;
            Baseline::parse(&name, &text)
        };
        Ok(Rule { fail_on, baseline: self.baseline.as_ref().map(read).transpose()? })
    }
}

impl Rule {
    /// Applies it to a report.
    pub(super) fn judge(&self, report: Report) -> Report {
        let changes = self.baseline.as_ref().map(|baseline| baseline.changes(&report));
        report.judged(self.fail_on, changes)
    }
}
