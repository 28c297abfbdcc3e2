//! Percentiles of a window: those of requests that a slow dependency made slow, beside keel's own clock.

use std::time::Duration;

use keel_proxy::Fault;
use keel_wire::http::{Client, Request};

use super::exposition::{ROUTE, Sample, Scrape};
use super::reading::{LATENCY, scrape};
use crate::clause::see::metrics as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Requests in peace, before those that are slow.
const QUICK: usize = 10;
/// Slow requests.
const SLOW: usize = 6;
/// Requests while the dependency refuses connections.
const FAILED: usize = 5;
/// The dependency's delay.
const DELAY: Duration = Duration::from_millis(300);
/// The widest bucket, as its upper bound by its lower one: that of the client libraries' usual buckets.
const WIDEST: f64 = 2.5;

/// A bucket of a histogram, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    above: f64,
    up_to: f64,
}

/// Makes a request slow, and judges the percentile that its histogram gives for this window.
pub(super) async fn examine(lab: &Lab, admin: &Client, path: &str) -> Vec<Evidence> {
    let Some((spec, dependency)) = slowable(lab) else {
        let what = "no request is declared that waits for a dependency, so none could be made slow: declare [dependencies.NAME], and \
                    `uses` on a request";
        return vec![clause::PERCENTILES.gap(what)];
    };
    let Some(proxy) = lab.proxy(&dependency) else {
        let what = format!("{dependency} is not reached over TCP, so it could not be made slow");
        return vec![clause::PERCENTILES.gap(what)];
    };
    let quick = timed(lab, &spec, QUICK).await;
    let before = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape,
        Err(evidence) => return vec![evidence],
    };
    proxy.set(Fault::Latency(DELAY)).await;
    let slow = timed(lab, &spec, SLOW).await;
    proxy.set(Fault::None).await;
    let after = match scrape(admin, path).await {
        Ok((scrape, _)) => scrape,
        Err(evidence) => return vec![evidence],
    };
    let mut evidence = match control(&spec.name, &quick, &slow) {
        Ok(control) => {
            // Keel sees the time of the way as well.
            let seen = [DELAY, median(&slow)];
            vec![judge(&spec.name, &before, &after, seen).by(&control)]
        }
        Err(failed) => vec![clause::PERCENTILES.uncontrolled(&failed)],
    };
    proxy.set(Fault::Down).await;
    let failures = timed(lab, &spec, FAILED).await;
    proxy.set(Fault::None).await;
    if failures.is_empty()
        && let Ok((failed, _)) = scrape(admin, path).await
    {
        evidence.push(outcomes(&spec.name, &before, &after, &failed));
    }
    evidence
}

/// A request that waits for a dependency, and the dependency; a read, where there is one.
fn slowable(lab: &Lab) -> Option<(RequestSpec, String)> {
    let waits = |spec: &RequestSpec| spec.uses.iter().find(|name| !spec.later.contains(*name)).cloned();
    let mut all: Vec<(RequestSpec, String)> =
        lab.mix().into_iter().filter_map(|spec| waits(&spec).map(|name| (spec, name))).collect();
    all.sort_by_key(|(spec, _)| !spec.only_reads());
    all.into_iter().next()
}

/// Sends it so often, one after another; the times of those that were answered as declared.
async fn timed(lab: &Lab, spec: &RequestSpec, times: usize) -> Vec<Duration> {
    let client = lab.http();
    let mut took = Vec::new();
    for _ in 0..times {
        let request: Request = lab.fill(spec);
        let exchange = client.send(request).await;
        if exchange.status().is_some_and(|status| spec.expects(status.as_u16())) {
            took.push(exchange.took);
        }
    }
    took.sort();
    took
}

fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The control: by keel's clock the same requests are quick without the delay, and slow with it.
fn control(name: &str, quick: &[Duration], slow: &[Duration]) -> Result<Control, Uncontrolled> {
    let (before, now) = (median(quick), median(slow));
    let seen = quick.len() == QUICK && slow.len() == SLOW && before < DELAY / 2 && slow[0] >= DELAY;
    let told = format!(
        "by keel's clock half of {name} took {before:.1?}, and {now:.1?} with a delay of {DELAY:?} in its calls"
    );
    Control::seen(
        seen,
        told.clone(),
        format!("{told}: {} of {QUICK} and {} of {SLOW} were answered", quick.len(), slow.len()),
    )
}

