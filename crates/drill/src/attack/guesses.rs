//! Guessing: ids of other people's things, and passwords.

use std::time::{Duration, Instant};

use super::Attack;
use super::answers;
use super::ground::{Ground, fill, fresh_key};
use super::outcome::{Evidence, Excuse, Findings, Mark};
use crate::http::Request;

/// Neighbours of a known id that are asked for on each side.
const NEIGHBOURS: u64 = 20;
/// Ids of the same shape that are asked for.
const RANDOM: usize = 100;
/// Consecutive failures that no account may allow (NIST SP 800-63B, 5.2.2, asks for at most 100).
const ATTEMPTS: usize = 101;
/// An answer so many times slower than the first is a limit as well.
const SLOWED: u32 = 5;
/// Below this nothing is called slow.
const SLOW: Duration = Duration::from_millis(500);

pub(super) const IDS: Attack = Attack {
    id: "id-enumeration",
    what: "asks for neighbours of known ids, and for random ones of the same shape",
    source: "CWE-639, CWE-340; OWASP API1:2023",
    correct: "ids cannot be guessed, or a guessed one is 401, 403 or 404",
    launch: |ground| Box::pin(ids(ground)),
};

pub(super) const LOGIN: Attack = Attack {
    id: "login-brute-force",
    what: "tries 101 wrong passwords of one account in a row",
    source: "NIST SP 800-63B, 5.2.2; CWE-307",
    correct: "429, 403 or 423 after at most a hundred failures, or answers that become slower and slower",
    launch: |ground| Box::pin(login(ground)),
};

async fn ids(ground: &Ground<'_>) -> Findings {
    let identified = ground.target.identified.as_ref();
    let identified = identified.ok_or_else(|| Excuse::NotApplicable("no path with ids is known".to_owned()))?;
    let Some(known) = identified.ids.last() else { return Err(Excuse::Unknown("no id is known".to_owned())) };
    let ask = async |id: &str| {
        let request = fill(&Request::get(identified.path.replace("{id}", id)));
        let heard = ground.exchange(&ground.head(&request, ""), ground.bounds.answer).await.ok()?;
        heard.status()
    };
    if ask(known).await.is_none_or(|status| !(200..300).contains(&status)) {
        return Err(Excuse::Unknown(format!("the known id {known} is not answered")));
    }
    let near = neighbours(known);
    let guesses = if near.is_empty() { (0..RANDOM).map(|_| similar(known)).collect() } else { near };
    let (mut asked, mut found) = (0, Vec::new());
    for guess in guesses.iter().filter(|guess| !identified.ids.contains(guess)) {
        if !ground.turn().await {
            break;
        }
        asked += 1;
        if ask(guess).await.is_some_and(|status| (200..300).contains(&status)) {
            found.push(guess.clone());
        }
    }
    let what = format!("of {asked} guesses of the shape of {known} {} were answered", found.len());
    Ok(vec![match found.first() {
        Some(first) => Evidence::new(Mark::Wrong, format!("{what}, such as {first}")),
        None => Evidence::new(Mark::Right, what),
    }])
}

/// Numbers around the digits at the end of an id, when these are a counter rather than random.
fn neighbours(id: &str) -> Vec<String> {
    let digits = id.len() - id.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (prefix, number) = id.split_at(digits);
    // A hexadecimal id may end with a few digits by chance; more than 18 of them are no counter.
    let is_counter = !number.is_empty() && number.len() <= 18 && !prefix.bytes().any(|byte| byte.is_ascii_digit());
    let Some(number) = number.parse::<u64>().ok().filter(|_| is_counter) else { return Vec::new() };
    let from = number.saturating_sub(NEIGHBOURS);
    (from..=number + NEIGHBOURS).filter(|near| *near != number).map(|near| format!("{prefix}{near}")).collect()
}

/// An id of the same shape: each hexadecimal digit replaced by a random one.
fn similar(id: &str) -> String {
    let random = fresh_key().replace('-', "").repeat(id.len() / 32 + 1);
    let upper = id.bytes().any(|byte| byte.is_ascii_uppercase());
    let mut digits = random.chars().rev();
    let swap = |letter: char| {
        let digit = digits.next().unwrap_or('0');
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' if upper => digit.to_ascii_uppercase(),
            'a'..='z' | 'A'..='Z' | '0'..='9' => digit,
            other => other,
        }
    };
    id.chars().map(swap).collect()
}

async fn login(ground: &Ground<'_>) -> Findings {
    let login = ground.target.login.as_ref();
    let login = login.ok_or_else(|| Excuse::NotApplicable("no login is known".to_owned()))?;
    let (mut first, mut seen) = (None, std::collections::BTreeMap::new());
    for attempt in 1..=ATTEMPTS {
        if !ground.turn().await {
            return Err(Excuse::Unknown(format!("only {} attempts fit into the bounds", attempt - 1)));
        }
        let request = with_password(&fill(&login.request), &format!("wrong-{attempt}"));
        let start = Instant::now();
        let heard = ground.exchange(&ground.bytes(&request), ground.bounds.answer).await;
        let took = start.elapsed();
        let status = heard.as_ref().ok().and_then(crate::raw::Heard::status);
        *seen.entry(status).or_insert(0_usize) += 1;
        let normal = *first.get_or_insert(took);
        let limited = match status {
            Some(status @ (429 | 403 | 423 | 503)) => Some(format!("answered {status}")),
            None => Some("cut or left without an answer".to_owned()),
            _ if took > (normal * SLOWED).max(SLOW) => Some(format!("slowed from {normal:.0?} to {took:.0?}")),
            _ => None,
        };
        if let Some(how) = limited {
            if attempt == 1 {
                return Err(Excuse::Unknown(format!("the first attempt already is {how}")));
            }
            let what = format!("attempt {attempt} is {how}");
            return Ok(vec![Evidence::new(Mark::Right, what).exchange("", Ground::told(&heard))]);
        }
        if status.is_some_and(|status| status == 404 || status == 405) {
            return Err(Excuse::Unknown(format!(
                "no login is there: {}",
                answers::told(&heard.expect("it had a status"))
            )));
        }
    }
    Ok(vec![Evidence::new(Mark::Wrong, format!("{ATTEMPTS} wrong passwords in a row met no limit"))])
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
    fn a_counter_has_neighbours_and_a_random_id_has_none() {
        assert!(neighbours("order-17").contains(&"order-18".to_owned()));
        assert!(neighbours("5").contains(&"4".to_owned()));
        assert!(neighbours("0190a4c2-7d3e-7000-8000-0000000000a1").is_empty());
        assert_eq!(similar("ab-12").len(), 5);
        assert_eq!(&similar("ab-12")[2..3], "-");
    }
}
