//! The names of metrics in an expression of PromQL.
//!
//! A tokenizer, not a parser: names are the identifiers that are no function, operator, keyword or label. Texts, label matchers,
//! ranges and variables of Grafana are skipped.

use std::collections::BTreeSet;

/// Operators that aggregate; labels may follow them before their argument.
const AGGREGATIONS: [&str; 14] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
    "limitk",
    "limit_ratio",
];
/// Words that a list of labels follows.
const LABELS_FOLLOW: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Other words of the language.
const KEYWORDS: [&str; 11] =
    ["and", "or", "unless", "offset", "bool", "atan2", "inf", "nan", "start", "end", "default"];

/// Returns the names of metrics, in order.
pub(super) fn metrics(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' | '`' => after_text(rest, first),
            '#' => rest.split_once('\n').map_or("", |(_, after)| after),
            '[' => after(rest, ']'),
            '{' => {
                let (inside, after) = matchers(rest);
                names.extend(named_inside(inside));
                after
            }
            '$' => after_variable(rest),
            // A number with its unit, such as 5m or 1e3.
            '0'..='9' => rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.'),
            _ if is_start(first) => {
                let end = rest.find(|c: char| !is_start(c) && !c.is_ascii_digit()).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                word_of(word, after, &mut names)
            }
            _ => &rest[first.len_utf8()..],
        };
    }
    names
}

/// Looks at a word, and returns what comes after it.
fn word_of<'t>(word: &str, after: &'t str, names: &mut BTreeSet<String>) -> &'t str {
    let lower = word.to_ascii_lowercase();
    let next = after.trim_start();
    if LABELS_FOLLOW.contains(&lower.as_str()) {
        return next.strip_prefix('(').map_or(after, |labels| labels.split_once(')').map_or("", |(_, rest)| rest));
    }
    let is_word = AGGREGATIONS.contains(&lower.as_str()) || KEYWORDS.contains(&lower.as_str());
    // What an opening bracket follows is a function.
    if !is_word && !next.starts_with('(') {
        names.insert(word.to_owned());
    }
    after
}

fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

fn after(text: &str, end: char) -> &str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// What comes after a text in quotes, with `\` before quotes inside.
fn after_text(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return &text[at + c.len_utf8()..],
            _ => {}
        }
    }
    ""
}

/// The label matchers in braces, and what comes after them.
fn matchers(text: &str) -> (&str, &str) {
    let inside = &text[1..];
    let mut rest = inside;
    while let Some(first) = rest.chars().next() {
        match first {
            '}' => {
                let at = inside.len() - rest.len();
                return (&inside[..at], &rest[1..]);
            }
            '"' | '\'' | '`' => rest = after_text(rest, first),
            _ => rest = &rest[first.len_utf8()..],
        }
    }
    (inside, "")
}

/// The name that matchers give, as in `{__name__="up"}` or `{"up"}`.
fn named_inside(matchers: &str) -> Option<String> {
    let trimmed = matchers.trim();
    let value = match trimmed.split_once("__name__") {
        Some((_, rest)) => rest.trim_start().strip_prefix('=')?.trim_start(),
        None => trimmed,
    };
    let quoted = value.strip_prefix('"')?;
    quoted.split_once('"').map(|(name, _)| name.to_owned()).filter(|name| !name.is_empty())
}

/// What comes after a variable: `$name`, `${name:option}`.
fn after_variable(text: &str) -> &str {
    let rest = &text[1..];
    match rest.strip_prefix('{') {
        Some(inside) => after(inside, '}'),
        None => rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(expression: &str) -> Vec<String> {
        metrics(expression).into_iter().collect()
    }

    #[test]
    fn names_are_what_is_no_function_operator_keyword_or_label() {
        let ratio = "sum by (route) (rate(http_errors_total{job=\"a\", path!~\"x}y\"}[5m])) / on(route) group_left(team) \
                     sum without (status) (rate(http_requests_total[5m] offset 1h)) > bool 0.5 and absent(up == 0)";
        assert_eq!(names(ratio), ["http_errors_total", "http_requests_total", "up"]);
        assert_eq!(
            names("histogram_quantile(0.99, sum(rate(d_bucket[$__rate_interval])) by (le)) # of d"),
            ["d_bucket"]
        );
        assert_eq!(names("slo:error:ratio5m{a='b'} > (14.4 * 1e-3)"), ["slo:error:ratio5m"]);
        assert_eq!(names("vector(1)"), Vec::<String>::new());
    }

    #[test]
    fn names_in_braces_and_variables_are_told_apart() {
        assert_eq!(names("{__name__=\"up\", job=\"x\"} or {\"node load\"}"), ["node load", "up"]);
        assert_eq!(names("rate(${metric}[5m]) + $other + real"), ["real"]);
        assert_eq!(names("label_replace(a, \"b\", \"$1\", \"c\", \"(.*) of c\")"), ["a"]);
        assert_eq!(names("broken{"), ["broken"]);
    }
}
