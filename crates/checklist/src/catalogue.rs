//! Every attribute, read from `checklist/*.toml`.

use serde::{Deserialize, Serialize};

/// The chapters' files, in the order in which they are read.
const FILES: [(&str, &str); 12] = [
    ("call", include_str!("../../../checklist/call.toml")),
    ("border", include_str!("../../../checklist/border.toml")),
    ("web", include_str!("../../../checklist/web.toml")),
    ("access", include_str!("../../../checklist/access.toml")),
    ("life", include_str!("../../../checklist/life.toml")),
    ("ratchet", include_str!("../../../checklist/ratchet.toml")),
    ("data", include_str!("../../../checklist/data.toml")),
    ("see", include_str!("../../../checklist/see.toml")),
    ("privacy", include_str!("../../../checklist/privacy.toml")),
    ("ship", include_str!("../../../checklist/ship.toml")),
    ("prove", include_str!("../../../checklist/prove.toml")),
    ("plan", include_str!("../../../checklist/plan.toml")),
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
    /// The catalogue of this version.
    ///
    /// # Panics
    /// Never in a program whose tests have run: they parse every file.
    pub fn embedded() -> Self {
        let parse = |(name, text): &(&str, &str)| {
            toml::from_str(text).unwrap_or_else(|error| panic!("checklist/{name}.toml: {error}"))
        };
        Self { chapters: FILES.iter().map(parse).collect() }
    }

    /// One attribute.
    pub fn get(&self, id: &str) -> Option<&Attribute> {
        self.attributes().find(|attribute| attribute.id == id)
    }

    /// All attributes, in reading order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.chapters.iter().flat_map(|chapter| &chapter.attributes)
    }

    /// Up to three ids that look like `id`, the likeliest first.
    pub fn near(&self, id: &str) -> Vec<&str> {
        let mut all: Vec<(usize, &str)> =
            self.attributes().map(|attribute| (distance(id, &attribute.id), attribute.id.as_str())).collect();
        all.sort_unstable();
        all.into_iter()
            .take(3)
            .filter(|(distance, known)| *distance <= known.len() / 2)
            .map(|(_, known)| known)
            .collect()
    }

    /// `CHECKLIST.md`.
    pub fn markdown(&self, has_probe: impl Fn(&str) -> bool) -> String {
        let count = self.attributes().count();
        let probed = self.attributes().filter(|attribute| has_probe(&attribute.id)).count();
        let mut text = format!(
            "# The checklist\n\n<!-- Made from checklist/*.toml by `keel list --markdown`. Do not edit. -->\n\n\
             {count} attributes of a system that has to stay up; this version examines {probed} of them (marked \
             *probe*).\n\n"
        );
        for chapter in &self.chapters {
            text.push_str(&format!("## {}: {}\n\n{}\n\n", chapter.chapter, chapter.title, chapter.about));
            for attribute in &chapter.attributes {
                let probe = if has_probe(&attribute.id) { " (probe)" } else { "" };
                text.push_str(&format!("### {}{probe}\n\n{}\n\n", attribute.id, attribute.statement));
                text.push_str(&format!("- Why: {}\n- Applies: {}\n", attribute.why, attribute.applies));
                text.push_str(&format!("- Provided: {}\n- Proof: {}\n", attribute.provided, attribute.proof));
                text.push_str(&format!("- Mend: {}\n- Sources: {}\n\n", attribute.mend, attribute.sources.join(", ")));
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
