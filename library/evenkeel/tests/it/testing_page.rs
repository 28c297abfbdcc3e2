//! Every test that `docs/guide/testing.md` names exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The names in a page that look like a test's: words in backticks that are joined by at least three underscores.
fn tests_named_in(page: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    page.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(is_name).collect()
}

/// The names of all functions in the sources below a folder.
fn functions_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" {
                functions_below(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                rest[..end].to_owned()
            });
            found.extend(names);
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect();
    let page = std::fs::read_to_string(root.join("docs/guide/testing.md")).unwrap();
    let named = tests_named_in(&page);
    assert!(named.len() > 50, "the page names its tests: {}", named.len());
    let mut functions = BTreeSet::new();
    for folder in ["library", "prover", "services", "docs"] {
        functions_below(&root.join(folder), &mut functions);
    }
    let missing: Vec<&str> = named.into_iter().filter(|name| !functions.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/guide/testing.md names tests that do not exist: {missing:#?}");
}

#[test]
fn names_of_tests_are_recognised_in_a_page() {
    let page =
        "| 1.1 | `a_test_of_it`, `too_short` | see `keel check` and a_test_outside_of_ticks | `another_test_of_it` |";
    assert_eq!(tests_named_in(page).into_iter().collect::<Vec<_>>(), ["a_test_of_it", "another_test_of_it"]);
}
