#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::time::Duration;

use super::*;
use crate::toxic::{
    Attribute, Bandwidth, Blackhole, Corrupt, Kind, Latency, LimitData, Noop, ResetPeer, Slicer, SlowClose, Stream,
    TYPES, Timeout,
};

fn chain(kinds: &[Kind]) -> Chain {
    seeded(kinds, 1)
}

fn seeded(kinds: &[Kind], seed: u64) -> Chain {
    let toxics: Vec<Toxic> = kinds.iter().map(|kind| Toxic::new(Stream::Upstream, kind.clone())).collect();
    let origin = Origin { seed: Seed(seed), stream: "test".to_owned(), client_spoke: Arc::default() };
    Chain::new(toxics.iter(), origin)
}

fn toxic(kind: Kind) -> Toxic {
    Toxic::new(Stream::Upstream, kind)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Everything that comes out now.
fn out(chain: &mut Chain, now: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        chain.advance(now);
        let Some(bytes) = chain.next_output().cloned() else { return all };
        chain.written(bytes.len());
        all.extend_from_slice(&bytes);
    }
}

const LATENCY: Kind = Kind::Latency(Latency { latency: 100, jitter: 0 });

#[test]
fn an_empty_chain_is_clear_and_passes_everything() {
    let (mut chain, now) = (chain(&[]), Instant::now());
    assert!(chain.is_clear());
    chain.put(Bytes::from_static(b"abc"), now);
    assert!(!chain.is_clear(), "what was put in must come out of it");
    assert_eq!(out(&mut chain, now), b"abc");
    assert!(chain.is_clear());
}

#[test]
fn latency_is_counted_from_when_the_bytes_came_and_two_add_up() {
    let (mut chain, start) = (chain(&[LATENCY]), Instant::now());
    chain.add(&Toxic { name: "second".to_owned(), ..toxic(LATENCY) });
    chain.put(Bytes::from_static(b"abc"), start);
    assert_eq!(chain.advance(start + ms(40)), Some(start + ms(100)));
    assert_eq!(out(&mut chain, start + ms(199)), b"");
    assert_eq!(out(&mut chain, start + ms(200)), b"abc");
}

#[test]
fn a_latency_that_is_removed_flushes_what_it_held_before_what_comes() {
    let (mut chain, now) = (chain(&[LATENCY]), Instant::now());
    chain.put(Bytes::from_static(b"ab"), now);
    chain.put(Bytes::from_static(b"cd"), now);
    chain.advance(now);
    chain.remove("latency_upstream", now);
    chain.put(Bytes::from_static(b"ef"), now);
    assert_eq!(out(&mut chain, now), b"abcdef");
}

#[test]
fn jitter_keeps_the_order() {
    let (mut chain, start) = (chain(&[Kind::Latency(Latency { latency: 50, jitter: 50 })]), Instant::now());
    let bytes: Vec<u8> = (0..=255).collect();
    for byte in &bytes {
        chain.put(Bytes::copy_from_slice(&[*byte]), start);
    }
    let mut all = Vec::new();
    for at in 0..=100 {
        all.extend(out(&mut chain, start + ms(at)));
    }
    assert_eq!(all, bytes);
}

#[test]
fn bandwidth_limits_kilobytes_per_second_and_stops_at_zero() {
    let (mut chain, start) = (chain(&[Kind::Bandwidth(Bandwidth { rate: 10 })]), Instant::now());
    chain.put(Bytes::from(vec![7; 5000]), start);
    let mut passed = 0;
    for at in 0..=250 {
        passed += out(&mut chain, start + ms(at)).len();
    }
    assert_eq!(passed, 2000, "10 bytes a millisecond, in pieces of 100 ms");
    chain.update(&toxic(Kind::Bandwidth(Bandwidth { rate: 0 })));
    assert_eq!(out(&mut chain, start + ms(99_999)).len(), 0);
    chain.remove("bandwidth_upstream", start);
    assert_eq!(out(&mut chain, start).len(), 3000, "the rest is not lost");
}

#[test]
fn slow_close_holds_only_the_end() {
    let (mut chain, start) = (chain(&[Kind::SlowClose(SlowClose { delay: 100 })]), Instant::now());
    chain.put(Bytes::from_static(b"abc"), start);
    chain.finish(End::Finish, start);
    assert_eq!(out(&mut chain, start), b"abc");
    assert_eq!(chain.ended(), None);
    assert_eq!(chain.advance(start + ms(99)), Some(start + ms(100)));
    chain.advance(start + ms(100));
    assert_eq!(chain.ended(), Some(End::Finish));
}

