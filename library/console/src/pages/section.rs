//! A section of a page.

use maud::{Markup, html};

/// The most rows of a section; the rest is left to a question in SQL.
pub const MAX_ROWS: usize = 200;

/// A part of a page with a heading, which changes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id in the document: letters, digits and hyphens.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Its HTML.
    pub html: String,
}

impl Section {
    pub(super) fn new(id: &str, title: &str, body: &Markup) -> Self {
        let word = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        Self { id: id.chars().map(word).collect(), title: title.to_owned(), html: body.0.clone() }
    }
}

/// A note below rows that are not all of them.
pub(super) fn more(shown: usize, all: usize) -> Markup {
    html! { @if shown < all { p.soft { "The first " (shown) " of " (all) ": ask for the others in SQL." } } }
}
