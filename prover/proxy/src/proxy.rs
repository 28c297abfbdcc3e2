//! One listener, one upstream, and the toxics between them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keel_input::seed::Seed;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::acceptor::{Acceptor, BREATH};
use crate::hold::Hold;
use crate::queue::End;
use crate::shared::{Core, Cut, Live, Shared};
use crate::socket::{self, ListenError, Reservation};
use crate::toxic::{Stream, Toxic};

/// The most connections of one proxy at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 1024;
/// The most toxics of one proxy.
pub const MAX_TOXICS: usize = 64;

/// The longest that is waited until a listener is open again.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// One listener, one upstream, and the toxics between them. It does not listen before [`Proxy::start`].
///
/// Dropping it closes the listener and resets every connection. Needs a tokio runtime.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    acceptor: tokio::sync::Mutex<Acceptor>,
}

impl Proxy {
    /// One that will listen at `listen` (`host:port`, where port 0 is any; `:port`; `unix:PATH`) and connect to `upstream`
    /// (`host:port`, `unix:PATH`).
    pub fn new(name: String, listen: String, upstream: String, seed: Seed) -> Self {
        Self::with_acceptor(name, listen, upstream, seed, Acceptor::default())
    }

    /// One whose port stays its own while it is stopped.
    pub(super) fn reserved(name: String, reservation: Reservation, upstream: String, seed: Seed) -> Self {
        let listen = reservation.address().to_string();
        Self::with_acceptor(name, listen, upstream, seed, Acceptor::reserved(reservation))
    }

    fn with_acceptor(name: String, listen: String, upstream: String, seed: Seed, acceptor: Acceptor) -> Self {
        let core = Core { listen, upstream, enabled: false, toxics: Vec::new(), live: HashMap::new() };
        let shared = Shared {
            name,
            seed,
            core: Mutex::new(core),
            hold: watch::Sender::default(),
            up: Arc::default(),
            down: Arc::default(),
            accepted: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        };
        Self { shared: Arc::new(shared), acceptor: tokio::sync::Mutex::new(acceptor) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns the address to listen on: as given until the first start, then resolved.
    pub fn listen(&self) -> String {
        self.shared.core().listen.clone()
    }

    /// Returns the address to forward to.
    pub fn upstream(&self) -> String {
        self.shared.core().upstream.clone()
    }

    /// Returns true if the proxy listens.
    pub fn is_enabled(&self) -> bool {
        self.shared.core().enabled
    }

    /// Opens the listener; nothing when it is open.
    ///
    /// # Errors
    /// When nothing can listen there.
    pub async fn start(&self) -> Result<(), ListenError> {
        let mut acceptor = self.acceptor.lock().await;
        self.open(&mut acceptor).await
    }

    async fn open(&self, acceptor: &mut Acceptor) -> Result<(), ListenError> {
        if self.is_enabled() {
            return Ok(());
        }
        let listen = self.listen();
        let address = acceptor.open(&listen, &self.shared).await?;
        let mut core = self.shared.core();
        core.listen = address;
        core.enabled = true;
        Ok(())
    }

    /// Opens the listener; when that fails (no descriptors), again and again for a while.
    pub(super) async fn start_patiently(&self) {
        let opening = async {
            while self.start().await.is_err() {
                tokio::time::sleep(BREATH).await;
            }
        };
        let _ = tokio::time::timeout(START_PATIENCE, opening).await;
    }

    /// Closes the listener and every connection. On return no client can connect, and with [`Cut::Reset`] every connection
    /// has been reset.
    pub async fn stop(&self, cut: Cut) {
        let mut acceptor = self.acceptor.lock().await;
        self.shut(&mut acceptor, cut).await;
    }

    async fn shut(&self, acceptor: &mut Acceptor, cut: Cut) {
        acceptor.close().await;
        self.shared.core().enabled = false;
        self.shared.cut(cut).await;
    }

    /// Moves it: to another listener, another upstream, on or off, in that order. Where the addresses differ its
    /// connections are closed.
    ///
    /// # Errors
    /// When nothing can listen there; it is stopped then.
    pub async fn change(&self, listen: &str, upstream: &str, enabled: bool) -> Result<(), ListenError> {
        let differs = self.differs(listen, upstream).await?;
        let mut acceptor = self.acceptor.lock().await;
        if differs {
            self.shut(&mut acceptor, Cut::Close).await;
            let mut core = self.shared.core();
            core.listen = listen.to_owned();
            core.upstream = upstream.to_owned();
        }
        match enabled {
            true => self.open(&mut acceptor).await,
            false => {
                if self.is_enabled() {
                    self.shut(&mut acceptor, Cut::Close).await;
                }
                Ok(())
            }
        }
    }

    /// Returns true if these addresses differ from its own. A host name is the address that it resolves to.
    ///
    /// # Errors
    /// When `listen` is no address.
    pub async fn differs(&self, listen: &str, upstream: &str) -> Result<bool, ListenError> {
        let listen = socket::canonical(listen).await?;
        let core = self.shared.core();
        Ok(core.listen != listen || core.upstream != upstream)
    }

    /// The toxics: the upstream's stream first, in the order in which they act.
    pub fn toxics(&self) -> Vec<Toxic> {
        let core = self.shared.core();
        let of = |stream| core.toxics.iter().filter(move |toxic: &&Toxic| toxic.stream == stream).cloned();
        of(Stream::Upstream).chain(of(Stream::Downstream)).collect()
    }

    /// Puts a toxic behind the others, on live connections too. On return it is in force.
    ///
    /// # Errors
    /// When one has that name, or there are [`MAX_TOXICS`].
    pub fn add_toxic(&self, toxic: Toxic) -> Result<(), ToxicRefused> {
        let mut core = self.shared.core();
        if core.toxics.iter().any(|other| other.name == toxic.name) {
            return Err(ToxicRefused::Exists);
        }
        if core.toxics.len() >= MAX_TOXICS {
            return Err(ToxicRefused::TooMany);
        }
        core.each(toxic.chain(), |chain| chain.add(&toxic));
        core.toxics.push(toxic);
        Ok(())
    }

    /// Changes a toxic by its name, on live connections too. On return the change is in force.
    ///
    /// # Errors
    /// When there is none, or `change` refuses.
    pub fn update_toxic<E>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Toxic) -> Result<(), E>,
    ) -> Result<Option<Toxic>, E> {
        let mut core = self.shared.core();
        let Some(toxic) = core.toxics.iter_mut().find(|toxic| toxic.name == name) else { return Ok(None) };
        let mut changed = toxic.clone();
        change(&mut changed)?;
        *toxic = changed.clone();
        core.each(changed.chain(), |chain| chain.update(&changed));
        Ok(Some(changed))
    }

