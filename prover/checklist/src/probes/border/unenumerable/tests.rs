//! `border.unenumerable` on its specimens.

use super::*;
use crate::probes::border::testing::things;
use crate::testing::{examine_declared, falls_short, holds};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_random_identifiers() {
    holds(&examine_declared("border.unenumerable", "border-sound", things).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_counter() {
    falls_short(&examine_declared("border.unenumerable", "border-counts", things).await, &["count up", "neighbour"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_counter_in_the_form_of_a_uuid() {
    falls_short(&examine_declared("border.unenumerable", "border-counts-in-uuids", things).await, &["count up"]);
}

/// Reproducible 64 bits (SplitMix64).
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn good(ids: impl Iterator<Item = String>) -> bool {
    judge("x", &ids.take(SAMPLES).map(Value::String).collect::<Vec<_>>()).iter().all(|piece| piece.is_for())
}

#[test]
fn random_identifiers_hold() {
    assert!(good((1..).map(|n| format!("{:016x}{:016x}", mixed(n), mixed(n + 1000)))));
}

#[test]
fn time_ordered_identifiers_with_74_random_bits_hold() {
    let uuid = |n: u64| {
        let (a, b) = (mixed(n), mixed(n + 1000));
        format!("0192f0c1-{:04x}-7{:03x}-a{:03x}-{:012x}", 0x1000 + n * 3, a & 0xfff, b & 0xfff, mixed(n + 77) >> 16)
    };
    assert!(good((1..).map(uuid)));
}

#[test]
fn counters_fall_short_in_every_disguise() {
    assert!(!good((1..).map(|n| format!("acct_{n:024}"))));
    assert!(!good((1..).map(|n| format!("{:032x}", 0x5000_u64 + n * 17))));
    assert!(!good((1..).map(|n| format!("ORDER-2026-{n}"))));
}

#[test]
fn short_random_identifiers_fall_short() {
    assert!(!good((1..).map(|n| format!("{:08x}", mixed(n) as u32))));
}

#[test]
fn identifiers_made_of_a_clock_and_a_host_fall_short() {
    assert!(!good(
        (1..).map(|n: u64| format!("{:08x}-9c1e-11ef-8f3a-0242ac120002", 0x1a2b_3c4d_u64 + mixed(n) % 9_999))
    ));
}

#[test]
fn a_neighbour_differs_in_one_letter() {
    assert_eq!(next_to("ab-9f"), ["ab-9e", "ab-8f"]);
    assert_eq!(next_to("17"), ["16", "15"]);
}
