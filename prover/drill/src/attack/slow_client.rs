//! Holds many connections at once and feeds each just enough to keep it: what slow attacks have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::answers;
use super::context::Context;
use super::evidence::{Evidence, Mark};
use keel_wire::raw::{Ended, RawConnection};

/// Opened at a time: below any usual accept backlog.
const BATCH: usize = 50;
/// Between two rounds in which each connection is fed.
const ROUND: Duration = Duration::from_millis(500);
/// The time limit of one small write.
const WRITE: Duration = Duration::from_millis(200);
/// The time limit for reading the last answer of a cut connection.
const GLANCE: Duration = Duration::from_millis(20);
/// Connections whose answers are looked at, for the evidence.
const LOOKED_AT: usize = 200;
/// The most that is read of one that was left unread, in bytes,
const LEFT: usize = 1 << 20;
/// and how long.
const READ_AT_LAST: Duration = Duration::from_secs(1);

/// The way in which the connections are held.
pub(super) struct Manner {
    /// Written as soon as one is open.
    pub(super) first: Vec<u8>,
    /// Written in each round; empty to write nothing.
    pub(super) drip: &'static [u8],
    /// True if an answer on a connection that stays open frees it: the server is done with it.
    pub(super) answered_is_done: bool,
    /// True if the answers are never read, and little of them fits between the two.
    pub(super) unread: bool,
    /// Requests in `first`: each counts within the bounds. At least one, as for a connection.
    pub(super) requests: u64,
}

/// Counts of the held connections.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The most that were open at once.
    pub(super) most: usize,
    /// Opened in all; a connection that is cut is replaced.
    pub(super) opened: usize,
    /// Could not be opened.
    pub(super) failed: usize,
    /// Closed by the server.
    pub(super) cut: usize,
    /// The time for which the first of these had been held.
    pub(super) first_cut: Option<Duration>,
    /// The statuses that the first of these got before.
    pub(super) statuses: BTreeMap<u16, usize>,
    /// Still held at the end, as far as can be seen without reading.
    pub(super) held: usize,
    /// Without reading: the number of these that were read at last, and of them the number that had been cut in an answer.
    pub(super) read: Option<(usize, usize)>,
}

struct Held {
    connection: RawConnection,
    since: Instant,
}

/// Holds as many as the bounds allow, until their end.
pub(super) async fn hold(context: &Context<'_>, manner: &Manner) -> Tally {
    let mut tally = Tally::default();
    let mut held: Vec<Held> = Vec::new();
    while context.left() > Duration::ZERO {
        let round = Instant::now();
        fill_up(context, manner, &mut held, &mut tally).await;
        tally.most = tally.most.max(held.len());
        let next = (round + ROUND).min(context.deadline());
        tokio::time::sleep_until(next).await;
        held = feed(manner, held, &mut tally).await;
    }
    tally.held = held.len();
    if manner.unread {
        tally.read = Some(read_at_last(held).await);
    }
    tally
}

/// Reads at last. While nothing is read the end of a connection does not show: its FIN waits behind the answers that the
/// kernel still has. A reader that starts at last finds the end within an answer.
async fn read_at_last(held: Vec<Held>) -> (usize, usize) {
    let read = held.into_iter().take(LOOKED_AT).map(async |mut one: Held| {
        let heard = one.connection.listen(LEFT, READ_AT_LAST).await;
        heard.ended != Ended::StillOpen && !answers::end_between_answers(&heard.bytes)
    });
    let cut = join_all(read).await;
    (cut.len(), cut.iter().filter(|cut| **cut).count())
}

