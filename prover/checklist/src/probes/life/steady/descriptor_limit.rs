//! What becomes of the service when its descriptors are spent: the limit is lowered to a few more than it has open, and half-sent
//! requests take them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::raw::RawConnection;
use procfs::process::{LimitValue, Process};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::clause::life::steady as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::core_share::{Clock, CoreShare};
use crate::probes::support::descriptors;
use crate::probes::support::peace::Peace;
use crate::probes::support::printed;

/// Descriptors that each process is left beyond those that it has open.
const ROOM: u64 = 32;
/// Half-sent requests, and those of them that are sent while there is room, to see what they cost by themselves.
const HALF_SENT: usize = 300;
const FEW: usize = 12;
/// Descriptors that one connection may need: the next one does not fit when fewer are left.
const A_CONNECTION: u64 = 3;
/// Opened at a time.
const BATCH: usize = 50;
/// How long a connection may take.
const EACH: Duration = Duration::from_secs(2);
/// How long they are held before it is measured, and how long that lasts.
const SETTLES: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);
const LEAST_MEASURED: Duration = Duration::from_secs(1);
/// How often is looked whether the limit is reached.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of log a second: from here on it floods; between the two it is not judged.
const FLOODS: f64 = 10_000.0;
const LITTLE: f64 = 7_000.0;
/// How long it may take until it serves again once the connections are gone.
const AGAIN: Duration = Duration::from_secs(10);
/// Where the half-sent requests come from.
const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Examines it; the limits are as before when it ends.
pub(super) async fn examine(lab: &Lab, peace: &Peace) -> Vec<Evidence> {
    if descriptors::spare(HALF_SENT) < HALF_SENT {
        return vec![clause::DESCRIPTORS.gap("keel has too few descriptors itself: raise its limit")];
    }
    let few = hold(peace, FEW).await;
    tokio::time::sleep(SETTLES).await;
    let before = Cost::measured(lab, &[], LEAST_MEASURED).await;
    drop(few);
    tokio::time::sleep(SETTLES).await;
    let limits = match Limits::lower(lab) {
        Ok(limits) => limits,
        Err(why) => return vec![clause::DESCRIPTORS.gap(format!("the limit of descriptors cannot be lowered: {why}"))],
    };
    let held = hold(peace, HALF_SENT).await;
    // The beginning has the cost of the connections themselves.
    let (_, reached) = Cost::measured_and_spent(lab, &limits.pids(), SETTLES).await;
    let (cost, later) = Cost::measured_and_spent(lab, &limits.pids(), lab.pace.of(MEASURED).max(LEAST_MEASURED)).await;
    let exit = lab.running().and_then(|process| process.exit());
    let opened = held.len();
    drop(held);
    let again = peace.answered_again(AGAIN).await;
    let spent = [reached, later].into_iter().flatten().max_by(|one, other| one.share().total_cmp(&other.share()));
    limits.restore();
    let spent = match spent {
        Some(spent) if exit.is_none() => spent,
        _ => Spent { open: 0, limit: limits.least() },
    };
    let told = format!("{} of {} descriptors were open beside {opened} half-sent requests", spent.open, spent.limit);
    let control = match Control::seen(
        spent.open + A_CONNECTION >= spent.limit || exit.is_some(),
        told.clone(),
        format!("only {told}: it takes fewer connections at a time, so its limit was not met"),
    ) {
        Ok(control) => control,
        Err(failed) => return vec![clause::DESCRIPTORS.uncontrolled(&failed)],
    };
    let seen = Seen { exit: exit.map(|exit| format!("{exit:?}")), before, cost, again };
    judge(&seen).into_iter().map(|piece| piece.by(&control)).collect()
}

/// What was seen at the limit.
struct Seen {
    exit: Option<String>,
    before: Cost,
    cost: Cost,
    again: Result<Duration, String>,
}

