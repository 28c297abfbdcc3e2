//! The effects of a request, counted in what the service shows: equal answers are not one effect.
//!
//! Numbers and lists of the mix's JSON documents count when one fresh key moves them by a step, two by twice the step, and neither
//! reading nor a refused request moves them. Where none does, a thing that the answer names is read back, or the bytes of calls to a
//! dependency are counted.

use std::collections::BTreeMap;

use keel_wire::http::{Answer, Exchange, Request};
use serde_json::Value;

use super::exchange::{keyed, send, succeeded};
use crate::control::{Control, Uncontrolled};
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The most documents that are read for each count.
const DOCUMENTS: usize = 6;
/// Tolerance between a number and a whole multiple of its step.
const ROUNDING: f64 = 1e-6;
/// Number of characters at the end of an identifier that are changed for one that was never made.
const CHANGED: usize = 8;

/// Place of a number or a list: the document, and the pointer into it.
type Place = (usize, String);
/// By how much places have moved.
type Moves = BTreeMap<Place, f64>;

/// Places that show the effects of one request.
pub(super) struct Effects {
    documents: Vec<Request>,
    /// By how much one effect moves each place that counts; empty when only things are read back.
    steps: Moves,
    /// The dependency that one effect calls, with so many bytes, when only calls count.
    calls: Option<(String, u64)>,
    /// The control: fresh keys move the places.
    pub(super) control: Control,
}

/// Values of the places at a moment.
pub(super) struct Snapshot {
    documents: Vec<Option<Value>>,
    /// The bytes that each dependency of the request had heard.
    heard: BTreeMap<String, u64>,
}

/// Knowledge of the effects of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It took effect so many times.
    Times(u32),
    /// The object that the answer names is there.
    There,
    /// It cannot be told.
    Unclear,
}

