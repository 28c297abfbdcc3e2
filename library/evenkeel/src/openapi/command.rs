//! The subcommand `openapi`: prints the document, or compares it with a committed one.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};
use serde_json::Value as Json;
use utoipa::openapi::OpenApi;

use super::breaking;

/// The subcommand's name.
pub(crate) const NAME: &str = "openapi";
const AGAINST: &str = "openapi.against";

/// Options of the subcommand.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenapiOptions {
    against: Option<PathBuf>,
}

/// Error of the subcommand `openapi`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenapiError {
    /// The document cannot be written as JSON.
    #[error("the OpenAPI document cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// The committed document cannot be read.
    #[error("cannot read {}: {reason}; write it with `openapi >{}`", path.display(), path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        reason: String,
    },
    /// Callers of the committed document would break.
    #[error(
        "callers of {} would break:\n  {}\nChange the code, or give the new behaviour a route of its own. To break them on purpose, write the document anew with `openapi >{}`",
        path.display(),
        changes.join("\n  "),
        path.display()
    )]
    #[non_exhaustive]
    Breaks {
        /// The file.
        path: PathBuf,
        /// The changes, each with its operation.
        changes: Vec<String>,
    },
    /// The committed document is another one, although nothing breaks.
    #[error("{} is not the document of this service, and nothing in it breaks callers: write it anew with `openapi >{}`", path.display(), path.display())]
    #[non_exhaustive]
    Differs {
        /// The file.
        path: PathBuf,
    },
}

impl OpenapiOptions {
    /// The subcommand's part of the command line.
    pub(crate) fn command() -> Command {
        let against = Arg::new(AGAINST)
            .long("against")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Compare with the document in this file, and fail where it differs; changes that break callers are listed");
        Command::new(NAME).about("Print the OpenAPI document, or compare it with a committed one").arg(against)
    }

    pub(crate) fn take(matches: &ArgMatches) -> Self {
        Self { against: matches.get_one(AGAINST).cloned() }
    }
}

/// Prints the document, or compares it with the file of `--against`.
///
/// # Errors
/// When the file cannot be read, or the document differs from it.
pub(crate) fn run(document: &OpenApi, options: &OpenapiOptions) -> Result<(), OpenapiError> {
    match &options.against {
        None => {
            println!("{}", document.to_pretty_json()?);
            Ok(())
        }
        Some(path) => compare(path, &serde_json::to_value(document)?),
    }
}

fn compare(path: &Path, new: &Json) -> Result<(), OpenapiError> {
    let read = std::fs::read(path).map_err(|error| error.to_string());
    let old = read.and_then(|bytes| serde_json::from_slice::<Json>(&bytes).map_err(|error| error.to_string()));
    let old = old.map_err(|reason| OpenapiError::Read { path: path.to_owned(), reason })?;
    let changes = breaking::changes(&old, new);
    match (changes.is_empty(), old == *new) {
        (false, _) => Err(OpenapiError::Breaks { path: path.to_owned(), changes }),
        (true, false) => Err(OpenapiError::Differs { path: path.to_owned() }),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_committed_document_must_be_there_the_same_and_not_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("openapi.json");
        let with = |paths: Json| json!({ "paths": paths });
        let old = with(json!({ "/a": { "get": { "responses": {} } } }));
        assert!(matches!(compare(&file, &old), Err(OpenapiError::Read { .. })));
        std::fs::write(&file, old.to_string()).expect("written");
        assert!(compare(&file, &old).is_ok());
        let more = with(json!({ "/a": { "get": { "responses": {} } }, "/b": {} }));
        assert!(matches!(compare(&file, &more), Err(OpenapiError::Differs { .. })));
        let error = compare(&file, &with(json!({}))).expect_err("an operation is gone");
        assert!(error.to_string().contains("\n  GET /a is gone\n"), "{error}");
    }
}
