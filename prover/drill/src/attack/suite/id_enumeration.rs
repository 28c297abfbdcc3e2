//! Enumeration of ids: those of other people's things, guessed from known ones.

use rand::TryRng;
use rand::rngs::SysRng;

use crate::attack::context::{Context, fill};
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::http::Request;

/// Neighbours of a known id that are asked for on each side.
const NEIGHBOURS: u64 = 20;
/// Ids of the same shape that are asked for.
const RANDOM: usize = 100;
pub(super) const ATTACK: Attack = Attack {
    id: "id-enumeration",
    what: "asks for neighbours of known ids, and for random ones of the same shape",
    source: "CWE-639, CWE-340; OWASP API1:2023",
    correct: "ids cannot be guessed one from another, or a guessed one is 401, 403 or 404",
    memory: None,
    launch: |context| Box::pin(ids(context)),
};

async fn ids(context: &Context<'_>) -> Findings {
    let identified = context.target.identified.as_ref();
    let identified = identified.ok_or_else(|| Excuse::NotApplicable("no path with ids is known".to_owned()))?;
    let Some(known) = identified.ids.last() else { return Err(Excuse::Unknown("no id is known".to_owned())) };
    let ask = async |id: &str| {
        let request = fill(&Request::get(identified.path.replace("{id}", id)));
        Ok::<_, Excuse>(context.exchange(&context.head(&request, ""), context.bounds.answer).await?.status())
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

#[cfg(test)]
mod tests {
    use super::*;

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
