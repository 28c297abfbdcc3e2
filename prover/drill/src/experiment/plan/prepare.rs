//! Preparations of a service before it starts.

use std::path::PathBuf;

use serde::Deserialize;

use super::settings::Settings;

/// Preparations of the service before it starts, so that faults of the host have something to break. Folders are seen from the
/// service's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prepare {
    /// Its clock can be set: the fault `clock`.
    #[serde(default)]
    pub clock: bool,
    /// System calls on files below this folder can be made slow or fail: the fault `disk`.
    pub disk: Option<PathBuf>,
    /// A small file system of its own, which can be filled: the fault `full-disk`.
    pub volume: Option<Volume>,
}

/// A small file system, as long as the drill runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Over which folder. It is made where there is none, and must be empty.
    pub folder: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Prepare {
    /// The settings that preparation adds to a fault of that name, as far as they are known before it.
    pub(super) fn settings(&self, fault: &str) -> Settings {
        let setting = |name: &str, value: String| Settings::from_iter([(name.to_owned(), value.into())]);
        match (fault, &self.volume) {
            ("clock", _) if self.clock => setting("switch", "clock".to_owned()),
            ("disk", _) if self.disk.is_some() => setting("switch", "disk".to_owned()),
            ("full-disk", Some(volume)) => setting("folder", volume.folder.to_string_lossy().into_owned()),
            _ => Settings::new(),
        }
    }
}