/// Opens what is missing; stops for this round when a whole batch fails.
async fn fill_up(context: &Context<'_>, manner: &Manner, held: &mut Vec<Held>, tally: &mut Tally) {
    while held.len() < context.bounds.connections && context.left() > Duration::ZERO {
        let mut batch = Vec::new();
        for _ in 0..BATCH.min(context.bounds.connections - held.len()) {
            if !context.turns(manner.requests).await {
                break;
            }
            batch.push(begin(context, manner));
        }
        let tried = batch.len();
        let opened = tokio::time::timeout_at(context.deadline(), join_all(batch)).await.unwrap_or_default();
        let opened: Vec<Held> = opened.into_iter().flatten().collect();
        tally.failed += tried - opened.len();
        tally.opened += opened.len();
        let none = opened.is_empty();
        held.extend(opened);
        if none {
            return;
        }
    }
}

async fn begin(context: &Context<'_>, manner: &Manner) -> Option<Held> {
    let opened = if manner.unread { context.open_narrow().await } else { context.open_connection().await };
    let mut connection = opened.ok()?;
    let since = Instant::now();
    // A server may have closed already; the next round sees it.
    let _ = connection.write(&manner.first, WRITE).await;
    Some(Held { connection, since })
}

/// Feeds each; gives those that the server still holds.
async fn feed(manner: &Manner, held: Vec<Held>, tally: &mut Tally) -> Vec<Held> {
    let mut kept = Vec::with_capacity(held.len());
    for mut one in held {
        let mut ended = one.connection.peer_state();
        let mut status = None;
        let look = tally.cut < LOOKED_AT && !manner.unread;
        if look && (ended != Ended::StillOpen || (manner.answered_is_done && one.connection.has_unread())) {
            let heard = one.connection.listen_answer(GLANCE).await;
            status = heard.status();
            ended = one.connection.peer_state();
        }
        if ended == Ended::StillOpen && status.is_none() {
            if !manner.drip.is_empty() {
                // A refused write is seen as a cut in the next round.
                let _ = one.connection.write(manner.drip, WRITE).await;
            }
            kept.push(one);
            continue;
        }
        tally.cut += 1;
        tally.first_cut.get_or_insert(one.since.elapsed());
        if let Some(status) = status {
            *tally.statuses.entry(status).or_default() += 1;
        }
    }
    kept
}

impl Tally {
    /// Judges the server: cutting or refusing some is right, keeping all is tolerated as long as others are served,
    /// which the bystander says.
    pub(super) fn evidence(&self, context: &Context<'_>, what: &str) -> Vec<Evidence> {
        let all = format!("{} connections with {what} were opened, {} at once", self.opened, self.most);
        let seconds = context.bounds.duration.as_secs_f64();
        let mut evidence = vec![Evidence::new(Mark::Note, all)];
        if self.opened == 0 {
            evidence.push(Evidence::new(Mark::Right, format!("none of {} connections was accepted", self.failed)));
            return evidence;
        }
        if let Some(first) = self.first_cut {
            let text = format!("{} were ended by the server, the first after {first:.1?}{}", self.cut, self.answers());
            evidence.push(Evidence::new(Mark::Right, text));
        }
        if self.failed > 0 {
            let failed = format!("{} more could not be opened", self.failed);
            evidence.push(Evidence::new(Mark::Note, failed));
        }
        if let Some((read, cut)) = self.read.filter(|(_, cut)| *cut > 0) {
            let text =
                format!("of {read} that were read at the end, after {seconds:.0} s, {cut} had been cut in an answer");
            evidence.push(Evidence::new(Mark::Right, text));
        }
        let all_cut = self.read.is_some_and(|(read, cut)| read > 0 && read == cut);
        if self.held > 0 && !all_cut {
            let text = format!("{} were still held at the end of {seconds:.0} s", self.held);
            evidence.push(Evidence::new(Mark::Tolerated, text));
        }
        evidence
    }

    fn answers(&self) -> String {
        let told: Vec<String> = self.statuses.iter().map(|(status, count)| format!("{count} with {status}")).collect();
        if told.is_empty() { String::new() } else { format!(" (looked at: {})", told.join(", ")) }
    }
}