#[test]
fn timeout_closes_after_its_time_for_any_traffic_and_at_once_when_it_is_removed() {
    let (mut chain, start) = (chain(&[Kind::Timeout(Timeout { timeout: 100 })]), Instant::now());
    for at in 0..100 {
        chain.put(Bytes::from_static(b"abc"), start + ms(at));
        assert_eq!(out(&mut chain, start + ms(at)), b"");
        assert_eq!(chain.ended(), None);
    }
    chain.advance(start + ms(100));
    assert_eq!(chain.ended(), Some(End::Close));

    let mut endless = seeded(&[Kind::Timeout(Timeout { timeout: 0 })], 1);
    assert_eq!(endless.advance(start + ms(99_999)), None, "with 0 it stays open");
    endless.remove("timeout_upstream", start);
    assert_eq!(endless.ended(), Some(End::Close));
}

#[test]
fn the_count_of_limit_data_survives_a_change() {
    let (mut chain, now) = (chain(&[Kind::LimitData(LimitData { bytes: 10 })]), Instant::now());
    chain.put(Bytes::from_static(b"abcdefgh"), now);
    assert_eq!(out(&mut chain, now), b"abcdefgh");
    chain.update(&toxic(Kind::LimitData(LimitData { bytes: 12 })));
    chain.put(Bytes::from_static(b"ijklmnop"), now);
    assert_eq!(out(&mut chain, now), b"ijkl");
    assert_eq!(chain.ended(), Some(End::Close));
}

#[test]
fn reset_peer_resets_after_the_first_bytes_and_a_while() {
    let kind = Kind::ResetPeer(ResetPeer { timeout: 50 });
    let (mut chain, start) = (chain(&[kind]), Instant::now());
    assert_eq!(chain.advance(start), None, "nothing has come");
    chain.put(Bytes::from_static(b"x"), start + ms(10));
    assert_eq!(chain.advance(start + ms(10)), Some(start + ms(60)));
    chain.advance(start + ms(60));
    assert_eq!((chain.ended(), chain.next_output()), (Some(End::Reset), None));
}

#[test]
fn slicer_cuts_and_pauses_and_gives_the_rest_when_it_is_removed() {
    let kind = Kind::Slicer(Slicer { average_size: 10, size_variation: 3, delay: 1000 });
    let (mut chain, start) = (chain(&[kind]), Instant::now());
    let bytes: Vec<u8> = (0..200).collect();
    chain.put(Bytes::from(bytes.clone()), start);
    let mut all = Vec::new();
    for at in 0..5 {
        let piece = out(&mut chain, start + ms(at));
        assert!((7..=13).contains(&piece.len()), "{} bytes", piece.len());
        all.extend(piece);
    }
    chain.remove("slicer_upstream", start);
    all.extend(out(&mut chain, start));
    assert_eq!(all, bytes);
}

#[test]
fn corrupt_flips_one_bit_at_the_configured_rate_and_moves_none() {
    let hits = |rate, seed| {
        let mut chain = seeded(&[Kind::Corrupt(Corrupt { rate })], seed);
        let mut hits = 0;
        for _ in 0..100 {
            chain.put(Bytes::from(vec![0; 10_000]), Instant::now());
            let bytes = out(&mut chain, Instant::now());
            assert_eq!(bytes.len(), 10_000);
            assert!(bytes.iter().all(|byte| byte.count_ones() <= 1));
            hits += bytes.iter().filter(|byte| **byte != 0).count();
        }
        hits
    };
    assert_eq!(hits(0, 1), 0);
    assert_eq!(hits(1_000_000, 1), 1_000_000);
    // The standard deviation is 32.
    assert!((840..=1160).contains(&hits(1000, 1)), "{}", hits(1000, 1));
    assert_eq!(hits(1000, 5), hits(1000, 5), "a seed repeats");
}

#[test]
fn blackhole_takes_nothing_and_loses_nothing() {
    let (mut chain, now) = (chain(&[Noop.into(), Blackhole.into()]), Instant::now());
    while chain.wants_input() {
        chain.put(Bytes::from(vec![1; 1000]), now);
        assert_eq!(out(&mut chain, now), b"");
    }
    chain.remove("blackhole_upstream", now);
    assert!(out(&mut chain, now).len() >= STAGE_BYTES);
}

