//! `keel explain` and `keel list`: the catalogue.

use checklist::catalogue::{Attribute, Catalogue, Kind};
use checklist::probes;

use crate::{FINE, print, usage};

/// Which part of the catalogue, and in which form.
#[derive(clap::Args)]
pub(crate) struct ListArguments {
    /// Only this chapter
    #[arg(long)]
    chapter: Option<String>,
    /// As CHECKLIST.md
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn explain(id: &str) -> u8 {
    let catalogue = Catalogue::embedded();
    let Some(attribute) = catalogue.get(id) else { return unknown(&catalogue, id) };
    let probe = if has_probe(id) { "examined by `keel check`" } else { "no probe in this version" };
    print(&format!(
        "{id}\n  {}\n\nWhy      {}\nApplies  {}\nKind     {} ({probe})\nProvided {}\nProof    {}\nMend     {}\nSources  {}\n",
        attribute.statement,
        attribute.why,
        attribute.applies,
        kinds(attribute),
        attribute.provided,
        attribute.proof,
        attribute.mend,
        attribute.sources.join(", "),
    ));
    FINE
}

pub(crate) fn list(arguments: &ListArguments) -> u8 {
    let catalogue = Catalogue::embedded();
    if arguments.markdown {
        print(&catalogue.markdown(has_probe));
        return FINE;
    }
    let wanted = |chapter: &str| arguments.chapter.as_deref().is_none_or(|wanted| wanted == chapter);
    let chapters: Vec<_> = catalogue.chapters.iter().filter(|chapter| wanted(&chapter.chapter)).collect();
    if chapters.is_empty() {
        let names: Vec<&str> = catalogue.chapters.iter().map(|chapter| chapter.chapter.as_str()).collect();
        let asked = arguments.chapter.as_deref().unwrap_or_default();
        return usage(&format!("there is no chapter {asked:?}; there are {}", names.join(", ")));
    }
    for chapter in chapters {
        print(&format!("{}: {}\n", chapter.chapter, chapter.title));
        for attribute in &chapter.attributes {
            let probe = if has_probe(&attribute.id) { "probe" } else { "" };
            print(&format!("  {:<24} {probe:<6} {}\n", attribute.id, attribute.statement));
        }
    }
    FINE
}

pub(crate) fn unknown(catalogue: &Catalogue, id: &str) -> u8 {
    let near = catalogue.near(id);
    let hint = if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(", ")) };
    usage(&format!("no attribute is called {id:?}.{hint} `keel list` shows all."))
}

fn has_probe(id: &str) -> bool {
    probes::all().iter().any(|probe| probe.id == id)
}

fn kinds(attribute: &Attribute) -> String {
    let word = |kind: &Kind| match kind {
        Kind::Dynamic => "dynamic",
        Kind::Static => "static",
        Kind::Attested => "attested",
    };
    attribute.kind.iter().map(word).collect::<Vec<_>>().join(", ")
}
