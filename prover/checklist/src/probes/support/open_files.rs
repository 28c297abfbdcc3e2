//! The files that a process holds open.

use std::path::PathBuf;

use procfs::process::{FDInfo, FDPermissions, FDTarget, Process};

/// From `/proc/PID/fd`: regular files with write access, those that are deleted already and kernel files left out. So are those that
/// keel was given when it was started, and handed on: the same file under the same number.
pub(crate) fn written_by(pid: u32) -> Vec<PathBuf> {
    let own = written(std::process::id());
    written(pid).into_iter().filter(|file| !own.contains(file)).map(|(_, path)| path).collect()
}

/// The number and path of each such descriptor.
fn written(pid: u32) -> Vec<(i32, PathBuf)> {
    let descriptors = Process::new(pid.cast_signed()).and_then(|process| process.fd());
    let file = |info: FDInfo| {
        let writes = info.mode().contains(FDPermissions::WRITE);
        let FDTarget::Path(path) = info.target else { return None };
        let kernel = ["/dev", "/proc", "/sys"].iter().any(|root| path.starts_with(root));
        (writes && path.is_absolute() && !kernel && path.is_file()).then_some((info.fd, path))
    };
    descriptors.into_iter().flatten().flatten().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn files_that_a_service_opens_are_its_own_and_those_that_keel_hands_on_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (given, opened) = (folder.path().join("given"), folder.path().join("opened"));
        // A duplicate is not closed when another program begins.
        let handed_on = rustix::io::dup(std::fs::File::create(&given).unwrap()).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "exec 7>opened; echo; read line"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let held: Vec<PathBuf> = written(child.id()).into_iter().map(|(_, path)| path).collect();
        assert!(held.contains(&given), "it was handed on: {held:?}");
        assert_eq!(written_by(child.id()), [opened]);
        drop(handed_on);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