    /// Takes a toxic away, from live connections too; what it held goes on. Whether there was one.
    pub fn remove_toxic(&self, name: &str) -> bool {
        let mut core = self.shared.core();
        let Some(at) = core.toxics.iter().position(|toxic| toxic.name == name) else { return false };
        let toxic = core.toxics.remove(at);
        let now = Instant::now();
        core.each(toxic.chain(), |chain| chain.remove(&toxic.name, now));
        true
    }

    /// Takes all toxics away and puts these in their place, in one step.
    ///
    /// # Panics
    /// With more than [`MAX_TOXICS`].
    pub fn replace_toxics(&self, toxics: Vec<Toxic>) {
        assert!(toxics.len() <= MAX_TOXICS, "{} toxics are more than {MAX_TOXICS}", toxics.len());
        let mut core = self.shared.core();
        let old = std::mem::take(&mut core.toxics);
        let now = Instant::now();
        for stream in [Stream::Upstream, Stream::Downstream] {
            core.each(stream, |chain| {
                old.iter().filter(|toxic| toxic.chain() == stream).for_each(|toxic| chain.remove(&toxic.name, now));
                toxics.iter().filter(|toxic| toxic.chain() == stream).for_each(|toxic| chain.add(toxic));
            });
        }
        core.toxics = toxics;
    }

    /// Returns the hold of the proxy.
    pub fn hold(&self) -> Hold {
        *self.shared.hold.borrow()
    }

    /// Stops the flow of bytes or lets it go on. On return it is so on every connection.
    pub fn set_hold(&self, hold: Hold) {
        let core = self.shared.core();
        let before = self.shared.hold.send_replace(hold);
        let now = Instant::now();
        for stream in [Stream::Upstream, Stream::Downstream] {
            core.each(stream, |chain| match (before, hold) {
                (Hold::Partitioned, Hold::Flowing | Hold::Paused) => chain.break_off(End::Reset, now),
                _ => chain.held = hold != Hold::Flowing,
            });
        }
    }

    /// Connections accepted since it was made.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn open_connections(&self) -> usize {
        self.shared.core().live.len()
    }

    /// Bytes that the sources of this stream have sent since it was made.
    pub fn received(&self, stream: Stream) -> u64 {
        self.shared.flow(stream).received.load(Ordering::Relaxed)
    }

    /// Bytes that were passed on since it was made.
    pub fn sent(&self, stream: Stream) -> u64 {
        self.shared.flow(stream).sent.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.get_mut().abort();
        let live: Vec<Live> = self.shared.core().live.drain().map(|(_, live)| live).collect();
        for task in live.into_iter().filter_map(|live| live.task) {
            task.abort();
        }
    }
}

/// Why a toxic was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToxicRefused {
    /// One has that name.
    #[error("toxic already exists")]
    Exists,
    /// There are [`MAX_TOXICS`].
    #[error("a proxy has at most {MAX_TOXICS} toxics: remove one first")]
    TooMany,
}
