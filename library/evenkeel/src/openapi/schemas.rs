//! Comparison of two schemas: what one of them allows and the other does not.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// The deepest place that is compared, and the most references that are followed at one place.
const DEEPEST: usize = 24;

/// Direction of the data that a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Callers send it: the new schema must allow all that the old one allowed.
    Request,
    /// Callers read it: the new schema must promise all that the old one promised.
    Answer,
}

/// The two documents, for their references.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a> {
    pub(super) old: &'a Json,
    pub(super) new: &'a Json,
}

static NOTHING: Json = Json::Null;

/// Follows a reference within a document.
pub(super) fn resolved<'a>(value: &'a Json, document: &'a Json) -> &'a Json {
    let mut at = value;
    for _ in 0..DEEPEST {
        let Some(pointer) = at["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else { return at };
        at = document.pointer(pointer).unwrap_or(&NOTHING);
    }
    at
}

impl Schemas<'_> {
    /// Adds the changes between two schemas that break callers, each with its place.
    pub(super) fn compare(self, was: &Json, is: &Json, direction: Direction, place: &str, found: &mut Vec<String>) {
        let mut walk = Walk { schemas: self, direction, seen: BTreeSet::new(), found: Vec::new() };
        walk.all(was, is, &format!("{place}: "), DEEPEST);
        found.append(&mut walk.found);
    }
}

/// One comparison.
struct Walk<'a> {
    schemas: Schemas<'a>,
    direction: Direction,
    /// References that are compared already: a schema may refer to itself.
    seen: BTreeSet<String>,
    found: Vec<String>,
}

impl Walk<'_> {
    fn all(&mut self, was: &Json, is: &Json, place: &str, depth: usize) {
        let reference = was["$ref"].as_str().filter(|_| was["$ref"] == is["$ref"]);
        if depth == 0 || reference.is_some_and(|name| !self.seen.insert(name.to_owned())) {
            return;
        }
        let (old, new) = (self.schemas.old, self.schemas.new);
        let (was, is) = (resolved(was, old), resolved(is, new));
        types(was, is, self.direction, place, &mut self.found);
        values(was, is, self.direction, place, &mut self.found);
        if self.direction == Direction::Request {
            bounds(was, is, place, &mut self.found);
        }
        self.properties(was, is, place, depth);
        if was["items"].is_object() {
            self.all(&was["items"], &is["items"], &format!("{place}an item: "), depth - 1);
        }
        for name in ["oneOf", "anyOf"] {
            self.variants(&was[name], &is[name], place, depth);
        }
        for (index, part) in was["allOf"].as_array().into_iter().flatten().enumerate() {
            self.all(part, &is["allOf"][index], place, depth - 1);
        }
    }

    fn properties(&mut self, was: &Json, is: &Json, place: &str, depth: usize) {
        let names = |schema: &Json| -> BTreeSet<String> {
            let list = schema["required"].as_array().cloned().unwrap_or_default();
            list.iter().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let (demanded, promised) = (names(is), names(was));
        match self.direction {
            Direction::Request => {
                let new = demanded.difference(&promised);
                self.found.extend(new.map(|name| format!("{place}{name} is now required")));
            }
            Direction::Answer => {
                let gone = promised.difference(&demanded);
                self.found.extend(gone.map(|name| format!("{place}{name} may now be missing")));
            }
        }
        for (name, before) in was["properties"].as_object().into_iter().flat_map(Map::iter) {
            match is["properties"].get(name) {
                Some(after) => self.all(before, after, &format!("{place}{name}: "), depth - 1),
                None if self.direction == Direction::Answer || is["additionalProperties"] == false => {
                    self.found.push(format!("{place}{name} is gone"));
                }
                None => {}
            }
        }
        let closed = is["additionalProperties"] == false && was["additionalProperties"] != false;
        if self.direction == Direction::Request && closed && was["properties"].is_object() {
            self.found.push(format!("{place}further fields are now refused"));
        }
    }

    /// Each variant that callers send must still be taken, and each that they may read must have been there.
    fn variants(&mut self, was: &Json, is: &Json, place: &str, depth: usize) {
        let (Some(old), Some(new)) = (was.as_array(), is.as_array()) else {
            if was.is_array() != is.is_array() {
                self.found.push(format!("{place}the variants changed in a way that cannot be compared"));
            }
            return;
        };
        let (schemas, direction, seen) = (self.schemas, self.direction, &self.seen);
        let fits = |before: &Json, after: &Json| {
            let mut walk = Walk { schemas, direction, seen: seen.clone(), found: Vec::new() };
            walk.all(before, after, place, depth - 1);
            walk.found.is_empty()
        };
        let lost = match direction {
            Direction::Request => old.iter().filter(|before| !new.iter().any(|after| fits(before, after))).count(),
            Direction::Answer => new.iter().filter(|after| !old.iter().any(|before| fits(before, after))).count(),
        };
        match (lost, direction) {
            (0, _) => {}
            (_, Direction::Request) => self.found.push(format!("{place}{lost} variants are not taken any more")),
            (_, Direction::Answer) => self.found.push(format!("{place}{lost} variants are new")),
        }
    }
}

