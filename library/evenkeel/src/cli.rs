//! The command line of a service: its subcommands and its error messages.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Command};

use crate::configuration::Configuration;
use crate::run::{self, Failed};
use crate::service::Service;
use crate::settings::{self, Refused, Standard, StoreSettings};

/// A mistake in the configuration or the command line.
const USAGE: u8 = 2;
/// It could not start, or could not go on.
const FAILED: u8 = 1;

impl<S: Args + Clone + Send + Sync + 'static> Service<S> {
    /// Reads the command line and the environment and does what they ask: `serve` unless another subcommand is named.
    ///
    /// Exit codes: 0 after an orderly end, 1 when it could not start or a part could not be healed, 2 for a mistake in
    /// the configuration.
    pub fn main(self) -> ExitCode {
        self.main_with(std::env::args_os())
    }

    /// The same with these arguments, the program's name first: for a program that holds several services.
    pub fn main_with(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        main(self, arguments)
    }
}

fn main<S: Args + Clone + Send + Sync + 'static>(
    service: Service<S>,
    arguments: impl IntoIterator<Item = OsString>,
) -> ExitCode {
    let name = service.build.name;
    let (configuration, subcommand) = match configure(&service, arguments) {
        Ok(configured) => configured,
        Err(Refused::Usage(error)) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
        Err(Refused::Mistakes(mistakes)) => {
            let plural = if mistakes.len() == 1 { "1 setting is" } else { &format!("{} settings are", mistakes.len()) };
            eprintln!("{name}: {plural} wrong:");
            for mistake in mistakes {
                eprintln!("  {mistake}");
            }
            eprintln!("`{name} --help` lists every setting.");
            return ExitCode::from(USAGE);
        }
    };
    let done = match subcommand.as_str() {
        "check-config" => {
            println!("{name}: the configuration is well formed");
            Ok(())
        }
        "openapi" => print_openapi(&service),
        "version" => {
            println!("{name} {} ({})", service.build.version, service.build.commit);
            Ok(())
        }
        "migrate" => run::migrate(service, configuration),
        _ => run::serve(service, configuration),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{name}: {failed}");
            ExitCode::from(FAILED)
        }
    }
}

fn configure<S: Args + Clone + Send + Sync + 'static>(
    service: &Service<S>,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Configuration<S>, String), Refused> {
    let (matches, path) = settings::read(command(service), arguments)?;
    let configuration = Configuration {
        standard: settings::take(&matches)?,
        store: service.migrations.is_some().then(|| settings::take(&matches)).transpose()?,
        own: settings::take(&matches)?,
    };
    let subcommand = path.into_iter().next().unwrap_or_else(|| "serve".to_owned());
    Ok((configuration, subcommand))
}

fn command<S: Args + Clone + Send + Sync + 'static>(service: &Service<S>) -> Command {
    let build = service.build;
    let mut command = S::augment_args(Command::new(build.name).version(build.version));
    if service.migrations.is_some() {
        let file = format!("sqlite:data/{}.db", build.name);
        command = StoreSettings::augment_args(command).mut_arg("std.database", |database| database.default_value(file));
    }
    command = Standard::augment_args(command)
        .about(service.about)
        .long_about(None::<&'static str>)
        .mut_args(|argument| argument.global(true))
        .disable_help_subcommand(true)
        .subcommand(Command::new("serve").about("Serve requests until asked to end (the default)"))
        .subcommand(Command::new("check-config").about("Check every setting and end"))
        .subcommand(Command::new("version").about("Print what was built"));
    if service.migrations.is_some() {
        command = command.subcommand(Command::new("migrate").about("Bring the store's schema up to date and end"));
    }
    if service.openapi.is_some() {
        command = command.subcommand(Command::new("openapi").about("Print the OpenAPI document"));
    }
    command
}

fn print_openapi<S>(service: &Service<S>) -> Result<(), Failed> {
    let Some(document) = service.openapi else { return Ok(()) };
    let text = document().to_pretty_json().map_err(|error| Failed::Openapi(error.to_string()))?;
    println!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings of a small service.
    #[derive(Args, Clone, Debug)]
    struct Own {
        /// The partner's address.
        #[arg(long, env = "PARTNER_URL", value_name = "URL")]
        partner_url: url::Url,
        /// How many are asked at once.
        #[arg(long, env = "PARTNERS", value_name = "COUNT", default_value_t = 3)]
        partners: u8,
        /// A flag alone.
        #[arg(long)]
        dry: bool,
    }

    fn help_of(arguments: &[&str]) -> String {
        let build = vitals::Build { name: "small", version: "1.2.3", commit: "unknown" };
        let service = Service::new(build).about("A small service").settings::<Own>().store(Vec::new());
        match configure(&service, arguments.iter().map(OsString::from)) {
            Err(Refused::Usage(help)) => help.to_string(),
            _ => panic!("{arguments:?} is not a request for help"),
        }
    }

    /// To change it on purpose: `INSTA_UPDATE=always cargo test -p evenkeel help_`.
    #[cfg(not(feature = "without-guards"))]
    #[test]
    fn help_shows_every_setting_with_its_default_its_known_values_and_its_variable() {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../tests/snapshots" }, {
            insta::assert_snapshot!("help", help_of(&["small", "--help"]));
            insta::assert_snapshot!("help_of_migrate", help_of(&["small", "migrate", "--help"]));
        });
    }

    #[test]
    fn guards_can_be_turned_off_only_in_builds_with_the_feature_without_guards() {
        let known = cfg!(feature = "without-guards");
        let build = vitals::Build { name: "small", version: "1.2.3", commit: "unknown" };
        let arguments = ["small", "check-config", "--without=call.retry"].map(OsString::from);
        assert_eq!(configure(&Service::new(build), arguments).is_ok(), known);
        assert_eq!(help_of(&["small", "--help"]).contains("WITHOUT"), known);
    }

    #[test]
    fn help_is_given_whatever_else_is_wrong_and_never_shows_what_a_variable_holds() {
        // PATH is set wherever tests run.
        #[derive(Args, Clone, Debug)]
        struct Secret {
            /// Where programs are.
            #[arg(long, env = "PATH")]
            key: Option<String>,
        }
        let service = Service::new(crate::build_info!()).settings::<Secret>();
        let arguments = ["small", "--port=none", "--help"].map(OsString::from);
        let Err(Refused::Usage(help)) = configure(&service, arguments) else { panic!("it is no request for help") };
        let (help, held) = (help.to_string(), std::env::var("PATH").unwrap());
        assert!(help.contains("[env: PATH]") && !help.contains(&held), "{help}");
    }
}
