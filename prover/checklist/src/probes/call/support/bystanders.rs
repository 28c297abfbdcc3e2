//! Bystanders: requests that have nothing to do with what is flooded, and must be answered as before.

use std::time::{Duration, Instant};

use keel_wire::http::Request;

use super::double_in_place::percentile;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Kinds of bystanders, sent in turn.
const KINDS: usize = 4;
/// Number of bystanders in peace, and during each flood.
const IN_PEACE: usize = 20;
const MEANWHILE: usize = 30;
/// So many that are not answered as before decide: a fifth.
const STARVED: usize = MEANWHILE / 5;
/// Between two of them.
const EVERY: Duration = Duration::from_millis(50);
/// The same at any pace: what the flood does meanwhile is measured too.
const LEAST_EVERY: Duration = Duration::from_millis(25);
/// The longest that one is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// No more are sent after so long.
const ENOUGH: Duration = Duration::from_secs(12);
/// Latency that the machine's own noise may give a fast answer.
const NOISE: Duration = Duration::from_millis(250);
/// So much slower than in peace is as before.
const SLOWER: u32 = 5;

/// GETs that stand by.
#[derive(Debug)]
pub(crate) struct Bystanders(Vec<(RequestSpec, Listener)>);

/// Listener that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Public,
    /// The public one where there is no other.
    Admin,
}

/// Outcome of some of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) sent: usize,
    /// Those that were not answered as declared, or not in time.
    pub(crate) amiss: usize,
    /// Their latency at the 90th percentile.
    pub(crate) slow: Duration,
}

impl Bystanders {
    /// Up to four kinds of GETs of which this is true; none where the mix has none.
    pub(crate) fn of(lab: &Lab, fits: impl Fn(&RequestSpec) -> bool) -> Option<Self> {
        let specs = lab.mix().into_iter().filter(|spec| spec.only_reads() && fits(spec)).take(KINDS);
        let specs: Vec<_> = specs.map(|spec| (spec, Listener::Public)).collect();
        (!specs.is_empty()).then_some(Self(specs))
    }

    /// The path that tells whether it is ready, as well, where one is declared.
    pub(crate) fn and_readiness(mut self, lab: &Lab) -> Self {
        let spec = |path: &String| RequestSpec { name: path.clone(), path: path.clone(), ..RequestSpec::default() };
        self.0.extend(lab.subject.ready.iter().map(|path| (spec(path), Listener::Admin)));
        self
    }

    /// Their names.
    pub(crate) fn who(&self) -> String {
        self.0.iter().map(|(spec, _)| spec.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The first of them, for the public listener.
    pub(crate) fn request(&self, lab: &Lab) -> Request {
        self.0.first().map_or_else(|| lab.harmless(), |(spec, _)| lab.fill(spec))
    }

    /// Sends them while nothing else happens.
    pub(crate) async fn in_peace(&self, lab: &Lab) -> Seen {
        self.send(lab, IN_PEACE).await
    }

    /// Sends them during a flood.
    pub(crate) async fn meanwhile(&self, lab: &Lab) -> Seen {
        self.send(lab, MEANWHILE).await
    }

    /// So many in turn; fewer when so many are amiss that they decide, or when it takes long.
    async fn send(&self, lab: &Lab, times: usize) -> Seen {
        let every = lab.pace.of(EVERY).max(LEAST_EVERY);
        let (public, admin) = (lab.http().with_timeout(PATIENCE), lab.admin().with_timeout(PATIENCE));
        let (mut amiss, mut took, begun) = (0, Vec::new(), Instant::now());
        for (spec, listener) in self.0.iter().cycle().take(times) {
            let client = if *listener == Listener::Public { &public } else { &admin };
            let exchange = client.send(lab.fill(spec)).await;
            amiss += usize::from(!exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
            took.push(exchange.took);
            if amiss >= STARVED || begun.elapsed() > ENOUGH {
                break;
            }
            tokio::time::sleep(every).await;
        }
        Seen { sent: took.len(), amiss, slow: percentile(took, 90) }
    }
}

impl Seen {
    /// None was sent.
    pub(crate) const NONE: Self = Self { sent: 0, amiss: 0, slow: Duration::ZERO };

    /// So many were not answered as before that it decides.
    pub(crate) fn are_starved(&self) -> bool {
        self.amiss >= STARVED
    }

    /// Returns true if they were answered as in peace; `None` if only some were, or later.
    pub(crate) fn as_in(&self, peace: &Self) -> Option<bool> {
        match self.amiss {
            0 if self.slow <= NOISE.max(peace.slow * SLOWER) => Some(true),
            STARVED.. => Some(false),
            _ => None,
        }
    }
}
