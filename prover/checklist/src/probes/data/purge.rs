//! `data.purge`: what is kept for a time is deleted after it, not before it, and a few rows at a time.
//!
//! - **Hypothesis**: started with a short retention, the service keeps each row for that time and deletes it soon after, in several steps.
//! - **Sent**: the first request with `expires`, `ROWS` times after a start with its variables; then the reads of `SAMPLES` of these rows
//!   again and again, spread over the order in which they were made.
//! - **Decides**: a row that is gone before its time; one that is there `LATE` after it. Rows that went at two or more different looks, one
//!   after the other by age, went in batches or partitions; where all went between two looks, that is not known.
//! - **Blast radius**: rows past the shorter retention are deleted. The service is started again with other variables, and stopped at the end.
//! - **Bound in time**: the declared time, which is at most 30 s, and `LATE`.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::Request;

use self::judge::{Gone, batches, kept};
use crate::clause::data::purge as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::border::support::writes::{NOWHERE, Writes, writes};
use crate::subject::{Expires, RequestSpec};

mod judge;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "data.purge";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Rows that are made.
const ROWS: usize = 200;
/// Requests at a time that make them.
const AT_ONCE: usize = 10;
/// Rows that are looked at.
const SAMPLES: usize = 10;
/// Time after its retention by which a row must be gone.
const LATE: Duration = Duration::from_secs(20);
/// The same at any pace.
const LEAST_LATE: Duration = Duration::from_secs(4);
/// Clocks and timestamps may differ by this much: a row that goes so shortly before its time was not too young.
const SLACK: Duration = Duration::from_millis(100);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(4);

/// Examines the subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let spec = lab.subject.work.iter().find(|spec| spec.expires.is_some()).cloned();
    let Some((spec, expires)) = spec.and_then(|spec| spec.expires.clone().map(|expires| (spec, expires))) else {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "it is not known what is kept for a time: declare a request that makes such a row in [[requests]], with `read` and \
                              `expires`";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    };
    lab.stop().await;
    let env = expires.env.clone();
    if let Err(failure) = lab.start_with(|launch| launch.env.extend(env)).await {
        return Finding::unknown(
            ID,
            format!("it does not start with the variables of `expires`: {failure}"),
            Vec::new(),
        );
    }
    lab.send_mix().await;
    let finding = match judged(lab, &spec, &expires).await {
        Ok(evidence) => Finding::judge(ID, evidence),
        Err(reason) => Finding::unknown(ID, reason.clone(), vec![Evidence::gap(reason)]),
    };
    lab.stop().await;
    finding
}

/// A row that was made.
struct Row {
    read: Request,
    /// Before its request was sent, and after it was answered.
    made: (Instant, Instant),
    /// The look that found it gone: its number, when the one before had begun, and when it ended.
    gone: Option<(usize, Instant, Instant)>,
}

/// # Errors
/// When nothing can be seen: why.
async fn judged(lab: &Lab, spec: &RequestSpec, expires: &Expires) -> Result<Vec<Evidence>, String> {
    let mut rows = made(lab, spec).await?;
    let step = (rows.len() / SAMPLES).max(1);
    rows = rows.into_iter().step_by(step).take(SAMPLES).collect();
    let control = found(lab, &rows).await?;
    let until = lab.pace.of(LATE).max(LEAST_LATE);
    let last = rows.iter().map(|row| row.made.1).max().unwrap_or_else(Instant::now);
    let client = lab.http();
    let (mut look, mut before) = (0, Instant::now());
    while rows.iter().any(|row| row.gone.is_none()) && last.elapsed() < expires.keep + until {
        look += 1;
        let begun = Instant::now();
        let left: Vec<&mut Row> = rows.iter_mut().filter(|row| row.gone.is_none()).collect();
        let exchanges = join_all(left.iter().map(|row| client.send(row.read.clone()))).await;
        for (row, exchange) in left.into_iter().zip(exchanges) {
            if exchange.status().is_some_and(|status| matches!(status.as_u16(), 404 | 410)) {
                row.gone = Some((look, before, Instant::now()));
            }
        }
        before = begun;
        tokio::time::sleep(LOOK).await;
    }
    let gone: Vec<Option<Gone>> = rows
        .iter()
        .map(|row| {
            let (look, from, to) = row.gone?;
            let (begun, ended) = row.made;
            // The least and the greatest age that it can have had.
            let (least, most) = (from.saturating_duration_since(ended), to.saturating_duration_since(begun));
            Some(Gone { look, least, most })
        })
        .collect();
    let (is_good, what) = kept(&spec.name, expires.keep, SLACK, until, &gone);
    let mut evidence = vec![clause::RULES.maybe(is_good, what).by(&control)];
    let (is_good, what) = batches(&spec.name, ROWS, &gone);
    evidence.push(clause::BATCHES.maybe(is_good, what).by(&control));
    Ok(evidence)
}

/// Makes the rows, the oldest one first.
async fn made(lab: &Lab, spec: &RequestSpec) -> Result<Vec<Row>, String> {
    let client = lab.http();
    let mut rows = Vec::new();
    for _ in 0..ROWS / AT_ONCE {
        let begun = Instant::now();
        let exchanges = join_all((0..AT_ONCE).map(|_| client.send(lab.fill(spec)))).await;
        let ended = Instant::now();
        for exchange in exchanges {
            let is_made = exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
            let Some(read) = lab.read_back(spec, &exchange).filter(|_| is_made) else {
                return Err(format!(
                    "{} is not answered as declared, or not with what `read` needs: mend it",
                    spec.name
                ));
            };
            rows.push(Row { read, made: (begun, ended), gone: None });
        }
    }
    Ok(rows)
}

/// Shows that the rows are there, and that one that was never made is not.
async fn found(lab: &Lab, rows: &[Row]) -> Result<Control, String> {
    let client = lab.http();
    let exchanges = join_all(rows.iter().map(|row| client.send(row.read.clone()))).await;
    let there = exchanges.iter().filter(|exchange| exchange.status().is_some_and(|status| status.is_success())).count();
    let path = rows.first().and_then(|row| row.read.path.rsplit_once('/')).map_or("", |(folder, _)| folder);
    let never = format!("{path}/{}", NOWHERE.trim_start_matches('/'));
    let absent =
        client.send(Request { path: never, ..rows.first().map_or_else(|| Request::get("/"), |row| row.read.clone()) });
    let is_absent = absent.await.status().is_some_and(|status| matches!(status.as_u16(), 404 | 410));
    let what = format!("{there} of {} rows are read back, and one that was never made is not", rows.len());
    let otherwise = format!("{what}: check `read`, and declare a longer `keep` if rows are made slowly");
    Control::seen(is_absent && there == rows.len(), what, otherwise).map_err(|failed| failed.what)
}
