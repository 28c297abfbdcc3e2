//! The files that a process holds open.

use std::path::PathBuf;

use procfs::process::{FDInfo, FDPermissions, FDTarget, Process};

/// From `/proc/PID/fd`: regular files with write access, those that are deleted already and kernel files left out.
pub(crate) fn written_by(pid: u32) -> Vec<PathBuf> {
    let descriptors = Process::new(pid.cast_signed()).and_then(|process| process.fd());
    let file = |info: FDInfo| {
        let writes = info.mode().contains(FDPermissions::WRITE);
        let FDTarget::Path(path) = info.target else { return None };
        let kernel = ["/dev", "/proc", "/sys"].iter().any(|root| path.starts_with(root));
        (writes && path.is_absolute() && !kernel && path.is_file()).then_some(path)
    };
    descriptors.into_iter().flatten().flatten().filter_map(file).collect()
}
