//! `CHECKLIST.md`: the catalogue for people.

use std::fmt::Write;

use super::{Attribute, Catalogue, Chapter, Clause, Kind, SOURCES};

impl Catalogue {
    /// `CHECKLIST.md`; `has_probe` says of an id whether this version examines it.
    pub fn markdown(&self, has_probe: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        self.head(&mut text, &has_probe);
        for chapter in &self.chapters {
            overview(&mut text, chapter, &has_probe);
            for attribute in &chapter.attributes {
                one(&mut text, attribute, has_probe(&attribute.id));
            }
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }

    fn head(&self, text: &mut String, has_probe: &impl Fn(&str) -> bool) {
        let count = self.attributes().count();
        let probed = self.attributes().filter(|attribute| has_probe(&attribute.id)).count();
        let _ = write!(
            text,
            "# The checklist\n\n<!-- Made from catalogue/*.toml: keel list --markdown > CHECKLIST.md -->\n\n\
             {count} attributes of a system that has to stay up, in {} chapters. `keel check` of this version examines \
             {probed} of them.\n\n\
             How to read it: an attribute is an id, a statement that is true of a service or is not, the outage that it \
             prevents, when it applies, how it is proven, and how to mend it. Its clauses are the parts of the statement that \
             evidence is about: it holds when every clause was seen to. It is proven in up to three ways. \
             *Dynamic*: the service is started, loaded, broken. *Static*: its repository, configuration or artifact is \
             read. *Attested*: only people can hold it; they say so in a decision with owner, date and expiry. \
             `keel explain ID` shows one attribute.\n\nSources: ",
            self.chapters.len(),
        );
        let sources = SOURCES.map(|(label, name, counted)| format!("{label} {name} (by {counted})"));
        let _ =
            writeln!(text, "{}.\n\n| chapter | title | attributes | probes |\n|---|---|---|---|", sources.join("; "));
        for chapter in &self.chapters {
            let probed = chapter.attributes.iter().filter(|attribute| has_probe(&attribute.id)).count();
            let (name, count) = (&chapter.chapter, chapter.attributes.len());
            // The anchor is what GitHub makes of the heading.
            let anchor: String = format!("{name}-{}", chapter.title)
                .to_lowercase()
                .chars()
                .filter_map(|c| if c == ' ' { Some('-') } else { (c.is_alphanumeric() || c == '-').then_some(c) })
                .collect();
            let _ = writeln!(text, "| [{name}](#{anchor}) | {} | {count} | {probed} |", cell(&chapter.title));
        }
        text.push('\n');
    }
}

fn overview(text: &mut String, chapter: &Chapter, has_probe: &impl Fn(&str) -> bool) {
    let _ = writeln!(text, "## {}: {}\n", chapter.chapter, chapter.title);
    if !chapter.about.is_empty() {
        let _ = writeln!(text, "{}\n", chapter.about.trim());
    }
    text.push_str("| id | statement | kind | probe |\n|---|---|---|---|\n");
    for attribute in &chapter.attributes {
        let Attribute { id, statement, .. } = attribute;
        let probe = if has_probe(id) { "yes" } else { "" };
        let anchor = id.replace('.', "");
        let _ = writeln!(text, "| [{id}](#{anchor}) | {} | {} | {probe} |", cell(statement), kinds(attribute));
    }
    text.push('\n');
}

fn one(text: &mut String, attribute: &Attribute, has_probe: bool) {
    let _ = writeln!(text, "### {}\n\n{}\n", attribute.id, attribute.statement);
    let clauses = attribute.clauses().iter().map(clause).collect::<Vec<_>>().join("; ");
    let whole = attribute.clauses().iter().all(|clause| clause.text == attribute.statement);
    let clauses = if whole { String::new() } else { clauses };
    let probe = if has_probe { "examined by `keel check`" } else { "no probe in this version" };
    let proven = [kinds(attribute), probe.to_owned()].join(", ");
    let sources = attribute.sources.join(", ");
    for (name, said) in [
        ("Clauses", clauses.as_str()),
        ("Why", &attribute.why),
        ("Applies", &attribute.applies),
        ("Provided", attribute.existing()),
        ("Planned", attribute.planned()),
        ("Proven", &[proven.as_str(), attribute.proof.trim()].join(": ")),
        ("Mend", &attribute.mend),
        ("Sources", &sources),
    ] {
        let said = said.trim().trim_end_matches(": ").trim_end_matches(':');
        if !said.is_empty() {
            let _ = writeln!(text, "- **{name}**: {}", said.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    text.push('\n');
}

/// A clause with its id, and the control that evidence for it needs.
fn clause(clause: &Clause) -> String {
    let control = clause.control.as_ref().map_or_else(String::new, |control| format!(" (control: {control})"));
    format!("`{}` {}{control}", clause.id, clause.text)
}

fn kinds(attribute: &Attribute) -> String {
    attribute.kind.iter().copied().map(Kind::word).collect::<Vec<_>>().join(", ")
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