fn judge(seen: &Seen) -> Vec<Evidence> {
    const WHEN: &str = "while its descriptors are spent";
    if let Some(exit) = &seen.exit {
        return vec![clause::DESCRIPTORS.contradicts(format!("it ends {WHEN}: {exit}"))];
    }
    let Cost { core, log } = seen.cost;
    let cpu = format!("it takes {} {WHEN}", core.told());
    let cpu = match (core.spins(), seen.before.core.spins()) {
        (Some(true), Some(false)) => clause::DESCRIPTORS.contradicts(format!("it spins: {cpu}")),
        (Some(false), _) => clause::DESCRIPTORS.holds(cpu),
        _ => clause::DESCRIPTORS.gap(format!("{cpu}, and {} before", seen.before.core.told())),
    };
    let log_told = format!("it logs {:.1} KB/s {WHEN}", log / 1000.0);
    let log = match log {
        log if log >= FLOODS => clause::DESCRIPTORS.contradicts(format!("it floods its log: {log_told}")),
        log if log >= LITTLE => clause::DESCRIPTORS.gap(log_told),
        _ => clause::DESCRIPTORS.holds(log_told),
    };
    let again = match &seen.again {
        Ok(took) => clause::DESCRIPTORS.holds(format!("it serves again {took:.1?} after the connections are gone")),
        Err(how) => {
            let what = format!("it does not serve again within {AGAIN:?} after its descriptors were spent");
            clause::DESCRIPTORS.contradicts(what).showing(how)
        }
    };
    vec![cpu, log, again]
}

/// Sends so many requests that lack their last line, and holds their connections.
async fn hold(peace: &Peace, count: usize) -> Vec<RawConnection> {
    let mut head = peace.bytes.clone();
    head.truncate(head.len().saturating_sub(2));
    let mut held = Vec::with_capacity(count);
    for batch in (0..count).step_by(BATCH) {
        let opened = join_all((batch..count.min(batch + BATCH)).map(|_| async {
            let mut connection = peace.listener.open_from(FLOODER, EACH).await.ok()?;
            connection.write(&head, EACH).await.ok()?;
            Some(connection)
        }));
        held.extend(opened.await.into_iter().flatten());
    }
    held
}

/// What it takes at rest: the share of a core, and bytes of log a second.
#[derive(Clone, Copy, Debug)]
struct Cost {
    core: CoreShare,
    log: f64,
}

/// How many descriptors a process had open, of how many.
#[derive(Clone, Copy, Debug)]
struct Spent {
    open: u64,
    limit: u64,
}

impl Spent {
    fn share(self) -> f64 {
        self.open as f64 / self.limit.max(1) as f64
    }
}

impl Cost {
    async fn measured(lab: &Lab, pids: &[(u32, u64)], lasts: Duration) -> Self {
        Self::measured_and_spent(lab, pids, lasts).await.0
    }

