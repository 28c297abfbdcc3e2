//! `border.unenumerable`: no public identifier can be guessed or counted.
//!
//! - **Hypothesis**: identifiers of things made one after the other share no counter, at least 62 of their bits differ at random
//!   (a random UUID has 122, a time-ordered one 74), and what is next to an identifier does not exist.
//! - **Sent**: each of the first four creators of the mix (a POST that saves an identifier) 16 times; then GETs of the
//!   neighbours of the last one.
//! - **Decides**: an integer, too few bits that vary, a common counter, or a neighbour that is answered 2xx fall short. A hash
//!   of a counter looks random: that cannot be seen from outside.
//! - **Blast radius**: 64 things made.
//! - **Bound in time**: 80 exchanges, each within the service's deadline plus 5 s.

use std::collections::HashSet;

use keel_wire::http::Exchange;
use serde_json::Value;

use super::support::writes::{Writes, changes_state, writes};
use crate::clause::border::unenumerable as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::created::Identifiers;
use crate::subject::RequestSpec;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.unenumerable";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most creators that are examined.
const EXAMINED: usize = 4;
/// Number of objects of each kind.
const SAMPLES: usize = 16;
/// The least bits that vary at random.
const BITS: f64 = 62.0;
/// A counter seldom jumps further between two requests of one client.
const COUNTER_STEP: u128 = 1 << 32;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut creators: Vec<(RequestSpec, String, String)> =
        lab.mix().iter().filter(|spec| changes_state(spec)).flat_map(|spec| identifiers(lab, spec)).collect();
    let left = creators.split_off(creators.len().min(EXAMINED));
    if creators.is_empty() {
        return match writes(lab).await {
            Writes::None(reason, evidence) => Finding::not_applicable(ID, reason, evidence),
            Writes::Possible => {
                let reason = "no request is known to make something with an identifier: declare one with `save` in [[requests]], \
                              or state = \"none\"";
                Finding::unknown(ID, reason, Vec::new())
            }
        };
    }
    let mut evidence: Vec<Evidence> = left.iter().map(not_tried).collect();
    for (spec, name, pointer) in creators {
        let mut ids = Vec::new();
        for _ in 0..SAMPLES {
            let exchange = lab.http().send(lab.fill(&spec)).await;
            match exchange.answer().and_then(|answer| answer.json()?.pointer(&pointer).cloned()) {
                Some(id) => ids.push(id),
                None => {
                    let reason = format!(
                        "{} gave no {pointer}: mend the mix; it came back: {}",
                        spec.name,
                        exchange.came_back()
                    );
                    return Finding::unknown(ID, reason, evidence);
                }
            }
        }
        let judged = judge(&spec.name, &ids).into_iter();
        evidence.extend(judged.map(|piece| match piece.clause() == Some(clause::COUNTED.id()) {
            true => piece.reproduced_by(recipe(lab, &spec, &pointer)),
            false => piece,
        }));
        evidence.extend(neighbours(lab, &spec, &name, ids.last()).await);
    }
    Finding::judge(ID, evidence)
}

/// Creates as many objects again.
fn recipe(lab: &Lab, spec: &RequestSpec, pointer: &str) -> Recipe {
    let pointer = pointer.to_owned();
    Recipe::Identifiers(Identifiers { create: lab.fill_repeatable(spec), pointer, objects: SAMPLES })
}

fn not_tried((spec, _, pointer): &(RequestSpec, String, String)) -> Evidence {
    clause::GUESSED.gap(format!("{pointer} of {} was not examined: the first {EXAMINED} identifiers were", spec.name))
}

/// The identifiers that a creator saves: those that some path of the mix uses, and those called `id`.
fn identifiers(lab: &Lab, spec: &RequestSpec) -> Vec<(RequestSpec, String, String)> {
    let used = |name: &str| {
        let template = format!("{{{name}}}");
        let paths = lab.subject.requests.iter().flat_map(|spec| [Some(&spec.path), spec.read.as_ref()]);
        paths.flatten().any(|path| path.contains(&template))
    };
    let named = |pointer: &str| pointer.to_ascii_lowercase().ends_with("id");
    let saves = spec.save.iter().filter(|(name, pointer)| used(name) || named(pointer));
    saves.map(|(name, pointer)| (spec.clone(), name.clone(), pointer.clone())).collect()
}

/// Judges identifiers that were made one after the other.
fn judge(name: &str, ids: &[Value]) -> Vec<Evidence> {
    let texts: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
    let shown: Vec<String> = ids.iter().take(4).map(ToString::to_string).collect();
    let shown = shown.join(", ");
    let bits = varying_bits(&texts);
    let (clause, fault) = if texts.len() < ids.len() {
        (clause::COUNTED, "are numbers".to_owned())
    } else if texts.iter().collect::<HashSet<_>>().len() < texts.len() {
        (clause::GUESSED, "repeat".to_owned())
    } else if is_counter(&texts) {
        (clause::COUNTED, "count up".to_owned())
    } else if bits < BITS {
        (clause::GUESSED, format!("vary in about {bits:.0} bits only"))
    } else {
        let what = format!("identifiers of {name} vary at random in about {bits:.0} bits: {shown}");
        return vec![clause::GUESSED.holds(what.clone()), clause::COUNTED.holds(what)];
    };
    vec![clause.contradicts(format!("identifiers of {name} {fault}: {shown}"))]
}

