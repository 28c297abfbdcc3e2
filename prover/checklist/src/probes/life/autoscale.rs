//! `life.autoscale`: publishes the signals to scale on, with minimum, maximum and cooldown in its manifests; a slow dependency raises none.
//!
//! - **Hypothesis**: each declared manifest bounds the number of instances and waits before it takes some away; the signals that it names
//!   are published; one of them rises under load and falls after it; none rises when nothing but a dependency is slow.
//! - **Sent**: the metrics, again and again; reads that use no dependency, `WORKERS` at a time, for `LASTS`; as many of a request
//!   that uses a dependency, whose answers are late by `DELAY`.
//! - **Decides**: the manifests, and the mean of each signal in peace, under load and beside the slow dependency. A signal that
//!   is computed from counters by a query is not followed. Whether a cluster scales by it is not seen.
//! - **Blast radius**: load for some seconds; a dependency is slow for some seconds.
//! - **Bound in time**: twice `LASTS`, `FALLS_WITHIN`, and some seconds.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_proxy::Fault;
use keel_wire::http::Request;

use self::manifest::{Manifest, Signal};
use self::rises::{Course, RISES, has_risen};
use crate::clause::life::autoscale as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::see::ops_files::{self, Published, is_published};
use crate::recipe::Recipe;
use crate::subject::{Ops, RequestSpec};

mod manifest;
mod rises;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "life.autoscale";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Requests at a time.
const WORKERS: usize = 64;
/// Durations of the load: the second one where no signal has risen in the first, as some are means of a longer time. The dependency is slow for as long.
const LASTS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(12)];
/// The time in peace before them.
const PEACE: Duration = Duration::from_secs(1);
/// The time in which a signal must fall after the load.
const FALLS_WITHIN: Duration = Duration::from_secs(30);
/// By so much the answers of the dependency are late.
const DELAY: Duration = Duration::from_millis(400);
/// Between two looks at the signals.
const LOOK: Duration = Duration::from_millis(250);

/// Examines the declared manifests and their signals.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(ops) = lab.subject.ops.clone().filter(|ops| !ops.autoscale.is_empty()) else {
        let reason = "no manifests for automatic scaling are declared: say `autoscale` in [ops] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let mut manifests = Vec::new();
    for file in &ops.autoscale {
        match manifest::read(&ops.folder.join(file)) {
            Ok(read) => manifests.extend(read),
            Err(why) => return Finding::unknown(ID, format!("{}: {why}", file.display()), Vec::new()),
        }
    }
    if manifests.is_empty() {
        let reason = "the declared manifests hold no HorizontalPodAutoscaler and no ScaledObject";
        return Finding::unknown(ID, reason, Vec::new());
    }
    let mut evidence: Vec<Evidence> = manifests.iter().flat_map(Manifest::bounds).collect();
    evidence.extend(manifests.iter().flat_map(Manifest::names_signals));
    let published = match ops_files::published(lab).await {
        Ok(published) => published,
        Err(why) => {
            evidence.extend([clause::SIGNALS, clause::DEPENDENCY].map(|clause| clause.gap(why.clone())));
            return Finding::judge(ID, evidence);
        }
    };
    let mut signals: Vec<Signal> = manifests.into_iter().flat_map(|manifest| manifest.signals).collect();
    signals.sort_by(|one, other| one.shown.cmp(&other.shown));
    signals.dedup_by(|one, other| one.shown == other.shown);
    evidence.extend(missing(lab, &ops, &signals, &published));
    signals.retain(|signal| signal.value(&published.scrape).is_some());
    if signals.is_empty() {
        let why = "no signal of the manifests is a gauge of the service, so none was followed";
        evidence.extend([clause::SIGNALS, clause::DEPENDENCY].map(|clause| clause.gap(why)));
        return Finding::judge(ID, evidence);
    }
    evidence.extend(followed(lab, &signals).await);
    Finding::judge(ID, evidence)
}

/// Signals that are not published.
fn missing(lab: &Lab, ops: &Ops, signals: &[Signal], published: &Published) -> Vec<Evidence> {
    let named = signals.iter().flat_map(|signal| &signal.selectors);
    let unknown = named.filter(|selector| !is_published(&selector.name, &published.scrape));
    unknown
        .map(|selector| {
            let what = format!("a manifest scales on {}, which the service does not publish", selector.name);
            let piece = clause::SIGNALS.contradicts(what).by(&published.control);
            unpublished(lab, ops, &selector.name).into_iter().fold(piece, Evidence::reproduced_by)
        })
        .collect()
}

/// Looks for the metric of a signal; none where no manifest has its name as it is.
fn unpublished(lab: &Lab, ops: &Ops, name: &str) -> Option<Recipe> {
    let files = ops.autoscale.iter().map(|file| ops.folder.join(file));
    let mut with_name = files.filter(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(name)));
    let file = with_name.next()?.display().to_string();
    let path = lab.subject.metrics.clone().unwrap_or_else(|| "/metrics".to_owned());
    Some(Recipe::Unpublished { file, name: name.to_owned(), path })
}

