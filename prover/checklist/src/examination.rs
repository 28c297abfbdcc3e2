//! Runs the probes in order, and applies the decisions.

mod event;
mod profile;
mod selection;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;

pub use self::event::Event;
pub use self::profile::Profile;
pub use self::selection::Selection;
use crate::calendar::{Day, rfc3339};
use crate::contention::machine::{self, Machine};
use crate::contradiction;
use crate::decision::{Attestation, Decisions};
use crate::finding::{Evidence, Finding};
use crate::first_try::FirstTry;
use crate::lab::{Lab, StartFailure};
pub use crate::probe::PROBE_BOUND;
use crate::probe::Probe;
use crate::probes::border::slow_clients::{self, begun};
use crate::probes::{beside, call};
use crate::reach;
use crate::report::{Examined, Report};
use crate::repro;
use crate::subject::Subject;
use keel_catalogue::{Attribute, Catalogue, Kind};

/// A subject that could not be started again so often, one probe after the other, is given up.
pub const START_TRIES: u32 = 2;
/// From SIGTERM to SIGKILL when the examination is broken off: who pressed Ctrl-C does not wait for a drain.
const BROKEN_OFF_DRAIN: Duration = Duration::from_secs(2);

/// Examination of a subject: probes, selection and decisions.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The probes, in the order in which they run: [`crate::probes::all`].
    pub probes: Vec<Probe>,
    /// The selected attributes.
    pub selection: Selection,
    /// The decisions of people.
    pub decisions: Decisions,
    /// The day that decisions are compared with.
    pub today: Day,
    /// No probe takes longer: [`PROBE_BOUND`].
    pub bound: Duration,
    /// The extent of the examination.
    pub profile: Profile,
}

/// A subject that is started again for every probe that needs it, until that is hopeless.
struct Patient {
    lab: Lab,
    /// The number of failed starts in a row.
    failed: u32,
    last_failure: Option<StartFailure>,
    /// The share of the machine that others used during the last probe that took long enough to tell.
    others: Option<f64>,
    /// Time for connections that were opened before other probes, until the probe that judges them.
    ahead: Duration,
}

impl Examination {
    /// The attributes it will say something about: those with a probe, those decided on, those asked for by id.
    pub fn attributes(&self) -> Vec<&str> {
        let probed = self.probes.iter().map(|probe| probe.id).filter(|id| self.selection.takes(id));
        probed.chain(self.without_probe()).collect()
    }

    /// The probes that will run, in their order.
    pub fn chosen(&self) -> Vec<&Probe> {
        let runs = |probe: &&Probe| self.selection.takes(probe.id) && !self.profile.leaves_out(probe.id);
        self.probes.iter().filter(runs).collect()
    }

    /// The attributes whose probes the profile leaves out.
    pub fn left_out(&self) -> Vec<&str> {
        let ids = self.probes.iter().map(|probe| probe.id);
        ids.filter(|id| self.selection.takes(id) && self.profile.leaves_out(id)).collect()
    }

