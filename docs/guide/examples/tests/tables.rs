//! Tables of the guide that list parts of the library: they name exactly the parts that exist.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeSet;
use std::path::Path;

use evenkeel_border::path::STEPS;

/// The first cells of the table below a heading, without code marks.
fn first_cells(page: &'static str, heading: &str) -> Vec<&'static str> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let table = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).filter_map(|line| line.split('|').nth(1)).map(|cell| cell.trim().trim_matches('`')).collect()
}

/// The names of all tables of vitals in the sources below a folder.
fn tables_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tables_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Tables of tests stand below the sources' own, or in files of tests; examples are comments.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let text = code.join("\n");
            // Tables with keys are no metrics.
            let has_no_key = |rest: &&str| !rest.split("};").next().unwrap_or_default().contains("Column::key(");
            let tables = text.split(": Table = Table {").skip(1).filter(has_no_key);
            let named = tables.filter_map(|rest| rest.split('"').nth(1));
            found.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn the_border_page_lists_the_steps_of_a_request_in_their_order() {
    let steps: Vec<&str> = STEPS.iter().map(|step| step.name()).collect();
    assert_eq!(first_cells(include_str!("../../border.md"), "Steps of a request"), steps);
}

#[test]
fn the_telemetry_page_lists_every_table_of_metrics() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../library");
    let mut tables = BTreeSet::new();
    for entry in std::fs::read_dir(library).unwrap().flatten() {
        let sources = entry.path().join("src");
        // The tables of the console exist in questions alone.
        if sources.is_dir() && entry.file_name() != "console" {
            tables_below(&sources, &mut tables);
        }
    }
    // Exists only in builds for tests.
    tables.remove("turned_off");
    let page = first_cells(include_str!("../../telemetry.md"), "Metrics");
    let listed: BTreeSet<String> = page.into_iter().map(str::to_owned).collect();
    assert_eq!(listed, tables);
}
