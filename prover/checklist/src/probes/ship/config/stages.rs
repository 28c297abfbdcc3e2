//! Files of settings for one stage each: then stages differ by more than the environment.

use std::path::{Path, PathBuf};

use crate::clause::ship::config as clause;
use crate::finding::Evidence;
use crate::probes::support::repository;

/// Names of stages.
const STAGES: [&str; 10] =
    ["dev", "development", "integration", "prod", "production", "qa", "stage", "staging", "test", "uat"];
/// Those that are no stage of a running service: tests have settings of their own.
const OF_TESTS: [&str; 1] = ["test"];
/// Names of files of settings, before the stage.
const SETTINGS: [&str; 8] =
    ["app", "application", "appsettings", "config", "configuration", "environment", "settings", "environments"];
/// Its formats.
const FORMATS: [&str; 11] = ["cfg", "conf", "ini", "js", "json", "properties", "py", "rb", "toml", "ts", "yaml"];
/// Folders that set the environment of a deployment, stage by stage, as they should.
const DEPLOYS: [&str; 12] = [
    "ansible",
    "charts",
    "deploy",
    "deployment",
    "docker",
    "helm",
    "infra",
    "k8s",
    "kubernetes",
    "kustomize",
    "overlays",
    "terraform",
];
/// The most that are named.
const MAX_NAMED: usize = 5;

/// Searches the repository for settings of stages.
pub(super) fn examine(root: Option<&Path>) -> Evidence {
    let Some(root) = root else {
        return clause::STAGES
            .gap("no repository is declared, so no settings of stages were looked for: say `repository = \".\"`");
    };
    let found: Vec<PathBuf> = repository::files(root).into_iter().filter(|path| is_of_a_stage(path)).collect();
    if found.len() < 2 {
        return clause::STAGES.gap(
            "no files of settings for stages are in the repository; how stages are deployed was not seen by this version",
        );
    }
    let named: Vec<String> = found.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    clause::STAGES.contradicts(format!("stages have files of settings of their own: {}", named.join(", ")))
}

/// `config/production.yml`, `appsettings.Staging.json`, `application-prod.properties`, `config/environments/production.rb`.
fn is_of_a_stage(path: &Path) -> bool {
    let lower = path.to_string_lossy().to_lowercase();
    let mut parts: Vec<&str> = lower.split('/').collect();
    let Some((name, folders)) = parts.pop().map(|name| (name, parts)) else { return false };
    if folders.iter().any(|folder| DEPLOYS.contains(folder)) {
        return false;
    }
    let Some((stem, format)) = name.rsplit_once('.') else { return false };
    if !FORMATS.contains(&format) && format != "yml" {
        return false;
    }
    let words: Vec<&str> = stem.split(['.', '-', '_']).collect();
    let is_stage = |word: &&str| STAGES.contains(word) && !OF_TESTS.contains(word);
    match words.as_slice() {
        [stage] => is_stage(stage) && folders.last().is_some_and(|folder| SETTINGS.contains(folder)),
        [settings, stage] => is_stage(stage) && SETTINGS.contains(settings),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_settings_for_a_stage_is_known_by_its_name() {
        for path in [
            "config/production.yml",
            "src/appsettings.Staging.json",
            "application-prod.properties",
            "config/environments/development.rb",
        ] {
            assert!(is_of_a_stage(Path::new(path)), "{path}");
        }
        for path in [
            "config/test.yml",
            "deploy/config/production.yml",
            "docs/production.md",
            "src/production.py",
            ".env.production",
        ] {
            assert!(!is_of_a_stage(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn stages_with_files_of_their_own_differ_by_more_than_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("config")).unwrap();
        assert_eq!(examine(Some(folder.path())).bearing(), crate::finding::Bearing::Gap);
        for stage in ["staging", "production"] {
            std::fs::write(folder.path().join(format!("config/{stage}.yml")), "a: 1").unwrap();
        }
        assert!(examine(Some(folder.path())).is_against());
        assert_eq!(examine(None).bearing(), crate::finding::Bearing::Gap);
    }
}
