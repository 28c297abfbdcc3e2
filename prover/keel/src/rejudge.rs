//! `keel rejudge`: the evidence of an old report, judged again under this version's catalogue.

use std::path::PathBuf;

use keel_checklist::rejudge::{self, Rejudged};
use keel_checklist::report::{FORMATS, Look};

use crate::exit::usage;
use crate::output::{can_write, print, write};

/// Arguments of `keel rejudge`: the earlier report, and the file of the new one.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A report that `keel check --json` wrote
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// Write the new report to this file [default: REPORT.rejudged.json]
    #[arg(long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    match rejudged(arguments) {
        Ok(code) => code,
        Err(problem) => usage(problem),
    }
}

fn rejudged(arguments: &Arguments) -> Result<u8, String> {
    let path = arguments.report.display();
    let output = arguments.output.clone().unwrap_or_else(|| arguments.report.with_extension("rejudged.json"));
    let text = std::fs::read_to_string(&arguments.report).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let old = rejudge::read(&text).map_err(|problem| format!("{path}: {problem}"))?;
    can_write(&output)?;
    let Rejudged { report, changes, kept } = rejudge::judge(old);
    let mut told = changes.iter().chain(&kept).map(|line| format!("{line}\n")).collect::<String>();
    if changes.is_empty() {
        told.push_str("No verdict changed.\n");
    }
    let json = FORMATS.iter().find(|format| format.name == "json").ok_or("this version has no JSON reports")?;
    write(&output, &(json.render)(&report, Look::default()))?;
    told.push_str(&format!(
        "{} findings, judged by keel {}, are in {}\n",
        report.findings.len(),
        report.keel,
        output.display()
    ));
    print(&told);
    Ok(report.exit_code)
}
