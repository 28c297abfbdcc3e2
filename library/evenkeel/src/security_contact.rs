//! Contact for reports of weaknesses, as a service declares it.

use clap::Args;

use crate::database::Database;
use crate::security_txt::SecurityTxt;
use crate::service::Service;

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Service<S, D> {
    /// Publishes the address to which people report weaknesses, in `/.well-known/security.txt` (RFC 9116): a URI (`mailto:`, `https://`, `tel:`),
    /// and the date until which it is valid, at most a year ahead. Off unless set.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// Service::new(build_info!()).security_contact("mailto:security@example.com", "2027-11-01");
    /// ```
    pub fn security_contact(mut self, contact: &'static str, expires: &'static str) -> Self {
        self.security = Some(SecurityTxt { contact, expires });
        self
    }
}
