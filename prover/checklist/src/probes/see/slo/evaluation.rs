//! Evaluates expressions over what each request adds to the counters, in the time windows of a made-up course of failures.

use std::collections::BTreeSet;

use super::expression::{self, Expression, Selector};
use crate::probes::see::metrics::exposition::Scrape;
use crate::probes::see::ops_files::Rules;

/// Requests in a second of the made-up course: many, so that a bound on their number is passed.
const RATE: f64 = 1_000.0;
/// The longest chain of recording rules.
const MAX_CHAIN: usize = 10;
/// Aggregations and functions that keep the one value that all series of a selector are added up to.
const SAME: [&str; 7] = ["sum", "max", "min", "avg", "scalar", "vector", "last_over_time"];

/// Scrapes around so many good requests, and then so many bad ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) scrapes: [Scrape; 3],
    pub(super) good: usize,
    pub(super) bad: usize,
}

impl Counted {
    /// The rise of what a selector matches with a good request and with a bad one; none when it matches nothing.
    pub(super) fn rise(&self, selector: &Selector) -> Option<[f64; 2]> {
        let [before, between, after] = &self.scrapes;
        let sum = |scrape: &Scrape| {
            let found: Vec<f64> = scrape
                .samples
                .iter()
                .filter(|sample| sample.name == selector.name && selector.takes(&sample.labels))
                .map(|sample| sample.value)
                .collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>())
        };
        let last = sum(after)?;
        let middle = sum(between).unwrap_or_default();
        let first = sum(before).unwrap_or_default();
        Some([(middle - first) / self.good as f64, (last - middle) / self.bad as f64])
    }

    fn instant(&self, selector: &Selector) -> Option<f64> {
        let matching = self.scrapes[2].samples.iter().filter(|sample| sample.name == selector.name);
        let values: Vec<f64> =
            matching.filter(|sample| selector.takes(&sample.labels)).map(|sample| sample.value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// The share of failures in the last so many seconds, for each window.
pub(super) type Course<'c> = &'c dyn Fn(u64) -> f64;

/// Rules over counters.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'w> {
    pub(super) rules: &'w Rules,
    pub(super) counted: &'w Counted,
}

/// An expression with what is known of its selectors in their places: its value depends on the course of failures alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Prepared {
    /// A value, or an empty result.
    Known(Option<f64>),
    /// The rate, or the increase, of series that rise by so much with a good request and with a bad one.
    Range {
        rise: [f64; 2],
        window: u64,
        is_increase: bool,
    },
    Absent(Box<Prepared>),
    /// The sum of what several recording rules record under one name.
    Sum(Vec<Prepared>),
    Operation(String, bool, Box<[Prepared; 2]>),
}

impl Prepared {
    /// The value; none for an empty result, as that of a comparison that is not met.
    pub(super) fn value(&self, course: Course<'_>) -> Option<f64> {
        match self {
            Self::Known(value) => *value,
            Self::Range { rise: [good, bad], window, is_increase } => {
                let share = course(*window);
                let a_second = RATE * ((1.0 - share) * good + share * bad);
                Some(if *is_increase { a_second * *window as f64 } else { a_second })
            }
            Self::Absent(inside) => {
                if inside.value(course).is_none() {
                    Some(1.0)
                } else {
                    None
                }
            }
            Self::Sum(parts) => {
                let values: Vec<f64> = parts.iter().filter_map(|part| part.value(course)).collect();
                (!values.is_empty()).then(|| values.iter().sum())
            }
            Self::Operation(word, is_bool, sides) => {
                operated(word, *is_bool, sides[0].value(course), sides[1].value(course))
            }
        }
    }
}

