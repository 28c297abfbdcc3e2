//! `keel explain`: one attribute of the catalogue.

use std::fmt::Write;

use keel_catalogue::{Attribute, Catalogue, Kind, source};
use keel_checklist::{probes, sources};

use crate::exit::{FINE, usage};
use crate::output::print;

/// The column in which the text stands.
const INDENT: usize = 10;
/// The longest line.
const WIDTH: usize = 100;

/// The attribute, and the parts of it that are printed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The attribute's id, such as border.limits
    id: String,
    /// Print the paths of its files in keel's repository: catalogue entry, probe, test servers and tests
    #[arg(long)]
    sources: bool,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let (catalogue, id) = (Catalogue::embedded(), arguments.id.as_str());
    let Some(attribute) = catalogue.get(id) else { return unknown(catalogue, id) };
    print(&if arguments.sources { sources(id) } else { explanation(attribute) });
    FINE
}

/// The paths of the attribute's files, each on a line.
fn sources(id: &str) -> String {
    sources::of(id).iter().map(|source| format!("{:<INDENT$}{}\n", source.part, source.path)).collect()
}

/// All that the catalogue says of the attribute.
fn explanation(attribute: &Attribute) -> String {
    let id = attribute.id.as_str();
    let kinds: Vec<&str> = attribute.kind.iter().copied().map(Kind::word).collect();
    let probe = if has_probe(id) { "examined by keel check" } else { "no probe in this version" };
    let named = |label: &String| format!("{label} {}", source(label).unwrap_or_default()).trim_end().to_owned();
    let sources: Vec<String> = attribute.sources.iter().map(named).collect();
    let mut text = format!("{id}\n");
    section(&mut text, "Statement", &attribute.statement);
    clauses(&mut text, attribute);
    for (name, said) in [
        ("Why", attribute.why.as_str()),
        ("Applies", &attribute.applies),
        ("Kind", &format!("{} ({probe})", kinds.join(", "))),
        ("Provided", attribute.existing()),
        ("Planned", attribute.planned()),
        ("Proof", &attribute.proof),
        ("Mend", &attribute.mend),
        ("Sources", &sources.join("; ")),
    ] {
        section(&mut text, name, said);
    }
    if attribute.kind.contains(&Kind::Attested) {
        section(&mut text, "Attest", "In the decisions file (keel.toml: service.decisions, or --decisions FILE):");
        let _ = write!(
            text,
            "\n    [[decision]]\n    id = \"{id}\"\n    kind = \"attest\"\n    owner = \"the responsible team\"\n    \
             date = \"2026-11-01\"\n    statement = \"the decision, in a sentence\"\n    link = \"docs/plan.md\"\n    \
             expires = \"2027-11-01\"\n"
        );
    }
    text
}

/// The parts of the statement, one a line: it holds when every one was seen to.
fn clauses(text: &mut String, attribute: &Attribute) {
    let clauses = attribute.clauses();
    if clauses.iter().all(|clause| clause.text == attribute.statement) {
        return;
    }
    for (number, clause) in clauses.iter().enumerate() {
        let control = clause.control.as_ref().map_or_else(String::new, |control| format!(" (control: {control})"));
        let name = if number == 0 { "Clauses" } else { "" };
        section(text, name, &format!("{}: {}{control}", clause.id, clause.text));
    }
}

/// Refuses an id that is not in the catalogue.
pub(crate) fn unknown(catalogue: &Catalogue, id: &str) -> u8 {
    let near = catalogue.near(id);
    let hint = if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(", ")) };
    usage(format!("no attribute is called {id:?}.{hint} `keel list` shows all."))
}

pub(crate) fn has_probe(id: &str) -> bool {
    probes::all().iter().any(|probe| probe.id == id)
}

/// A name, and beside it what is said, wrapped.
fn section(text: &mut String, name: &str, said: &str) {
    if said.trim().is_empty() {
        return;
    }
    let mut line = format!("{name:<INDENT$}");
    for word in said.split_whitespace() {
        if line.chars().count() > INDENT && line.chars().count() + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(INDENT);
        }
        line.push_str(word);
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
