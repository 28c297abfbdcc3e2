//! The parts of a cluster: its programs, its owner, the copy it is made from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes a cluster by copying one that was made before, which takes a tenth of the time: `initdb` runs once on a machine.
pub(super) fn make_cluster(binaries: &Path, folder: &Path, data: &Path) {
    let initdb = binaries.join("initdb");
    let made = initdb.metadata().and_then(|metadata| metadata.modified()).expect("initdb was found");
    let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let template = PathBuf::from(format!("/tmp/evenkeel-pg-template-{}-{made}", owner_of(folder)));
    // One that somebody else has put there is not used.
    if !template.exists() || owner_of(&template) != owner_of(folder) {
        let fresh = folder.join("fresh");
        run(as_owner(&initdb)
            .args(["--no-sync", "--auth=trust", "--username=test", "--encoding=UTF8", "--no-locale", "-D"])
            .arg(&fresh));
        // Of several tests at once the first one wins; the others use their own.
        if std::fs::rename(&fresh, &template).is_err() {
            std::fs::rename(&fresh, data).expect("the cluster can be moved");
            return;
        }
    }
    run(as_owner(Path::new("cp")).arg("-a").arg(&template).arg(data));
}

pub(super) fn owner_of(path: &Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&path.metadata().expect("the folder is there"))
}

pub(super) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

pub(super) fn as_owner(binary: &Path) -> Command {
    if !is_root() {
        return Command::new(binary);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(binary);
    command.current_dir("/tmp");
    command
}

/// Returns true if this process is root; PostgreSQL refuses to run as root. Only Linux, the system of continuous integration, is checked.
#[cfg(target_os = "linux")]
pub(super) fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc is mounted")) == 0
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_root() -> bool {
    false
}

/// The newest version under the distribution's folder, else what is on the path.
pub(super) fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut folders = newest.map(|entry| entry.path().join("bin")).into_iter().chain(on_path);
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
