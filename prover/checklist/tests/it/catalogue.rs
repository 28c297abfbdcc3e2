//! The catalogue is whole, and every probe is in it.

use std::collections::HashSet;

use keel_catalogue::{Catalogue, source};
use keel_checklist::probes;

#[test]
fn there_are_152_attributes_and_no_id_twice() {
    let catalogue = Catalogue::embedded();
    let ids: HashSet<&str> = catalogue.attributes().map(|attribute| attribute.id.as_str()).collect();
    assert_eq!((ids.len(), catalogue.attributes().count()), (152, 152));
    for chapter in &catalogue.chapters {
        for attribute in &chapter.attributes {
            assert!(attribute.id.starts_with(&format!("{}.", chapter.chapter)), "{}", attribute.id);
        }
    }
}

#[test]
fn every_attribute_is_proven_somehow_and_comes_from_somewhere() {
    for attribute in Catalogue::embedded().attributes() {
        assert!(!attribute.kind.is_empty(), "{} has no kind", attribute.id);
        assert!(!attribute.sources.is_empty(), "{} has no source", attribute.id);
        for label in &attribute.sources {
            assert!(source(label).is_some(), "{}: nobody knows the source {label}", attribute.id);
        }
    }
}

#[test]
fn every_probe_examines_an_attribute_of_the_catalogue_and_only_one_does() {
    let catalogue = Catalogue::embedded();
    let mut seen = HashSet::new();
    for probe in probes::all() {
        assert!(catalogue.get(probe.id).is_some(), "{} is not in the catalogue", probe.id);
        assert!(seen.insert(probe.id), "{} has two probes", probe.id);
    }
}

#[test]
fn the_checklist_for_people_is_made_from_the_catalogue() {
    let has_probe = |id: &str| probes::all().iter().any(|probe| probe.id == id);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../CHECKLIST.md");
    let written = std::fs::read_to_string(path).expect("CHECKLIST.md is in the repository");
    let made = Catalogue::embedded().markdown(has_probe);
    assert!(written == made, "CHECKLIST.md is behind the catalogue: keel list --markdown > CHECKLIST.md");
}
