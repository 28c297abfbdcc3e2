//! The front page of each crate: an example that runs, and the section about features and platforms.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Folders of crates with a front page.
const FOLDERS: [&str; 2] = ["library", "prover"];

/// The heading of the section.
const SECTION: &str = "# Features and platforms";

/// The doc comment at the head of a source file, without its marks.
fn front_page(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

/// The names in `[features]` of a manifest, without `default` and without those that only turn another one on for it.
fn features(manifest: &str) -> Vec<&str> {
    let table = manifest.lines().skip_while(|line| *line != "[features]").skip(1).take_while(|line| !line.is_empty());
    let names = table.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name).filter(|name| *name != "default").collect()
}

/// The parts that a front page lacks.
fn faults(page: &str, manifest: &str, is_program: bool) -> Vec<String> {
    let mut found = Vec::new();
    let opens_code = |mark: &str| match mark {
        "" | "no_run" => true,
        // A program is used from a shell.
        "sh" => is_program,
        _ => false,
    };
    // Every second fence ends a block.
    if !page.lines().filter_map(|line| line.strip_prefix("```")).step_by(2).any(opens_code) {
        found.push("has no example that compiles".to_owned());
    }
    match page.split_once(SECTION) {
        None => found.push(format!("has no section \"{SECTION}\"")),
        Some((_, section)) => {
            let missing = features(manifest).into_iter().filter(|name| !section.contains(&format!("`{name}`")));
            found.extend(missing.map(|name| format!("does not name the feature {name}")));
            if !section.contains("Linux") {
                found.push("names no platform".to_owned());
            }
        }
    }
    found
}

/// The folders of all crates with a front page.
fn crates() -> Vec<PathBuf> {
    let all = FOLDERS.iter().flat_map(|folder| std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap());
    let mut found: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    found.push(Path::new(ROOT).join("catalogue"));
    found.retain(|path| path.join("Cargo.toml").is_file());
    found
}

#[test]
fn every_front_page_has_an_example_and_names_features_and_platforms() {
    let crates = crates();
    assert!(crates.len() > 15, "few crates were found: {crates:?}");
    let mut found = Vec::new();
    for folder in crates {
        let (library, program) = (folder.join("src/lib.rs"), folder.join("src/main.rs"));
        let is_program = !library.is_file();
        let source = std::fs::read_to_string(if is_program { program } else { library }).unwrap();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let faults = faults(&front_page(&source), &manifest, is_program);
        found.extend(faults.iter().map(|fault| format!("{}: the front page {fault}", folder.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_front_page_without_its_parts_is_found() {
    let manifest =
        "[package]\n\n[features]\ndefault = [\"tls\"]\n# Encryption.\ntls = []\n\n[dependencies]\nrand = \"1\"\n";
    let page = |source: &str| faults(&front_page(source), manifest, false);
    let whole = "//! A crate.\n//!\n//! ```\n//! assert!(true);\n//! ```\n//!\n//! # Features and platforms\n//! `tls`: on Linux.\nmod a;\n";
    assert_eq!(page(whole), [""; 0]);
    for (part, instead) in
        [("```\n//! assert", "```text\n//! assert"), ("# Features", "# Parts"), ("`tls`", "TLS"), ("Linux", "all")]
    {
        assert!(whole.contains(part));
        assert_eq!(page(&whole.replacen(part, instead, 1)).len(), 1, "{part}");
    }
    assert_eq!(page("mod a;\n").len(), 2);
    assert_eq!(faults("```sh\nkeel\n```\n# Features and platforms\n`tls` on Linux\n", manifest, true), [""; 0]);
}
