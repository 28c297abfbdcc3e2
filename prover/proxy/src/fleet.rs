//! Proxies by name, and groups of them.

mod group;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use self::group::Groups;
pub use self::group::{Group, GroupRefused, MAX_GROUPS};
use super::config::Wanted;
use super::{Cut, ListenError, Proxy};
use keel_input::seed::Seed;

/// The most proxies of a fleet.
pub const MAX_PROXIES: usize = 1024;

/// A named collection of proxies, as Toxiproxy has it. Dropping it closes all of them.
#[derive(Debug)]
pub struct Fleet {
    seed: Seed,
    proxies: Mutex<BTreeMap<String, Arc<Proxy>>>,
    groups: Mutex<Groups>,
    /// Held by whoever adds, replaces or removes: it takes a while, and two must not take the same name.
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
        proxy.set_hold(self.groups.lock().unwrap_or_else(PoisonError::into_inner).hold_of(&name));
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
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).forget(name);
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
