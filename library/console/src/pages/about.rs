//! The service that the pages are of.

use std::sync::Arc;

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

/// A setting as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its variable, or its flag where it has none.
    pub name: String,
    /// Its value; "hidden" for a secret, empty where it is not set.
    pub value: String,
    /// Its origin: `default`, `environment` or `command line`.
    pub source: &'static str,
    /// Its help.
    pub help: String,
}
