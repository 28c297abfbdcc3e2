//! Proxies by name, and groups of them.

mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keel_input::seed::Seed;

use self::group::Groups;
pub use self::group::{Group, GroupRefused, MAX_GROUPS};
use crate::config::Wanted;
use crate::hold::Hold;
use crate::proxy::Proxy;
use crate::shared::Cut;
use crate::socket::ListenError;

/// The most proxies of a fleet.
pub const MAX_PROXIES: usize = 1024;

/// A named collection of proxies, as Toxiproxy has it. Dropping it closes all of them.
#[derive(Debug)]
pub struct Fleet {
    seed: Seed,
    proxies: Mutex<BTreeMap<String, Arc<Proxy>>>,
    groups: Mutex<Groups>,
    /// Lock for additions, replacements and removals: these take a while, and two must not take the same name.
    changing: tokio::sync::Mutex<()>,
}

/// Why a proxy was not added or found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyRefused {
    /// No proxy has that name.
    #[error("proxy not found")]
    NotFound,
    /// One has that name.
    #[error("proxy already exists")]
    Exists,
    /// There are [`MAX_PROXIES`].
    #[error("there are at most {MAX_PROXIES} proxies: delete one first")]
    TooMany,
    /// It cannot listen there.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Fleet {
    /// One without proxies. Everything that is drawn in it comes from the seed.
    pub fn new(seed: Seed) -> Self {
        Self { seed, proxies: Mutex::default(), groups: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    /// All of them, by name.
    pub fn all(&self) -> BTreeMap<String, Arc<Proxy>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get(&self, name: &str) -> Result<Arc<Proxy>, ProxyRefused> {
        self.all().remove(name).ok_or(ProxyRefused::NotFound)
    }

    /// Makes one, and starts it where it is to be enabled.
    ///
    /// # Errors
    /// When the name is taken, there are too many, or nothing can listen there; there is none then.
    pub async fn add(&self, wanted: &Wanted) -> Result<Arc<Proxy>, ProxyRefused> {
        let _changing = self.changing.lock().await;
        let all = self.all();
        if all.contains_key(&wanted.name) {
            return Err(ProxyRefused::Exists);
        }
        if all.len() >= MAX_PROXIES {
            return Err(ProxyRefused::TooMany);
        }
        self.make(wanted).await
    }

    /// Makes these, one after the other. One that is there already with the same addresses stays as it is, with its toxics
    /// and whether it is enabled or not; one with others is replaced.
    ///
    /// # Errors
    /// At the first that cannot listen; those before it are there, and are given with the error.
    pub async fn populate(&self, wanted: &[Wanted]) -> (Vec<Arc<Proxy>>, Result<(), ProxyRefused>) {
        let mut made = Vec::new();
        for wanted in wanted {
            match self.add_or_replace(wanted).await {
                Ok(proxy) => made.push(proxy),
                Err(refused) => return (made, Err(refused)),
            }
        }
        (made, Ok(()))
    }

    async fn add_or_replace(&self, wanted: &Wanted) -> Result<Arc<Proxy>, ProxyRefused> {
        let _changing = self.changing.lock().await;
        let all = self.all();
        match all.get(&wanted.name) {
            Some(there) if !there.differs(&wanted.listen, &wanted.upstream).await? => return Ok(Arc::clone(there)),
            Some(there) => there.stop(Cut::Close).await,
            None if all.len() >= MAX_PROXIES => return Err(ProxyRefused::TooMany),
            None => {}
        }
        self.make(wanted).await
    }

    async fn make(&self, wanted: &Wanted) -> Result<Arc<Proxy>, ProxyRefused> {
        let Wanted { name, listen, upstream, enabled } = wanted.clone();
        let proxy = Arc::new(Proxy::new(name.clone(), listen, upstream, self.seed));
        proxy.set_hold(self.lock_groups().hold_of(&name));
        if enabled {
            proxy.start().await?;
        }
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::clone(&proxy));
        self.hold_again(name);
        Ok(proxy)
    }

    /// Closes one and forgets it, in the groups too.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn remove(&self, name: &str) -> Result<(), ProxyRefused> {
        let _changing = self.changing.lock().await;
        let proxy = self.get(name)?;
        proxy.stop(Cut::Close).await;
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.lock_groups().forget(name);
        Ok(())
    }

    /// Enables all, takes every toxic away, and lets every group flow.
    ///
    /// # Errors
    /// At the first that cannot listen.
    pub async fn reset(&self) -> Result<(), ProxyRefused> {
        self.release_all();
        for proxy in self.all().values() {
            proxy.start().await?;
            proxy.replace_toxics(Vec::new());
        }
        Ok(())
    }
}

/// Groups, which Toxiproxy does not have.
impl Fleet {
    /// All groups, by name.
    pub fn groups(&self) -> Vec<Group> {
        self.lock_groups().0.values().cloned().collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn group(&self, name: &str) -> Result<Group, GroupRefused> {
        self.lock_groups().0.get(name).cloned().ok_or(GroupRefused::NotFound)
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
        let mut groups = self.lock_groups();
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
        let mut groups = self.lock_groups();
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
        let mut groups = self.lock_groups();
        let group = groups.0.remove(name).ok_or(GroupRefused::NotFound)?;
        self.apply(&groups, &group.proxies);
        Ok(())
    }

    /// Lets all groups flow.
    fn release_all(&self) {
        let mut groups = self.lock_groups();
        groups.0.values_mut().for_each(|group| group.hold = Hold::Flowing);
        self.apply(&groups, &self.all().into_keys().collect());
    }

    /// Holds a proxy as its groups have it, which may have changed while it was made.
    fn hold_again(&self, proxy: String) {
        self.apply(&self.lock_groups(), &BTreeSet::from([proxy]));
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

    fn lock_groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