impl Effects {
    /// Makes three effects under keys of their own, to see what counts them.
    ///
    /// # Errors
    /// When nothing counts them, with what to declare.
    pub(super) async fn find(lab: &Lab, spec: &RequestSpec) -> Result<Self, Uncontrolled> {
        let name = &spec.name;
        let mut effects =
            Self { documents: Vec::new(), steps: Moves::new(), calls: None, control: Control::seen(true, "", "")? };
        effects.documents = documents(lab, spec);
        let idle = [effects.look(lab, spec).await, effects.look(lab, spec).await];
        let first = send(lab, keyed(lab, spec)).await;
        let after_one = effects.look(lab, spec).await;
        let (second, third) = (send(lab, keyed(lab, spec)).await, send(lab, keyed(lab, spec)).await);
        let after_three = effects.look(lab, spec).await;
        if let Some(refused) = [&first, &second, &third].into_iter().find(|exchange| !succeeded(exchange)) {
            let what = format!("{name} does not succeed under every fresh key, so its effects cannot be counted");
            return Err(Uncontrolled { what, exchange: None }.shown_by(refused));
        }
        let refused = send(lab, keyed(lab, spec).body(r#"{"broken": "#)).await;
        let after_refused = effects.look(lab, spec).await;
        let (one, two) = (moves(&idle[1], &after_one), moves(&after_one, &after_three));
        let mut noise = moves(&idle[0], &idle[1]);
        if !succeeded(&refused) {
            noise.extend(moves(&after_three, &after_refused));
        }
        let counts = |(place, step): &(Place, f64)| {
            !noise.contains_key(place) && two.get(place).is_some_and(|moved| is_near(*moved, 2.0 * step))
        };
        effects.steps = one.into_iter().filter(counts).collect();
        if let Some(((document, pointer), step)) = effects.steps.first_key_value() {
            let path = &effects.documents[*document].path;
            let what = format!("another key moves {path}{} by {step}, two more by twice that", at(pointer));
            effects.control = Control::seen(true, what, "")?;
            return Ok(effects);
        }
        match things(lab, spec, [&first, &second]).await {
            Ok(control) => effects.control = control,
            Err(failed) => {
                let moments = [&idle[0], &idle[1], &after_one, &after_three].map(|snapshot| &snapshot.heard);
                let (dependency, bytes) = calls(moments).ok_or(failed)?;
                let what = format!("another key makes {bytes} bytes of calls to {dependency}, two more twice that");
                effects.control = Control::seen(true, what, "")?;
                effects.calls = Some((dependency, bytes));
            }
        }
        Ok(effects)
    }

    /// Reads the places.
    pub(super) async fn look(&self, lab: &Lab, spec: &RequestSpec) -> Snapshot {
        let mut documents = Vec::new();
        for document in &self.documents {
            let exchange = send(lab, document.clone()).await;
            documents.push(exchange.answer().filter(|answer| answer.status.is_success()).and_then(Answer::json));
        }
        let heard = |name: &String| Some((name.clone(), lab.proxy(name)?.heard()));
        Snapshot { documents, heard: spec.uses.iter().filter_map(heard).collect() }
    }

    /// The effects since `before`, of a request whose last answer is `answer`.
    pub(super) async fn since(&self, lab: &Lab, spec: &RequestSpec, before: &Snapshot, answer: &Exchange) -> Seen {
        if !self.steps.is_empty() {
            let moved = moves(before, &self.look(lab, spec).await);
            return times(&self.steps, &moved).map_or(Seen::Unclear, Seen::Times);
        }
        if let Some((dependency, bytes)) = &self.calls {
            let now = self.look(lab, spec).await;
            let heard = |snapshot: &Snapshot| snapshot.heard.get(dependency).copied().unwrap_or_default();
            return called(*bytes, heard(&now).saturating_sub(heard(before)));
        }
        let Some(read) = lab.read_back(spec, answer) else { return Seen::Unclear };
        if succeeded(&send(lab, read).await) { Seen::There } else { Seen::Unclear }
    }
}

/// The dependency to which one effect makes calls and two make twice as many, by bytes, and none are made in peace.
fn calls([idle, before, one, three]: [&BTreeMap<String, u64>; 4]) -> Option<(String, u64)> {
    let moved = |name: &str, from: &BTreeMap<String, u64>, to: &BTreeMap<String, u64>| {
        to.get(name).copied().unwrap_or_default().saturating_sub(from.get(name).copied().unwrap_or_default())
    };
    let counts = |name: &&String| {
        let (step, two) = (moved(name, before, one), moved(name, one, three));
        step > 0 && moved(name, idle, before) == 0 && two.abs_diff(2 * step) <= step / 4
    };
    before.keys().find(counts).map(|name| (name.clone(), moved(name, before, one)))
}

/// Counts effects by the bytes of calls. More calls than one effect makes may be its repeats: they are no evidence against the service.
fn called(step: u64, moved: u64) -> Seen {
    match moved {
        _ if moved <= step / 4 => Seen::Times(0),
        _ if moved.abs_diff(step) <= step / 4 => Seen::Times(1),
        _ => Seen::Unclear,
    }
}

/// The documents in which effects may show: where the request's effect is read back, and the GETs of the mix.
fn documents(lab: &Lab, spec: &RequestSpec) -> Vec<Request> {
    let mut documents: Vec<Request> = Vec::new();
    let names_own = |path: &str| spec.save.keys().any(|name| path.contains(&format!("{{{name}}}")));
    let read = spec.read.iter().filter(|path| !names_own(path)).map(|path| {
        let mut read = RequestSpec { path: path.clone(), headers: spec.headers.clone(), ..RequestSpec::default() };
        read.headers.retain(|name, _| spec.idempotent.as_ref().is_none_or(|key| !name.eq_ignore_ascii_case(key)));
        lab.fill(&read)
    });
    let mut gets: Vec<RequestSpec> = lab.mix().into_iter().filter(RequestSpec::only_reads).collect();
    gets.sort_by_key(|spec| !spec.list);
    for request in read.chain(gets.iter().map(|spec| lab.fill(spec))) {
        if documents.len() < DOCUMENTS && documents.iter().all(|known| known.path != request.path) {
            documents.push(request);
        }
    }
    documents
}

/// Shows that two keys make two things that are read back, and that one that was never made is not.
async fn things(lab: &Lab, spec: &RequestSpec, made: [&Exchange; 2]) -> Result<Control, Uncontrolled> {
    let name = &spec.name;
    let declare = format!(
        "how often {name} takes effect cannot be counted: declare `save` of an id and `read` of what it makes, or a GET whose \
         JSON counts or lists it"
    );
    let reads = made.map(|exchange| lab.read_back(spec, exchange));
    let [Some(one), Some(other)] = reads else { return Control::seen(false, "", declare) };
    let saved = made.map(|exchange| Lab::saved_of(spec, exchange));
    if one.path == other.path || saved[0].is_empty() {
        return Control::seen(false, "", declare);
    }
    let path = |values: &BTreeMap<String, String>| {
        let path = spec.read.clone().unwrap_or_default();
        let filled = values.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        lab.filled_path(&filled)
    };
    let unmade = path(&saved[0].iter().map(|(name, value)| (name.clone(), never_made(value))).collect());
    if unmade == one.path {
        return Control::seen(false, "", declare);
    }
    let absent = lab.absent(Request { path: unmade, ..one.clone() }).await?;
    for read in [one, other] {
        let exchange = send(lab, read).await;
        if !succeeded(&exchange) {
            let what = format!("what {name} makes is not read back");
            return Err(Uncontrolled { what, exchange: None }.shown_by(&exchange));
        }
    }
    Control::seen(true, format!("two keys make two things that are read back; {}", absent.what()), "")
}

/// Returns an identifier of the same form that was never made.
fn never_made(id: &str) -> String {
    if let Ok(number) = id.parse::<i64>() {
        return number.wrapping_add(987_654_321).to_string();
    }
    let change = |letter: char| match letter {
        '0'..='9' => char::from(b'0' + (b'9' - letter as u8)),
        'a'..='f' => char::from(b'a' + b'f' - letter as u8),
        'A'..='F' => char::from(b'A' + b'F' - letter as u8),
        other => other,
    };
    let letters: Vec<char> = id.chars().collect();
    let last = letters.iter().rev().take(CHANGED).take_while(|letter| letter.is_ascii_alphanumeric()).count();
    let (kept, changed) = letters.split_at(letters.len() - last);
    kept.iter().copied().chain(changed.iter().copied().map(change)).collect()
}

/// Returns the number of steps; `None` if the places moved by no whole number of them, or no place shows it.
fn times(steps: &Moves, moved: &Moves) -> Option<u32> {
    let ratios = steps.iter().map(|(place, step)| moved.get(place).copied().unwrap_or_default() / step);
    let whole = ratios.filter(|ratio| *ratio >= 0.0 && is_near(*ratio, ratio.round()));
    // As few effects as experiments make; a place that moved more than another has counted what the other did not.
    whole.map(|ratio| ratio.round() as u32).max()
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= ROUNDING * one.abs().max(other.abs()).max(1.0)
}

/// By how much each number has changed and how many elements are new in each list.
fn moves(before: &Snapshot, after: &Snapshot) -> Moves {
    let mut moves = Moves::new();
    for (place, (before, after)) in before.documents.iter().zip(&after.documents).enumerate() {
        if let (Some(before), Some(after)) = (before, after) {
            compare(place, String::new(), before, after, &mut moves);
        }
    }
    moves
}

fn compare(document: usize, pointer: String, before: &Value, after: &Value, moves: &mut Moves) {
    match (before, after) {
        (Value::Number(before), Value::Number(after)) => {
            let moved = after.as_f64().unwrap_or_default() - before.as_f64().unwrap_or_default();
            if moved != 0.0 {
                moves.insert((document, pointer), moved);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let mut old: Vec<&Value> = before.iter().collect();
            let new = after.iter().filter(|element| match old.iter().position(|known| known == element) {
                Some(place) => {
                    old.swap_remove(place);
                    false
                }
                None => true,
            });
            match new.count() {
                0 => {}
                new => drop(moves.insert((document, pointer), new as f64)),
            }
        }
        (Value::Object(before), Value::Object(after)) => {
            for (name, after) in after {
                if let Some(before) = before.get(name) {
                    compare(document, format!("{pointer}/{name}"), before, after, moves);
                }
            }
        }
        _ => {}
    }
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at {pointer}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moved(before: Value, after: Value) -> Vec<(String, f64)> {
        let snapshot = |document| Snapshot { documents: vec![Some(document)], heard: BTreeMap::new() };
        let moves = moves(&snapshot(before), &snapshot(after));
        moves.into_iter().map(|((_, pointer), moved)| (pointer, moved)).collect()
    }

    #[test]
    fn numbers_move_by_their_difference_and_lists_by_what_is_new() {
        let before = json!({ "sum": 5, "same": 1, "items": ["b", "a"], "in": { "n": 2 } });
        let after = json!({ "sum": 3, "same": 1, "items": ["d", "c", "b"], "in": { "n": 3 } });
        let expected = [("/in/n", 1.0), ("/items", 2.0), ("/sum", -2.0)];
        assert_eq!(moved(before, after), expected.map(|(pointer, moved)| (pointer.to_owned(), moved)));
    }

    #[test]
    fn an_element_that_is_there_twice_is_new_once() {
        assert_eq!(moved(json!(["a"]), json!(["a", "a"])), [(String::new(), 1.0)]);
    }

    #[test]
    fn the_place_that_moved_most_tells_how_often() {
        let place = |pointer: &str| (0, pointer.to_owned());
        let steps = Moves::from([(place("/keys"), 1.0), (place("/sum"), 5.0)]);
        assert_eq!(times(&steps, &Moves::from([(place("/keys"), 1.0), (place("/sum"), 250.0)])), Some(50));
        assert_eq!(times(&steps, &Moves::new()), Some(0));
        assert_eq!(times(&steps, &Moves::from([(place("/keys"), -3.0), (place("/sum"), 7.0)])), None);
    }

    #[test]
    fn an_identifier_that_was_never_made_has_the_same_form() {
        assert_eq!(never_made("17"), "987654338");
        assert_eq!(never_made("acc_00ff12"), "acc_99aa87");
        assert_eq!(never_made("6f0c-12"), "6f0c-87");
    }

    #[test]
    fn calls_count_where_two_effects_make_twice_as_many() {
        let heard = |bytes| BTreeMap::from([("rail".to_owned(), bytes)]);
        let of = |moments: [u64; 4]| {
            let [idle, before, one, three] = moments.map(heard);
            calls([&idle, &before, &one, &three])
        };
        assert_eq!(of([10, 10, 110, 312]), Some(("rail".to_owned(), 100)));
        assert_eq!(of([10, 10, 110, 210]), None, "the second and third key made one call");
        assert_eq!(of([10, 60, 160, 360]), None, "calls come in peace too");
        assert_eq!(of([10, 10, 10, 10]), None, "no call is made");
    }

    #[test]
    fn more_calls_than_one_effect_makes_are_unclear() {
        assert_eq!(
            [0, 100, 110, 200].map(|moved| called(100, moved)),
            [Seen::Times(0), Seen::Times(1), Seen::Times(1), Seen::Unclear]
        );
    }
}
