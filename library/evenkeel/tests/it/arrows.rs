//! Forbidden dependencies between crates: no edge up, none between the library and the prover. `ARCHITECTURE.md` shows the allowed ones.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

/// Each crate of ours with the crates of ours it may depend on, tests included.
const ALLOWED: [(&str, &[&str]); 27] = [
    ("evenkeel-vitals", &[]),
    ("evenkeel-resilience", &["evenkeel-vitals"]),
    // Compiles resilience's own sources again, under a checker of orders.
    ("resilience-models", &["evenkeel-vitals"]),
    // The admission core in virtual time; no part of the library depends on it.
    ("evenkeel-simulator", &["evenkeel-resilience"]),
    ("evenkeel-supervision", &["evenkeel-vitals", "evenkeel-resilience"]),
    ("evenkeel-telemetry", &["evenkeel-vitals"]),
    ("evenkeel-border", &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-supervision", "evenkeel-telemetry"]),
    ("evenkeel-access", &["evenkeel-vitals"]),
    ("evenkeel-console", &["evenkeel-vitals", "evenkeel-telemetry"]),
    ("evenkeel-client", &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-telemetry"]),
    ("evenkeel-store", &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-telemetry"]),
    (
        "evenkeel-work",
        &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-supervision", "evenkeel-telemetry", "evenkeel-store"],
    ),
    (
        "evenkeel",
        &[
            "evenkeel-vitals",
            "evenkeel-resilience",
            "evenkeel-supervision",
            "evenkeel-telemetry",
            "evenkeel-border",
            "evenkeel-access",
            "evenkeel-console",
            "evenkeel-client",
            "evenkeel-store",
            "evenkeel-work",
        ],
    ),
    // The catalogue is read by both sides; it takes its diagnostics from the prover's ground floor.
    ("keel-catalogue", &["keel-input"]),
    ("keel-input", &[]),
    ("keel-wire", &["keel-input"]),
    // keel-wire for its tests alone.
    ("keel-proxy", &["keel-input", "keel-wire"]),
    ("keel-load", &["keel-input", "keel-wire"]),
    ("keel-drill", &["keel-input", "keel-wire", "keel-proxy", "keel-load"]),
    ("keel-chaostoolkit", &["keel-input", "keel-wire", "keel-drill"]),
    ("keel-checklist", &["keel-catalogue", "keel-input", "keel-wire", "keel-proxy", "keel-load", "keel-drill"]),
    (
        "keel-prover",
        &[
            "keel-catalogue",
            "keel-input",
            "keel-wire",
            "keel-proxy",
            "keel-load",
            "keel-drill",
            "keel-chaostoolkit",
            "keel-checklist",
        ],
    ),
    // The bank for the tests of payouts alone.
    ("ledger", &["evenkeel", "rail"]),
    ("rail", &["evenkeel"]),
    ("bench", &["evenkeel"]),
    // The guide's examples: a user who takes a part alone.
    ("guide", &["evenkeel", "evenkeel-border", "evenkeel-client", "evenkeel-resilience"]),
    // A user's service, with the fault proxy in its tests.
    ("orders", &["evenkeel", "keel-proxy"]),
];

/// Foreign crates that a crate of ours must not depend on: resilience no HTTP and no SQL, border and client no SQL, store and work no HTTP.
const FOREIGN: [(&str, &[&str]); 7] = [
    ("evenkeel-resilience", &["axum", "http", "hyper", "sqlx"]),
    ("evenkeel-border", &["sqlx"]),
    ("evenkeel-access", &["axum", "hyper", "sqlx"]),
    ("evenkeel-client", &["sqlx"]),
    ("evenkeel-store", &["axum", "http", "hyper"]),
    ("evenkeel-work", &["axum", "http", "hyper", "sqlx"]),
    ("evenkeel-vitals", &["axum", "http", "hyper", "sqlx"]),
];

/// Each package of the workspace with the packages it depends on, tests included.
type Edges = BTreeMap<String, Vec<String>>;

fn edges() -> Edges {
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

/// Each edge that the tables above do not allow, and each package that they do not name.
fn forbidden(edges: &Edges) -> Vec<String> {
    let mut found = Vec::new();
    for (name, dependencies) in edges {
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            found.push(format!("{name} is not in ALLOWED: add it there and to ARCHITECTURE.md"));
            continue;
        };
        let foreign = FOREIGN.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, foreign)| foreign);
        for dependency in dependencies.iter().map(String::as_str) {
            // A crate may depend on itself, to turn its own features on in its tests.
            let ours = edges.contains_key(dependency) && dependency != name;
            if ours && !allowed.contains(&dependency) || foreign.contains(&dependency) {
                found.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    found
}

#[test]
fn every_dependency_between_our_crates_is_allowed() {
    let edges = edges();
    assert!(edges.len() > 15, "cargo metadata names the packages: {edges:?}");
    assert_eq!(forbidden(&edges), Vec::<String>::new());
}

#[test]
fn crates_do_not_depend_on_foreign_crates_of_other_layers() {
    let edges = edges();
    for (name, _) in FOREIGN {
        assert!(edges.contains_key(name), "{name} is a package");
    }
    let mut planted = edges;
    planted.get_mut("evenkeel-store").unwrap().push("hyper".to_owned());
    assert_eq!(forbidden(&planted), ["evenkeel-store must not depend on hyper"]);
}

#[test]
fn planted_edges_across_the_line_and_up_are_forbidden() {
    for (from, to) in [
        ("evenkeel-vitals", "keel-drill"),
        ("keel-drill", "evenkeel-vitals"),
        ("keel-checklist", "evenkeel"),
        ("evenkeel", "keel-proxy"),
        ("evenkeel-resilience", "evenkeel-border"),
        ("keel-wire", "keel-drill"),
        ("ledger", "evenkeel-store"),
    ] {
        let mut planted = edges();
        planted.get_mut(from).unwrap().push(to.to_owned());
        assert_eq!(forbidden(&planted), [format!("{from} must not depend on {to}")]);
    }
    let mut planted = edges();
    planted.insert("evenkeel-new".to_owned(), Vec::new());
    assert_eq!(forbidden(&planted).len(), 1);
}
