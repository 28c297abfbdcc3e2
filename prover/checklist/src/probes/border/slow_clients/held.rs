//! The slow connections of one examination, and their ends so far.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::super::support::drips::{self, Patience, Until};
use super::super::support::harmless::{Harmless, PROMPT};
use super::{Asked, Idler, reader};
use crate::lab::Lab;
use crate::lab::drip::{Drip, Fate};
use crate::probes::support::listener::Listener;
use crate::recipe::strain::Unread;

/// Slow connections.
pub(super) struct Held {
    pub(super) harmless: Harmless,
    /// Recipe of the reader that never reads.
    pub(super) unread: Option<Unread>,
    patience: Patience,
    begun: Instant,
    dripping: JoinSet<Drip>,
    idling: JoinSet<(Idler, Fate)>,
    /// Where other probes run beside them: ends those that are held when it says true.
    release: Option<watch::Sender<bool>>,
    /// Slow parts that have ended.
    pub(super) dripped: Vec<Drip>,
    /// Idle connections that have ended.
    pub(super) ended: Vec<(Idler, Fate)>,
}

impl Held {
    /// Opens them, to be held until then.
    pub(super) async fn start(
        lab: &Lab,
        listener: &Listener,
        harmless: Harmless,
        patience: Patience,
        until: Until,
    ) -> Self {
        let begun = Instant::now();
        let dripping = drips::start(lab, listener, &harmless, &until).await;
        let whole = listener.bytes(&harmless.request);
        let largest = reader::largest(lab, listener).await;
        let unread = largest.as_ref().map(reader::Largest::recipe);
        let mut idling = JoinSet::new();
        let (at, held) = (listener.clone(), until.clone());
        idling.spawn(async move { (Idler::Silent, drips::idle(&at, Vec::new(), &held).await) });
        let (at, held) = (listener.clone(), until.clone());
        idling.spawn(async move { (Idler::KeptAlive, drips::idle(&at, whole, &held).await) });
        let at = listener.clone();
        idling.spawn(async move { (Idler::Reader, reader::never_read(&at, largest, &until).await) });
        let (dripped, ended) = (Vec::new(), Vec::new());
        Self { harmless, unread, patience, begun, dripping, idling, release: None, dripped, ended }
    }

    /// The same, to be released with this.
    pub(super) fn released_by(mut self, release: watch::Sender<bool>) -> Self {
        self.release = Some(release);
        self
    }

    /// Asks the harmless request every so often for this time.
    pub(super) async fn ask_for(&self, lasts: Duration, every: Duration) -> Asked {
        let (mut asked, until) = (Asked::default(), Instant::now() + lasts);
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            ticks.tick().await;
            asked.ask(&self.harmless).await;
        }
        asked
    }

    /// Waits for the end of all, and asks the harmless request meanwhile.
    pub(super) async fn wait_for_all(&mut self) -> Asked {
        let mut asked = Asked::default();
        let mut ticks = tokio::time::interval(self.patience.ask);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // For a moment nothing runs beside them, so that who cuts late was not kept from it.
        let release_at = (self.begun + self.patience.cut).max(Instant::now() + 3 * PROMPT);
        while !self.dripping.is_empty() || !self.idling.is_empty() {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(release_at.into()), if self.release.is_some() => self.release(),
                _ = ticks.tick() => asked.ask(&self.harmless).await,
                Some(Ok(drip)) = self.dripping.join_next(), if !self.dripping.is_empty() => self.dripped.push(drip),
                Some(Ok(fate)) = self.idling.join_next(), if !self.idling.is_empty() => self.ended.push(fate),
            }
        }
        asked
    }

    /// Ends those that are still held. What was cut before, and later than the patience, cannot be told from what would have been cut
    /// in time but for other probes.
    fn release(&mut self) {
        if let Some(release) = self.release.take() {
            release.send_replace(true);
        }
    }

    /// Judges ends in the light of other probes that ran beside them.
    pub(super) fn beside_others(mut self) -> Self {
        let cut = self.patience.cut;
        self.dripped.iter_mut().for_each(|drip| drip.fate = in_time(drip.fate.clone(), cut));
        self.ended.iter_mut().for_each(|(_, fate)| *fate = in_time(fate.clone(), cut));
        self
    }
}

/// A cut beyond the patience says nothing, when other probes ran meanwhile: they may have delayed it.
fn in_time(fate: Fate, cut: Duration) -> Fate {
    match fate {
        Fate::Cut(after, how) if after > cut => {
            Fate::NotJudged(format!("it was {how} after {after:.1?}, later than {cut:.1?}, while other probes ran"))
        }
        fate => fate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_cut_late_beside_other_probes_is_not_judged() {
        let cut = |seconds| in_time(Fate::Cut(Duration::from_secs(seconds), "closed".to_owned()), PROMPT);
        assert!(matches!(cut(1), Fate::Cut(..)));
        assert!(matches!(cut(2), Fate::NotJudged(_)));
        let held = Fate::Held(9 * PROMPT);
        assert_eq!(in_time(held.clone(), PROMPT), held, "nothing delays the end of what is held on");
    }
}
