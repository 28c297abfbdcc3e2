//! The subcommand `observe`: writes or checks the files for the operation of the service.

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use telemetry::objectives::{InvalidObjective, Objective, slos};
use telemetry::observe::autoscale::{Instances, manifests};
use telemetry::observe::{OpsFile, TooManyAlerts, files};

/// The subcommand's name.
pub(crate) const NAME: &str = "observe";

/// The largest factor of `--faster`: an hour becomes 5 s.
const MAX_FASTER: i64 = 720;

/// Options of the subcommand.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObserveOptions {
    out: PathBuf,
    playbooks: String,
    /// At least 1; 0 counts as 1.
    faster: u32,
    instances: Instances,
    check: bool,
}

/// Error of the subcommand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// There would be too many alerts.
    #[error(transparent)]
    TooManyAlerts(#[from] TooManyAlerts),
    /// An objective cannot be held, or cannot alert.
    #[error(transparent)]
    Objective(#[from] InvalidObjective),
    /// The service has no objectives.
    #[error(
        "the service declares no objectives: add Service::objective(Objective::route(\"GET /\").availability(99.9))"
    )]
    NoObjectives,
    /// A file cannot be read or written.
    #[error("cannot write {}: {source}; set --out to a folder that can be written", path.display())]
    #[non_exhaustive]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// With `--check`: files are not what the code says.
    #[error(
        "not as the objectives in the code are: {}; run `observe --out {}` and commit the result",
        files.join(", "),
        out.display()
    )]
    #[non_exhaustive]
    Differs {
        /// The folder.
        out: PathBuf,
        /// Their paths below the folder.
        files: Vec<String>,
    },
}

impl ObserveOptions {
    /// The subcommand's part of the command line.
    pub(crate) fn command() -> Command {
        let out = Arg::new("observe.out").long("out").value_name("FOLDER").default_value("ops");
        let playbooks = Arg::new("observe.playbooks").long("playbooks").value_name("URL").default_value("playbooks");
        let faster = Arg::new("observe.faster").long("faster").value_name("FACTOR").default_value("1");
        let instances = Arg::new("observe.instances").long("instances").value_name("LEAST-MOST").default_value("2-10");
        let check = Arg::new("observe.check").long("check").action(ArgAction::SetTrue);
        Command::new(NAME)
            .about("Write rules, their tests, a dashboard and playbooks from the objectives, and exit")
            .arg(out.value_parser(clap::value_parser!(PathBuf)).help("Folder of the files"))
            .arg(playbooks.help("URL or path below which alerts link to their playbooks"))
            .arg(
                faster
                    .value_parser(clap::value_parser!(u32).range(1..=MAX_FASTER))
                    .help("Divide all windows and waits by this, to rehearse in minutes an alert that takes hours"),
            )
            .arg(
                instances
                    .value_parser(read_instances)
                    .help("The fewest and the most instances in the manifests for automatic scaling"),
            )
            .arg(check.help("Write nothing; exit with 1 when a file differs"))
    }

    /// The options that were given to the subcommand.
    pub(crate) fn take(matches: &ArgMatches) -> Self {
        Self {
            out: matches.get_one("observe.out").cloned().unwrap_or_default(),
            playbooks: matches.get_one("observe.playbooks").cloned().unwrap_or_default(),
            faster: matches.get_one("observe.faster").copied().unwrap_or(1),
            instances: matches.get_one("observe.instances").copied().unwrap_or_default(),
            check: matches.get_flag("observe.check"),
        }
    }
}

/// Writes the files, or compares them with those that are there. Playbooks that are there are left as they are.
pub(crate) fn run(service: &str, objectives: &[Objective], options: &ObserveOptions) -> Result<(), ObserveError> {
    let slos = slos(objectives)?;
    if slos.is_empty() {
        return Err(ObserveError::NoObjectives);
    }
    let (out, mut differing) = (&options.out, Vec::new());
    let faster = NonZeroU32::new(options.faster).unwrap_or(NonZeroU32::MIN);
    let rules = files(service, &slos, &options.playbooks, faster)?;
    for file in rules.into_iter().chain(manifests(service, options.instances)) {
        let path = out.join(&file.path);
        if is_current(&file, &path)? {
            continue;
        }
        if options.check {
            differing.push(file.path);
            continue;
        }
        write(&file, &path)?;
        println!("{service}: {} is written", path.display());
    }
    if differing.is_empty() {
        println!("{service}: the files in {} are up to date", out.display());
        return Ok(());
    }
    Err(ObserveError::Differs { out: out.clone(), files: differing })
}

/// Reads bounds such as `2-10`.
fn read_instances(text: &str) -> Result<Instances, String> {
    let bounds = text.split_once('-').and_then(|(least, most)| Some((least.parse().ok()?, most.parse().ok()?)));
    match bounds {
        Some((least, most)) if 0 < least && least <= most => Ok(Instances { least, most }),
        _ => Err(format!("{text:?}: expected LEAST-MOST, such as 2-10")),
    }
}

/// Returns true for a file that need not be written.
fn is_current(file: &OpsFile, path: &Path) -> Result<bool, ObserveError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(!file.is_generated || text == file.text),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(false),
        Err(source) => Err(ObserveError::File { path: path.to_owned(), source }),
    }
}

fn write(file: &OpsFile, path: &Path) -> Result<(), ObserveError> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, &file.text)).map_err(|source| {
        let path = path.to_owned();
        ObserveError::File { path, source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(out: &Path, check: bool) -> ObserveOptions {
        ObserveOptions {
            out: out.to_owned(),
            playbooks: "playbooks".to_owned(),
            faster: 1,
            instances: Instances::default(),
            check,
        }
    }

    #[test]
    fn files_are_written_once_and_a_check_names_those_that_differ() {
        let folder = tempfile::tempdir().unwrap();
        let (out, objectives) = (folder.path().join("ops"), [Objective::route("GET /a").availability(99.9)]);
        let check = || run("test", &objectives, &options(&out, true));
        let error = check().unwrap_err().to_string();
        assert!(error.contains("rules.yml") && error.contains("observe --out"), "{error}");
        run("test", &objectives, &options(&out, false)).unwrap();
        check().unwrap();

        let playbook = out.join("playbooks/TestAbsent.md");
        std::fs::write(&playbook, "ours").unwrap();
        std::fs::write(out.join("rules.yml"), "groups: []").unwrap();
        let error = check().unwrap_err().to_string();
        assert!(error.contains("rules.yml") && !error.contains("dashboard.json"), "{error}");
        run("test", &objectives, &options(&out, false)).unwrap();
        check().unwrap();
        assert_eq!(std::fs::read_to_string(&playbook).unwrap(), "ours");
    }

    #[test]
    fn bounds_of_instances_are_two_numbers_in_order() {
        assert_eq!(read_instances("3-7"), Ok(Instances { least: 3, most: 7 }));
        for wrong in ["", "3", "7-3", "0-3", "a-b", "3-"] {
            assert!(read_instances(wrong).unwrap_err().contains("LEAST-MOST"), "{wrong}");
        }
    }

    #[test]
    fn a_service_without_objectives_learns_how_to_declare_one() {
        let error = run("test", &[], &options(Path::new("ops"), true)).unwrap_err().to_string();
        assert!(error.contains("Service::objective"), "{error}");
    }
}
