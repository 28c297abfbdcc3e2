//! The service that the pages are of.

use std::sync::Arc;

use super::settings::Setting;

/// The service that the pages are of.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its commit.
    pub commit: &'static str,
    /// Its host.
    pub host: String,
    /// Its settings, secrets left out.
    pub settings: Arc<[Setting]>,
    /// True when operators have tokens; without them a form asks for the author.
    pub has_tokens: bool,
}