/// Histograms by route whose count rose by just so many; each with the series of its count.
fn risen<'s>(before: &Scrape, after: &'s Scrape, by: usize) -> impl Iterator<Item = &'s Sample> {
    after.samples.iter().filter(move |sample| {
        sample.name.ends_with("_count")
            && ["histogram", "summary"].contains(&after.kind(&sample.name))
            && LATENCY.iter().any(|word| sample.name.contains(word))
            && ROUTE.iter().any(|label| sample.labels.contains_key(*label))
            && (sample.value - before.value(sample) - by as f64).abs() < 1e-9
    })
}

/// Judges the median of the window between two scrapes; the true one lies between these times.
fn judge(name: &str, before: &Scrape, after: &Scrape, [least, most]: [Duration; 2]) -> Evidence {
    let told = format!("for {SLOW} times {name}, of which half took {least:.0?} to {most:.1?},");
    let mut seen = None;
    for count in risen(before, after, SLOW) {
        let shown = count.name.trim_end_matches("_count");
        let Some(bucket) = middle(before, after, count) else {
            let what = format!("{shown} has no buckets, so its percentiles are not of a window that is known");
            seen.get_or_insert(clause::PERCENTILES.gap(what));
            continue;
        };
        let around = bucket.above <= most.as_secs_f64() && bucket.up_to >= least.as_secs_f64();
        let narrow = bucket.above > 0.0 && bucket.up_to <= bucket.above * WIDEST * (1.0 + 1e-9);
        let what = format!("{told} {shown} tells a median above {:.3} s and up to {:.3} s", bucket.above, bucket.up_to);
        match around && narrow {
            true => return clause::PERCENTILES.holds(what),
            false => seen = Some(clause::PERCENTILES.contradicts(what)),
        }
    }
    seen.unwrap_or_else(|| {
        clause::PERCENTILES.contradicts(format!("{told} no histogram by route rose by just so many"))
    })
}

/// The bucket that holds the middle of what a histogram counted between two scrapes; none without buckets.
fn middle(before: &Scrape, after: &Scrape, count: &Sample) -> Option<Bucket> {
    let family = count.name.trim_end_matches("_count");
    let unit = if family.contains("milliseconds") || family.ends_with("_ms") { 1e-3 } else { 1.0 };
    let of_it = |sample: &&Sample| {
        sample.name.strip_suffix("_bucket") == Some(family)
            && sample.labels.iter().filter(|(label, _)| *label != "le").eq(count.labels.iter())
    };
    let bound = |sample: &Sample| sample.labels.get("le").and_then(|le| le.to_ascii_lowercase().parse::<f64>().ok());
    let mut buckets: Vec<(f64, f64)> = after
        .samples
        .iter()
        .filter(of_it)
        .filter_map(|sample| Some((bound(sample)? * unit, sample.value - before.value(sample))))
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half = buckets.last()?.1 / 2.0;
    let place = buckets.iter().position(|(_, counted)| *counted > half)?;
    let above = place.checked_sub(1).map_or(0.0, |below| buckets[below].0);
    Some(Bucket { above, up_to: buckets[place].0 })
}

