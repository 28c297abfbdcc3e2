//! `docs/guide/probes-matrix.md` tells what each probe finds on each of its specimens.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use keel_checklist::finding::Verdict;
use keel_checklist::probes;
use keel_checklist::report::word;
use keel_checklist::selftest::{kind, row};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/probes-matrix.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_specimen_has_a_row_with_what_was_expected_and_found() {
    let page = page();
    let (mut rows, mut missing) = (0, Vec::new());
    for probe in probes::all() {
        for specimen in probe.specimens.iter().filter(|specimen| specimen.verdict.is_some()) {
            let begin = row(probe.id, specimen);
            let row = page.lines().find(|line| line.starts_with(&begin));
            let Some(row) = row else {
                missing.push(begin);
                continue;
            };
            let found = row[begin.len()..].trim_matches([' ', '|', '*']);
            let is_wrong = specimen.verdict == Some(Verdict::FallsShort);
            assert!(!found.is_empty(), "{row}");
            assert!(!is_wrong || found != word(Verdict::Holds), "{row}");
            rows += 1;
        }
    }
    assert!(missing.is_empty(), "run `keel selftest --all --markdown`: rows are missing:\n{}", missing.join("\n"));
    let table = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Probe ")).count();
    assert_eq!(table, rows, "the page has rows of specimens that are gone");
}

#[test]
fn every_probe_has_a_liar() {
    for probe in probes::all() {
        assert!(probe.specimens.iter().any(|specimen| kind(specimen) == "liar"), "{}", probe.id);
    }
}
