//! An experiment: read from a file, checked, run.

use std::path::Path;
use std::sync::Arc;

use crate::journal::Journal;
use crate::mistake::Mistake;
use crate::strategy::Options;
use crate::value::Value;
use crate::{document, run, validity, whole_numbers, yaml};

/// The most bytes of a file.
const MAX_FILE: u64 = 4 << 20;

/// An experiment that was read and held against the format.
#[derive(Clone, Debug)]
pub struct Experiment {
    document: Value,
}

impl Experiment {
    /// Reads a file: JSON by its name `.json`, YAML by `.yaml` or `.yml`.
    ///
    /// # Errors
    /// When it cannot be read, or is no experiment, or one that keel cannot run.
    pub fn from_file(path: &Path) -> Result<Self, Mistake> {
        let refused = |error: &dyn std::fmt::Display| Mistake::new(format!("{}: {error}", path.display()));
        let length = std::fs::metadata(path).map_err(|error| refused(&error))?.len();
        if length > MAX_FILE {
            return Err(refused(&format!("it has {length} bytes; an experiment has at most {MAX_FILE}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
        let document = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                whole_numbers::check_json(&text).map_err(|error| refused(&error))?;
                serde_json::from_str(&text).map_err(|error| refused(&error))?
            }
            Some("yaml" | "yml") => yaml::parse(&text).map_err(|error| refused(&error))?,
            _ => return Err(refused(&"only files with json, yaml or yml extensions are supported")),
        };
        Self::new(document).map_err(|error| refused(&error))
    }

    /// Holds a document against the format.
    ///
    /// # Errors
    /// When it is no experiment, or one that keel cannot run.
    pub fn new(document: Value) -> Result<Self, Mistake> {
        validity::check(&document)?;
        Ok(Self { document })
    }

    /// Returns the title.
    pub fn title(&self) -> &str {
        self.document.text("title").unwrap_or_default()
    }

    /// Returns the differences between the run and the file's expectations, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let control = |control: &&Value| {
            format!(
                "the control '{}' is Python code, which keel does not run; the experiment carries on without it",
                control.text("name").unwrap_or("unnamed")
            )
        };
        let mut warnings: Vec<String> = validity::controls_of(&self.document).iter().map(control).collect();
        let process = |activity: &&Value| {
            let provider = activity.get("provider").filter(|provider| provider.text("type") == Some("process"));
            provider.is_some_and(|provider| provider.get("arguments").is_some_and(|it| it.as_map().is_some()))
        };
        if document::activities(&self.document).any(|activity| process(&activity)) {
            warnings
                .push("arguments of a process as a mapping are deprecated by the Chaos Toolkit: use a list".to_owned());
        }
        warnings
    }

    /// Runs it. `tell` is given a line for each thing that happens. When `interrupted` is ready, with the name of a signal,
    /// the method is broken off; rollbacks are played then as their strategy says.
    ///
    /// # Errors
    /// A strategy that is unknown, or a variable that is missing; nothing has been done then.
    pub async fn run(
        &self,
        options: &Options,
        tell: Arc<dyn Fn(&str) + Send + Sync>,
        interrupted: impl Future<Output = String>,
    ) -> Result<Journal, Mistake> {
        run::run(&self.document, options, tell, interrupted).await
    }
}
