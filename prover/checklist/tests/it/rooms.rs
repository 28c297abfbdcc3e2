//! A probe is found by its attribute's id, and so are its specimens and tests.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::{Path, PathBuf};

use keel_checklist::finding::Verdict;
use keel_checklist::probes;

/// The room of an attribute: `probes/CHAPTER/NAME`, with `_` for `-`.
fn room(id: &str) -> PathBuf {
    let (chapter, name) = id.split_once('.').unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/probes").join(chapter).join(name.replace('-', "_"))
}

#[test]
fn every_probe_is_in_the_room_that_its_attribute_names() {
    for probe in probes::all() {
        let file = room(probe.id).with_extension("rs");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.starts_with(&format!("//! `{}`: ", probe.id)), "{} begins with its attribute", file.display());
    }
}

#[test]
fn every_probe_that_has_specimens_lists_them_in_its_room_and_has_tests_there() {
    for probe in probes::all() {
        let has = |file: &str| room(probe.id).join(file).is_file();
        assert_eq!(has("specimen.rs"), !probe.specimens.is_empty(), "{}", probe.id);
        assert_eq!(has("tests.rs"), !probe.specimens.is_empty(), "{}", probe.id);
    }
}

#[test]
fn every_specimen_says_why_it_is_judged_as_it_is_and_is_started_by_its_name() {
    for probe in probes::all() {
        for specimen in probe.specimens {
            let name = specimen.server.name;
            assert!(!specimen.reason.is_empty(), "{name}");
            assert_eq!(probes::specimen(name).unwrap().name, name);
            assert_ne!(specimen.verdict, Some(Verdict::DecidedAgainst), "{name}: only people decide");
        }
    }
    assert!(probes::specimen("nothing").is_none());
}

#[test]
fn clauses_that_a_specimen_leaves_unseen_are_its_probes() {
    for probe in probes::all() {
        for specimen in probe.specimens {
            let name = specimen.server.name;
            assert!(specimen.unseen.iter().all(|clause| clause.attribute() == probe.id), "{}: {name}", probe.id);
            assert!(specimen.unseen.is_empty() || specimen.verdict == Some(Verdict::Unknown), "{}: {name}", probe.id);
        }
    }
}
