//! The command line of a service: its subcommands, its error messages, its exit codes.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::configuration::configure;
use crate::database::Database;
use crate::failed::Failed;
use crate::observe;
#[cfg(feature = "openapi")]
use crate::openapi::command as openapi;
use crate::program;
#[cfg(feature = "query")]
use crate::query::command as query;
use crate::service::Service;
use crate::settings::Refused;

/// Exit code of a failed start or run.
const FAILED: u8 = 1;
/// A mistake in the configuration or the command line.
const USAGE: u8 = 2;
/// Exit code of an immediate end by a second signal.
const HASTENED: u8 = 3;
/// The stop took longer than its budget.
const OVERDUE: u8 = 4;

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Service<S, D> {
    /// Runs the subcommand of the command line, with settings from flags and the environment: `serve` unless another one is named.
    ///
    /// SIGTERM and SIGINT end it in order, also while it starts, within `STOP_TIMEOUT`; a second signal ends it at once.
    ///
    /// | exit code | |
    /// |---|---|
    /// | 0 | an orderly end |
    /// | 1 | it could not start, or a part failed for too long |
    /// | 2 | a mistake in the configuration or the command line |
    /// | 3 | ended at once by a second signal |
    /// | 4 | ended by force when the stop took longer than `STOP_TIMEOUT` |
    pub fn main(self) -> ExitCode {
        self.main_with(std::env::args_os())
    }

    /// Runs with these arguments, the program's name first: for a program that holds several services.
    pub fn main_with(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        main(self, arguments)
    }
}

fn main<S: Args + Clone + Send + Sync + 'static, D: Database>(
    service: Service<S, D>,
    arguments: impl IntoIterator<Item = OsString>,
) -> ExitCode {
    let name = service.build.name;
    let (configuration, subcommand) = match configure(&service, arguments) {
        Ok(configured) => configured,
        Err(Refused::Usage(error)) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
        Err(refused) => {
            eprintln!("{name}: {refused}");
            eprintln!("`{name} --help` lists every setting.");
            return ExitCode::from(USAGE);
        }
    };
    let done = match subcommand.as_str() {
        "check-config" => crate::tls::check(&configuration.standard).map(|()| {
            println!("{name}: the configuration is well formed");
        }),
        observe::NAME => observe::run(name, &service.objectives, &configuration.observe).map_err(Failed::from),
        #[cfg(feature = "openapi")]
        openapi::NAME => openapi(&service, &configuration),
        #[cfg(feature = "query")]
        query::NAME => query::run(name, configuration.standard.admin, &configuration.query).map_err(Failed::from),
        "version" => {
            println!("{name} {} ({})", service.build.version, service.build.commit);
            Ok(())
        }
        #[cfg(feature = "store")]
        crate::jobs::command::NAME => jobs(service, configuration),
        "migrate" => migrate(service, &configuration.store),
        _ => program::serve(service, configuration),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{name}: {failed}");
            ExitCode::from(match failed {
                Failed::Settings(_) => USAGE,
                #[cfg(feature = "tls")]
                Failed::Tls(_) => USAGE,
                Failed::Hastened(_) => HASTENED,
                Failed::Overdue(_) => OVERDUE,
                _ => FAILED,
            })
        }
    }
}

/// Brings the schema up to date. A signal kills the process, and the open migration is rolled back.
fn migrate<S, D: Database>(service: Service<S, D>, settings: &D::Settings) -> Result<(), Failed> {
    let name = service.build.name;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let applied = runtime.block_on(D::migrate(service.database, settings))?;
    println!("{name}: {applied} migrations applied, the schema is up to date");
    Ok(())
}

/// Lists or changes jobs in the database.
#[cfg(feature = "store")]
fn jobs<S, D: Database>(
    service: Service<S, D>,
    configuration: crate::configuration::Configuration<S, D>,
) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(D::jobs(service.database, &configuration.store, configuration.jobs))
}

/// Prints the OpenAPI document, or compares it with a committed one.
#[cfg(feature = "openapi")]
fn openapi<S, D: Database>(
    service: &Service<S, D>,
    configuration: &crate::configuration::Configuration<S, D>,
) -> Result<(), Failed> {
    let Some(document) = service.openapi else { return Ok(()) };
    let document = crate::openapi::complete_with(document(), &service.declared.rules);
    Ok(openapi::run(&document, &configuration.openapi)?)
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use clap::Args;

    use super::*;
    use crate::configuration::command;
    use crate::order::{ORDER, Record, STOP_ORDER};
    use crate::settings;

    /// The settings of a small service.
    #[derive(Args, Clone, Debug)]
    struct Own {
        /// The partner's address.
        #[arg(long, env = "PARTNER_URL", value_name = "URL")]
        partner_url: url::Url,
        /// Number of concurrent requests to the partner.
        #[arg(long, env = "PARTNERS", value_name = "COUNT", default_value_t = 3)]
        partners: u8,
        /// A flag alone.
        #[arg(long)]
        dry: bool,
    }

    /// The help on a terminal of 80 columns.
    fn help_of(arguments: &[&str]) -> String {
        let build = vitals::Build { name: "small", version: "1.2.3", commit: "unknown" };
        let service = Service::new(build).about("A small service").settings::<Own>().store(Vec::new());
        match settings::read(command(&service).term_width(80), arguments.iter().map(OsString::from)) {
            Err(Refused::Usage(help)) => help.to_string(),
            _ => panic!("{arguments:?} is not a request for help"),
        }
    }

    /// Snapshot test. To change the help on purpose: `INSTA_UPDATE=always cargo test -p evenkeel help_`.
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
    fn help_is_shown_in_spite_of_other_errors_and_never_shows_values_of_variables() {
        // PATH is set wherever tests run.
        #[derive(Args, Clone, Debug)]
        struct Secret {
            /// Search path of programs.
            #[arg(long, env = "PATH")]
            key: Option<String>,
        }
        let service = Service::new(crate::build_info!()).settings::<Secret>();
        let arguments = ["small", "--port=none", "--help"].map(OsString::from);
        let Err(Refused::Usage(help)) = configure(&service, arguments) else { panic!("it is no request for help") };
        let (help, held) = (help.to_string(), std::env::var("PATH").unwrap());
        assert!(help.contains("[env: PATH]") && !help.contains(&held), "{help}");
    }

    #[test]
    fn a_program_starts_and_stops_its_parts_in_the_order_of_the_lists() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = format!("--database-url=sqlite:{}", directory.path().join("order.db").display());
        let arguments = ["order", "--port=0", "--host=127.0.0.1", "--admin-addr=127.0.0.1:0", &database];
        let service = Service::new(crate::build_info!()).store(Vec::new()).background("end", async |_context, stop| {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)
                .expect("this process takes signals");
            stop.requested().await;
        });
        let ended = service.main_with(arguments.map(OsString::from));
        // The hook that the service installed writes to its log, which has ended.
        drop(std::panic::take_hook());
        assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::SUCCESS));
        let record: Record = crate::program::trace::LAST.take();
        assert_eq!((record.started(), record.stopped()), (ORDER.to_vec(), STOP_ORDER.to_vec()));
    }
}
