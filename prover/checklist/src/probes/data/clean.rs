//! `data.clean`: good records of a batch are taken, and bad ones are set aside with their reason, counted, and taken once they are mended.
//!
//! - **Hypothesis**: of a batch of good and bad records each good one is stored, each bad one is in the quarantine with a reason, none is lost,
//!   both are counted, and a mended one is taken from there.
//! - **Sent**: the first request with `records`, with `GOOD` good records between one of each declared bad kind; the reads of all; the
//!   declared list of the quarantine, and its `retry` of one with the good form of the record.
//! - **Decides**: a good record that is not stored; a bad one that is; a bad one that is not in the quarantine `WITHIN`, or has no reason
//!   there; a mended one that is not stored, or still in the quarantine; declared counters that did not rise by the number of records.
//! - **Blast radius**: the records of this run stay where they went.
//! - **Bound in time**: twice `WITHIN`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::{Answer, Exchange, Request};
use serde_json::Value;

use self::batch::{Batch, Named};
use self::judge::{Seen, measured, quarantined, retried, validated};
use crate::clause::data::clean as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{Writes, writes};
use crate::probes::ratchet::letters::{Letter, Letters};
use crate::probes::see::metrics::exposition::Scrape;
use crate::subject::{Records, RequestSpec};

mod batch;
mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "data.clean";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Good records of a batch.
const GOOD: usize = 7;
/// Time within which records must be stored or set aside.
const WITHIN: Duration = Duration::from_secs(10);
/// The same at any pace.
const LEAST_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let spec = lab.subject.work.iter().find(|spec| spec.records.is_some()).cloned();
    let spec = spec.and_then(|spec| spec.records.clone().map(|records| (spec, records)));
    let (Some((spec, records)), Some(declared)) = (spec, lab.subject.quarantine.clone()) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "it is not known what becomes of bad records: declare a request that takes records in (`records` in [[requests]]), \
                              and where bad ones are seen and mended ([quarantine])";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    match judged(lab, &spec, &records, &Letters::new(declared)).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    }
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(
    lab: &Lab,
    spec: &RequestSpec,
    records: &Records,
    quarantine: &Letters,
) -> Result<Vec<Evidence>, String> {
    let batch = Batch::of(records, GOOD);
    let all = batch.all();
    let before = stored(lab, records, &all).await;
    if before.iter().any(|(_, there)| *there) {
        return Err(format!("a record that was never sent is answered at {}: check `read` of `records`", records.read));
    }
    let counted = counters(lab, records).await;
    let exchange = lab.http().send(lab.fill(&batch.request(spec))).await;
    if !exchange.status().is_some_and(|status| spec.expects(status.as_u16())) {
        let came = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
        return Err(format!(
            "{} with good and bad records is answered {came}, not as declared: see `records`",
            spec.name
        ));
    }
    let within = lab.pace.of(WITHIN).max(LEAST_WITHIN);
    let begun = Instant::now();
    let (seen, rows) = loop {
        let good = stored(lab, records, &batch.good).await;
        let rows = quarantine.all(lab).await?;
        let bad = stored(lab, records, &batch.bad).await;
        let set_aside: Vec<Option<String>> =
            batch.bad.iter().map(|bad| row_of(&rows, bad).map(|row| row.reason.clone())).collect();
        let seen = Seen {
            good: good.len(),
            good_stored: good.iter().filter(|(_, there)| *there).count(),
            bad_stored: bad.iter().filter(|(_, there)| *there).map(|(record, _)| record.text.clone()).collect(),
            set_aside,
        };
        if seen.is_whole() || begun.elapsed() >= within {
            break (seen, rows);
        }
        tokio::time::sleep(LOOK).await;
    };
    let what = format!("{} records are absent before they are sent", before.len());
    let control = Control::seen(true, what, "").map_err(|failed| failed.what)?;
    let (is_good, what) = validated(&seen);
    let mut evidence = vec![clause::VALIDATED.saw(is_good, what).by(&control).with(&exchange)];
    let (is_good, what) = quarantined(&seen, within);
    evidence.push(clause::QUARANTINE.saw(is_good, what).by(&control));
    let (is_good, what) = match (counted, counters(lab, records).await) {
        (Some(before), Some(after)) => {
            measured([after.0 - before.0, after.1 - before.1], [batch.good.len(), batch.bad.len()])
        }
        _ => (None, "no counters of good and bad records were read: declare `counters` of `records`".to_owned()),
    };
    evidence.push(clause::QUALITY.maybe(is_good, what).by(&control));
    if let Some((bad, row)) = batch.bad.iter().find_map(|bad| Some((bad, row_of(&rows, bad)?))) {
        evidence.push(mended(lab, records, quarantine, bad, row).await?.by(&control));
    }
    Ok(evidence)
}

/// Retries a bad record in its good form.
async fn mended(
    lab: &Lab,
    records: &Records,
    quarantine: &Letters,
    bad: &Named,
    row: &Letter,
) -> Result<Evidence, String> {
    let Some(retry) = &quarantine.declared.retry else {
        return Ok(clause::QUARANTINE.gap("no mended record was retried: declare `retry` in [quarantine]"));
    };
    let good = Value::String(batch::filled(&records.good, &bad.name));
    let exchange = quarantine.pull(lab, retry, &row.id, Some(&good)).await;
    let accepted = exchange.status().is_some_and(|status| status.is_success());
    let there = stored(lab, records, std::slice::from_ref(bad)).await.iter().all(|(_, there)| *there);
    let is_left = quarantine.all(lab).await?.iter().any(|again| again.id == row.id);
    let (is_good, what) = retried(accepted, there, is_left);
    Ok(clause::QUARANTINE.saw(is_good, what).with(&exchange))
}

fn row_of<'r>(rows: &'r [Letter], record: &Named) -> Option<&'r Letter> {
    let names = [record.name.clone()];
    rows.iter().find(|row| row.is_of(&names) || row.holds_text(&record.name))
}

/// Returns true for each record that is stored.
async fn stored<'r>(lab: &Lab, records: &Records, named: &'r [Named]) -> Vec<(&'r Named, bool)> {
    let client = if records.admin { lab.admin() } else { lab.http() };
    let read = |record: &Named| Request::get(lab.filled_path(&batch::filled(&records.read, &record.name)));
    let exchanges: Vec<Exchange> = join_all(named.iter().map(|record| client.send(read(record)))).await;
    let there = |exchange: &Exchange| exchange.status().is_some_and(|status| status.is_success());
    named.iter().zip(&exchanges).map(|(record, exchange)| (record, there(exchange))).collect()
}

/// The declared counters of good and bad records now, each as the sum of its series.
async fn counters(lab: &Lab, records: &Records) -> Option<(f64, f64)> {
    let (good, bad) = records.counters.as_ref()?;
    let exchange = lab.admin().send(Request::get(lab.subject.metrics.as_ref()?)).await;
    let (scrape, _) = Scrape::read(&exchange.answer().map(Answer::text)?);
    let sum = |name: &String| {
        let series = scrape.samples.iter().filter(|sample| sample.name == *name).map(|sample| sample.value);
        series.fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or_default() + value))
    };
    Some((sum(good)?, sum(bad)?))
}
