//! Each public function of the library that returns a future documents the effect of dropping that future, or its module does for all of them.

use std::path::{Path, PathBuf};

const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Files that are not checked: they are tests.
const EXEMPT: [&str; 3] = ["store/src/conformance", "store/src/testing", "work/src/conformance"];

/// The public functions of a source text that return a future and whose doc comment has no word about cancellation.
fn undocumented(source: &str) -> Vec<String> {
    let mut module = source.lines().take_while(|line| line.starts_with("//!"));
    if module.any(|line| line.to_lowercase().contains("cancel-safe")) {
        return Vec::new();
    }
    let (mut found, mut docs, mut in_tests) = (Vec::new(), String::new(), false);
    let mut lines = source.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        in_tests |= line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod "));
        if let Some(doc) = line.strip_prefix("///") {
            docs.push_str(doc);
        } else if let Some(declaration) = line.strip_prefix("pub ") {
            let (mut signature, mut rest) = (declaration.to_owned(), declaration);
            while !rest.contains(['{', ';']) {
                let Some(next) = lines.next() else { break };
                signature.push_str(next);
                rest = next;
            }
            let is_future = signature.starts_with("async fn ") || signature.contains("-> impl Future<");
            if is_future && !in_tests && !docs.to_lowercase().contains("cancel-safe") {
                found.push(signature.split(['(', '<']).next().unwrap_or_default().to_owned());
            }
            docs.clear();
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    found
}

/// All Rust sources of the library, without those of tests and examples.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let crates = std::fs::read_dir(LIBRARY).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let mut folders: Vec<PathBuf> = crates.filter(|folder| folder.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
                false => {}
            }
        }
    }
    found.retain(|path| !EXEMPT.iter().any(|exempt| path.to_string_lossy().contains(exempt)));
    found
}

#[test]
fn every_public_future_of_the_library_documents_its_cancellation() {
    let sources = sources();
    assert!(sources.len() > 100, "few sources were found: {}", sources.len());
    let mut found = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(Path::new(LIBRARY)).unwrap_or(&path).display().to_string();
        found.extend(undocumented(&text).iter().map(|name| format!("{shown}: {name}")));
    }
    assert!(
        found.is_empty(),
        "say in the doc comment whether the function is cancel-safe, and what a dropped future leaves:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_future_without_a_word_about_cancellation_is_found() {
    let planted = "/// Waits.\n#[must_use]\npub async fn wait<T>(\n    self,\n) {\n}\n/// Cancel-safe.\npub async fn go() {}\n/// Runs.\npub fn run() -> impl Future<Output = ()> {}\n/// Adds.\npub fn add() {}\nasync fn inner() {}\n";
    assert_eq!(undocumented(planted), ["async fn wait", "fn run"]);
    assert_eq!(undocumented(&format!("//! Waits. Cancel-safe.\n\n{planted}")), [""; 0]);
    assert_eq!(undocumented("#[cfg(test)]\nmod tests {\npub async fn wait() {}\n"), [""; 0]);
}