    /// Examines the subject. `tell` is told what happens meanwhile.
    ///
    /// Ends early, with what was found so far, when `interrupt` is done. When it returns or is dropped, everything that
    /// it started has ended.
    ///
    /// # Errors
    /// When the subject cannot be started at all. Later failures to start are findings.
    pub async fn run(
        &self,
        subject: Subject,
        mut tell: impl FnMut(Event<'_>),
        interrupt: impl Future<Output = ()>,
    ) -> Result<Report, StartFailure> {
        let mut interrupt = std::pin::pin!(interrupt);
        let begun = (SystemTime::now(), Instant::now());
        let mut report = Report::new(&subject, rfc3339(begun.0));
        let declared = subject.clone();
        let chosen = self.chosen();
        let (mut findings, mut left_out) = (Vec::new(), self.left_out());
        if !chosen.is_empty() {
            let opened = tokio::select! {
                opened = Patient::admit(subject) => Some(opened?),
                () = interrupt.as_mut() => None,
            };
            report.interrupted = opened.is_none();
            if let Some((mut patient, first_try)) = opened {
                tell(Event::Tried(&first_try));
                patient.lab.drips = self.profile.unwatched();
                report.first_try = Some(first_try);
                for (place, probe) in chosen.iter().enumerate() {
                    let (number, count) = (place + 1, chosen.len());
                    let Some(bound) = self.profile.bound(self.bound, begun.1.elapsed()) else {
                        left_out.push(probe.id);
                        continue;
                    };
                    tell(Event::Begins { number, count, id: probe.id });
                    let slow_clients = beside::begins_at(&chosen, place);
                    tokio::select! {
                        (found, took) = patient.examine(probe, bound, slow_clients) => {
                            let decided = self.decisions.apply(found.clone(), self.today);
                            tell(Event::Found { number, count, finding: &decided, took });
                            findings.push((found, took));
                        }
                        () = interrupt.as_mut() => {
                            report.interrupted = true;
                            break;
                        }
                    }
                }
                patient.discharge(report.interrupted).await;
            }
        }
        report.examined = findings.len();
        if !report.interrupted {
            findings.extend(left_out.into_iter().map(|id| (self.profile.unexamined(id), Duration::ZERO)));
            findings.extend(self.without_probe().map(|id| (self.unprobed(id), Duration::ZERO)));
        }
        report.contradictions = contradiction::resolve(findings.iter_mut().map(|(finding, _)| finding).collect());
        let decided = |(finding, took)| (self.decisions.apply(finding, self.today), took);
        report.findings = in_order(findings.into_iter().map(decided).collect());
        for examined in &mut report.findings {
            examined.script = repro::of(&declared, &examined.finding);
        }
        report.close(begun.1.elapsed());
        Ok(report)
    }

    /// Returns the selected or decided attributes without a probe; with decisions also all that people attest.
    fn without_probe(&self) -> impl Iterator<Item = &str> {
        let catalogue = Catalogue::embedded();
        let asked = self.selection.only.iter().map(String::as_str).filter(|word| catalogue.get(word).is_some());
        let mut ids: Vec<&str> = asked.chain(self.decisions.ids()).collect();
        if !ids.is_empty() || self.selection.is_plan() {
            ids.extend(catalogue.attributes().filter(|row| is_plan(row)).map(|row| row.id.as_str()));
        }
        ids.retain(|id| self.selection.takes(id) && !self.probes.iter().any(|probe| probe.id == *id));
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
    }

    /// Returns the finding on an attribute without a probe: the attestation of people, or *unknown*.
    fn unprobed(&self, id: &str) -> Finding {
        let attribute = Catalogue::embedded().get(id);
        if let Some(attribute) = attribute.filter(|attribute| is_plan(attribute) || attribute.kind == [Kind::Attested])
        {
            let finding = self.decisions.attest(id, self.today);
            let rest = "only the attestation was judged: this version has no probe for the observable part";
            return if attribute.kind == [Kind::Attested] { finding } else { finding.noted(rest) };
        }
        let attested = match self.decisions.attested(id, self.today) {
            Attestation::Missing => Vec::new(),
            Attestation::Current(_) | Attestation::Expired(_) => {
                let said = self.decisions.attest(id, self.today);
                said.evidence().iter().map(|piece| Evidence::note(piece.what.clone())).collect()
            }
        };
        Finding::unknown(id, "this version has no probe for it", attested)
    }
}

/// Returns true if the attribute is only attested.
fn is_plan(attribute: &Attribute) -> bool {
    attribute.id.starts_with("plan.") && attribute.kind.contains(&Kind::Attested)
}

impl Patient {
    /// Starts it for the first time, and sends it the declared requests once.
    async fn admit(subject: Subject) -> Result<(Self, FirstTry), StartFailure> {
        let mut lab = Lab::open(subject).await?;
        lab.ensure_running().await?;
        let first_try = FirstTry::of(&mut lab).await;
        Ok((Self { lab, failed: 0, last_failure: None, others: None, ahead: Duration::ZERO }, first_try))
    }

