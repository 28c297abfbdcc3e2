//! `border.cacheable` on its specimens.

use super::*;
use crate::probes::border::testing::things;
use crate::testing::{examine_declared, falls_short, holds};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_validators_that_work() {
    holds(&examine_declared("border.cacheable", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_each_way_to_mislead_a_cache() {
    for (name, words) in [
        ("border-silent-on-caching", "no Cache-Control"),
        ("border-dead-validator", "gives 200, not 304"),
        ("border-hides-vary", "lacks Vary"),
        ("border-public-cookie", "Set-Cookie"),
    ] {
        falls_short(&examine_declared("border.cacheable", name, things).await, &[words]);
    }
}

fn control(value: &str) -> Control {
    let mut control = Control { said: true, ..Control::default() };
    control.read(value);
    control
}

#[test]
fn contradictions_are_seen() {
    for value in ["public, private", "no-store, max-age=60", "no-store, public", "private, s-maxage=5", "max-age=soon"]
    {
        assert_eq!(control(value).faults().len(), 1, "{value}");
    }
}

#[test]
fn usual_values_are_no_contradiction() {
    for value in
        ["no-store", "private, no-cache", "public, max-age=31536000, immutable", "no-cache, no-store, max-age=0"]
    {
        assert!(control(value).faults().is_empty(), "{value}");
    }
}

#[test]
fn a_private_answer_is_not_shared() {
    assert!(!control("private, max-age=60").is_shared());
    assert!(control("max-age=60").is_shared());
    assert!(!control("no-cache").is_shared());
}

#[test]
fn an_entity_tag_is_quoted() {
    assert!(is_entity_tag("W/\"a\"") && is_entity_tag("\"\"") && !is_entity_tag("abc"));
}
