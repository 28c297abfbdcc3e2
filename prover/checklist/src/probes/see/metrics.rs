//! `see.metrics`: latency, traffic, errors and saturation for every route.
//!
//! - **Hypothesis**: the metrics parse as Prometheus or OpenMetrics text; a counter of requests and a histogram of latency, both by
//!   route, rise by just what was sent; errors are told apart by status; something shows saturation; paths that strangers make
//!   up, and identifiers in paths, make no new series; each declared GET raises a series by route, and each declared dependency is
//!   named by one. Pools and queues cannot be listed from outside: one gauge of saturation stands for them. Of requests that a slow
//!   dependency makes slow, the percentiles between two scrapes are those of keel's clock. The same metrics are exported over OTLP.
//! - **Sent**: the metrics path five times; `ASKED` harmless requests; `LOST` GETs of different paths that do not exist;
//!   the mix twice; each declared GET once; quick and slow requests of one that uses a dependency, and some while it refuses connections;
//!   after a start with keel's OTLP collector the mix and some harmless requests.
//! - **Decides**: a scrape that does not parse, or any of these not seen; of a scrape with bad lines the good ones are examined. A service
//!   that exports no metrics, and whose environment does not say that it does, is not known in that.
//! - **Blast radius**: what the mix does; a dependency is slow and then away for some seconds; the service is started twice.
//! - **Bound in time**: some 100 exchanges, each within the service's deadline plus 5 s, and 15 s for exports.

use keel_wire::http::{Client, Request};

use self::exposition::{ROUTE, Sample, Scrape};
use self::reading::{LATENCY, scrape};
use crate::clause::Clause;
use crate::clause::see::metrics as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::recipe::series::{Kind, Series};

pub(crate) mod exposition;
#[cfg(test)]
mod judge_tests;
mod otlp;
mod parts;
mod percentiles;
mod reading;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.metrics";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Usual paths of metrics, tried if none is declared.
const GUESSES: [&str; 3] = ["/metrics", "/actuator/prometheus", "/q/metrics"];
/// Harmless requests between two scrapes.
const ASKED: usize = 7;
/// Requests for nothing between two scrapes.
const LOST: usize = 20;
/// Labels that tell errors apart.
const STATUS: [&str; 7] =
    ["status", "code", "status_code", "http_status_code", "http_response_status_code", "http_status", "outcome"];
/// Words in the names of gauges that show how full something is.
const SATURATION: [&str; 14] = [
    "in_flight",
    "inflight",
    "active",
    "pool",
    "queue",
    "connections",
    "busy",
    "pending",
    "utilization",
    "utilisation",
    "in_use",
    "inprogress",
    "in_progress",
    "saturation",
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let admin = lab.admin();
    let path = match find(lab, &admin).await {
        Ok(path) => path,
        Err(finding) => return finding,
    };
    // Everything that is known is seen once, so that what comes later is new for another reason.
    lab.send_mix().await;
    lost(lab, 1).await;
    let exchange = admin.send(Request::get(&path)).await;
    let (warm, mistakes) = Scrape::read(&exchange.answer().map(keel_wire::http::Answer::text).unwrap_or_default());
    let mut evidence = vec![match mistakes.as_slice() {
        [] => clause::PROMETHEUS.holds(format!("{path} parses strictly: {} series", warm.series())),
        mistakes => {
            let what = format!("{path} is not Prometheus text: {}", mistakes.join("; "));
            let piece = clause::PROMETHEUS.contradicts(what).with(&exchange);
            let any = r"(?m)^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^\n]*\})? [-+0-9NI]";
            match warm.series() {
                0 => piece.reproduced_by(Recipe::again_to_admin(&exchange, Shows::Missing(any.to_owned()))),
                _ => piece,
            }
        }
    }];
    if warm.series() == 0 {
        return Finding::judge(ID, evidence);
    }
    // What could be read is examined all the same.
    evidence.extend(rises(lab, &admin, &path).await);
    let gauge = format!("(?im)^# TYPE \\S*({})\\S* gauge", SATURATION.join("|"));
    let recipe = Recipe::again_to_admin(&exchange, Shows::Missing(gauge));
    evidence.push(saturation(&warm).reproduced_by(recipe));
    evidence.push(cardinality(lab, &admin, &path).await);
    evidence.extend(parts::examine(lab, &admin, &path).await);
    evidence.extend(percentiles::examine(lab, &admin, &path).await);
    evidence.push(otlp::examine(lab).await);
    Finding::judge(ID, evidence)
}

/// Finds the path of the metrics.
async fn find(lab: &Lab, admin: &Client) -> Result<String, Finding> {
    if let Some(path) = &lab.subject.metrics {
        return Ok(path.clone());
    }
    let mut evidence = Vec::new();
    for path in GUESSES {
        let exchange = admin.send(Request::get(path)).await;
        let found =
            exchange.answer().is_some_and(|answer| answer.status == 200 && Scrape::parse(&answer.text()).is_ok());
        if found {
            return Ok(path.to_owned());
        }
        let what = format!("{path} has no metrics");
        evidence.push(clause::PROMETHEUS.gap(what).with(&exchange));
    }
    let reason = "no metrics were found: say `metrics = \"/path\"` (and `admin`, when they are on another listener)";
    Err(Finding::unknown(ID, reason, evidence))
}

/// Sends GETs of paths that do not exist, all different.
async fn lost(lab: &Lab, count: usize) {
    let client = lab.http();
    for _ in 0..count {
        client.send(Request::get(nowhere(lab))).await;
    }
}

