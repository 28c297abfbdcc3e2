//! Content of a write in a later read: the places are learnt in peace, and compared after a kill.

use std::collections::BTreeMap;

use keel_wire::http::Exchange;

use super::values::{self, Values};

/// The shortest text that is looked for within another.
const LEAST_TEXT: usize = 3;

/// The values that one write has: asked for, acknowledged, and those that name it.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    values: BTreeMap<Source, String>,
}

/// Source of a value in a write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Asked(String),
    Acknowledged(String),
    Named(String),
}

impl Written {
    /// The values of an acknowledged write, and those in the path by which it is read.
    pub(super) fn of(made: &Exchange, own: &BTreeMap<String, String>) -> Self {
        let mut values = BTreeMap::new();
        let mut take = |found: Values, source: fn(String) -> Source| {
            values.extend(found.into_iter().map(|(place, value)| (source(place), value)));
        };
        take(values::asked(&made.request), Source::Asked);
        take(values::answered(made), Source::Acknowledged);
        take(own.clone(), Source::Named);
        Self { values }
    }

    /// The same for a thing with other names.
    pub(super) fn renamed(&self, from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Self {
        let other = |value: &String| {
            let name = from.iter().find(|(_, known)| *known == value).map(|(name, _)| name);
            name.and_then(|name| to.get(name)).unwrap_or(value).clone()
        };
        Self { values: self.values.iter().map(|(source, value)| (source.clone(), other(value))).collect() }
    }

    fn has(&self, sources: &[Source], value: &str) -> bool {
        sources.iter().any(|source| self.values.get(source).is_some_and(|known| known == value))
    }

    /// Returns true if the write has values.
    pub(super) fn asks(&self) -> bool {
        self.values.keys().any(|source| matches!(source, Source::Asked(_)))
    }
}

/// A place in what is read, and the values of the write that it shows: any of them.
#[derive(Clone, Debug)]
struct Rule {
    place: String,
    /// True if it shows the value among other text.
    within: bool,
    sources: Vec<Source>,
}

/// Values of a write that a read shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    rules: Vec<Rule>,
}

impl Content {
    /// Learns the values that all of these writes and their reads have in common.
    pub(super) fn learn(pairs: &[(Written, Exchange)]) -> Self {
        let Some((written, read)) = pairs.first() else { return Self::default() };
        let shown = values::answered(read);
        let mut rules = Vec::new();
        for (place, value) in &shown {
            let same = |(source, known): (&Source, &String)| (known == value).then(|| source.clone());
            let sources: Vec<Source> = written.values.iter().filter_map(same).collect();
            if sources.is_empty() && place.is_empty() {
                let inside = |(source, known): (&Source, &String)| {
                    (known.len() >= LEAST_TEXT && value.contains(known.as_str())).then(|| source.clone())
                };
                let each = written.values.iter().filter_map(inside);
                rules.extend(each.map(|source| Rule { place: place.clone(), within: true, sources: vec![source] }));
            } else {
                rules.push(Rule { place: place.clone(), within: false, sources });
            }
        }
        for rule in &mut rules {
            let by = |source: &Source| Rule { sources: vec![source.clone()], ..rule.clone() };
            let in_all = |source: &Source| {
                pairs.iter().all(|(written, read)| by(source).holds(written, &values::answered(read)))
            };
            rule.sources = rule.sources.iter().filter(|source| in_all(source)).cloned().collect();
        }
        rules.retain(|rule| !rule.sources.is_empty());
        Self { rules }
    }

    /// The first place that does not show what it should.
    pub(super) fn broken(&self, written: &Written, read: &Exchange, but: &[String]) -> Option<String> {
        let shown = values::answered(read);
        let broken =
            self.rules.iter().filter(|rule| !but.contains(&rule.place)).find(|rule| !rule.holds(written, &shown));
        broken.map(|rule| rule.place.clone())
    }

    /// Returns true if this place does not show the expected value.
    pub(super) fn is_broken_at(&self, written: &Written, read: &Exchange, place: &str) -> bool {
        let shown = values::answered(read);
        self.rules.iter().any(|rule| rule.place == place && !rule.holds(written, &shown))
    }

    /// Returns true if it shows any value of the request.
    pub(super) fn shows_what_was_asked_for(&self) -> bool {
        self.rules.iter().any(|rule| rule.sources.iter().any(|source| matches!(source, Source::Asked(_))))
    }
}

