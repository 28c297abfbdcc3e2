//! Every file and folder that CONTRIBUTING.md and ARCHITECTURE.md name exists, and CONTRIBUTING.md has each walk and each kind of part.

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
    for (name, least) in [("CONTRIBUTING.md", 60), ("ARCHITECTURE.md", 4)] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        let named = paths(&text);
        assert!(named.len() >= least, "{name} names few paths: {named:?}");
        let missing: Vec<&&str> = named.iter().filter(|path| !Path::new(ROOT).join(path).exists()).collect();
        assert!(missing.is_empty(), "{name} names paths that do not exist: {missing:?}");
    }
}

#[test]
fn contributing_has_each_walk_and_how_to_add_each_kind_of_part() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("CONTRIBUTING.md")).unwrap();
    for walk in ["A request", "A call", "An effect", "A drill", "A proof"] {
        assert!(text.contains(&format!("\n**{walk}**\n\n1. ")), "there is no walk of {walk:?}");
    }
    let (_, table) = text.split_once("## How to add a part\n").unwrap();
    for part in [
        "attribute",
        "probe",
        "toxic",
        "attack",
        "border step",
        "guard of a call",
        "report format",
        "setting of every service",
        "migration of the ledger",
    ] {
        let row = table.lines().find_map(|line| line.strip_prefix(&format!("| {part} | "))).unwrap_or_default();
        assert!(!paths(row).is_empty() || row.contains('`'), "there is no row for a new {part}");
    }
}

#[test]
fn paths_are_distinguished_from_placeholders_and_other_code() {
    let text =
        "| a | `docs/guide/NAME.md`, `docs/SUMMARY.md` | `cargo test -p x`, `GET /livez`, `docs/adr/nowhere.md` |";
    assert_eq!(paths(text), ["docs/adr/nowhere.md"]);
}
