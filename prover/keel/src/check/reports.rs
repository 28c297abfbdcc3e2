//! The reports that `keel check` prints and writes to files: all formats of [`FORMATS`].

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgMatches, Command, value_parser};
use keel_checklist::report::{FORMATS, Format, Look, Report};

use crate::exit::{USAGE, usage};
use crate::output::{print, write};

#[derive(clap::Args)]
#[command(next_help_heading = "Reports")]
pub(super) struct Reports {
    /// The format of the report that is printed to standard output
    #[arg(long, default_value = FORMATS[0].name, value_parser = format())]
    pub(super) format: &'static Format,
    /// Write the report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
    /// Show the evidence of every attribute, not only of those that fall short or are unknown
    #[arg(long, short)]
    verbose: bool,
    /// Print only the report, without progress
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// The files that are written beside what is printed, each with its format: a flag for each format that has one.
struct Files(Vec<(&'static Format, PathBuf)>);

impl Reports {
    /// Every file that will be written.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.output.iter().chain(self.files.0.iter().map(|(_, path)| path))
    }

    /// Writes every report that was asked for, and returns the exit code.
    pub(super) fn write(&self, report: &Report) -> u8 {
        let mut code = report.exit_code;
        let colour = self.output.is_none()
            && std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty());
        let render = |format: &Format| (format.render)(report, Look { colour, verbose: self.verbose });
        for (format, path) in self.files.0.iter().map(|(format, path)| (*format, path)).chain(self.to_output()) {
            if let Err(problem) = write(path, &render(format)) {
                usage(problem);
                code = USAGE;
            }
        }
        if self.output.is_none() {
            print(&render(self.format));
        }
        code
    }

    fn to_output(&self) -> Option<(&'static Format, &PathBuf)> {
        self.output.as_ref().map(|path| (self.format, path))
    }
}

/// Parses the name of a format.
fn format() -> impl TypedValueParser<Value = &'static Format> {
    PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)).try_map(|name| {
        // The parser before this one let no other name pass.
        FORMATS.iter().find(|format| format.name == name).ok_or("no such format")
    })
}

impl clap::Args for Files {
    fn augment_args(command: Command) -> Command {
        FORMATS.iter().fold(command, |command, format| match &format.file {
            None => command,
            Some(file) => command.arg(
                Arg::new(format.name)
                    .long(format.name)
                    .value_name(format!("FILE.{}", file.extension))
                    .value_parser(value_parser!(PathBuf))
                    .help(file.help),
            ),
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Files {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = FORMATS.iter().filter(|format| format.file.is_some());
        Ok(Self(given.filter_map(|format| Some((format, matches.get_one::<PathBuf>(format.name)?.clone()))).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