fn nowhere(lab: &Lab) -> String {
    let spec = crate::subject::RequestSpec { path: "/keel-nothing-{key}".to_owned(), ..Default::default() };
    lab.fill(&spec).path
}

/// Judges that counters and histograms rise by the number of requests.
async fn rises(lab: &Lab, admin: &Client, path: &str) -> Vec<Evidence> {
    let client = lab.http();
    let harmless = lab.harmless();
    let first = client.send(harmless.clone()).await;
    let before = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape,
        Err(evidence) => return vec![evidence],
    };
    for _ in 0..ASKED {
        client.send(harmless.clone()).await;
    }
    lost(lab, LOST).await;
    let after = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape,
        Err(evidence) => return vec![evidence],
    };
    let asked = format!("{ASKED} GETs of {} and {LOST} of paths that do not exist", harmless.path);
    let is_error = first.status().is_none_or(|status| status.as_u16() >= 400);
    let shown = |piece: Evidence| match series(&piece, is_error) {
        Some((kind, series, by)) => piece.reproduced_by(Recipe::Series(Series {
            path: path.to_owned(),
            request: harmless.clone(),
            times: ASKED,
            lost: LOST,
            kind,
            series,
            by: Some(by),
        })),
        None => piece,
    };
    risen(&before, &after, &asked, is_error).into_iter().map(shown).collect()
}

/// The kind, the name with its labels, and the rise of the series that a piece of [`risen`] is about.
fn series(piece: &Evidence, is_error: bool) -> Option<(Kind, String, usize)> {
    let by_route = format!("[{{,]({})=", ROUTE.join("|"));
    let is_about = |clause: Clause| piece.clause() == Some(clause.id());
    if is_about(clause::TRAFFIC) {
        return Some((Kind::Counter, by_route, ASKED));
    }
    if is_about(clause::LATENCY) {
        return Some((Kind::Count, format!("^[^{{]*({})[^{{]*.*{by_route}", LATENCY.join("|")), ASKED));
    }
    let errors = format!("[{{,]({})=.(4|[^,]*(?i:client))", STATUS.join("|"));
    is_about(clause::ERRORS).then_some((Kind::Counter, errors, if is_error { ASKED + LOST } else { LOST }))
}

/// Judges that counters and histograms rose by what was asked for; `is_error` says that the harmless request is answered with an error.
fn risen(before: &Scrape, after: &Scrape, asked: &str, is_error: bool) -> Vec<Evidence> {
    let just_so = |sample: &Sample, by: usize| (sample.value - before.value(sample) - by as f64).abs() < 1e-9;
    let histogram = |sample: &&Sample| {
        sample.name.ends_with("_count") && ["histogram", "summary"].contains(&after.kind(&sample.name))
    };
    // The count of a histogram is a counter too.
    let counter = |sample: &&Sample| {
        sample.name.ends_with("_total") || after.kind(&sample.name) == "counter" || histogram(sample)
    };
    let latency = |sample: &&Sample| LATENCY.iter().any(|word| sample.name.contains(word));
    let by = |sample: &Sample, labels: &[&str]| labels.iter().any(|label| sample.labels.contains_key(*label));

    let mut evidence = Vec::new();
    let mut seen = |clause: Clause, what: &str, found: Option<&Sample>| {
        evidence.push(match found {
            Some(sample) => clause.holds(format!("after {asked}, {what}: {} rose just so", sample.shown())),
            None => clause.contradicts(format!("after {asked}, no {what} rose by just so many")),
        });
    };
    let all = || after.samples.iter();
    seen(
        clause::TRAFFIC,
        "counter of requests by route",
        all().filter(counter).find(|sample| just_so(sample, ASKED) && by(sample, &ROUTE)),
    );
    seen(
        clause::LATENCY,
        "histogram of latency by route",
        all().filter(histogram).filter(latency).find(|sample| just_so(sample, ASKED) && by(sample, &ROUTE)),
    );
    let wanted = if is_error { ASKED + LOST } else { LOST };
    let error = |sample: &&Sample| {
        STATUS
            .iter()
            .filter_map(|label| sample.labels.get(*label))
            .any(|value| value.starts_with('4') || value.to_lowercase().contains("client"))
    };
    seen(
        clause::ERRORS,
        "counter of client errors by status",
        all().filter(counter).filter(error).find(|sample| just_so(sample, wanted)),
    );
    evidence
}

fn saturation(scrape: &Scrape) -> Evidence {
    let shows = |sample: &&Sample| {
        let name = sample.name.to_lowercase();
        scrape.kind(&sample.name) == "gauge" && SATURATION.iter().any(|word| name.contains(word))
    };
    match scrape.samples.iter().find(shows) {
        Some(sample) => clause::SATURATION.holds(format!("{} shows how full something is", sample.shown())),
        None => clause::SATURATION.contradicts("no gauge shows how full something is (in flight, pool, queue)"),
    }
}

/// Judges that series do not grow with new paths and identifiers.
async fn cardinality(lab: &mut Lab, admin: &Client, path: &str) -> Evidence {
    let before = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape.series(),
        Err(evidence) => return evidence,
    };
    lost(lab, LOST).await;
    for _ in 0..2 {
        lab.send_mix().await;
    }
    let after = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape.series(),
        Err(evidence) => return evidence,
    };
    grown(before, after)
}

/// Judges the number of series before and after many new paths.
fn grown(before: usize, after: usize) -> Evidence {
    let new = after.saturating_sub(before);
    let bounded = new < LOST;
    let what = format!(
        "{LOST} paths never seen before and new identifiers in known ones make {new} new series ({after} in all)"
    );
    clause::EVERY_PART.saw(bounded, what)
}
