//! The folders of what is deployed: of the program, or of the script that an interpreter runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procfs::process::Process;

/// Programs that run the code of another file, by the beginning of their names.
const INTERPRETERS: [&str; 17] = [
    "python", "pypy", "node", "nodejs", "ruby", "perl", "php", "java", "deno", "bun", "dotnet", "beam", "erl", "sh",
    "bash", "dash", "lua",
];
/// Roots of programs that come with the system.
const SYSTEM: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];

/// A folder of what is deployed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Artifact {
    pub(super) folder: PathBuf,
    /// True for a script: it is in a checkout as often as in a deployment.
    pub(super) script: bool,
}

/// Those of these processes.
pub(super) fn of(pids: &[u32]) -> BTreeSet<Artifact> {
    let found = |pid: &u32| {
        let process = Process::new(pid.cast_signed()).ok()?;
        Some(of_command(&process.exe().ok()?, &process.cmdline().ok()?, &process.cwd().ok()?))
    };
    pids.iter().filter_map(found).flatten().collect()
}

fn of_command(program: &Path, arguments: &[String], cwd: &Path) -> Option<Artifact> {
    let name = program.file_name()?.to_string_lossy().into_owned();
    let is_interpreter = INTERPRETERS
        .iter()
        .any(|known| name.strip_prefix(known).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.')));
    if !is_interpreter {
        let system = SYSTEM.iter().any(|root| program.starts_with(root));
        return (!system).then(|| Artifact { folder: program.parent().unwrap_or(program).to_owned(), script: false });
    }
    let script = arguments.iter().skip(1).map(|argument| cwd.join(argument)).find(|path| path.is_file())?;
    let system = SYSTEM.iter().any(|root| script.starts_with(root));
    let folder = script.parent().and_then(|folder| folder.canonicalize().ok())?;
    (!system).then_some(Artifact { folder, script: true })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_an_interpreter_is_not_the_artifact() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join("app.py"), "").unwrap();
        let of = |program: &str, arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            of_command(Path::new(program), &arguments, &root)
        };
        let script = Some(Artifact { folder: root.clone(), script: true });
        assert_eq!(of("/opt/python/bin/python3.12", &["python3", "-u", "app.py"]), script);
        assert_eq!(of("/usr/bin/python3", &["python3", "app.py"]), script);
        assert_eq!(of("/opt/python/bin/python3", &["python3", "-m", "flask"]), None);
        assert_eq!(of("/usr/sbin/nginx", &["nginx"]), None);
        let program = Artifact { folder: PathBuf::from("/srv/it"), script: false };
        assert_eq!(of("/srv/it/ledger", &["ledger"]), Some(program));
    }
}
