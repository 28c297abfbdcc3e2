//! Requests that fail, at a steady rate: what they add to the log.

use std::time::{Duration, Instant};

use crate::clause::life::steady as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::listener::answers;
use crate::probes::support::peace::Peace;
use crate::probes::support::printed;

/// Requests a second, and for how long.
const EVERY: Duration = Duration::from_millis(10);
const LASTS: Duration = Duration::from_secs(3);
/// Time limit of an answer.
const EACH: Duration = Duration::from_millis(500);
/// Time that the last lines may be on their way.
const ON_THEIR_WAY: Duration = Duration::from_millis(500);
/// Bytes a second that fill no disk unnoticed: 1 MB a minute.
const BOUND: f64 = 1_000_000.0 / 60.0;
/// So many times the log of requests that succeed may be made by those that fail.
const TIMES: f64 = 10.0;

/// Examines it.
pub(super) async fn examine(lab: &Lab, peace: &Peace) -> Evidence {
    let good = storm(lab, peace, std::slice::from_ref(&peace.bytes)).await;
    let bad = storm(lab, peace, &failing(&peace.listener.host)).await;
    let control = Control::seen(
        bad.failed > 0,
        format!("{} of {} requests of the storm were answered with an error", bad.failed, bad.sent),
        "no request of the storm was answered with an error: nothing is known of its log",
    );
    match control {
        Ok(control) => judge(&good, &bad).by(&control),
        Err(failed) => clause::ERRORS.uncontrolled(&failed),
    }
}

fn judge(good: &Storm, bad: &Storm) -> Evidence {
    let told = format!(
        "{:.0} failing requests a second add {:.1} KB/s to its log, as many that succeed {:.1} KB/s",
        bad.rate(),
        bad.log_rate() / 1000.0,
        good.log_rate() / 1000.0
    );
    let floods = bad.log_rate() > BOUND && bad.log_rate() > TIMES * good.log_rate();
    clause::ERRORS.saw(!floods, told)
}

/// Requests that a service answers with an error: a path that is not there, one that is none, a method that is none, a head that is none,
/// a field that is too long.
fn failing(host: &str) -> Vec<Vec<u8>> {
    let long = "a".repeat(16 << 10);
    let request = |line: &str, field: &str| format!("{line} HTTP/1.1\r\nHost: {host}\r\n{field}\r\n").into_bytes();
    vec![
        request("GET /keel-nothing-is-here", ""),
        request("GET /%00", ""),
        request("KEEL /", ""),
        b"KEEL\r\n\r\n".to_vec(),
        request("GET /", &format!("X-Keel: {long}\r\n")),
    ]
}

/// Outcome of a storm.
#[derive(Debug)]
struct Storm {
    sent: u64,
    failed: u64,
    logged: u64,
    took: Duration,
}

impl Storm {
    fn rate(&self) -> f64 {
        self.sent as f64 / self.took.as_secs_f64()
    }

    fn log_rate(&self) -> f64 {
        self.logged as f64 / self.took.as_secs_f64()
    }
}

/// Sends these by turns at the steady rate.
async fn storm(lab: &Lab, peace: &Peace, requests: &[Vec<u8>]) -> Storm {
    let before = printed::with_files(lab);
    let begun = Instant::now();
    let lasts = lab.pace.of(LASTS);
    let (mut sent, mut asked) = (0, tokio::task::JoinSet::new());
    let mut ticks = tokio::time::interval(EVERY);
    while begun.elapsed() < lasts {
        ticks.tick().await;
        let (listener, bytes) = (peace.listener.clone(), requests[sent % requests.len()].clone());
        asked.spawn(async move {
            let heard = tokio::time::timeout(2 * EACH, listener.exchange(&bytes, EACH)).await;
            heard.is_ok_and(|heard| heard.is_ok_and(|heard| answers(&heard.bytes).iter().any(|it| it.status >= 400)))
        });
        sent += 1;
    }
    let took = begun.elapsed();
    let failed = asked.join_all().await.into_iter().filter(|failed| *failed).count() as u64;
    tokio::time::sleep(ON_THEIR_WAY).await;
    Storm { sent: sent as u64, failed, logged: printed::with_files(lab).saturating_sub(before), took }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Bearing;

    fn bearing(good: u64, bad: u64) -> Bearing {
        let storm = |logged| Storm { sent: 100, failed: 100, logged, took: Duration::from_secs(1) };
        judge(&storm(good), &storm(bad)).bearing()
    }

    #[test]
    fn errors_flood_the_log_when_they_add_much_and_far_more_than_what_succeeds() {
        assert_eq!(bearing(0, 16_000), Bearing::For, "a megabyte a minute");
        assert_eq!(bearing(0, 17_000), Bearing::Against);
        assert_eq!(bearing(20_000, 190_000), Bearing::For, "long lines for all");
        assert_eq!(bearing(1_000, 190_000), Bearing::Against);
    }
}
