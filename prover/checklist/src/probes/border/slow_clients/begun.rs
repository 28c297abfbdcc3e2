//! Slow connections that are opened early: they are held while other probes run, because most of the examination is waiting.
//!
//! Only where no other client notices: while they and so many more slow heads are held as other probes send requests at a time, and for
//! some seconds after, a harmless request is answered as in peace. Otherwise all are closed, and examined alone later.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::support::drips::{Patience, Until};
use super::super::support::harmless::in_peace;
use super::held::Held;
use super::others::Others;
use crate::contention;
use crate::lab::Lab;
use crate::probes::support::listener::Listener;
use crate::subject::RequestSpec;

/// For so long only the harmless request is asked, before other probes run.
const ALONE: Duration = Duration::from_secs(2);
/// Between two of them.
const EVERY: Duration = Duration::from_millis(160);
/// The same for the look at whether there is room for other probes.
const ROOM: Duration = Duration::from_secs(1);
const ROOM_EVERY: Duration = Duration::from_millis(100);
/// The most requests that other probes send at a time.
const AT_A_TIME: usize = 8;
/// Slow heads on top of those.
const MORE: usize = 2;

/// Connections that were opened early, for the probe that judges them.
struct Begun {
    /// Start of the process to which they are connected.
    process: Instant,
    held: Held,
    first: Others,
}

/// Opens the connections, and leaves them open where no other client notices.
pub(super) async fn begin(id: &str, lab: &mut Lab) {
    let Ok((listener, harmless)) = in_peace(id, lab).await else { return };
    let patience = Patience::of(lab);
    let (release, released) = watch::channel(false);
    let held = Held::start(lab, &listener, harmless, patience, Until::released(patience, released)).await;
    let held = held.released_by(release);
    if !has_room(lab, &listener, &held).await {
        return;
    }
    let contention = contention::Watch::begin(lab);
    let asked = held.ask_for(lab.pace.of(ALONE), lab.pace.of(EVERY)).await;
    let first = Others { asked, contention: contention.end() };
    if first.asked.went_unnoticed() {
        let process = lab.process().started();
        lab.observations.keep(Begun { process, held, first });
    }
}

/// Takes the connections to the process that runs; none when there are none, or another runs now.
pub(super) fn take(lab: &mut Lab) -> Option<(Held, Others)> {
    let Begun { process, held, first } = lab.observations.take()?;
    (lab.process().started() == process).then_some((held, first))
}

/// Returns true if no other client notices either when as many more slow heads are held as other probes send requests at a time.
async fn has_room(lab: &Lab, listener: &Listener, held: &Held) -> bool {
    let uses = |spec: &&RequestSpec| !spec.uses.is_empty();
    let number = lab.subject.requests.iter().filter(uses).count().min(AT_A_TIME) + MORE;
    let mut head = listener.head(&held.harmless.request, "X-Room: ");
    head.truncate(head.len() - 2); // the empty line that would end the head
    let mut slow = Vec::new();
    for _ in 0..number {
        let Ok(mut connection) = listener.open().await else { return false };
        if connection.write(&head, ROOM).await.is_err() {
            return false;
        }
        slow.push(connection);
    }
    held.ask_for(lab.pace.of(ROOM), lab.pace.of(ROOM_EVERY)).await.went_unnoticed()
}
