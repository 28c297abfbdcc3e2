//! Every attribute, read from `catalogue/*.toml`.

mod markdown;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use keel_input::diagnostics::near;

/// The chapters' files, in the order in which they are read.
const FILES: [(&str, &str); 12] = [
    ("call", include_str!("../call.toml")),
    ("border", include_str!("../border.toml")),
    ("web", include_str!("../web.toml")),
    ("access", include_str!("../access.toml")),
    ("life", include_str!("../life.toml")),
    ("ratchet", include_str!("../ratchet.toml")),
    ("data", include_str!("../data.toml")),
    ("see", include_str!("../see.toml")),
    ("privacy", include_str!("../privacy.toml")),
    ("ship", include_str!("../ship.toml")),
    ("prove", include_str!("../prove.toml")),
    ("plan", include_str!("../plan.toml")),
];

/// The documents that the attributes come from: label, name, and what a number after the label counts.
pub const SOURCES: [(&str, &str, &str); 5] = [
    ("S0", "Stable Systems Checklist", "section"),
    ("S1", "How to build stable systems", "section"),
    ("S2", "Release It!", "chapter"),
    ("S3", "Engineering playbook: reliability", "section"),
    ("S4", "Systems design checklist", "section"),
];

/// How an attribute is shown to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The service is started, loaded, broken.
    Dynamic,
    /// The repository, the configuration or the artifact is read.
    Static,
    /// People decide it, in writing.
    Attested,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its id, `chapter.name`.
    pub id: String,
    /// What holds.
    pub statement: String,
    /// Which outage this prevents.
    pub why: String,
    /// When it applies.
    pub applies: String,
    /// How it is shown to hold.
    pub kind: Vec<Kind>,
    /// How a service built on Evenkeel has it.
    pub provided: String,
    /// What an examiner does, and what must be seen.
    pub proof: String,
    /// What to change when it falls short.
    pub mend: String,
    /// Where it comes from: S0 to S4, with the section.
    pub sources: Vec<String>,
}

/// The attributes of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Its name, the first part of its ids.
    pub chapter: String,
    /// What it is about, in a few words.
    pub title: String,
    /// What it protects.
    pub about: String,
    /// Its attributes.
    #[serde(rename = "attribute")]
    pub attributes: Vec<Attribute>,
}

/// The whole catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// In reading order.
    pub chapters: Vec<Chapter>,
}

impl Catalogue {
    /// The catalogue of this version, read once.
    ///
    /// # Panics
    /// Never in a program whose tests have run: they parse every file.
    pub fn embedded() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
            let parse = |(name, text): &(&str, &str)| {
                toml::from_str(text).unwrap_or_else(|error| panic!("catalogue/{name}.toml: {error}"))
            };
            Catalogue { chapters: FILES.iter().map(parse).collect() }
        });
        &CATALOGUE
    }

    /// One attribute.
    pub fn get(&self, id: &str) -> Option<&Attribute> {
        self.attributes().find(|attribute| attribute.id == id)
    }

    /// Where an attribute is written in the repository, such as `catalogue/border.toml:12`.
    pub fn place(&self, id: &str) -> Option<String> {
        let written = format!("id = \"{id}\"");
        FILES.iter().find_map(|(name, text)| {
            let line = text.lines().position(|line| line == written)?;
            Some(format!("catalogue/{name}.toml:{}", line + 1))
        })
    }

    /// All attributes, in reading order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.chapters.iter().flat_map(|chapter| &chapter.attributes)
    }

    /// One chapter.
    pub fn chapter(&self, name: &str) -> Option<&Chapter> {
        self.chapters.iter().find(|chapter| chapter.chapter == name)
    }

    /// Up to three ids that look like `id`, the likeliest first.
    pub fn near(&self, id: &str) -> Vec<&str> {
        near(id, self.attributes().map(|attribute| attribute.id.as_str()))
    }
}

/// What a source's label stands for: `S2.4` is `Release It!, chapter 4`.
pub fn source(label: &str) -> Option<String> {
    let (document, number) = label.split_once('.').map_or((label, None), |(document, rest)| (document, Some(rest)));
    let (_, name, counted) = SOURCES.iter().find(|(known, ..)| *known == document)?;
    Some(number.map_or_else(|| (*name).to_owned(), |number| format!("{name}, {counted} {number}")))
}

impl Kind {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
            Self::Attested => "attested",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_a_place() {
        let catalogue = Catalogue::embedded();
        for attribute in catalogue.attributes() {
            assert!(catalogue.place(&attribute.id).is_some(), "{}", attribute.id);
        }
        assert_eq!(catalogue.place("border.nothing"), None);
    }
}
