//! The outcome of the last selftest, kept under the cache folder: `$XDG_CACHE_HOME/keel/selftest.json`, else
//! `~/.cache/keel/selftest.json`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::judged::Judged;
use crate::calendar::rfc3339;
use crate::report::Selftest;

/// The file; none where nothing says which folder is for caches.
fn file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("keel").join("selftest.json"))
}

/// Keeps the outcome for later reports, and returns it.
///
/// # Errors
/// When it cannot be written, or nothing says where.
pub fn record(judged: &[Judged]) -> Result<Selftest, String> {
    let path = file().ok_or("neither XDG_CACHE_HOME nor HOME is set, so the outcome is not kept for later reports")?;
    record_in(&path, judged)
}

/// The outcome of the last selftest by this version on this machine; none when there was none.
pub fn last() -> Option<Selftest> {
    last_in(&file()?)
}

fn record_in(path: &Path, judged: &[Judged]) -> Result<Selftest, String> {
    let wrong = judged.iter().filter(|one| !one.is_right());
    let selftest = Selftest {
        ended: rfc3339(SystemTime::now()),
        keel: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine(),
        judged: judged.len(),
        misjudged: wrong.map(|one| format!("{} on {}", one.id, one.specimen.server.name)).collect(),
    };
    let kept = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
        // Plain data with text keys: it always serialises.
        std::fs::write(path, serde_json::to_string_pretty(&selftest).unwrap_or_default())
    });
    kept.map_err(|error| format!("{} could not be written: {error}", path.display()))?;
    Ok(selftest)
}

fn last_in(path: &Path) -> Option<Selftest> {
    let selftest: Selftest = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    (selftest.keel == env!("CARGO_PKG_VERSION") && selftest.machine == machine()).then_some(selftest)
}

/// System, architecture, host and number of processors.
fn machine() -> String {
    let name = rustix::system::uname();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} {} {}, {processors} processors",
        name.nodename().to_string_lossy(),
        name.sysname().to_string_lossy(),
        name.machine().to_string_lossy()
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::finding::Finding;
    use crate::probes;

    /// Returns the result of the first specimen of a probe, with this finding.
    fn judged(id: &str, found: Result<Finding, String>) -> Judged {
        let probe = probes::all().into_iter().find(|probe| probe.id == id).unwrap();
        let specimen = *probe.specimens.iter().find(|specimen| specimen.verdict.is_some()).unwrap();
        Judged { id: probe.id, specimen, found, took: Duration::ZERO, again: false }
    }

    #[test]
    fn the_last_selftest_of_this_version_and_machine_is_found_with_what_it_misjudged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keel/selftest.json");
        assert_eq!(last_in(&path), None);
        let wrong = judged("web.csrf", Err("it did not start".to_owned()));
        let kept = record_in(&path, &[wrong]).unwrap();
        assert_eq!(kept.misjudged, ["web.csrf on web-good"]);
        assert_eq!(last_in(&path).as_ref(), Some(&kept));
        assert!(kept.told().contains("judged 1 specimens, 1 of them wrong (web.csrf on web-good)"), "{}", kept.told());
        let other = serde_json::to_string(&Selftest { keel: "0.0.1".to_owned(), ..kept }).unwrap();
        std::fs::write(&path, other).unwrap();
        assert_eq!(last_in(&path), None, "of another version");
    }
}