/// About how many bits differ from one identifier to the next: for each place that takes several values, the bits of the
/// alphabet that is seen over all places. A counter or a clock makes few places vary, randomness makes nearly all.
fn varying_bits(ids: &[&str]) -> f64 {
    let length = ids.iter().map(|id| id.len()).min().unwrap_or(0);
    let letters: HashSet<u8> = ids.iter().flat_map(|id| id.bytes()).collect();
    let alphabet: f64 = if letters.iter().all(u8::is_ascii_digit) {
        10.0
    } else if letters.iter().all(|letter| letter.is_ascii_hexdigit() || *letter == b'-') {
        16.0
    } else if !letters.iter().any(u8::is_ascii_lowercase) || !letters.iter().any(u8::is_ascii_uppercase) {
        32.0
    } else {
        64.0
    };
    // From the end: prefixes such as `acct_` are the same everywhere, and a length that varies is a number without zeros.
    let place = |at: usize| ids.iter().map(|id| id.as_bytes()[id.len() - 1 - at]).collect::<HashSet<u8>>().len();
    // A random place takes many values in 16 tries (one of four bits has more than three but once in a million); what takes
    // three or fewer is a version, a clock or a slow counter.
    let random = (0..length).filter(|at| place(*at) > (ids.len() / 4).min(3)).count();
    random as f64 * alphabet.log2()
}

/// Returns true if each identifier, read as a number, is a little above the one before.
fn is_counter(ids: &[&str]) -> bool {
    let number = |id: &&str| {
        let digits: String = id.chars().filter(|letter| *letter != '-').collect();
        let start = digits.rfind(|letter: char| !letter.is_ascii_hexdigit()).map_or(0, |at| at + 1);
        let digits = digits.get(start..)?;
        let radix = if digits.bytes().all(|digit| digit.is_ascii_digit()) { 10 } else { 16 };
        u128::from_str_radix(digits, radix).ok()
    };
    let Some(numbers) = ids.iter().map(number).collect::<Option<Vec<u128>>>() else { return false };
    numbers.windows(2).all(|pair| pair[1] > pair[0] && pair[1] - pair[0] < COUNTER_STEP)
}

/// Asks for what is next to an identifier.
async fn neighbours(lab: &Lab, spec: &RequestSpec, name: &str, id: Option<&Value>) -> Vec<Evidence> {
    let Some(id) = id else { return Vec::new() };
    let template = format!("{{{name}}}");
    let mut readers = lab.mix().into_iter().filter(super::support::writes::reads).map(|spec| (spec.path, spec.headers));
    let reader = spec.read.clone().filter(|path| path.contains(&template)).map(|path| (path, spec.headers.clone()));
    let Some((path, headers)) = reader.or_else(|| readers.find(|(path, _)| path.contains(&template))) else {
        return vec![
            clause::GUESSED
                .gap(format!("where things of {} can be read is not declared: neighbours were not asked", spec.name)),
        ];
    };
    let id = id.as_str().map_or_else(|| id.to_string(), ToOwned::to_owned);
    let ask = async |id: &str| -> Exchange {
        let spec =
            RequestSpec { path: path.replace(&template, id), headers: headers.clone(), ..RequestSpec::default() };
        lab.http().send(lab.fill(&spec)).await
    };
    let own = ask(&id).await;
    if !own.status().is_some_and(|status| status.is_success()) {
        return vec![
            clause::GUESSED.gap(format!("what {} made cannot be read back: neighbours were not asked", spec.name)),
        ];
    }
    let mut evidence = Vec::new();
    for neighbour in next_to(&id) {
        let exchange = ask(&neighbour).await;
        let absent = exchange.status().is_some_and(|status| [400, 404, 410, 422].contains(&status.as_u16()));
        let told = if absent { "does not exist" } else { "is not answered 404" };
        evidence.push(clause::GUESSED.saw(absent, format!("the neighbour {neighbour} of {id} {told}")).with(&exchange));
    }
    evidence
}

/// Returns the identifiers next to this one: the one before, and those with the last letter or one in the middle changed.
fn next_to(id: &str) -> Vec<String> {
    if let Ok(number) = id.parse::<i128>() {
        // What has just been made is the last one; what came before it is what a counter gives away.
        return vec![(number - 1).to_string(), (number - 2).to_string()];
    }
    let mut neighbours = Vec::new();
    let places: Vec<usize> =
        id.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    for at in [places.last(), places.get(places.len() / 2)].into_iter().flatten() {
        // Downwards where that can be: what was made before the newest is what a counter gives away.
        let other = match id.as_bytes()[*at] {
            letter @ (b'0' | b'a' | b'A') => char::from(letter + 1),
            letter => char::from(letter - 1),
        };
        let mut neighbour = id.to_owned();
        neighbour.replace_range(*at..=*at, &other.to_string());
        if neighbour != id && !neighbours.contains(&neighbour) {
            neighbours.push(neighbour);
        }
    }
    neighbours
}
