//! The operator's pages: the live state of a service as HTML, made on the server.
//!
//! Each [`Page`] is a list of [`Section`]s. A section is made of a table of the [registry](vitals::Registry), of its history, or of a [`List`] that the service has fetched. The document around them
//! works without scripts; with them, one event stream a page replaces the sections that changed. Everything that is shown is escaped, and each page needs only the script and the
//! style that its nonce allows ([`policy`]).
//!
//! | bound | value |
//! |---|---|
//! | rows of a section | [`MAX_ROWS`] |
//! | characters of a cell | [`MAX_CELL`] |
//! | events of a section | [`MAX_EVENTS`] |

mod about;
mod cells;
mod document;
mod errors;
mod lever_forms;
mod levers;
mod lists;
mod overview;
mod page;
mod plot;
mod question;
mod section;
mod settings;
mod tables;

use telemetry::errors::Errors;
use vitals::Registry;

pub use self::about::{About, Setting};
pub use self::cells::MAX_CELL;
pub use self::document::{Notice, policy};
pub use self::levers::{LEVERS, Lever, LeverForm, LeverRequest};
pub use self::overview::MAX_EVENTS;
pub use self::page::{List, Page};
pub use self::section::{MAX_ROWS, Section};
use crate::query::Query;

/// The pages of a service. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Pages {
    registry: Registry,
    query: Query,
    about: About,
    errors: Option<Errors>,
}

impl Pages {
    /// Creates the pages of a registry.
    pub fn new(registry: &Registry, query: &Query, about: About) -> Self {
        Self { registry: registry.clone(), query: query.clone(), about, errors: None }
    }

    /// Returns the pages with those of failures.
    #[must_use]
    pub fn with_errors(self, errors: Option<Errors>) -> Self {
        Self { errors, ..self }
    }

    /// Returns the page of a path behind `/console`, such as `routes` or `tables/policy`; none when there is no such page.
    pub fn page(&self, path: &str) -> Option<Page> {
        let page = Page::of_path(path)?;
        match &page {
            Page::Table(name) if !self.registry.shapes().iter().any(|table| table.name == name) => None,
            // Groups come and go: only those of now are pages.
            Page::ErrorGroup(fingerprint) => self.errors.as_ref()?.group(fingerprint).map(|_| page),
            _ => Some(page),
        }
    }

    /// Makes the sections of a page; `lists` are those of [`Page::lists`].
    pub fn sections(&self, page: &Page, lists: &[List]) -> Vec<Section> {
        let mut sections = match page {
            Page::Overview => overview::sections(&self.registry),
            Page::Events => vec![overview::events(&self.registry, MAX_EVENTS)],
            Page::Tables => vec![tables::all(&self.registry)],
            Page::Table(name) => tables::whole(&self.registry, name).into_iter().collect(),
            Page::Errors => errors::all(&self.registry, self.errors.as_ref()),
            Page::ErrorGroup(fingerprint) => errors::one(self.errors.as_ref(), fingerprint),
            Page::Settings => settings::sections(&self.about),
            Page::Query => Vec::new(),
            Page::Routes | Page::Calls | Page::Jobs | Page::Stores => {
                page.tables().iter().filter_map(|shown| tables::section(&self.registry, shown)).collect()
            }
        };
        // What people act on stands before the counters of the other parts.
        let first = sections.len().min(1);
        sections.splice(first..first, lists.iter().map(lists::of_list));
        sections
    }

    /// Makes the section with a question in SQL and its answer; `sql` or the `name` of a shipped query. Cancel-safe: a dropped future
    /// ends the question at its next step.
    pub async fn question(&self, sql: Option<&str>, name: Option<&str>) -> Section {
        question::section(&self.query, sql, name).await
    }

    /// Makes the whole document of a page. `nonce` is that of its [`policy`].
    pub fn document(&self, page: &Page, sections: &[Section], nonce: &str, notice: Option<&Notice>) -> String {
        let forms = lever_forms::forms(&self.registry, page, self.about.has_tokens);
        document::document(&self.about, page, sections, &forms, nonce, notice).into_string()
    }

    /// Returns the number of the last event on the bus.
    pub fn sequence(&self) -> u64 {
        self.registry.bus().after(0).events.last().map_or(0, |event| event.sequence)
    }
}
