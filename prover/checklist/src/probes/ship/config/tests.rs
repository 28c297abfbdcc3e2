//! `ship.config` on its specimens.

use std::time::Duration;

use super::has_form;
use crate::clause::ship::config::{DOCUMENTED, STAGES};
use crate::finding::Verdict;
use crate::probes::ship::testing::examine;
use crate::subject::Subject;
use crate::testing::holds_but_for;

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_read_is_refused_by_name() {
    let spoil = |subject: &mut Subject| {
        subject.env.remove("SHIP_DATABASE");
        subject.start_timeout = Duration::from_secs(2);
    };
    let finding = examine("ship.config", "ship-good", spoil).await;
    holds_but_for(&finding, &[DOCUMENTED, STAGES]);
    for (name, of) in [
        ("ship-lenient", "as if nothing were wrong"),
        ("ship-mute", "without naming"),
        ("ship-one-at-a-time", "without naming SHIP_PORT"),
        ("ship-trace", "stack trace"),
        ("ship-fixed-port", "does not listen there"),
    ] {
        let finding = examine("ship.config", name, spoil).await;
        assert_eq!(finding.verdict(), Verdict::FallsShort, "{name}: {finding:#?}");
        // Which of two mistakes is told first is the specimen's choice.
        let told = finding.summary().contains(of)
            || name == "ship-one-at-a-time" && finding.summary().contains("without naming");
        assert!(told, "{name}: {}", finding.summary());
    }
    let finding = examine("ship.config", "ship-good", |subject| subject.env.clear()).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
}

#[test]
fn only_values_that_a_typed_setting_would_check_have_a_form() {
    for value in ["8080", "0.5", "30s", "250ms", "127.0.0.1", "::1", "127.0.0.1:80", "http://x", "sqlite:data/x.db"] {
        assert!(has_form(value), "{value}");
    }
    for value in ["info", "", "a name", "/var/lib/x", "C:", "debug,hyper=info", "true story: yes"] {
        assert!(!has_form(value), "{value}");
    }
}
