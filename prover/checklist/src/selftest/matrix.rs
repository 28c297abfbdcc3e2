//! The outcome of a selftest as a page of Markdown: `docs/guide/probes-matrix.md`.

use std::fmt::Write;

use super::judged::{Judged, kind};
use crate::report::word;

const HEAD: &str = "\
# Probes and specimens

`keel selftest --all --markdown` writes this page. Each probe of `keel check` examines small servers whose verdict is known: *sound* ones hold the
attribute (or are unknown where a clause cannot be seen from outside), *wrong* ones plainly do not, and a *liar* looks right and is not. The other
ones show what a probe must not decide. A probe that finds something else than expected tries once
more, alone; where it still does, the verdict is in bold.

";

/// A row for each probe and specimen, with what was expected and found. Times are left out: they are another each time.
pub fn markdown(judged: &[Judged]) -> String {
    let mut text = format!("{HEAD}| Probe | Server | Kind | Why | Expected | Found |\n|---|---|---|---|---|---|\n");
    let mut rows: Vec<&Judged> = judged.iter().collect();
    // Stable: the specimens of a probe stay in their order.
    rows.sort_by_key(|one| (one.id, one.again));
    for one in rows {
        let found = one.found.as_ref().map_or("not examined", |finding| word(finding.verdict()));
        let found = if one.is_right() { found.to_owned() } else { format!("**{found}**") };
        let _ = writeln!(text, "{} {found} |", row(one.id, &one.specimen));
    }
    let right = judged.iter().filter(|one| one.is_right()).count();
    let _ = writeln!(text, "\n{right} of {} servers were judged as expected.", judged.len());
    text
}

/// The row of a specimen up to what was found.
pub fn row(id: &str, specimen: &crate::specimen::Specimen) -> String {
    let expected = specimen.verdict.map_or("", word);
    format!("| {id} | {} | {} | {} | {expected} |", specimen.server.name, kind(specimen), specimen.reason)
}