#[test]
fn the_bytes_in_a_chain_are_bounded() {
    let kinds = [LATENCY, Kind::Bandwidth(Bandwidth { rate: 1 }), Kind::Slicer(Slicer::default())];
    let (mut chain, now) = (chain(&kinds), Instant::now());
    let mut put = 0;
    while chain.wants_input() {
        chain.put(Bytes::from(vec![1; 64 << 10]), now);
        chain.advance(now);
        put += 64 << 10;
        assert!(put < 16 << 20, "it takes without end");
    }
    let mut tiny = seeded(&[LATENCY], 1);
    let mut pieces = 0;
    while tiny.wants_input() {
        tiny.put(Bytes::from_static(b"x"), now);
        pieces += 1;
    }
    assert_eq!(pieces, crate::queue::MAX_PIECES);
}

#[test]
fn toxicity_is_drawn_once_for_each_connection_and_only_a_new_toxicity_draws_again() {
    let half = Toxic { toxicity: 0.5, ..toxic(Blackhole.into()) };
    let acts = |seed| {
        let mut chain = seeded(&[], seed);
        chain.add(&half);
        let acts = chain.has("blackhole");
        chain.update(&half);
        assert_eq!(chain.has("blackhole"), acts, "the same toxicity is not drawn again");
        acts
    };
    let poisoned = (0..1000).filter(|seed| acts(*seed)).count();
    assert!((420..=580).contains(&poisoned), "{poisoned} of 1000");
    assert_eq!(acts(3), acts(3));
    let mut chain = seeded(&[], 1);
    chain.add(&Toxic { toxicity: 0.0, ..toxic(Blackhole.into()) });
    assert!(chain.is_clear(), "a toxic that does not act costs nothing");
}

/// Toxics of every lossless kind come, change and go between the bytes; the output is always equal to the input.
#[test]
fn no_byte_is_lost_or_overtaken_while_toxics_come_and_go() {
    for seed in 0..300 {
        let mut luck = Seed(seed).generator("test");
        let mut chain = seeded(&[], seed);
        let (mut now, mut put, mut got) = (Instant::now(), Vec::new(), Vec::new());
        for step in 0..300_u32 {
            now += Duration::from_micros(luck.random_range(0..5000));
            let name = format!("t{}", luck.random_range(0..5));
            let there = chain.stages.iter().any(|stage| stage.name == name);
            match luck.random_range(0..10) {
                0 if !there => {
                    let toxicity = if luck.random() { 1.0 } else { 0.5 };
                    chain.add(&Toxic { name, toxicity, ..toxic(lossless(&mut luck)) });
                }
                1 => chain.remove(&name, now),
                2 if there => {
                    let kind = lossless(&mut luck);
                    // Only settings of the same kind are ever given to a toxic.
                    let word = chain.stages.iter().find(|stage| stage.name == name).unwrap().word;
                    if kind.word() == word {
                        chain.update(&Toxic { name, ..toxic(kind) });
                    }
                }
                3 => chain.held = !chain.held,
                _ if chain.wants_input() => {
                    let bytes: Vec<u8> =
                        (0..luck.random_range(1..2000)).map(|at: u32| (at.wrapping_mul(31) ^ step) as u8).collect();
                    put.extend_from_slice(&bytes);
                    chain.put(Bytes::from(bytes), now);
                }
                _ => {}
            }
            chain.advance(now);
            for _ in 0..luck.random_range(0..3) {
                let Some(bytes) = chain.next_output().cloned() else { break };
                let length = luck.random_range(1..=bytes.len());
                got.extend_from_slice(&bytes[..length]);
                chain.written(length);
            }
        }
        chain.held = false;
        for at in 0..5 {
            chain.remove(&format!("t{at}"), now);
        }
        chain.finish(End::Finish, now);
        got.extend(out(&mut chain, now));
        assert!(got == put, "seed {seed}: {} bytes went in, {} came out", put.len(), got.len());
        assert_eq!(chain.ended(), Some(End::Finish));
    }
}

/// Draws a toxic of any type that loses nothing, with any settings.
fn lossless(luck: &mut ChaCha12Rng) -> Kind {
    let types: Vec<_> = TYPES.iter().filter(|kind| kind.lossless).collect();
    let Some(drawn) = types.get(luck.random_range(0..=types.len())) else {
        return LimitData { bytes: i64::MAX }.into();
    };
    let attribute = |attribute: &Attribute| {
        let range = match attribute.unit {
            "ms" => 0..20,
            "us" => 0..500,
            "KB/s" => 0..1000,
            "bytes" => 0..100,
            unit => panic!("say here how large an attribute in {unit} may be"),
        };
        (attribute.name.to_owned(), luck.random_range(range).into())
    };
    drawn.kind().with(&drawn.attributes.iter().map(attribute).collect()).unwrap()
}
