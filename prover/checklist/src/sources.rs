//! The files of an attribute in the repository: its text, its probe, and the specimens and tests of the probe.

use keel_catalogue::Catalogue;

/// The files below `src/probes`, relative to this crate.
const FILES: &[&str] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
/// The folder of this crate in the repository.
const CRATE: &str = "prover/checklist";

/// A file of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The part of the attribute that it holds: `Text`, `Probe`, `Specimens` or `Tests`.
    pub part: &'static str,
    /// The path in the repository, for the text with the line: `catalogue/border.toml:12`.
    pub path: String,
}

/// Returns the files of an attribute; none when the catalogue does not have it.
pub fn of(id: &str) -> Vec<Source> {
    let Some(path) = Catalogue::embedded().place(id) else { return Vec::new() };
    let room = format!("src/probes/{}", id.replace('.', "/").replace('-', "_"));
    let parts = [
        ("Probe", format!("{room}.rs")),
        ("Specimens", format!("{room}/specimen.rs")),
        ("Tests", format!("{room}/tests.rs")),
    ];
    let there = parts.into_iter().filter(|(_, path)| FILES.contains(&path.as_str()));
    let files = there.map(|(part, path)| Source { part, path: format!("{CRATE}/{path}") });
    std::iter::once(Source { part: "Text", path }).chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probes;

    #[test]
    fn every_probe_is_in_the_file_that_its_id_names() {
        for probe in probes::all() {
            assert!(of(probe.id).iter().any(|source| source.part == "Probe"), "{}: {:?}", probe.id, of(probe.id));
        }
    }
}
