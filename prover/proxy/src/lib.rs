//! A fault proxy that stands in front of a dependency, driven as Toxiproxy is.
//!
//! - [`Proxy`]: one listener, one upstream, and the [`toxic`]s between them.
//! - [`Fleet`]: proxies by name, with groups that are paused or partitioned at once.
//! - [`api`]: Toxiproxy's HTTP interface to a fleet.
//! - [`FaultProxy`]: one proxy with one fault at a time.
//!
//! Bytes pass a chain of toxics that never waits and touches no socket; it is changed between two steps, so that no byte of
//! a live connection is lost or overtaken. With no toxic on, bytes go past it, large ones without being copied (splice(2)).

pub mod api;
mod chain;
mod config;
mod connection;
mod door;
mod face;
mod fleet;
mod metrics;
mod pump;
mod queue;
mod request;
mod socket;
#[cfg_attr(not(target_os = "linux"), path = "splice_elsewhere.rs")]
mod splice;
pub mod toxic;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::chain::{Chain, Origin};
pub use self::config::{BadConfig, Wanted};
use self::connection::Lines;
use self::door::Door;
pub use self::face::{Fault, FaultProxy};
pub use self::fleet::{Fleet, Group, GroupRefused, MAX_GROUPS, MAX_PROXIES, ProxyRefused};
use self::pump::{Flow, Line};
use self::queue::End;
pub use self::socket::ListenError;
use self::socket::{Reservation, Socket};
use self::toxic::{Stream, Toxic};
use keel_input::seed::Seed;

/// The most connections of one proxy at a time; further ones wait in the listener's queue.
pub const MAX_CONNECTIONS: usize = 1024;
/// The most toxics of one proxy.
pub const MAX_TOXICS: usize = 64;

/// After a failure to accept or to listen (no descriptors), until the next attempt.
const BREATH: Duration = Duration::from_millis(10);
/// The longest that is waited until a listener is open again.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// How connections end when their proxy stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order, as Toxiproxy does.
    Close,
    /// With a reset, as after a crash.
    Reset,
}

/// Whether bytes flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// They do.
    #[default]
    Flowing,
    /// Nothing moves on any connection; new ones are accepted and wait. Nothing is lost.
    Paused,
    /// Nothing moves, and nobody is accepted. When it ends, the connections of before are reset: each side had given up.
    Partitioned,
}

/// One listener, one upstream, and the toxics between them. It does not listen before [`Proxy::start`].
///
/// Dropping it closes the listener and resets every connection. Needs a tokio runtime.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    door: tokio::sync::Mutex<Door>,
}

/// What the proxy's tasks know.
#[derive(Debug)]
struct Shared {
    name: String,
    seed: Seed,
    core: Mutex<Core>,
    hold: watch::Sender<Hold>,
    up: Arc<Flow>,
    down: Arc<Flow>,
    accepted: AtomicU64,
    places: Arc<Semaphore>,
}

/// What changes together: a connection that begins sees the toxics of the moment, and every later change sees it.
#[derive(Debug)]
struct Core {
    listen: String,
    upstream: String,
    enabled: bool,
    toxics: Vec<Toxic>,
    live: HashMap<u64, Live>,
}

/// One connection.
#[derive(Debug)]
struct Live {
    lines: Lines,
    task: Option<JoinHandle<()>>,
}

impl Proxy {
    /// One that will listen at `listen` (`host:port`, where port 0 is any; `:port`; `unix:PATH`) and connect to `upstream`
    /// (`host:port`, `unix:PATH`).
    pub fn new(name: String, listen: String, upstream: String, seed: Seed) -> Self {
        Self::with_door(name, listen, upstream, seed, Door::default())
    }

    /// One whose port stays its own while it is stopped.
    fn reserved(name: String, reservation: Reservation, upstream: String, seed: Seed) -> Self {
        let listen = reservation.address().to_string();
        Self::with_door(name, listen, upstream, seed, Door::reserved(reservation))
    }

