//! Connections from one address and from many, and what others see of them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::raw::{Ended, RawConnection};

use crate::clause::Clause;
use crate::clause::border::connections as clause;
use crate::finding::Evidence;
use crate::probes::border::support::harmless::{Harmless, PROMPT};
use crate::probes::support::listener::{self, Listener};
use crate::recipe::Recipe;

/// Opened at a time: below any usual accept backlog.
const BATCH: usize = 50;
/// Of the held ones, how many of the newest are completed to see whether they are served.
const SAMPLE: usize = 40;
/// Held by the script that shows that others suffer.
const LEAST_CROWD: usize = 50;
const MOST_CROWD: usize = 2_000;
/// Dropped as soon as they are made.
const BURST: usize = 500;
/// Time limit for a connection of the flood to be accepted or answered.
const EACH: Duration = Duration::from_secs(2);
/// Time that a refusal is waited for on a connection that seems accepted.
const GLANCE: Duration = Duration::from_millis(20);
/// Until when the flooder must be served again after the flood.
const RECOVERY: Duration = Duration::from_secs(10);
/// Source address of the flood.
pub(super) const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Source address of other clients.
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Floods the service, and asks a harmless request meanwhile.
pub(super) struct Client<'a> {
    pub(super) listener: &'a Listener,
    pub(super) harmless: &'a Harmless,
}

/// The connections of a flood.
struct Flood {
    held: Vec<RawConnection>,
    tried: usize,
    refused: usize,
    /// The form of the first refusal.
    refusal: String,
}

/// Outcome of held connections whose requests were completed; the rest got nothing in time.
struct Sample {
    served: usize,
    refused: usize,
    all: usize,
}

/// Outcome of a connection.
enum Fate {
    Held(RawConnection),
    Refused(String),
}

