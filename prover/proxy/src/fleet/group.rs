//! Groups of proxies that are held together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::hold::Hold;

/// The most groups of a fleet.
pub const MAX_GROUPS: usize = 256;

/// Some proxies of a fleet, and whether bytes flow through them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The proxies' names. A proxy may be in several groups; the strictest counts.
    pub proxies: BTreeSet<String>,
    /// The hold of its proxies.
    pub hold: Hold,
}

/// Why nothing was done to a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefused {
    /// No group has that name.
    #[error("group not found")]
    NotFound,
    /// One has that name.
    #[error("group already exists")]
    Exists,
    /// There are [`MAX_GROUPS`].
    #[error("there are at most {MAX_GROUPS} groups: delete one first")]
    TooMany,
    /// A member is no proxy.
    #[error("proxy not found: {0}")]
    NoProxy(String),
}

/// The groups by name.
#[derive(Debug, Default)]
pub(super) struct Groups(pub(super) BTreeMap<String, Group>);

impl Groups {
    /// Returns the hold of a proxy: the strictest of its groups.
    pub(super) fn hold_of(&self, proxy: &str) -> Hold {
        let its = self.0.values().filter(|group| group.proxies.contains(proxy));
        its.map(|group| group.hold).max().unwrap_or_default()
    }

    pub(super) fn forget(&mut self, proxy: &str) {
        for group in self.0.values_mut() {
            group.proxies.remove(proxy);
        }
    }
}
