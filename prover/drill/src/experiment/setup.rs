//! The setup under a service: made before it starts, taken away after it has ended.

use std::path::{Path, PathBuf};

use super::plan::{Prepare, Settings};
use crate::fault::{Fault, FaultError, Injected, Journal, Prepared, Switch};
use crate::process::Launch;

/// The setup under a service. Dropping it takes it away: only after the service has ended.
#[derive(Debug)]
pub struct Setup {
    clock: Option<Switch>,
    disk: Option<Switch>,
    volume: Option<(PathBuf, Injected)>,
    /// Of switches and shims.
    _folder: tempfile::TempDir,
}

impl Setup {
    /// Prepares what the drill asks for, and changes the launch so that the service stands on it.
    ///
    /// # Errors
    /// The reason why this host cannot do it; nothing is left then.
    pub fn prepare(prepare: &Prepare, launch: &mut Launch, journal: &Journal) -> Result<Self, FaultError> {
        let folder = tempfile::Builder::new().prefix("keel-drill-").tempdir();
        let folder = folder.map_err(|error| FaultError::Mistaken(format!("no folder for switches: {error}")))?;
        let workdir = launch.workdir.clone().unwrap_or_default();
        let volume = match &prepare.volume {
            None => None,
            Some(volume) => Some(mounted(&workdir.join(&volume.folder), volume.bytes, journal)?),
        };
        let mut prepared = Prepared::new(folder.path())?;
        let clock = prepare.clock.then(|| prepared.with_clock(launch)).transpose()?;
        let below = prepare.disk.as_ref().map(|below| workdir.join(below));
        let disk = below.map(|below| prepared.with_disk(launch, &below)).transpose()?;
        Ok(Self { clock, disk, volume, _folder: folder })
    }

    /// Returns the settings that are added to a fault of that name where a drill leaves them out.
    pub fn settings(&self, fault: &str) -> Settings {
        let path = |name: &str, path: &Path| Settings::from_iter([(name.to_owned(), path.to_string_lossy().into())]);
        match (fault, &self.clock, &self.disk, &self.volume) {
            ("clock", Some(switch), _, _) | ("disk", _, Some(switch), _) => path("switch", switch.path()),
            ("full-disk", _, _, Some((folder, _))) => path("folder", folder),
            _ => Settings::new(),
        }
    }

    /// Takes it away.
    ///
    /// # Errors
    /// The part that could not be undone; it stays in the journal, and `keel undo` tries again.
    pub fn end(self) -> Result<(), String> {
        self.volume.map_or(Ok(()), |(_, mounted)| mounted.undo())
    }
}

fn mounted(folder: &Path, bytes: u64, journal: &Journal) -> Result<(PathBuf, Injected), FaultError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| FaultError::Mistaken(format!("cannot make {}: {error}", folder.display())))?;
    let mounted = Fault::Volume { folder: folder.to_owned(), bytes }.inject(journal)?;
    Ok((folder.to_owned(), mounted))
}