impl Rule {
    fn holds(&self, written: &Written, shown: &Values) -> bool {
        let Some(value) = shown.get(&self.place) else { return false };
        if self.within {
            let known = self.sources.iter().filter_map(|source| written.values.get(source));
            known.clone().count() > 0 && known.clone().all(|known| value.contains(known.as_str()))
        } else {
            written.has(&self.sources, value)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode};
    use keel_wire::http::{Answer, Request};

    use super::*;

    fn exchange(request: Request, body: &str) -> Exchange {
        let answer = Answer {
            status: StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.as_bytes().to_vec().into(),
            body_length: body.len() as u64,
            first_byte: Duration::ZERO,
        };
        Exchange { request, outcome: Ok(answer), took: Duration::ZERO }
    }

    fn pair(asked: &str, acknowledged: &str, id: &str, read: &str) -> (Written, Exchange) {
        let made = exchange(Request::new(Method::POST, "/").body(asked.to_owned()), acknowledged);
        let own = [("thing".to_owned(), id.to_owned())].into();
        (Written::of(&made, &own), exchange(Request::get("/"), read))
    }

    #[test]
    fn requested_values_are_compared_where_they_show_although_the_answer_did_not_repeat_them() {
        let pairs = [
            pair(r#"{"a":1,"b":"x"}"#, r#"{"id":"i1"}"#, "i1", r#"{"item":{"id":"i1","a":1,"at":7,"b":"x"}}"#),
            pair(r#"{"a":2,"b":"x"}"#, r#"{"id":"i2"}"#, "i2", r#"{"item":{"id":"i2","a":2,"at":8,"b":"x"}}"#),
        ];
        let content = Content::learn(&pairs);
        assert!(content.shows_what_was_asked_for());
        let (written, good) =
            pair(r#"{"a":3,"b":"x"}"#, r#"{"id":"i3"}"#, "i3", r#"{"item":{"id":"i3","a":3,"b":"x","at":9}}"#);
        assert_eq!(content.broken(&written, &good, &[]), None);
        for (read, place) in [
            (r#"{"item":{"id":"i3","a":4,"b":"x"}}"#, "item/a"),
            (r#"{"item":{"id":"i2","a":3,"b":"x"}}"#, "item/id"),
            (r#"{"item":{"id":"i3","a":3}}"#, "item/b"),
            (r#"{"error":"no such item"}"#, "item/a"),
        ] {
            let read = exchange(Request::get("/"), read);
            assert_eq!(content.broken(&written, &read, &[]).as_deref(), Some(place));
            assert_ne!(content.broken(&written, &read, &[place.to_owned()]).as_deref(), Some(place));
        }
    }

    #[test]
    fn a_text_is_compared_whole_and_a_page_by_what_it_shows() {
        let content =
            Content::learn(&[pair("hello one", "", "k1", "hello one"), pair("hello two", "", "k2", "hello two")]);
        let (written, cut) = pair("hello three", "", "k3", "hello thr");
        assert_eq!(content.broken(&written, &cut, &[]).as_deref(), Some(""));
        let content = Content::learn(&[pair("one", "", "k1", "<p>one</p>"), pair("two", "", "k2", "<p>two</p>")]);
        let (written, empty) = pair("three", "", "k3", "<p></p>");
        assert_eq!(content.broken(&written, &empty, &[]).as_deref(), Some(""));
    }

    #[test]
    fn an_answer_that_is_the_same_for_every_name_shows_nothing_of_one() {
        let pairs = [
            pair(r#"{"a":1}"#, r#"{"id":"i1"}"#, "i1", r#"{"id":"i1","a":1}"#),
            pair(r#"{"a":1}"#, r#"{"id":"i2"}"#, "i2", r#"{"id":"i2","a":1}"#),
        ];
        let content = Content::learn(&pairs);
        let (from, to) =
            ([("thing".to_owned(), "i1".to_owned())].into(), [("thing".to_owned(), "u9".to_owned())].into());
        let unmade = pairs[0].0.renamed(&from, &to);
        let echo = exchange(Request::get("/"), r#"{"id":"u9","a":1}"#);
        assert_eq!(content.broken(&unmade, &echo, &[]), None, "a thing that was never made reads the same");
    }
}
