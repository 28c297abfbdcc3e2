//! The judge of `web.robots` on answers without a server.

use super::*;
use crate::testing::exchange::{answered, unanswered};

const RULES: &str = "User-agent: *\nDisallow: /private\n";

/// Bearings of the served file, and of its rules.
fn good(exchange: &Exchange) -> Vec<bool> {
    judge(exchange).iter().map(Evidence::is_for).collect()
}

#[test]
fn a_text_with_rules_is_good_and_a_page_or_a_missing_one_is_not() {
    let text = |status, kind| answered(status, &[("content-type", kind)], RULES);
    assert_eq!(good(&text(200, "text/plain; charset=utf-8")), [true, true]);
    assert_eq!(good(&text(404, "text/plain")), [false]);
    assert_eq!(good(&text(200, "text/html")), [false, true]);
    assert_eq!(good(&text(200, "text/plain; charset=iso-8859-1")), [false, true]);
    assert_eq!(good(&unanswered()), [false]);
}

#[test]
fn a_text_without_a_rule_says_nothing_to_crawlers() {
    assert_eq!(good(&answered(200, &[("content-type", "text/plain")], "# no rules yet\n")), [true, false]);
}
