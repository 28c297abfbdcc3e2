//! One session.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A session of a person who has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names the session.
    #[serde(rename = "i")]
    pub(crate) id: String,
    /// Names the person.
    #[serde(rename = "s")]
    pub(crate) subject: String,
    /// Seconds since 1970 at the sign-in.
    #[serde(rename = "b")]
    pub(crate) began: u64,
    /// Seconds since 1970 at which the cookie was sealed.
    #[serde(rename = "l")]
    pub(crate) seen: u64,
}

impl Session {
    /// The id of the session: it is new at each sign-in, and stays the same when the cookie is renewed.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the person.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the time of the sign-in, for acts that need a fresh one.
    pub fn began(&self) -> SystemTime {
        time(self.began)
    }
}

pub(crate) fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
