//! `keel explain`: one attribute of the catalogue.

use std::fmt::Write;

use keel_catalogue::{Catalogue, Kind, source};
use keel_checklist::probes;

use crate::exit::{FINE, usage};
use crate::output::print;

/// The column in which the text stands.
const INDENT: usize = 10;
/// The longest line.
const WIDTH: usize = 100;

pub(crate) fn run(id: &str) -> u8 {
    let catalogue = Catalogue::embedded();
    let Some(attribute) = catalogue.get(id) else { return unknown(catalogue, id) };
    let kinds: Vec<&str> = attribute.kind.iter().copied().map(Kind::word).collect();
    let probe = if has_probe(id) { "examined by keel check" } else { "no probe in this version" };
    let named = |label: &String| format!("{label} {}", source(label).unwrap_or_default()).trim_end().to_owned();
    let sources: Vec<String> = attribute.sources.iter().map(named).collect();
    let mut text = format!("{id}\n");
    for (name, said) in [
        ("Holds", attribute.statement.as_str()),
        ("Why", &attribute.why),
        ("Applies", &attribute.applies),
        ("Kind", &format!("{} ({probe})", kinds.join(", "))),
        ("Provided", &attribute.provided),
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
            "\n    [[decision]]\n    id = \"{id}\"\n    kind = \"attest\"\n    owner = \"who answers for it\"\n    \
             date = \"2026-11-01\"\n    statement = \"what was decided\"\n    link = \"docs/plan.md\"\n    \
             expires = \"2027-11-01\"\n"
        );
    }
    print(&text);
    FINE
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
