//! The state that the tasks of one proxy share: its toxics, its live connections, its counters.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keel_input::seed::Seed;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chain::{Chain, Origin};
use crate::connection::{self, Lines};
use crate::hold::Hold;
use crate::pump::{Flow, Line};
use crate::queue::End;
use crate::socket::Socket;
use crate::toxic::{Stream, Toxic};

/// End of the connections when their proxy stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order, as Toxiproxy does.
    Close,
    /// With a reset, as after a crash.
    Reset,
}

/// The state that a proxy's tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) seed: Seed,
    pub(crate) core: Mutex<Core>,
    pub(crate) hold: watch::Sender<Hold>,
    pub(crate) up: Arc<Flow>,
    pub(crate) down: Arc<Flow>,
    pub(crate) accepted: AtomicU64,
    pub(crate) places: Arc<Semaphore>,
}

/// The state that changes together: a connection that begins sees the toxics of the moment, and every later change sees it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) enabled: bool,
    pub(crate) toxics: Vec<Toxic>,
    pub(crate) live: HashMap<u64, Live>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) lines: Lines,
    pub(crate) task: Option<JoinHandle<()>>,
}

impl Core {
    pub(crate) fn each(&self, stream: Stream, change: impl Fn(&mut Chain)) {
        for live in self.live.values() {
            match stream {
                Stream::Upstream => live.lines.up.change(&change),
                Stream::Downstream => live.lines.down.change(&change),
            }
        }
    }
}

impl Shared {
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn flow(&self, stream: Stream) -> &Arc<Flow> {
        match stream {
            Stream::Upstream => &self.up,
            Stream::Downstream => &self.down,
        }
    }

    /// Begins a connection; `place` is given back at its end.
    pub(crate) fn welcome(self: &Arc<Self>, client: Socket, place: tokio::sync::OwnedSemaphorePermit) {
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
    pub(crate) async fn cut(&self, cut: Cut) {
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
