//! The judges of `border.rate-limit` on answers of a burst without a server.

use super::*;
use crate::finding::{Bearing, Verdict};

fn refusal(status: u16, headers: &str) -> Answered {
    Answered::Refused(Refusal { status, headers: headers.to_owned(), wait: None })
}

/// The burst that was answered so.
fn burst(answers: Vec<Answered>) -> Burst {
    let mut burst = Burst { took: Duration::from_secs(1), ..Burst::default() };
    answers.into_iter().for_each(|answered| burst.count(answered));
    burst
}

#[test]
fn refusals_must_be_429_and_say_when_to_come_again() {
    let good = |refusals: [Answered; 2]| {
        let burst = burst([Answered::InPeace].into_iter().chain(refusals).collect());
        burst.evidence().iter().map(Evidence::is_for).collect::<Vec<_>>()
    };
    assert_eq!(good([refusal(429, "retry-after: 1"), refusal(429, "retry-after: 1")]), [true, true]);
    assert_eq!(good([refusal(429, "retry-after: 1"), refusal(503, "retry-after: 1")]), [false, true]);
    assert_eq!(good([refusal(429, "retry-after: 1"), refusal(429, "")]), [true, false]);
}

#[test]
fn a_burst_without_a_refusal_shows_no_limit_unless_it_was_small() {
    let verdict = |sent| burst(vec![Answered::InPeace; sent]).unrefused(&Request::get("/")).verdict();
    assert_eq!(verdict(FEW), Verdict::FallsShort);
    assert_eq!(verdict(FEW - 1), Verdict::Unknown);
}

#[test]
fn others_must_be_answered_while_the_first_is_refused() {
    let suffered = [refusal(429, "")];
    assert_eq!(apart(&[], true).bearing(), Bearing::For);
    assert_eq!(apart(&[], false).bearing(), Bearing::Gap, "the first was answered again");
    assert_eq!(apart(&suffered, true).bearing(), Bearing::Against);
}
