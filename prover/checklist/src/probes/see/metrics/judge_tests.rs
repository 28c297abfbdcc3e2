//! The judge of `see.metrics` on scrapes without a server.

use super::*;

/// A scrape after so many good requests and so many errors.
fn scrape(good: usize, errors: usize) -> Scrape {
    let text = format!(
        "# TYPE requests_total counter\nrequests_total{{route=\"/\",status=\"200\"}} {good}\n\
         requests_total{{route=\"\",status=\"404\"}} {errors}\n\
         # TYPE request_seconds histogram\nrequest_seconds_count{{route=\"/\"}} {good}\n"
    );
    Scrape::read(&text).0
}

/// Traffic, latency and errors, between these two scrapes.
fn good(before: &Scrape, after: &Scrape) -> Vec<bool> {
    risen(before, after, "some GETs", false).iter().map(Evidence::is_for).collect()
}

#[test]
fn series_must_rise_by_just_as_many_as_were_asked() {
    let before = scrape(10, 5);
    assert_eq!(good(&before, &scrape(10 + ASKED, 5 + LOST)), [true, true, true]);
    assert_eq!(good(&before, &scrape(10 + ASKED + 1, 5 + LOST)), [false, false, true]);
    assert_eq!(good(&before, &scrape(10 + ASKED, 5 + LOST - 1)), [true, true, false]);
    assert_eq!(good(&before, &before), [false, false, false]);
}

#[test]
fn traffic_and_latency_are_counted_by_route_and_errors_by_status() {
    let without = |label: &str| {
        let (mut before, mut after) = (scrape(10, 5), scrape(10 + ASKED, 5 + LOST));
        for sample in before.samples.iter_mut().chain(&mut after.samples) {
            sample.labels.remove(label);
        }
        good(&before, &after)
    };
    assert_eq!(without("route"), [false, false, true]);
    assert_eq!(without("status"), [true, true, false]);
}

#[test]
fn the_count_of_a_histogram_by_route_and_status_tells_traffic_and_errors_as_well() {
    let scrape = |good: usize, errors: usize| {
        let line = |route: &str, status: u16, count| {
            format!("request_seconds_count{{route=\"{route}\",status=\"{status}\"}} {count}\n")
        };
        let text = format!("# TYPE request_seconds histogram\n{}{}", line("/", 200, good), line("none", 404, errors));
        Scrape::read(&text).0
    };
    assert_eq!(good(&scrape(1, 1), &scrape(1 + ASKED, 1 + LOST)), [true, true, true]);
    assert_eq!(good(&scrape(1, 1), &scrape(1 + ASKED, 1)), [true, true, false]);
}

#[test]
fn a_gauge_shows_how_full_something_is() {
    let of = |text: &str| saturation(&Scrape::read(text).0).is_for();
    assert!(of("# TYPE requests_in_flight gauge\nrequests_in_flight 3\n"));
    assert!(!of("# TYPE requests_in_flight counter\nrequests_in_flight 3\n"), "a counter is never less");
    assert!(!of("# TYPE temperature gauge\ntemperature 3\n"));
}

#[test]
fn a_series_for_each_new_path_is_without_bound() {
    assert!(grown(100, 100 + LOST - 1).is_for());
    assert!(grown(100, 100 + LOST).is_against());
}