impl Client<'_> {
    /// Floods from one address. Returns how many it was allowed, when there was a limit.
    pub(super) async fn one_address(&self, count: usize, evidence: &mut Vec<Evidence>) -> Option<usize> {
        let flood = self.open(count, |_| FLOODER).await;
        let during = self.others(clause::FLOOD, "while one address floods").await;
        let held = flood.held.len();
        let sample = self.complete(flood.held).await;
        let after = self.others(clause::FLOOD, "after its requests").await;
        let Sample { served, refused, all } = sample;
        let limited = sample.is_limited(flood.refused, during.is_for() && after.is_for());
        let tried = flood.tried;
        let what = if flood.refused > 0 {
            format!(
                "of {tried} connections from one address {held} were taken and {} refused ({})",
                flood.refused, flood.refusal
            )
        } else if served < all {
            format!(
                "{tried} connections from one address were all taken; of the newest {all}, {served} were served and {refused} refused"
            )
        } else {
            format!("all {tried} connections from one address were taken, and the newest {all} all served: no limit")
        };
        let mut begin = self.listener.head(&self.harmless.request, "");
        begin.truncate(begin.len() - 2);
        let connections = tried.clamp(LEAST_CROWD, MOST_CROWD);
        let beside = self.harmless.request.clone();
        let crowd = Recipe::Crowd { connections, begin: begin.clone(), beside, within: EACH };
        let all_served = Recipe::AllServed { connections, newest: SAMPLE, begin };
        // Where the newest wait without an answer, others wait with them.
        let per_address = clause::PER_ADDRESS.saw(limited, what);
        evidence.push(per_address.reproduced_by(if served == all { all_served } else { crowd.clone() }));
        let during = during.reproduced_by(crowd);
        evidence.extend([during, after]);
        (flood.refused > 0).then_some(held)
    }

    /// Floods from many addresses, each with half of what one is allowed. Whether all together are limited decides nothing:
    /// the limit may be above what is tried.
    pub(super) async fn many_addresses(&self, count: usize, allowed: usize, evidence: &mut Vec<Evidence>) {
        let each = (allowed / 2).max(1);
        let source = |n: usize| {
            let n = u32::try_from(n / each).unwrap_or(u32::MAX);
            Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)).saturating_add(n))
        };
        let flood = self.open(count, source).await;
        let (held, tried) = (flood.held.len(), flood.tried);
        if flood.refused == 0 {
            let what = format!(
                "{tried} connections from many addresses were all taken: a limit in all is above that, or there is none"
            );
            evidence.push(clause::IN_ALL.gap(what));
            evidence.push(self.others(clause::FLOOD, "while many addresses hold connections").await);
        } else {
            let what = format!("of {tried} connections from many addresses {held} were taken: there is a limit in all");
            evidence.push(clause::IN_ALL.holds(what));
        }
    }

    /// Opens connections in batches and leaves the last line of the head out, until so many are held, or a whole batch is
    /// refused: before that some process of the service may still have room, and others would be served by luck.
    async fn open(&self, count: usize, source: impl Fn(usize) -> Ipv4Addr) -> Flood {
        let mut head = self.listener.head(&self.harmless.request, "");
        head.truncate(head.len() - 2);
        let mut flood = Flood { held: Vec::new(), tried: 0, refused: 0, refusal: String::new() };
        while flood.held.len() < count && flood.tried < 2 * count {
            let batch = BATCH.min(count - flood.held.len());
            let opened = join_all((0..batch).map(|n| self.hold(source(flood.tried + n), &head))).await;
            flood.tried += batch;
            let before = flood.held.len();
            for fate in opened {
                match fate {
                    Fate::Held(connection) => flood.held.push(connection),
                    Fate::Refused(how) => flood.refuse(how),
                }
            }
            if flood.held.len() == before {
                break;
            }
        }
        // A refusal may come late: look once more at the newest. Of the oldest, some may have been cut for being slow by now,
        // which is no limit of connections.
        let newest = flood.held.split_off(flood.held.len().saturating_sub(2 * BATCH));
        for fate in join_all(newest.into_iter().map(|connection| glance(connection, GLANCE))).await {
            match fate {
                Fate::Held(connection) => flood.held.push(connection),
                Fate::Refused(how) => flood.refuse(how),
            }
        }
        flood
    }

    async fn hold(&self, source: Ipv4Addr, head: &[u8]) -> Fate {
        let mut connection = match self.listener.open_from(source, EACH).await {
            Ok(connection) => connection,
            Err(error) => return Fate::Refused(error.to_string()),
        };
        if let Err(error) = connection.write(head, EACH).await {
            return Fate::Refused(error.to_string());
        }
        glance(connection, GLANCE).await
    }

    /// Completes the newest of the held requests.
    async fn complete(&self, mut held: Vec<RawConnection>) -> Sample {
        let newest = held.split_off(held.len().saturating_sub(SAMPLE));
        let all = newest.len();
        let answered = join_all(newest.into_iter().map(|mut connection| async move {
            // That it cannot be written is seen again in what is heard.
            let _ = connection.write(b"\r\n", EACH).await;
            let heard = connection.listen_answer(EACH).await;
            match listener::answers(&heard.bytes).first() {
                Some(answer) => Some(answer.status == self.harmless.status),
                None => (heard.ended != Ended::StillOpen).then_some(false),
            }
        }))
        .await;
        let count = |what: bool| answered.iter().filter(|answer| **answer == Some(what)).count();
        Sample { served: count(true), refused: count(false), all }
    }

    /// Judges that a client at another address is answered promptly, ten times.
    pub(super) async fn others(&self, clause: Clause, when: &str) -> Evidence {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            match self.ask(OTHER).await {
                Ok(took) if took < PROMPT => slowest = slowest.max(took),
                Ok(took) => {
                    return clause.contradicts(format!("another address is answered only after {took:.1?} {when}"));
                }
                Err(how) => return clause.contradicts(format!("another address is not answered {when}: {how}")),
            }
        }
        clause.holds(format!("another address is answered within {slowest:.1?} {when}"))
    }

    /// Asks the harmless request from an address.
    async fn ask(&self, source: Ipv4Addr) -> Result<Duration, String> {
        let began = Instant::now();
        let mut connection = self.listener.open_from(source, EACH).await.map_err(|error| error.to_string())?;
        let bytes = self.listener.bytes(&self.harmless.request);
        connection.write(&bytes, EACH).await.map_err(|error| error.to_string())?;
        let heard = connection.listen_answer(EACH).await;
        match listener::answers(&heard.bytes).first() {
            Some(answer) if answer.status == self.harmless.status => Ok(began.elapsed()),
            Some(answer) => Err(format!("answered {}", answer.status)),
            None => Err(listener::told(&heard)),
        }
    }

    /// Makes connections and drops them at once.
    pub(super) async fn burst(&self, evidence: &mut Vec<Evidence>) {
        for _ in 0..BURST / BATCH {
            join_all((0..BATCH).map(|_| self.listener.open_from(FLOODER, EACH))).await;
        }
        evidence.push(
            self.others(clause::FLOOD, &format!("after a burst of {BURST} connections that were dropped at once"))
                .await,
        );
    }

    /// Judges that the flooder is served again once it has stopped.
    pub(super) async fn recovery(&self, evidence: &mut Vec<Evidence>) {
        let began = Instant::now();
        loop {
            match self.ask(FLOODER).await {
                Ok(took) if took < PROMPT => {
                    let what = format!("the flooding address is served again {:.1?} after it stopped", began.elapsed());
                    return evidence.push(clause::FLOOD.holds(what));
                }
                Err(how) if began.elapsed() > RECOVERY => {
                    let what = format!("the flooding address is not served {RECOVERY:?} after it stopped: {how}");
                    return evidence.push(clause::FLOOD.contradicts(what));
                }
                Ok(took) if began.elapsed() > RECOVERY => {
                    let what = format!("the service takes {took:.1?} to answer {RECOVERY:?} after the flood");
                    return evidence.push(clause::FLOOD.contradicts(what));
                }
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Sample {
    /// Returns true if one address is limited: some of its connections or requests were refused, or some got nothing while others
    /// were well, so that they wait in a queue of their own.
    fn is_limited(&self, refused: usize, others_are_well: bool) -> bool {
        let queued = self.served + self.refused < self.all && others_are_well;
        refused > 0 || self.refused > 0 || queued
    }
}

impl Flood {
    fn refuse(&mut self, how: String) {
        if self.refused == 0 {
            self.refusal = how;
        }
        self.refused += 1;
    }
}

/// Looks whether the service refused the connection at once.
async fn glance(mut connection: RawConnection, wait: Duration) -> Fate {
    let heard = connection.listen(64 << 10, wait).await;
    match listener::answers(&heard.bytes).first() {
        Some(answer) => Fate::Refused(format!("answered {}", answer.status)),
        None if heard.ended == Ended::StillOpen => Fate::Held(connection),
        None => Fate::Refused("closed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_limited_when_it_is_refused_or_waits_while_others_are_well() {
        let limited =
            |connections, served, refused, well| Sample { served, refused, all: SAMPLE }.is_limited(connections, well);
        assert!(!limited(0, SAMPLE, 0, true), "all were served");
        assert!(limited(1, SAMPLE, 0, true));
        assert!(limited(0, SAMPLE - 1, 1, false));
        assert!(limited(0, SAMPLE - 1, 0, true), "one waits in a queue of its own");
        assert!(!limited(0, SAMPLE - 1, 0, false), "others wait too: it is no limit");
    }
}
