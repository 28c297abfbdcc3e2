//! The judges of `see.outliers` on answers without a server.

use super::crowd::Addresses;
use super::judge::{Answer, MOST_MEMORY, first, grown, kept, stands_out, still_named};

fn own() -> Addresses {
    Addresses::new(7)
}

fn answer(text: impl Into<String>) -> Answer {
    Answer(text.into())
}

#[test]
fn addresses_are_whole_words_in_any_form_of_answer() {
    let found = |text: &str| answer(text).addresses().map(|address| address.to_string()).collect::<Vec<_>>();
    assert_eq!(found("{\"rows\":[[\"127.9.0.1\",3],[\"127.9.0.2\",2.5]]}"), ["127.9.0.1", "127.9.0.2"]);
    assert_eq!(found("key=127.9.0.1:4711 rate=3\n::ffff:127.9.0.2 2"), ["127.9.0.1", "127.9.0.2"]);
    assert_eq!(found("First comes 127.9.0.1. Then 127.9.0.22."), ["127.9.0.1", "127.9.0.22"]);
    assert_eq!(found("127.9.0.1.5 1127.9.0.2 127.9.0.300"), [] as [&str; 0]);
}

#[test]
fn the_first_client_of_the_experiment_decides_and_others_do_not() {
    let own = own();
    let listed = answer(format!("127.0.0.1 900\n{} 40\n{} 20", own.busy, own.slow));
    let good = |client| stands_out("requests", first(&listed, &own), client, Some(200)).0;
    assert!(good(own.busy) && !good(own.slow) && !good(own.late));
    let nobody = answer("127.0.0.1 900");
    assert_eq!(first(&nobody, &own), None);
    assert!(!stands_out("requests", None, own.busy, Some(404)).0);
    let flooded = own.flood(1).next().unwrap();
    assert_eq!(first(&answer(format!("{flooded} {}", own.busy)), &own), Some(flooded));
}

#[test]
fn a_client_is_still_named_where_it_stands() {
    let own = own();
    assert!(still_named(&answer(format!("{} {}", own.late, own.busy)), own.busy, 9).0);
    assert!(!still_named(&answer(own.late.to_string()), own.busy, 9).0);
}

#[test]
fn a_bound_shows_when_a_quarter_of_the_flood_is_not_kept() {
    let own = own();
    let listed = |count: u16| {
        let addresses = own.flood(count).map(|address| address.to_string()).collect::<Vec<_>>();
        answer(format!("{} {}", own.busy, addresses.join(" ")))
    };
    assert!(kept(&listed(74), &own, 100).is_ok());
    assert!(kept(&listed(75), &own, 100).is_err() && kept(&listed(100), &own, 100).is_err());
    assert!(kept(&answer("127.0.0.1"), &own, 100).is_err(), "it says nothing");
    let twice = format!("{0} {0}", listed(50).0);
    assert!(kept(&answer(twice), &own, 100).is_ok(), "each counts once");
}

#[test]
fn memory_may_grow_by_little() {
    assert!(grown(MOST_MEMORY, 9).0 && !grown(MOST_MEMORY + 1, 9).0);
}

#[test]
fn clients_of_a_run_are_apart_from_each_other_and_from_those_of_another() {
    let (one, other) = (Addresses::new(1), Addresses::new(2));
    let all: Vec<_> =
        one.usual(12).chain([one.busy, one.failing, one.slow, one.late]).chain(one.flood(2_000)).collect();
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert!(all.iter().all(|address| one.has(*address) && address.is_loopback()));
    assert!(!other.has(one.busy) && !one.is_flood(one.busy));
}
