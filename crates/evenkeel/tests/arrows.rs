//! The arrows of the house: which crate may know which. `ARCHITECTURE.md` draws them; this holds them.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

/// Each crate of ours with the crates of ours it may depend on, tests included.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("vitals", &[]),
    ("resilience", &["vitals"]),
    // Compiles resilience's own sources again, under a checker of orders.
    ("resilience-models", &["vitals"]),
    ("supervision", &["vitals", "resilience"]),
    ("telemetry", &["vitals"]),
    ("border", &["vitals", "resilience", "supervision", "telemetry"]),
    ("client", &["vitals", "resilience", "telemetry"]),
    ("store", &["vitals", "resilience"]),
    ("evenkeel", &["vitals", "resilience", "supervision", "telemetry", "border", "client", "store"]),
    ("drill", &[]),
    ("checklist", &["drill"]),
    ("keel", &["checklist", "drill"]),
    // The bank for the tests of payouts alone.
    ("ledger", &["evenkeel", "rail"]),
    ("rail", &["evenkeel"]),
    ("bench", &["evenkeel"]),
    // The guide's examples: what a user writes who takes a part alone.
    ("guide", &["evenkeel", "client", "resilience"]),
];

/// What a crate must not know, whoever wrote it: resilience no HTTP and no SQL, border and client no SQL, store no HTTP.
const FOREIGN: [(&str, &[&str]); 5] = [
    ("resilience", &["axum", "http", "hyper", "sqlx"]),
    ("border", &["sqlx"]),
    ("client", &["sqlx"]),
    ("store", &["axum", "http", "hyper"]),
    ("vitals", &["axum", "http", "hyper", "sqlx"]),
];

fn edges() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let names = |dependencies: &Json| {
        dependencies.as_array().unwrap().iter().map(|edge| edge["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (package["name"].as_str().unwrap().to_owned(), names(&package["dependencies"]))).collect()
}

#[test]
fn every_arrow_between_our_crates_is_one_that_the_house_allows() {
    let edges = edges();
    let ours: Vec<&str> = edges.keys().map(String::as_str).collect();
    for (name, dependencies) in &edges {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name} has no place in the house: give it one here and in ARCHITECTURE.md"));
        for dependency in dependencies.iter().filter(|dependency| ours.contains(&dependency.as_str())) {
            // A crate may ask for its own features in its tests.
            assert!(
                dependency == name || allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn crates_do_not_know_what_they_must_not() {
    let edges = edges();
    for (name, foreign) in FOREIGN {
        for dependency in &edges[name] {
            assert!(!foreign.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}