/// Follows the signals in peace, under load, after it, and beside a slow dependency.
async fn followed(lab: &Lab, signals: &[Signal]) -> Vec<Evidence> {
    let peace = watched(lab, signals, PEACE, Instant::now() + lab.pace.of(PEACE), &[]).await;
    let reads: Vec<RequestSpec> = loading(lab);
    if reads.is_empty() {
        let why = "no GET is declared that uses no dependency, so no load was made: declare [[requests]]";
        return [clause::SIGNALS, clause::DEPENDENCY].map(|clause| clause.gap(why)).to_vec();
    }
    let (mut lasts, mut load) = (LASTS[0], Vec::new());
    for time in LASTS {
        lasts = time;
        load = watched(lab, signals, lasts, Instant::now() + lab.pace.of(lasts), &reads).await;
        if (0..signals.len()).any(|place| has_risen(signals[place].target, peace[place], load[place])) {
            break;
        }
    }
    let fell = falls(lab, signals, &peace, &load).await;
    let slow = beside_a_slow_dependency(lab, signals, lasts).await;
    let courses: Vec<Course> = signals
        .iter()
        .enumerate()
        .map(|(place, signal)| Course {
            shown: signal.shown.clone(),
            target: signal.target,
            peace: peace[place],
            load: load[place],
            falls: fell[place],
            slow: slow.as_ref().ok().map(|(_, means)| means[place]),
        })
        .collect();
    let mut evidence = rises::judge_load(&courses);
    let control = Control::seen(
        courses.iter().any(Course::rises),
        format!("under load a signal {RISES}"),
        "no signal rises under load, so that none rises beside a slow dependency says nothing",
    );
    evidence.extend(match (slow, control) {
        (Err(failed), _) | (Ok(_), Err(failed)) => vec![clause::DEPENDENCY.uncontrolled(&failed)],
        (Ok((told, _)), Ok(control)) => {
            rises::judge_slow(&courses, &told).into_iter().map(|piece| piece.by(&control)).collect()
        }
    });
    evidence
}

/// Reads that make load: those that compute, where there are some.
fn loading(lab: &Lab) -> Vec<RequestSpec> {
    let all = lab.subject.requests.iter().filter(|spec| !spec.slow && !spec.crash);
    let reads: Vec<RequestSpec> = all.filter(|spec| spec.only_reads() && spec.uses.is_empty()).cloned().collect();
    let succeeds = |spec: &RequestSpec| spec.expect.is_none_or(|status| status < 400);
    reads.into_iter().filter(succeeds).collect()
}

/// Sends these requests until a moment, and takes the mean of each signal in the second half of the time.
async fn watched(lab: &Lab, signals: &[Signal], lasts: Duration, until: Instant, specs: &[RequestSpec]) -> Vec<f64> {
    let worker = |number: usize| async move {
        let client = lab.http();
        let mut place = number;
        while Instant::now() < until && !specs.is_empty() {
            let request: Request = lab.fill(&specs[place % specs.len()]);
            client.send(request).await;
            place += 1;
        }
    };
    let looks = async {
        let half = until - lab.pace.of(lasts) / 2;
        let (mut sums, mut count) = (vec![0.0; signals.len()], 0);
        while Instant::now() < until {
            tokio::time::sleep(LOOK.min(lab.pace.of(lasts) / 4)).await;
            let Ok(published) = ops_files::published(lab).await else { continue };
            if Instant::now() < half {
                continue;
            }
            for (sum, signal) in sums.iter_mut().zip(signals) {
                *sum += signal.value(&published.scrape).unwrap_or_default();
            }
            count += 1;
        }
        sums.into_iter().map(|sum| sum / f64::from(count.max(1))).collect()
    };
    let workers = join_all((0..WORKERS).map(worker));
    futures_util::future::join(looks, workers).await.0
}

/// Waits until each signal is below the middle between peace and load; true for each that is in time.
async fn falls(lab: &Lab, signals: &[Signal], peace: &[f64], load: &[f64]) -> Vec<bool> {
    let mut fell = vec![false; signals.len()];
    let since = Instant::now();
    while fell.iter().any(|fell| !fell) && since.elapsed() < FALLS_WITHIN {
        if let Ok(published) = ops_files::published(lab).await {
            for (place, signal) in signals.iter().enumerate() {
                let middle = (peace[place] + load[place]) / 2.0;
                fell[place] |= signal.value(&published.scrape).is_some_and(|value| value <= middle);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    fell
}

/// The means of the signals while nothing but a dependency is slow, with the words for it.
async fn beside_a_slow_dependency(
    lab: &Lab,
    signals: &[Signal],
    lasts: Duration,
) -> Result<(String, Vec<f64>), Uncontrolled> {
    let failed = |what: String| Uncontrolled { what, exchange: None };
    let waits = |spec: &RequestSpec| spec.uses.iter().find(|name| !spec.later.contains(*name)).cloned();
    let user = lab.mix().into_iter().filter(RequestSpec::only_reads).find_map(|spec| Some((waits(&spec)?, spec)));
    let (name, spec) = user.ok_or_else(|| {
        failed("no GET is declared that waits for a dependency, so none was made slow: declare `uses`".to_owned())
    })?;
    let proxy =
        lab.proxy(&name).ok_or_else(|| failed(format!("{name} is not reached over TCP, so it was not made slow")))?;
    proxy.set(Fault::Latency(DELAY)).await;
    let first = lab.http().send(lab.fill(&spec)).await;
    let means = watched(lab, signals, lasts, Instant::now() + lab.pace.of(lasts), std::slice::from_ref(&spec)).await;
    proxy.set(Fault::None).await;
    let told = format!("{WORKERS} at a time of {}, which wait {DELAY:?} for {name}", spec.name);
    match first.took >= DELAY {
        true => Ok((told, means)),
        false => {
            Err(failed(format!("{} was answered after {:.0?}, without waiting for {name}", spec.name, first.took)))
        }
    }
}
