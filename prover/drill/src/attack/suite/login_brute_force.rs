//! Brute force of a password: wrong ones of one account, one after another.

use std::time::{Duration, Instant};

use crate::attack::answers;
use crate::attack::context::{Context, fill};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;

/// Consecutive failures that no account may allow (NIST SP 800-63B, 5.2.2, asks for at most 100).
const ATTEMPTS: usize = 101;
/// Answers so many times slower than the first ones are a limit as well,
const SLOWED: u32 = 5;
/// when the quickest of so many in a row is: a single slow answer is an accident.
const IN_A_ROW: usize = 5;
/// Below this nothing is called slow.
const SLOW: Duration = Duration::from_millis(500);

pub(super) const ATTACK: Attack = Attack {
    id: "login-brute-force",
    what: "tries 101 wrong passwords of one account in a row",
    source: "NIST SP 800-63B, 5.2.2; CWE-307",
    correct: "429, 403 or 423 after at most a hundred failures, or answers that become slower and slower",
    memory: None,
    launch: |context| Box::pin(login(context)),
};

async fn login(context: &Context<'_>) -> Findings {
    let login = context.target.login.as_ref();
    let login = login.ok_or_else(|| Excuse::NotApplicable("no login is known".to_owned()))?;
    let mut times = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let request = with_password(&fill(&login.request), &format!("wrong-{attempt}"));
        let start = Instant::now();
        let heard = match context.exchange(&context.bytes(&request), context.bounds.answer).await {
            Ok(heard) => heard,
            Err(excuse) => return Ok(vec![excuse.evidence(&format!("attempt {attempt}"))]),
        };
        times.push(start.elapsed());
        let status = heard.status();
        let limited = match status {
            Some(status @ (429 | 403 | 423 | 503)) => Some(format!("answered {status}")),
            None => Some("not answered".to_owned()),
            _ => slowed(&times).map(|(normal, now)| format!("slowed from {normal:.0?} to {now:.0?}")),
        };
        let told = answers::told(&heard);
        match (limited, status) {
            (Some(how), _) if attempt == 1 => {
                return Err(Excuse::Unknown(format!("the first attempt already is {how}: {told}")));
            }
            (Some(how), status) => {
                // Who stops answering may have stopped altogether.
                let mark = if status.is_some() { Mark::Right } else { Mark::Tolerated };
                return Ok(vec![Evidence::new(mark, format!("attempt {attempt} is {how}")).exchange("", told)]);
            }
            (None, Some(404 | 405)) => return Err(Excuse::Unknown(format!("no login is there: {told}"))),
            (None, _) => {}
        }
    }
    Ok(vec![Evidence::new(Mark::Wrong, format!("{ATTEMPTS} wrong passwords in a row met no limit"))])
}

/// The times of the first answers and of the last ones, when the difference is a limit.
fn slowed(times: &[Duration]) -> Option<(Duration, Duration)> {
    if times.len() < 2 * IN_A_ROW {
        return None;
    }
    let normal = *times[..IN_A_ROW].iter().max()?;
    let now = *times[times.len() - IN_A_ROW..].iter().min()?;
    (now > (normal * SLOWED).max(SLOW)).then_some((normal, now))
}

fn with_password(request: &Request, password: &str) -> Request {
    let body = String::from_utf8_lossy(&request.body).replace("{password}", password);
    let mut request = request.clone().body(body);
    for (_, value) in &mut request.headers {
        *value = value.replace("{password}", password);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_is_no_limit_and_five_in_a_row_are() {
        let millis = |times: &[u64]| times.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        assert_eq!(slowed(&millis(&[10, 10, 10, 10, 10, 10, 2_000, 10, 10, 10])), None);
        assert!(slowed(&millis(&[10, 10, 10, 10, 10, 1_000, 2_000, 2_000, 2_000, 2_000])).is_some());
        assert_eq!(slowed(&millis(&[300, 300, 300, 300, 300, 900, 900, 900, 900, 900])), None, "three times only");
    }
}
