//! The target of the command line. It is read late, as an error of clap's would show its credentials.

use std::convert::Infallible;
use std::str::FromStr;

use keel_input::credentials;
use url::Url;

/// A URL as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Address(String);

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Address {
    /// Reads it.
    pub(crate) fn url(&self) -> Result<Url, String> {
        credentials::parse(&self.0).map_err(|why| format!("{why}; expected http://127.0.0.1:PORT/PATH"))
    }
}
