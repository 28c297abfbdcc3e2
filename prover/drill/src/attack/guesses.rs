//! Guessing: ids of other people's things, and passwords.

use std::time::{Duration, Instant};

use rand::TryRng;
use rand::rngs::SysRng;

use super::Attack;
use super::answers;
use super::ground::{Ground, fill};
use super::outcome::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;

/// Neighbours of a known id that are asked for on each side.
const NEIGHBOURS: u64 = 20;
/// Ids of the same shape that are asked for.
const RANDOM: usize = 100;
/// Consecutive failures that no account may allow (NIST SP 800-63B, 5.2.2, asks for at most 100).
const ATTEMPTS: usize = 101;
/// Answers so many times slower than the first ones are a limit as well,
const SLOWED: u32 = 5;
/// when the quickest of so many in a row is: a single slow answer is an accident.
const IN_A_ROW: usize = 5;
/// Below this nothing is called slow.
const SLOW: Duration = Duration::from_millis(500);

pub(super) const IDS: Attack = Attack {
    id: "id-enumeration",
    what: "asks for neighbours of known ids, and for random ones of the same shape",
    source: "CWE-639, CWE-340; OWASP API1:2023",
    correct: "ids cannot be guessed one from another, or a guessed one is 401, 403 or 404",
    memory: None,
    launch: |ground| Box::pin(ids(ground)),
};

pub(super) const LOGIN: Attack = Attack {
    id: "login-brute-force",
    what: "tries 101 wrong passwords of one account in a row",
    source: "NIST SP 800-63B, 5.2.2; CWE-307",
    correct: "429, 403 or 423 after at most a hundred failures, or answers that become slower and slower",
    memory: None,
    launch: |ground| Box::pin(login(ground)),
};

async fn ids(ground: &Ground<'_>) -> Findings {
    let identified = ground.target.identified.as_ref();
    let identified = identified.ok_or_else(|| Excuse::NotApplicable("no path with ids is known".to_owned()))?;
    let Some(known) = identified.ids.last() else { return Err(Excuse::Unknown("no id is known".to_owned())) };
    let ask = async |id: &str| {
        let request = fill(&Request::get(identified.path.replace("{id}", id)));
        Ok::<_, Excuse>(ground.exchange(&ground.head(&request, ""), ground.bounds.answer).await?.status())
    };
    let is_served = |status: Option<u16>| status.is_some_and(|status| (200..300).contains(&status));
    if !is_served(ask(known).await?) {
        return Err(Excuse::Unknown(format!("the known id {known} is not answered")));
    }
    let near = neighbours(known);
    let guesses = if near.is_empty() {
        (0..RANDOM).map(|_| similar(&identified.ids)).filter(|guess| guess != known).collect()
    } else {
        near
    };
    let (mut asked, mut found, mut silent) = (0, Vec::new(), 0);
    for guess in &guesses {
        let Ok(status) = ask(guess).await else { break };
        asked += 1;
        silent += usize::from(status.is_none());
        if is_served(status) {
            found.push(guess.clone());
        }
    }
    let what = format!("of {asked} guesses of the shape of {known} {} were answered", found.len());
    Ok(vec![match found.first() {
        Some(first) => Evidence::new(Mark::Wrong, format!("{what}, such as {first}")),
        None if asked < guesses.len() || silent > 0 => Evidence::new(
            Mark::Unseen,
            format!("{what}; {silent} had no answer, {} were not sent", guesses.len() - asked),
        ),
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

/// An id of the same shape as these: what they begin with in common, then their other letters and digits at random.
fn similar(ids: &[String]) -> String {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return String::new() };
    let common = match ids {
        [one] => one.rfind(|letter: char| !letter.is_ascii_alphanumeric()).map_or(0, |separator| separator + 1),
        _ => {
            first.chars().zip(last.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
        }
    };
    let (prefix, rest) = last.split_at(common);
    let alphabet: Vec<char> = ids
        .iter()
        .flat_map(|id| id.get(common..).unwrap_or_default().chars())
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let mut random = vec![0; rest.len()];
    SysRng.try_fill_bytes(&mut random).expect("the operating system gives randomness");
    let swap = |(letter, byte): (char, &u8)| match letter.is_ascii_alphanumeric() {
        true => alphabet.get(usize::from(*byte) % alphabet.len()).copied().unwrap_or(letter),
        false => letter,
    };
    prefix.chars().chain(rest.chars().zip(&random).map(swap)).collect()
}

async fn login(ground: &Ground<'_>) -> Findings {
    let login = ground.target.login.as_ref();
    let login = login.ok_or_else(|| Excuse::NotApplicable("no login is known".to_owned()))?;
    let mut times = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let request = with_password(&fill(&login.request), &format!("wrong-{attempt}"));
        let start = Instant::now();
        let heard = match ground.exchange(&ground.bytes(&request), ground.bounds.answer).await {
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

/// How quick the first answers were and how slow the last ones are, when that is a limit.
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

    #[test]
    fn a_counter_has_neighbours_and_a_random_id_has_none() {
        assert!(neighbours("order-17").contains(&"order-18".to_owned()));
        assert!(neighbours("5").contains(&"4".to_owned()));
        assert!(neighbours("0190a4c2-7d3e-7000-8000-0000000000a1").is_empty());
    }

    #[test]
    fn a_random_id_keeps_what_all_ids_begin_with_and_their_letters() {
        let ids = ["acc_x7-q".to_owned(), "acc_77-z".to_owned()];
        for _ in 0..20 {
            let guess = similar(&ids);
            assert!(guess.starts_with("acc_") && guess.len() == 8 && guess.as_bytes()[6] == b'-', "{guess}");
            assert!(guess[4..].bytes().all(|byte| b"x7-qz".contains(&byte)), "{guess}");
        }
        assert!(similar(&["ab_12".to_owned()]).starts_with("ab_"));
    }
}
