//! A small volume in a mount namespace of its own, which stays while the service is stopped and started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_drill::process::{Launch, Process, is_simple};

/// Its size, as `mount` reads it. Enough for an empty database and its log.
pub(super) const SIZE: &str = "16m";
/// Time limit of mounting.
const MOUNTS: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Printed when it is there.
const MOUNTED: &str = "keel-mounted";
/// Keeps the namespace until it is ended, an hour at most.
const HOLD: &str =
    r#"mount -t tmpfs -o size="$KEEL_SIZE",mode=1777 keel "$KEEL_DATA" && echo keel-mounted && exec sleep 3600"#;
/// Run by the shell in the namespace: the service, where it would have been started.
const ENTER: &str = r#"cd "$KEEL_WORKDIR" && eval "$KEEL_RUN""#;

/// The process that keeps the namespace, and the folder on which the volume lies.
#[derive(Debug)]
pub(super) struct Volume {
    holder: Process,
    folder: PathBuf,
}

impl Volume {
    /// Mounts it.
    ///
    /// # Errors
    /// With what mount said.
    pub(super) async fn on(folder: &Path) -> Result<Self, String> {
        let launch = Launch {
            command: format!("exec unshare --mount --propagation private sh -c '{HOLD}'"),
            env: [("KEEL_SIZE", SIZE.to_owned()), ("KEEL_DATA", folder.display().to_string())]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            ..Launch::default()
        };
        let mut holder = Process::start(launch).map_err(|error| error.to_string())?;
        let patience = tokio::time::Instant::now() + MOUNTS;
        loop {
            let ended = holder.wait(LOOK).await.is_some();
            let output = holder.output();
            if output.iter().any(|line| line.text == MOUNTED) {
                return Ok(Self { holder, folder: folder.to_owned() });
            }
            if ended || tokio::time::Instant::now() > patience {
                return Err(output.last().map_or("it printed nothing".to_owned(), |line| line.text.clone()));
            }
        }
    }

    /// Returns its path in this process.
    pub(super) fn path(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        PathBuf::from(format!("/proc/{}/root", self.holder.pid())).join(inside)
    }

    /// Changes a launch so that the service sees it.
    pub(super) fn enter(&self, launch: &mut Launch) {
        let run = match is_simple(&launch.command) {
            true => format!("exec {}", launch.command),
            false => launch.command.clone(),
        };
        let workdir = launch.workdir.clone().unwrap_or_else(|| PathBuf::from("."));
        let workdir = workdir.canonicalize().unwrap_or(workdir);
        launch.env.insert("KEEL_RUN".to_owned(), run);
        launch.env.insert("KEEL_WORKDIR".to_owned(), workdir.display().to_string());
        launch.command = format!("exec nsenter --mount=/proc/{}/ns/mnt sh -c '{ENTER}'", self.holder.pid());
    }

    /// Unmounts it: the namespace ends with its last process.
    pub(super) async fn end(mut self) {
        self.holder.stop(Duration::ZERO).await;
    }
}
