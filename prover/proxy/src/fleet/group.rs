//! Groups of proxies that are held together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use serde::Serialize;

use super::Fleet;
use crate::Hold;

/// The most groups of a fleet.
pub const MAX_GROUPS: usize = 256;

/// Some proxies of a fleet, and whether bytes flow through them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The proxies' names. A proxy may be in several groups; the strictest counts.
    pub proxies: BTreeSet<String>,
    /// What is done to them.
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

#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<String, Group>);

impl Groups {
    /// What holds for a proxy: the strictest of its groups.
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

impl Fleet {
    /// All groups, by name.
    pub fn groups(&self) -> Vec<Group> {
        self.locked().0.values().cloned().collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn group(&self, name: &str) -> Result<Group, GroupRefused> {
        self.locked().0.get(name).cloned().ok_or(GroupRefused::NotFound)
    }

    /// Makes one of these proxies, which flow.
    ///
    /// # Errors
    /// When the name is taken, a proxy is not there, or there are too many groups.
    pub fn add_group(&self, name: String, proxies: BTreeSet<String>) -> Result<Group, GroupRefused> {
        let all = self.all();
        if let Some(missing) = proxies.iter().find(|proxy| !all.contains_key(*proxy)) {
            return Err(GroupRefused::NoProxy(missing.clone()));
        }
        let mut groups = self.locked();
        if groups.0.contains_key(&name) {
            return Err(GroupRefused::Exists);
        }
        if groups.0.len() >= MAX_GROUPS {
            return Err(GroupRefused::TooMany);
        }
        let group = Group { name: name.clone(), proxies, hold: Hold::Flowing };
        groups.0.insert(name, group.clone());
        Ok(group)
    }

    /// Holds all proxies of a group, or lets them flow. On return it is so on every connection of each.
    ///
    /// # Errors
    /// When there is no group of that name.
    pub fn hold_group(&self, name: &str, hold: Hold) -> Result<Group, GroupRefused> {
        let mut groups = self.locked();
        let group = groups.0.get_mut(name).ok_or(GroupRefused::NotFound)?;
        group.hold = hold;
        let group = group.clone();
        self.apply(&groups, &group.proxies);
        Ok(group)
    }

    /// Forgets a group; its proxies flow, unless another group holds them.
    ///
    /// # Errors
    /// When there is no group of that name.
    pub fn remove_group(&self, name: &str) -> Result<(), GroupRefused> {
        let mut groups = self.locked();
        let group = groups.0.remove(name).ok_or(GroupRefused::NotFound)?;
        self.apply(&groups, &group.proxies);
        Ok(())
    }

    /// Lets all groups flow.
    pub(super) fn release_all(&self) {
        let mut groups = self.locked();
        groups.0.values_mut().for_each(|group| group.hold = Hold::Flowing);
        self.apply(&groups, &self.all().into_keys().collect());
    }

    /// Holds a proxy as its groups have it, which may have changed while it was made.
    pub(super) fn hold_again(&self, proxy: String) {
        self.apply(&self.locked(), &BTreeSet::from([proxy]));
    }

    fn apply(&self, groups: &Groups, proxies: &BTreeSet<String>) {
        let all = self.all();
        for name in proxies {
            if let Some(proxy) = all.get(name) {
                let hold = groups.hold_of(name);
                if proxy.hold() != hold {
                    proxy.set_hold(hold);
                }
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
