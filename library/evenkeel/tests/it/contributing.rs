//! Every file and folder that CONTRIBUTING.md and ARCHITECTURE.md name exists.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The paths in code marks of a document: words with a slash that begin with a folder of the workspace, without placeholders.
fn paths(text: &str) -> Vec<&str> {
    let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |word: &&str| {
        let (first, rest) = word.split_once('/').unwrap_or((word, ""));
        !first.is_empty() && !rest.is_empty() && !rest.contains(['*', '{']) && Path::new(ROOT).join(first).is_dir()
    };
    spans.flat_map(str::split_whitespace).filter(is_path).filter(|path| !has_placeholder(path)).collect()
}

/// Placeholders are written in capitals, as in `catalogue/CHAPTER.toml`.
fn has_placeholder(path: &str) -> bool {
    let stem = |part: &str| part.split('.').next().unwrap_or_default().to_owned();
    path.split('/').map(stem).any(|part| part.len() > 2 && part.bytes().all(|byte| byte.is_ascii_uppercase()))
}

#[test]
fn every_path_in_contributing_and_architecture_exists() {
    for name in ["CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        let named = paths(&text);
        assert!(named.len() >= 10, "{name} names few paths: {named:?}");
        let missing: Vec<&&str> = named.iter().filter(|path| !Path::new(ROOT).join(path).exists()).collect();
        assert!(missing.is_empty(), "{name} names paths that do not exist: {missing:?}");
    }
}

#[test]
fn paths_are_distinguished_from_placeholders_and_other_code() {
    let text =
        "| a | `docs/guide/NAME.md`, `docs/SUMMARY.md` | `cargo test -p x`, `GET /livez`, `docs/adr/nowhere.md` |";
    assert_eq!(paths(text), ["docs/adr/nowhere.md"]);
}
