//! Effects of an interrupted probe on the next one.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::future::pending;

use super::*;
use crate::testing::subject;

/// Set by the probes that do not come to their end.
const LEFT: &str = "KEEL_LEFT_BEHIND";

async fn leave_something(lab: &mut Lab) {
    lab.subject.deadline = Duration::ZERO;
    lab.stop().await;
    lab.start_with(|launch| drop(launch.env.insert(LEFT.to_owned(), "1".to_owned()))).await.unwrap();
}

fn probe(id: &'static str, examine: for<'l> fn(&'l mut Lab) -> futures_util::future::BoxFuture<'l, Finding>) -> Probe {
    Probe { id, examine, specimens: &[] }
}

/// Tells what it finds of the state of another.
fn looks(id: &'static str, lab: &Lab) -> Finding {
    let pid = lab.leader().unwrap();
    let left = String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).contains(LEFT);
    Finding::unknown(id, format!("left behind: {}", left || lab.subject.deadline.is_zero()), Vec::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_broken_off_or_panics_leaves_nothing_to_the_next_one() {
    let examination = Examination {
        probes: vec![
            probe("border.limits", |lab| {
                Box::pin(async move {
                    leave_something(lab).await;
                    pending().await
                })
            }),
            probe("web.headers", |lab| Box::pin(async move { looks("web.headers", lab) })),
            probe("border.shed", |lab| {
                Box::pin(async move {
                    leave_something(lab).await;
                    panic!("as the test wants it")
                })
            }),
            probe("web.robots", |lab| Box::pin(async move { looks("web.robots", lab) })),
        ],
        selection: Selection::default(),
        decisions: Decisions::default(),
        today: Day::today(),
        bound: Duration::from_secs(5),
        profile: Profile::Full,
    };
    let report = examination.run(subject("life-good"), |_| {}, pending()).await.unwrap();
    let told: Vec<String> = report.findings.iter().map(|examined| examined.finding.summary().to_owned()).collect();
    assert_eq!(told.iter().filter(|told| told.contains("left behind: false")).count(), 2, "{told:#?}");
    assert!(told.iter().any(|told| told.contains("broken off after")), "{told:#?}");
    assert!(told.iter().any(|told| told.contains("a fault of keel")), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_profile_runs_no_probe_that_it_leaves_out_and_says_so() {
    let examination = Examination {
        probes: vec![
            probe("web.headers", |lab| Box::pin(async move { looks("web.headers", lab) })),
            probe("prove.soak", |_| Box::pin(async { panic!("it was left out") })),
        ],
        selection: Selection::default(),
        decisions: Decisions::default(),
        today: Day::today(),
        bound: Duration::from_secs(5),
        profile: Profile::Quick,
    };
    let report = examination.run(subject("life-good"), |_| {}, pending()).await.unwrap();
    assert_eq!(report.examined, 1);
    let told: Vec<&str> = report.findings.iter().map(|examined| examined.finding.summary()).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("left behind: false"), "{told:#?}");
    assert!(told[1].contains("left out by --profile quick"), "{told:#?}");
}
