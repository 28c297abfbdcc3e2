//! The configuration of one run.

use std::ffi::OsString;

use clap::{Args, Command};

use crate::database::Database;
#[cfg(feature = "store")]
use crate::jobs::command::{self as jobs, JobsOptions};
use crate::observe::{self, ObserveOptions};
#[cfg(feature = "openapi")]
use crate::openapi::command::{self as openapi, OpenapiOptions};
use crate::operator::TokenFile;
#[cfg(feature = "query")]
use crate::query::command::{self as query, QueryOptions};
use crate::service::Service;
use crate::settings::{self, Refused, Standard};

/// The settings of one run.
#[derive(Clone, Debug)]
pub(crate) struct Configuration<S, D: Database> {
    pub(crate) standard: Standard,
    pub(crate) store: D::Settings,
    pub(crate) own: S,
    pub(crate) observe: ObserveOptions,
    #[cfg(feature = "openapi")]
    pub(crate) openapi: OpenapiOptions,
    #[cfg(feature = "store")]
    pub(crate) jobs: JobsOptions,
    #[cfg(feature = "query")]
    pub(crate) query: QueryOptions,
    /// The settings in force, without secrets.
    #[cfg(feature = "query")]
    pub(crate) shown: Vec<console::pages::Setting>,
}

/// Reads the settings and the subcommand from the arguments, the program's name first, and the environment.
///
/// # Errors
/// With every mistake.
pub(crate) fn configure<S: Args + Clone + Send + Sync + 'static, D: Database>(
    service: &Service<S, D>,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Configuration<S, D>, String), Refused> {
    let (matches, path) = settings::read(command(service), arguments)?;
    let subcommand = path.into_iter().next().unwrap_or_else(|| "serve".to_owned());
    let standard: Standard = settings::take(&matches)?;
    let operators = standard.admin_token_file.clone().map(|file| TokenFile::new(file).read());
    let mut mistakes: Vec<settings::Mistake> = Vec::new();
    if let Some(Err(bad)) = operators {
        let name = "ADMIN_TOKEN_FILE".to_owned();
        mistakes.push(settings::Mistake { name, reason: format!("it cannot be used: {bad}") });
    }
    #[cfg(feature = "tls")]
    {
        let incomplete = standard.tls.incomplete().into_iter().map(|(name, other)| settings::Mistake {
            name: name.to_owned(),
            reason: format!("it needs {other}, which is not set; set both or neither"),
        });
        mistakes.extend(incomplete);
    }
    if !mistakes.is_empty() {
        return Err(Refused::Mistakes(mistakes));
    }
    let configuration = Configuration {
        observe: if subcommand == observe::NAME { ObserveOptions::take(&matches) } else { ObserveOptions::default() },
        #[cfg(feature = "openapi")]
        openapi: if subcommand == openapi::NAME { OpenapiOptions::take(&matches) } else { OpenapiOptions::default() },
        #[cfg(feature = "store")]
        jobs: if subcommand == jobs::NAME { JobsOptions::take(&matches)? } else { JobsOptions::default() },
        #[cfg(feature = "query")]
        query: if subcommand == query::NAME { QueryOptions::take(&matches) } else { QueryOptions::default() },
        #[cfg(feature = "query")]
        shown: settings::shown::shown(&command(service), &matches),
        standard,
        store: settings::take(&matches)?,
        own: settings::take(&matches)?,
    };
    Ok((configuration, subcommand))
}

/// The longest line of the help. It is shorter on a narrower terminal.
const HELP_WIDTH: usize = 100;

/// Returns the command line of a service: its settings and its subcommands.
pub(crate) fn command<S: Args + Clone + Send + Sync + 'static, D: Database>(service: &Service<S, D>) -> Command {
    let build = service.build;
    let mut command = D::Settings::augment_args(S::augment_args(Command::new(build.name).version(build.version)));
    if D::DECLARED {
        let file = format!("sqlite:data/{}.db", build.name);
        command = command.mut_arg("std.database", |database| database.default_value(file));
    }
    command = Standard::augment_args(command)
        .about(service.about)
        .long_about(None::<&'static str>)
        .max_term_width(HELP_WIDTH)
        .mut_args(|argument| argument.global(true))
        .disable_help_subcommand(true)
        .subcommand(Command::new("serve").about("Serve requests until SIGTERM or SIGINT (the default)"))
        .subcommand(Command::new("check-config").about("Check every setting and exit"))
        .subcommand(Command::new("version").about("Print name, version and commit"));
    #[cfg(feature = "query")]
    {
        command = command.subcommand(QueryOptions::command());
    }
    if D::DECLARED {
        command = command.subcommand(Command::new("migrate").about("Bring the store's schema up to date and exit"));
    }
    #[cfg(feature = "store")]
    if D::has_jobs(&service.database) {
        command = command.subcommand(JobsOptions::command());
    }
    if !service.objectives.is_empty() {
        command = command.subcommand(ObserveOptions::command());
    }
    #[cfg(feature = "openapi")]
    if service.openapi.is_some() {
        command = command.subcommand(OpenapiOptions::command());
    }
    command
}