    /// Measures for so long, and looks meanwhile at the process that comes nearest to its limit.
    async fn measured_and_spent(lab: &Lab, pids: &[(u32, u64)], lasts: Duration) -> (Self, Option<Spent>) {
        let (clock, logged, begun) = (Clock::of(lab), printed::with_files(lab), Instant::now());
        let mut nearest: Option<Spent> = None;
        while begun.elapsed() < lasts {
            tokio::time::sleep(LOOK).await;
            for (pid, limit) in pids {
                let open = numbers(*pid).map_or(0, |open| open.range(..*limit).count());
                let spent = Spent { open: open as u64, limit: *limit };
                if nearest.is_none_or(|nearest| nearest.share() < spent.share()) {
                    nearest = Some(spent);
                }
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let core = Clock::of(lab).since(clock);
        let log = printed::with_files(lab).saturating_sub(logged) as f64 / seconds;
        (Self { core, log }, nearest)
    }
}

/// The soft limits of its processes as they were, and as they are now.
struct Limits {
    lowered: Vec<(u32, Rlimit, u64)>,
}

impl Limits {
    /// Lowers the soft limit of each process so that [`ROOM`] numbers below it are free.
    fn lower(lab: &Lab) -> Result<Self, String> {
        let mut lowered = Self { lowered: Vec::new() };
        for pid in lab.running().map(|process| process.pids()).unwrap_or_default() {
            let Ok(process) = Process::new(pid.cast_signed()) else { continue };
            let (Some(open), Ok(limits)) = (numbers(pid), process.limits()) else {
                return Err(format!("process {pid} cannot be looked at"));
            };
            let finite = |value| match value {
                LimitValue::Value(value) => Some(value),
                LimitValue::Unlimited => None,
            };
            let was = Rlimit {
                current: finite(limits.max_open_files.soft_limit),
                maximum: finite(limits.max_open_files.hard_limit),
            };
            let soft = lowered_to(&open).min(was.current.unwrap_or(u64::MAX));
            set(pid, Rlimit { current: Some(soft), maximum: was.maximum }).map_err(|error| error.to_string())?;
            lowered.lowered.push((pid, was, soft));
        }
        if lowered.lowered.is_empty() { Err("no process of it is visible".to_owned()) } else { Ok(lowered) }
    }

    fn pids(&self) -> Vec<(u32, u64)> {
        self.lowered.iter().map(|(pid, _, limit)| (*pid, *limit)).collect()
    }

    fn least(&self) -> u64 {
        self.lowered.iter().map(|(.., limit)| *limit).min().unwrap_or_default()
    }

    fn restore(&self) {
        for (pid, was, _) in &self.lowered {
            // One that has ended needs it no more.
            let _ = set(*pid, *was);
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The numbers of its open descriptors.
fn numbers(pid: u32) -> Option<BTreeSet<u64>> {
    let descriptors = Process::new(pid.cast_signed()).and_then(|process| process.fd()).ok()?;
    Some(descriptors.flatten().filter_map(|info| u64::try_from(info.fd).ok()).collect())
}

/// The limit below which [`ROOM`] numbers are free: it is about numbers, and a service may have inherited a high one.
fn lowered_to(open: &BTreeSet<u64>) -> u64 {
    let free = (0..).filter(|number| !open.contains(number)).take(ROOM as usize);
    free.last().unwrap_or_default() + 1
}

fn set(pid: u32, limit: Rlimit) -> rustix::io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(rustix::io::Errno::SRCH)?;
    prlimit(Some(pid), Resource::Nofile, limit).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Bearing;

    fn bearings(ran: f64, log: f64, again: Result<Duration, String>) -> Vec<Bearing> {
        let cost = |ran, log| Cost { core: CoreShare { ran, waited: 0.0 }, log };
        let seen = Seen { exit: None, before: cost(0.0, 0.0), cost: cost(ran, log), again };
        judge(&seen).iter().map(crate::finding::Evidence::bearing).collect()
    }

    #[test]
    fn the_limit_leaves_the_same_room_whatever_numbers_are_open() {
        assert_eq!(lowered_to(&(0..4).collect()), 36);
        assert_eq!(lowered_to(&[0, 1, 2, 251].into()), 35);
        assert_eq!(lowered_to(&[0, 1, 2, 20].into()), 36);
    }

    #[test]
    fn a_spin_a_flood_of_log_and_a_service_that_does_not_come_back_fall_short() {
        use Bearing::{Against, For, Gap};
        let back = || Ok(Duration::ZERO);
        assert_eq!(bearings(0.1, 500.0, back()), [For, For, For]);
        assert_eq!(bearings(0.5, 10_000.0, back()), [Against, Against, For]);
        assert_eq!(bearings(0.4, 8_000.0, back()), [Gap, Gap, For]);
        assert_eq!(bearings(0.1, 0.0, Err("nothing".to_owned())), [For, For, Against]);
    }
}
