//! `docs/guide/invariants.md`: each test that it names is there.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../../../docs/guide/invariants.md");

/// The names of functions in the sources of a folder, at most six folders deep.
fn functions(folder: &Path, depth: usize, found: &mut BTreeSet<String>) {
    assert!(depth < 6, "{folder:?} is too deep");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, depth + 1, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
}

#[test]
fn each_test_that_the_page_of_invariants_names_is_there() {
    let mut there = BTreeSet::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    functions(&here.join("src/conformance"), 0, &mut there);
    functions(&here.join("tests"), 0, &mut there);
    let is_test =
        |name: &&str| name.len() > 20 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let named: Vec<&str> = PAGE.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 30, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !there.contains(**name)).collect();
    assert!(missing.is_empty(), "the page names tests that are not there: {missing:?}");
}
