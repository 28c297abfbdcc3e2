//! Catalogue of reliability attributes, read from `catalogue/*.toml`.
//!
//! - [`Catalogue`]: all chapters, with [`Catalogue::get`] for one attribute.
//! - [`Attribute`]: the statement, its clauses, its reason, how it is provided, proven and mended, and its sources.
//!
//! ```
//! use keel_catalogue::Catalogue;
//!
//! let attribute = Catalogue::embedded().get("life.drain").expect("an attribute of the catalogue");
//! for clause in attribute.clauses().iter() {
//!     println!("{}: {}", clause.id, clause.text);
//! }
//! assert!(Catalogue::embedded().near("life.drian").contains(&"life.drain"));
//! ```
//!
//! # Features and platforms
//!
//! No features. The attributes are part of the program, so it reads no file. No part needs a particular platform. Tested on Linux.

mod markdown;
#[cfg(test)]
mod provided;

use std::borrow::Cow;
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

/// Kind of proof of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The service is started, loaded, and broken.
    Dynamic,
    /// The repository, the configuration or the artifact is read.
    Static,
    /// People decide it, in writing.
    Attested,
}

/// A part of a statement that is examined by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its id within the attribute, such as `retry-after`.
    pub id: String,
    /// Its words: a piece of the statement, verbatim.
    pub text: String,
    /// The experiment that must come out the other way before this one counts, such as `the same load in peace`; none
    /// for a clause that is decided by looking. A piece of evidence *for* the clause that does not name its control is a
    /// gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// Its id, `chapter.name`.
    pub id: String,
    /// The statement that is true of a service, or is not.
    pub statement: String,
    /// The parts of the statement that evidence is about, in its order; empty when it is not divided. Read them with
    /// [`Attribute::clauses`].
    #[serde(default)]
    clauses: Vec<Clause>,
    /// The outage that it prevents.
    pub why: String,
    /// The services that it applies to.
    pub applies: String,
    /// The kinds of proof.
    pub kind: Vec<Kind>,
    /// The parts of Evenkeel that provide it; after `Planned:` the parts that do not exist yet.
    pub provided: String,
    /// The experiment, and the observations that prove the statement.
    pub proof: String,
    /// The remedy if it falls short.
    pub mend: String,
    /// The sources: S0 to S4, with the section.
    pub sources: Vec<String>,
}

/// The attributes of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Its name, the first part of its ids.
    pub chapter: String,
    /// The title: a few words.
    pub title: String,
    /// The purpose of the chapter.
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

/// The id of the only clause of a statement that is not divided.
const WHOLE: &str = "statement";

/// The mark in `provided` before the parts that do not exist yet.
const PLANNED: &str = "Planned: ";

impl Attribute {
    /// Returns the parts of Evenkeel that provide it today; empty if there are none.
    pub fn existing(&self) -> &str {
        self.provided.split_once(PLANNED).map_or(&*self.provided, |(existing, _)| existing).trim_end()
    }

    /// Returns the parts that are planned and do not exist yet; empty if there are none.
    pub fn planned(&self) -> &str {
        self.provided.split_once(PLANNED).map_or("", |(_, planned)| planned)
    }

    /// The clauses of the statement, in its order. A statement that is not divided is one clause, called `statement`.
    pub fn clauses(&self) -> Cow<'_, [Clause]> {
        if self.clauses.is_empty() {
            Cow::Owned(vec![Clause { id: WHOLE.to_owned(), text: self.statement.clone(), control: None }])
        } else {
            Cow::Borrowed(&self.clauses)
        }
    }
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

    /// Returns the place of an attribute in the repository, such as `catalogue/border.toml:12`.
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

/// Expands the label of a source: `S2.4` is `Release It!, chapter 4`.
pub fn source(label: &str) -> Option<String> {
    let (document, number) = label.split_once('.').map_or((label, None), |(document, rest)| (document, Some(rest)));
    let (_, name, counted) = SOURCES.iter().find(|(known, ..)| *known == document)?;
    Some(number.map_or_else(|| (*name).to_owned(), |number| format!("{name}, {counted} {number}")))
}

impl Kind {
    /// Returns the word for people.
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attribute_has_a_place() {
        let catalogue = Catalogue::embedded();
        for attribute in catalogue.attributes() {
            assert!(catalogue.place(&attribute.id).is_some(), "{}", attribute.id);
        }
        assert_eq!(catalogue.place("border.nothing"), None);
    }

    /// The words between clauses that say nothing by themselves.
    const JOINING: [&str; 4] = ["a", "and", "or", "the"];

    #[test]
    fn clauses_are_pieces_of_their_statement_in_its_order_and_leave_out_only_joining_words() {
        for attribute in Catalogue::embedded().attributes() {
            let (mut rest, mut left_out) = (attribute.statement.as_str(), String::new());
            for clause in attribute.clauses().iter() {
                let Some((before, after)) = rest.split_once(clause.text.as_str()) else {
                    panic!("{}: {:?} is no piece of {rest:?}", attribute.id, clause.text);
                };
                left_out.push_str(before);
                left_out.push(' ');
                rest = after;
            }
            left_out.push_str(rest);
            let words = left_out.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
            let lost: Vec<&str> = words.filter(|word| !JOINING.contains(word)).collect();
            assert!(lost.is_empty(), "{}: no clause has {lost:?}", attribute.id);
        }
    }

    #[test]
    fn ids_of_clauses_are_unique_in_their_attribute_and_short() {
        for attribute in Catalogue::embedded().attributes() {
            let clauses = attribute.clauses();
            let ids: BTreeSet<&str> = clauses.iter().map(|clause| clause.id.as_str()).collect();
            assert_eq!(ids.len(), clauses.len(), "{}", attribute.id);
            for id in ids {
                let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
                assert!(id.len() <= 20 && id.chars().all(plain), "{}: {id}", attribute.id);
            }
        }
    }
}
