//! `keel list`: the catalogue.

use clap::ValueEnum;
use keel_catalogue::{Catalogue, Chapter};
use serde::Serialize;

use crate::exit::{FINE, usage};
use crate::explain::has_probe;
use crate::output::print;

/// Arguments of `keel list`: a part of the catalogue, and the output format.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// List only the attributes of this chapter
    #[arg(long, value_name = "NAME")]
    chapter: Option<String>,
    /// The output format
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// The same as --format markdown, the format of CHECKLIST.md
    #[arg(long, conflicts_with = "format")]
    markdown: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Terminal,
    Json,
    Markdown,
}

#[derive(Serialize)]
struct Listed<'c> {
    #[serde(flatten)]
    attribute: &'c keel_catalogue::Attribute,
    chapter: &'c str,
    probe: bool,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let mut catalogue = Catalogue::embedded().clone();
    if let Some(name) = &arguments.chapter {
        if let Err(problem) = has_chapter(&catalogue, name) {
            return usage(problem);
        }
        catalogue.chapters.retain(|chapter| chapter.chapter == *name);
    }
    print(&match arguments.format {
        _ if arguments.markdown => catalogue.markdown(has_probe),
        Format::Markdown => catalogue.markdown(has_probe),
        Format::Terminal => catalogue.chapters.iter().map(terminal).collect::<Vec<_>>().join("\n"),
        Format::Json => json(&catalogue),
    });
    FINE
}

/// Refuses a chapter that is not in the catalogue.
pub(crate) fn has_chapter(catalogue: &Catalogue, name: &str) -> Result<(), String> {
    if catalogue.chapter(name).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = catalogue.chapters.iter().map(|chapter| chapter.chapter.as_str()).collect();
    Err(format!("there is no chapter {name:?}; there are {}", names.join(", ")))
}

fn terminal(chapter: &Chapter) -> String {
    let mut text = format!("{}: {}\n", chapter.chapter, chapter.title);
    for attribute in &chapter.attributes {
        let probe = if has_probe(&attribute.id) { "probe" } else { "" };
        text.push_str(&format!("  {:<24} {probe:<6} {}\n", attribute.id, attribute.statement));
    }
    text
}

fn json(catalogue: &Catalogue) -> String {
    let listed: Vec<Listed<'_>> = catalogue
        .chapters
        .iter()
        .flat_map(|chapter| chapter.attributes.iter().map(|attribute| (chapter.chapter.as_str(), attribute)))
        .map(|(chapter, attribute)| Listed { attribute, chapter, probe: has_probe(&attribute.id) })
        .collect();
    // Plain data with text keys: it always serialises.
    serde_json::to_string_pretty(&listed).unwrap_or_default() + "\n"
}