    fn with_door(name: String, listen: String, upstream: String, seed: Seed, door: Door) -> Self {
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
        Self { shared: Arc::new(shared), door: tokio::sync::Mutex::new(door) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens; as it was given until it was started first, then resolved.
    pub fn listen(&self) -> String {
        self.shared.core().listen.clone()
    }

    /// What it stands in front of.
    pub fn upstream(&self) -> String {
        self.shared.core().upstream.clone()
    }

    /// Whether it listens.
    pub fn is_enabled(&self) -> bool {
        self.shared.core().enabled
    }

    /// Opens the listener; nothing when it is open.
    ///
    /// # Errors
    /// When nothing can listen there.
    pub async fn start(&self) -> Result<(), ListenError> {
        let mut door = self.door.lock().await;
        self.open(&mut door).await
    }

    async fn open(&self, door: &mut Door) -> Result<(), ListenError> {
        if self.is_enabled() {
            return Ok(());
        }
        let listen = self.listen();
        let address = door.open(&listen, &self.shared).await?;
        let mut core = self.shared.core();
        core.listen = address;
        core.enabled = true;
        Ok(())
    }

    /// Opens the listener; when that fails (no descriptors), again and again for a while.
    async fn start_patiently(&self) {
        let opening = async {
            while self.start().await.is_err() {
                tokio::time::sleep(BREATH).await;
            }
        };
        let _ = tokio::time::timeout(START_PATIENCE, opening).await;
    }

    /// Closes the listener and every connection. On return nobody can connect, and with [`Cut::Reset`] every connection
    /// has been reset.
    pub async fn stop(&self, cut: Cut) {
        let mut door = self.door.lock().await;
        self.shut(&mut door, cut).await;
    }

    async fn shut(&self, door: &mut Door, cut: Cut) {
        door.close().await;
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
        let mut door = self.door.lock().await;
        if differs {
            self.shut(&mut door, Cut::Close).await;
            let mut core = self.shared.core();
            core.listen = listen.to_owned();
            core.upstream = upstream.to_owned();
        }
        match enabled {
            true => self.open(&mut door).await,
            false => {
                if self.is_enabled() {
                    self.shut(&mut door, Cut::Close).await;
                }
                Ok(())
            }
        }
    }

    /// Whether these are other addresses than its own. A host name is the address that it resolves to.
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

    /// Whether bytes flow.
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
        self.door.get_mut().abort();
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

impl Core {
    fn each(&self, stream: Stream, change: impl Fn(&mut Chain)) {
        for live in self.live.values() {
            match stream {
                Stream::Upstream => live.lines.up.change(&change),
                Stream::Downstream => live.lines.down.change(&change),
            }
        }
    }
}

impl Shared {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self, stream: Stream) -> &Arc<Flow> {
        match stream {
            Stream::Upstream => &self.up,
            Stream::Downstream => &self.down,
        }
    }

    /// Begins a connection; `place` is given back at its end.
    fn welcome(self: &Arc<Self>, client: Socket, place: tokio::sync::OwnedSemaphorePermit) {
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        let spoke = Arc::new(AtomicBool::new(false));
        let mut core = self.core();
        let line = |stream: Stream| {
            let stream_name = format!("proxy {} connection {number} {}", self.name, stream.word());
            let origin = Origin { seed: self.seed, stream: stream_name, client_spoke: Arc::clone(&spoke) };
            let mut chain = Chain::new(core.toxics.iter().filter(|toxic| toxic.chain() == stream), origin);
            chain.held = *self.hold.borrow() != Hold::Flowing;
            Line::new(chain)
        };
        let lines = Lines { up: line(Stream::Upstream), down: line(Stream::Downstream) };
        let (up, down) = connection::pumps(&lines, &self.up, &self.down, spoke);
        let serving = connection::serve(client, core.upstream.clone(), lines.clone(), up, down);
        let leaving = Leave { shared: Arc::clone(self), number };
        core.live.insert(number, Live { lines, task: None });
        // A runtime that shuts down drops the task here and now, and with it the lock would be wanted again. Nobody cuts
        // connections in between: the listener's task, which is here, is waited for before.
        drop(core);
        let task = tokio::spawn(async move {
            let _here = (leaving, place);
            serving.await;
        });
        if let Some(live) = self.core().live.get_mut(&number) {
            live.task = Some(task);
        }
    }

    /// Ends every connection.
    async fn cut(&self, cut: Cut) {
        let live: Vec<Live> = self.core().live.drain().map(|(_, live)| live).collect();
        let now = Instant::now();
        for Live { lines, task } in live {
            match (cut, task) {
                (Cut::Close, _) => {
                    lines.up.change(|chain| chain.break_off(End::Close, now));
                    lines.down.change(|chain| chain.break_off(End::Close, now));
                }
                (Cut::Reset, Some(task)) => {
                    task.abort();
                    // It has let go of its sockets, and so reset them, when it has ended.
                    let _ = task.await;
                }
                (Cut::Reset, None) => {}
            }
        }
    }
}

/// Strikes a connection off when its task ends, however that is.
struct Leave {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.core().live.remove(&self.number);
    }
}