fn types(was: &Json, is: &Json, direction: Direction, place: &str, found: &mut Vec<String>) {
    let all = |schema: &Json| -> Vec<String> {
        match &schema["type"] {
            Json::String(one) => vec![one.clone()],
            Json::Array(several) => several.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    let (old, new) = (all(was), all(is));
    // A schema without a type allows all of them.
    let allows = |wide: &[String], narrow: &[String]| {
        let takes = |kind: &String| wide.contains(kind) || kind == "integer" && wide.iter().any(|one| one == "number");
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(takes)
    };
    let fits = match direction {
        Direction::Request => allows(&new, &old),
        Direction::Answer => allows(&old, &new),
    };
    if !fits {
        let named = |kinds: Vec<String>| if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") };
        found.push(format!("{place}the type was {} and is {}", named(old), named(new)));
    }
}

fn values(was: &Json, is: &Json, direction: Direction, place: &str, found: &mut Vec<String>) {
    match (was["enum"].as_array(), is["enum"].as_array(), direction) {
        (Some(old), Some(new), _) => {
            let (from, to, what) = match direction {
                Direction::Request => (old, new, "is not taken any more"),
                Direction::Answer => (new, old, "is a new value"),
            };
            found.extend(from.iter().filter(|value| !to.contains(value)).map(|value| format!("{place}{value} {what}")));
        }
        (None, Some(_), Direction::Request) => found.push(format!("{place}only some values are taken now")),
        (Some(_), None, Direction::Answer) => found.push(format!("{place}any value may come now")),
        _ => {}
    }
}

/// Bounds of a request that are tighter than they were.
fn bounds(was: &Json, is: &Json, place: &str, found: &mut Vec<String>) {
    for (name, is_least) in [
        ("minimum", true),
        ("minLength", true),
        ("minItems", true),
        ("maximum", false),
        ("maxLength", false),
        ("maxItems", false),
    ] {
        let Some(new) = is[name].as_f64() else { continue };
        let tighter = was[name].as_f64().is_none_or(|old| if is_least { new > old } else { new < old });
        if tighter {
            found.push(format!("{place}{name} was {} and is {}", was[name], is[name]));
        }
    }
    for name in ["pattern", "format"] {
        if is[name].is_string() && is[name] != was[name] {
            found.push(format!("{place}{name} was {} and is {}", was[name], is[name]));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(was: &Json, is: &Json, direction: Direction) -> Vec<String> {
        let none = json!({});
        let mut found = Vec::new();
        Schemas { old: &none, new: &none }.compare(was, is, direction, "it", &mut found);
        found
    }

    #[test]
    fn a_request_may_be_wider_and_an_answer_may_be_narrower_and_not_the_other_way_round() {
        let cases = [
            (json!({ "type": "number" }), json!({ "type": "integer" })),
            (json!({ "type": ["string", "null"] }), json!({ "type": "string" })),
            (json!({ "type": "string", "enum": ["a", "b"] }), json!({ "type": "string", "enum": ["a"] })),
            (json!({}), json!({ "type": "string" })),
            (
                json!({ "oneOf": [{ "type": "string" }, { "type": "null" }] }),
                json!({ "oneOf": [{ "type": "string" }] }),
            ),
        ];
        for (wide, narrow) in &cases {
            assert_eq!(changes(narrow, wide, Direction::Request), Vec::<String>::new(), "{narrow} -> {wide}");
            assert_eq!(changes(wide, narrow, Direction::Answer), Vec::<String>::new(), "{wide} -> {narrow}");
            assert_eq!(changes(wide, narrow, Direction::Request).len(), 1, "{wide} -> {narrow}");
            assert_eq!(changes(narrow, wide, Direction::Answer).len(), 1, "{narrow} -> {wide}");
        }
    }

    #[test]
    fn tighter_bounds_of_a_request_break_and_those_of_an_answer_do_not() {
        for (was, is) in [
            (json!({ "maximum": 200 }), json!({ "maximum": 100 })),
            (json!({}), json!({ "minLength": 1 })),
            (json!({ "pattern": "^a" }), json!({ "pattern": "^b" })),
        ] {
            assert_eq!(changes(&was, &is, Direction::Request).len(), 1, "{was} -> {is}");
            assert!(changes(&was, &is, Direction::Answer).is_empty());
            assert_eq!(changes(&json!({ "maximum": 100 }), &json!({ "maximum": 200 }), Direction::Request).len(), 0);
        }
    }

    #[test]
    fn fields_of_items_are_compared() {
        let list = |kind: &str| json!({ "type": "array", "items": { "properties": { "id": { "type": kind } } } });
        let found = changes(&list("string"), &list("integer"), Direction::Answer);
        assert_eq!(found, ["it: an item: id: the type was string and is integer"]);
    }

    #[test]
    fn a_field_that_is_gone_breaks_readers_and_senders_where_further_fields_are_refused() {
        let with = json!({ "properties": { "a": {} }, "additionalProperties": false });
        let without = json!({ "properties": {}, "additionalProperties": false });
        assert_eq!(changes(&with, &without, Direction::Answer), ["it: a is gone"]);
        assert_eq!(changes(&with, &without, Direction::Request), ["it: a is gone"]);
        let open = json!({ "properties": { "a": {} } });
        assert_eq!(changes(&open, &with, Direction::Request), ["it: further fields are now refused"]);
    }
}
