//! Names in the `provided` texts: each crate, type, setting and command that a text promises must exist.
//!
//! A text has two parts, each of which may be missing: the parts that exist, and after `Planned:` the parts that do not.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use crate::{Attribute, Catalogue, PLANNED};

/// Names between backticks that are data or values and not names of ours.
const VALUES: [&str; 10] = [
    "application/problem+json",
    "no-store",
    "default-src 'none'",
    "frame-ancestors 'none'",
    "kind = \"attest\"",
    "--locked",
    "ts",
    "level",
    "target",
    "message",
];

/// The repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The names in which a promise can resolve.
struct Existing {
    /// The crates of the library, by the names of their folders.
    crates: BTreeSet<String>,
    /// The identifiers of the sources of the library and the ledger, and the quoted texts in them.
    sources: String,
    /// The targets of the Makefile.
    targets: BTreeSet<String>,
    /// The subcommands of keel.
    commands: BTreeSet<String>,
}

impl Existing {
    fn read() -> Self {
        let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
        let library = std::fs::read_dir(root().join("library")).unwrap().flatten();
        let crates = library.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let mut sources = String::new();
        for folder in ["library", "services/ledger/src"] {
            rust(&root().join(folder), &mut sources);
        }
        let targets =
            read("Makefile").lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect();
        let main = read("prover/keel/src/main.rs");
        let variants = main.split_once("enum Command {").and_then(|(_, rest)| rest.split_once("\n}")).unwrap().0;
        let command = |line: &str| Some(line.trim().split_once('(')?.0.to_lowercase());
        let commands = variants.lines().filter(|line| line.trim_start().starts_with(char::is_uppercase));
        Self { crates, sources, targets, commands: commands.filter_map(command).collect() }
    }

    fn has(&self, name: &str) -> bool {
        if let Some(target) = name.strip_prefix("make ") {
            return self.targets.contains(target);
        }
        if let Some(command) = name.strip_prefix("keel ") {
            return self.commands.contains(command);
        }
        if name.ends_with('/') || name.ends_with(".toml") {
            return name == "dist/" || root().join(name).exists();
        }
        // A subcommand of a service, with its flag.
        if let Some((command, flag)) = name.split_once(" --") {
            return self.is_declared(command) && self.is_in_sources(flag);
        }
        // `Store::once`, `Idempotent<T>`, `.robots(...)`, `/health`, `REQUEST_DEADLINE`, `MIGRATE=never`
        let name = name.trim_start_matches('.').split(['<', '(', '=']).next().unwrap_or_default();
        let is_path = name.chars().all(|letter| letter.is_ascii_alphabetic() || letter == ':' || letter == '-');
        match is_path && !name.chars().all(|letter| letter.is_ascii_uppercase()) {
            true => name.split("::").all(|part| self.crates.contains(part) || self.is_declared(part)),
            false => self.is_in_sources(name),
        }
    }

    /// Returns true for a type, a function, a module, or a subcommand of a service.
    fn is_declared(&self, name: &str) -> bool {
        let keyword = |keyword: &&str| self.is_in_sources(&format!("{keyword} {name}"));
        ["fn", "struct", "enum", "trait", "mod"].iter().any(keyword)
            || self.sources.contains(&format!("Command::new(\"{name}\")"))
    }

    /// Returns true if the sources have the name as a word of its own.
    fn is_in_sources(&self, name: &str) -> bool {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let whole = |(place, _): (usize, &str)| {
            let before = self.sources[..place].chars().next_back();
            let after = self.sources[place + name.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        };
        !name.is_empty() && self.sources.match_indices(name).any(whole)
    }
}

/// Appends the Rust sources below a folder.
fn rust(folder: &Path, into: &mut String) {
    for path in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            rust(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The names that a text promises: those between backticks, settings in capitals, and ids of attributes.
fn promised(text: &str) -> Vec<String> {
    let existing = text.split_once(PLANNED).map_or(text, |(existing, _)| existing);
    let mut names: Vec<String> = existing.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let plain: String = existing.split('`').step_by(2).collect();
    let is_setting =
        |word: &&str| word.contains('_') && word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    names.extend(
        plain.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(is_setting).map(str::to_owned),
    );
    names
}

fn broken(text: &str) -> Vec<String> {
    static EXISTING: LazyLock<Existing> = LazyLock::new(Existing::read);
    promised(text).into_iter().filter(|name| !VALUES.contains(&name.as_str()) && !EXISTING.has(name)).collect()
}

#[test]
fn each_name_that_a_provided_text_promises_exists() {
    let of = |attribute: &Attribute| {
        broken(&attribute.provided).into_iter().map(|name| format!("{}: `{name}`", attribute.id)).collect::<Vec<_>>()
    };
    let found: Vec<String> = Catalogue::embedded().attributes().flat_map(of).collect();
    assert!(found.is_empty(), "they do not exist: correct the name, or move it behind \"{PLANNED}\": {found:#?}");
}

#[test]
fn a_promise_of_a_missing_crate_type_setting_or_command_is_found() {
    for missing in [
        "By default: `backups` restores the state.",
        "One call, `Store::twice`.",
        "By default: `Inboxes` of `store`.",
        "By default: 504 after 30 s (REQUEST_DEADLINES).",
        "`make everything` does it.",
        "`keel fly` does it.",
        "`docs/playbooks/` has a page.",
    ] {
        assert_eq!(broken(missing).len(), 1, "{missing}");
        assert_eq!(broken(&format!("{PLANNED}{missing}")).len(), 0, "{missing}");
    }
}
