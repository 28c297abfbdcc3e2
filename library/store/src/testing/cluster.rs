//! The parts of a cluster: its programs, its owner, its place, the copy it is made from.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that have to be free in memory: more than all clusters of a run need.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 3 << 30;

/// The folder of all clusters: in memory where there is room, else `/tmp`.
///
/// A database is some 300 files, and each test makes and drops one. On ext4 a new file looks at every inode that was freed in the last
/// minute, which takes half of the time of such a test; and of other tests with files beside it.
///
/// A path in it has to be short: that of a socket has at most 107 bytes.
#[cfg(target_os = "linux")]
pub(super) fn place() -> &'static Path {
    let memory = Path::new("/dev/shm");
    // The number is that of tmpfs in statfs(2).
    let is_roomy = rustix::fs::statfs(memory).is_ok_and(|status| {
        let free = status.f_bavail.saturating_mul(u64::try_from(status.f_bsize).unwrap_or(0));
        status.f_type == 0x0102_1994 && free >= MEMORY
    });
    // A folder that this process may not write to is none; one that a mount forbids shows it as well.
    if is_roomy && rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok() {
        memory
    } else {
        Path::new("/tmp")
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn place() -> &'static Path {
    Path::new("/tmp")
}

/// Makes a cluster by copying one that was made before, which takes a tenth of the time: `initdb` runs once on a machine.
pub(super) fn make_cluster(binaries: &Path, folder: &Path, data: &Path) {
    let initdb = binaries.join("initdb");
    let made = initdb.metadata().and_then(|metadata| metadata.modified()).expect("initdb was found");
    let made = made.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let template = place().join(format!("evenkeel-pg-template-{}-{made}", owner_of(folder)));
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