    /// One probe on the running subject, bounded in time, and how long it took; where slow clients are to be held meanwhile, they are
    /// opened before.
    async fn examine(&mut self, probe: &Probe, bound: Duration, slow_clients: bool) -> (Finding, Duration) {
        if let Some(refused) = reach::refused(&self.lab.subject, probe.id) {
            return (refused, Duration::ZERO);
        }
        if let Err(failure) = self.mend(probe.id).await {
            let reason = format!("the service could not be started again before this probe: {failure}");
            let evidence = failure.output.iter().map(|line| Evidence::note(format!("it printed: {line}"))).collect();
            return (Finding::unknown(probe.id, reason, evidence), Duration::ZERO);
        }
        if slow_clients {
            let since = Instant::now();
            let _ = tokio::time::timeout(bound, begun::begin(&mut self.lab)).await;
            self.ahead = since.elapsed();
        }
        let (since, machine) = (Instant::now(), Machine::now());
        let declared = self.lab.subject.clone();
        let (finding, ended) = examined(&mut self.lab, probe, bound).await;
        let mut took = since.elapsed();
        if probe.id == slow_clients::PROBE.id {
            took += std::mem::take(&mut self.ahead);
        }
        let others = machine.zip(Machine::now()).and_then(|(begun, ended)| ended.used_by_others(begun));
        self.others = others.or(self.others);
        let finding = machine::in_light_of(finding, self.others);
        if !ended {
            // It may have left anything behind: settings, faults, a service that was started in another way.
            self.lab.subject = declared;
            self.lab.end_all().await;
        }
        (reach::with_unseen(&self.lab.subject, finding), took)
    }

    /// Makes sure that the subject runs, unless the probe starts it itself, and that no fault is left.
    async fn mend(&mut self, id: &str) -> Result<(), StartFailure> {
        if let Some(failure) = self.last_failure.as_ref().filter(|_| self.failed >= START_TRIES) {
            return Err(failure.clone());
        }
        if call::starts_by_itself(id, &self.lab) {
            return self.lab.mend_dependencies().await;
        }
        match self.lab.ensure_running().await {
            Ok(_) => (self.failed, self.last_failure) = (0, None),
            Err(failure) => {
                self.failed += 1;
                self.last_failure = Some(failure.clone());
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Stops it; its dependencies and proxies end with the lab.
    async fn discharge(mut self, broken_off: bool) {
        if broken_off {
            let patience = &mut self.lab.subject.drain_timeout;
            *patience = (*patience).min(BROKEN_OFF_DRAIN);
        }
        self.lab.stop().await;
    }
}

/// A probe that panics or does not end has found nothing out. Whether it came to its end.
async fn examined(lab: &mut Lab, probe: &Probe, bound: Duration) -> (Finding, bool) {
    lab.until = Some(Instant::now() + bound);
    let examining = AssertUnwindSafe(async { (probe.examine)(lab).await }).catch_unwind();
    match tokio::time::timeout(bound, examining).await {
        Ok(Ok(finding)) => (finding, true),
        Ok(Err(panic)) => {
            let evidence = vec![Evidence::note(format!("it said: {}", message(panic.as_ref())))];
            (Finding::unknown(probe.id, "the probe failed: a fault of keel, please report it", evidence), false)
        }
        Err(_) => {
            let reason = format!("the probe was broken off after {bound:?}, its bound");
            (Finding::unknown(probe.id, reason, Vec::new()), false)
        }
    }
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing")
}

/// The findings with what the catalogue says of them, in its order.
fn in_order(findings: Vec<(Finding, Duration)>) -> Vec<Examined> {
    let catalogue = Catalogue::embedded();
    let place = |id: &str| catalogue.attributes().position(|attribute| attribute.id == id);
    let mut examined: Vec<Examined> =
        findings.into_iter().map(|(finding, took)| Examined::new(catalogue, finding, took)).collect();
    examined.sort_by_key(|examined| place(examined.finding.id()));
    examined
}