impl World<'_> {
    /// Prepares an expression.
    ///
    /// # Errors
    /// The part of it that cannot be evaluated.
    pub(super) fn prepare(self, text: &str) -> Result<Prepared, String> {
        self.of(&expression::read(text)?, 0)
    }

    /// The selectors with a range in an expression, and in the recording rules that it names.
    ///
    /// # Errors
    /// The part of it that cannot be read.
    pub(super) fn ranges(self, text: &str) -> Result<Vec<Selector>, String> {
        let (mut found, mut open, mut known) = (Vec::new(), vec![expression::read(text)?], BTreeSet::new());
        while let Some(next) = open.pop() {
            match next {
                Expression::Selector(selector) if selector.window.is_some() => found.push(selector),
                Expression::Selector(selector) => {
                    for rule in self.recorded(&selector) {
                        if known.insert(rule.to_owned()) {
                            open.push(expression::read(rule)?);
                        }
                    }
                }
                Expression::Call(_, arguments) => open.extend(arguments),
                Expression::Operation(_, _, sides) => open.extend(*sides),
                Expression::Number(_) | Expression::Text => {}
            }
        }
        Ok(found)
    }

    /// The expressions of the recording rules that a selector matches.
    fn recorded(&self, selector: &Selector) -> impl Iterator<Item = &str> {
        let rules = self.rules.recorded.get(&selector.name).into_iter().flatten();
        // Labels that only the series have are not known here.
        let given = |label: &String, labels: &std::collections::BTreeMap<String, String>| labels.contains_key(label);
        let takes = move |labels: &std::collections::BTreeMap<String, String>| {
            let known = selector.matchers.iter().filter(|(label, _, _)| given(label, labels)).cloned().collect();
            Selector { matchers: known, ..selector.clone() }.takes(labels)
        };
        rules.filter(move |rule| takes(&rule.labels)).map(|rule| rule.expression.as_str())
    }

    fn of(self, expression: &Expression, chain: usize) -> Result<Prepared, String> {
        match expression {
            Expression::Number(number) => Ok(Prepared::Known(Some(*number))),
            Expression::Text => Err("a text has no value".to_owned()),
            Expression::Selector(selector) => self.selected(selector, chain),
            Expression::Call(name, arguments) => self.called(name, arguments, chain),
            Expression::Operation(word, is_bool, sides) => {
                let sides = [self.of(&sides[0], chain)?, self.of(&sides[1], chain)?];
                Ok(Prepared::Operation(word.clone(), *is_bool, Box::new(sides)))
            }
        }
    }

    fn selected(self, selector: &Selector, chain: usize) -> Result<Prepared, String> {
        if selector.window.is_some() {
            return Err(format!("the range of {} is not of rate or increase", selector.name));
        }
        if !self.rules.recorded.contains_key(&selector.name) {
            return Ok(Prepared::Known(self.counted.instant(selector)));
        }
        if chain >= MAX_CHAIN {
            return Err(format!("the recording rule {} is of too long a chain", selector.name));
        }
        let parts: Result<Vec<Prepared>, String> =
            self.recorded(selector).map(|rule| self.of(&expression::read(rule)?, chain + 1)).collect();
        Ok(Prepared::Sum(parts?))
    }

    fn called(self, name: &str, arguments: &[Expression], chain: usize) -> Result<Prepared, String> {
        match (name, arguments) {
            ("rate" | "irate" | "increase", [Expression::Selector(selector)]) => {
                let window = selector.window.ok_or_else(|| format!("{name} has no range"))?;
                let is_increase = name == "increase";
                Ok(match self.counted.rise(selector) {
                    Some(rise) => Prepared::Range { rise, window, is_increase },
                    None => Prepared::Known(None),
                })
            }
            ("absent", [inside]) => Ok(Prepared::Absent(Box::new(self.of(inside, chain)?))),
            (_, [inside]) if SAME.contains(&name) => self.of(inside, chain),
            _ => Err(format!("{name} is not evaluated")),
        }
    }
}

/// The outcome of an operation; a comparison keeps its left side or nothing.
fn operated(word: &str, is_bool: bool, left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match word {
        "and" => return left.filter(|_| right.is_some()),
        "or" => return left.or(right),
        "unless" => return left.filter(|_| right.is_none()),
        _ => {}
    }
    let (left, right) = (left?, right?);
    let compared = |met: bool| match (is_bool, met) {
        (true, met) => Some(f64::from(u8::from(met))),
        (false, true) => Some(left),
        (false, false) => None,
    };
    match word {
        "+" => Some(left + right),
        "-" => Some(left - right),
        "*" => Some(left * right),
        "/" => Some(left / right),
        "%" => Some(left % right),
        "==" => compared(left == right),
        "!=" => compared(left != right),
        ">" => compared(left > right),
        "<" => compared(left < right),
        ">=" => compared(left >= right),
        _ => compared(left <= right),
    }
}