/// Tells whether failures have a histogram of their own, or count into that of answers.
fn outcomes(name: &str, before: &Scrape, after: &Scrape, failed: &Scrape) -> Evidence {
    let shared = risen(before, after, SLOW).find(|sample| failed.value(sample) > sample.value);
    let own = risen(after, failed, FAILED).next();
    clause::LATENCY.figure(match (shared, own) {
        (None, Some(own)) => format!("failures of {name} have a histogram of their own: {}", own.shown()),
        (Some(shared), _) => format!("failures of {name} count into {}, so that quick ones improve it", shared.shown()),
        (None, None) => format!("no histogram by route counts the {FAILED} failures of {name}"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// A histogram whose cumulative counts these are, by bounds.
    fn scrape(bounds: &[&str], counted: &[usize]) -> Scrape {
        let mut text = "# TYPE request_seconds histogram\n".to_owned();
        for (bound, count) in bounds.iter().zip(counted) {
            text.push_str(&format!("request_seconds_bucket{{route=\"/\",le=\"{bound}\"}} {count}\n"));
        }
        text.push_str(&format!("request_seconds_count{{route=\"/\"}} {}\n", counted.last().unwrap()));
        Scrape::parse(&text).unwrap()
    }

    fn judged(bounds: &[&str], before: &[usize], after: &[usize]) -> Evidence {
        let times = [DELAY, DELAY + Duration::from_millis(20)];
        judge("a request", &scrape(bounds, before), &scrape(bounds, after), times)
    }

    #[test]
    fn the_percentile_is_of_the_window_and_not_of_all_since_the_start() {
        let bounds = ["0.1", "0.25", "0.5", "+Inf"];
        assert!(judged(&bounds, &[100, 100, 100, 100], &[100, 100, 106, 106]).is_for());
        assert!(
            judged(&bounds, &[100, 100, 100, 100], &[106, 106, 106, 106]).is_against(),
            "all were counted as quick"
        );
        assert!(judged(&bounds, &[100, 100, 100, 100], &[100, 100, 100, 106]).is_against(), "no bound is above it");
        assert!(judged(&bounds, &[100, 100, 100, 100], &[100, 100, 105, 105]).is_against(), "one was not counted");
    }

    #[test]
    fn a_wide_bucket_gives_no_percentile() {
        assert!(judged(&["0.2", "0.5", "+Inf"], &[0, 0, 0], &[0, 6, 6]).is_for(), "a factor of 2.5");
        assert!(judged(&["0.1", "0.5", "+Inf"], &[0, 0, 0], &[0, 6, 6]).is_against(), "a factor of 5");
        assert!(judged(&["0.5", "+Inf"], &[0, 0], &[6, 6]).is_against(), "from nothing");
        assert!(judged(&["+Inf"], &[0], &[6]).is_against());
    }

    #[test]
    fn a_summary_has_no_percentile_of_a_known_window() {
        let text = |count| {
            format!(
                "# TYPE request_seconds summary\nrequest_seconds{{route=\"/\",quantile=\"0.5\"}} 0.3\nrequest_seconds_count{{route=\"/\"}} {count}\n"
            )
        };
        let (before, after) = (Scrape::parse(&text(4)).unwrap(), Scrape::parse(&text(4 + SLOW)).unwrap());
        let piece = judge("a request", &before, &after, [DELAY, DELAY]);
        assert!(!piece.decides(), "{piece:?}");
    }

    #[test]
    fn a_delay_counts_only_where_keel_saw_it() {
        let times = |count, millis| vec![Duration::from_millis(millis); count];
        assert!(control("a request", &times(QUICK, 5), &times(SLOW, 305)).is_ok());
        assert!(control("a request", &times(QUICK, 5), &times(SLOW, 5)).is_err(), "it was answered from memory");
        assert!(control("a request", &times(QUICK, 200), &times(SLOW, 505)).is_err(), "it was slow before");
        assert!(control("a request", &times(QUICK, 5), &times(SLOW - 1, 305)).is_err(), "one failed");
    }

    #[test]
    fn failures_are_told_apart_by_a_histogram_of_their_own() {
        let text = |good: usize, bad: usize| {
            let line = |error: &str, count| format!("request_seconds_count{{route=\"/\",error=\"{error}\"}} {count}\n");
            let all = format!("# TYPE request_seconds histogram\n{}{}", line("", good), line("5xx", bad));
            Scrape::parse(&all).unwrap()
        };
        let told = |failed: &Scrape| outcomes("it", &text(10, 0), &text(10 + SLOW, 0), failed).what;
        assert!(told(&text(10 + SLOW, FAILED)).contains("of their own"));
        assert!(told(&text(10 + SLOW + FAILED, 0)).contains("count into"));
        assert!(told(&text(10 + SLOW, 0)).contains("no histogram"));
    }
}
