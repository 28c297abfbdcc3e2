//! The files of the declared repository, and what git knows of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The most files that are looked at.
const MAX_FILES: usize = 20_000;
/// The longest file that is read, in bytes; longer ones are no configuration.
const MAX_BYTES: u64 = 1 << 20;
/// Folders of tools, which hold no source files of people.
const SKIPPED: [&str; 8] = [".git", "target", "node_modules", "vendor", "venv", ".venv", "dist", "build"];

/// Every file that git tracks, or without git every file outside of tools' folders; relative paths, in order, bounded.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = git(root, &["ls-files", "-z"]).map_or_else(
        || walk(root),
        |listed| listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect(),
    );
    files.sort();
    files.truncate(MAX_FILES);
    files
}

/// Returns true if git tracks a path, or anything below it; `None` if the repository is not git's.
pub(crate) fn is_tracked(root: &Path, path: &Path) -> Option<bool> {
    let path = path.to_str()?;
    git(root, &["ls-files", "--", path]).map(|listed| !listed.trim().is_empty())
}

/// A file's text; none when it is missing, longer than a MiB, or no text.
pub(crate) fn text(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    (metadata.is_file() && metadata.len() <= MAX_BYTES).then(|| std::fs::read_to_string(path).ok())?
}

/// Everything that says what CI and the build do: makefiles, CI's files, scripts beside them.
pub(crate) fn build_files(root: &Path) -> Vec<(PathBuf, String)> {
    let is_build = |path: &&PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        is_ci(path)
            || ["makefile", "gnumakefile", "justfile", "taskfile.yml", "package.json", "tox.ini"]
                .contains(&name.as_str())
    };
    let files = files(root);
    files.iter().filter(is_build).filter_map(|path| Some((path.clone(), text(&root.join(path))?))).collect()
}

/// Returns true for a path of a CI system.
pub(crate) fn is_ci(path: &Path) -> bool {
    let path = path.to_string_lossy();
    [
        ".github/workflows/",
        ".ci/",
        ".circleci/",
        ".gitlab-ci",
        ".woodpecker",
        "azure-pipelines",
        "Jenkinsfile",
        ".travis.yml",
    ]
    .iter()
    .any(|known| path.starts_with(known))
}

/// Returns the output of git; `None` without git, or outside of its repositories.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // Nothing of the examiner's own repository may be meant.
    command.arg("-C").arg(root).args(arguments).env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn walk(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.filter_map(Result::ok) {
            let Ok(kind) = entry.file_type() else { continue };
            if files.len() >= MAX_FILES {
                return files;
            }
            if kind.is_dir() && !SKIPPED.contains(&&*entry.file_name().to_string_lossy()) {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(path) = entry.path().strip_prefix(root)
            {
                files.push(path.to_owned());
            }
        }
    }
    files
}
