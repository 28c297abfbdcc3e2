//! Examination of the specimens of the chapter `see` in tests.

use crate::finding::{Finding, Verdict};
use crate::selftest::declared;
use crate::selftest::stage::Stage;
use crate::subject::Subject;
use crate::testing::{calls_for_prices, examine_declared, program};

/// Says where things are, and what the specimen calls.
pub(crate) fn declare(subject: &mut Subject) {
    calls_for_prices(subject);
    subject.health = Some("/health".to_owned());
    subject.metrics = Some("/metrics".to_owned());
}

pub(crate) async fn holds(id: &str, name: &str) {
    let finding = examine_declared(id, name, declare).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
}

/// The specimen falls short of this, unless the machine was too busy to tell.
pub(crate) async fn falls_short(id: &str, name: &str, of: &str) {
    crate::testing::falls_short_unless_busy(&examine_declared(id, name, declare).await, &[of]);
}

/// Examines a specimen with its files of operation, which end with the examination.
pub(crate) async fn with_ops(id: &str, name: &str) -> Finding {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = Stage { program: program(), folder: folder.path().to_owned() };
    let declare =
        |subject: &mut Subject| declared::declare(id, name, subject, &stage).expect("the files can be written");
    examine_declared(id, name, declare).await
}
