//! The judges of `access.secrets` on answers without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, unanswered};

#[test]
fn an_answer_with_a_declared_credential_is_against_it() {
    let secrets = BTreeMap::from([("PASSWORD".to_owned(), "h7Gq2kZ9".to_owned())]);
    let bearing = |body: &str| super::answered(&[unanswered(), answered(200, &[], body)], &secrets).bearing();
    assert_eq!(bearing("all is well"), Bearing::For);
    assert_eq!(bearing("PASSWORD=h7Gq2kZ9"), Bearing::Against);
}

#[test]
fn a_variable_carries_a_credential_by_its_name_or_as_a_url_with_a_password() {
    assert!(carries_credential("DB_PASSWORD", "h7Gq2kZ9"));
    assert!(carries_credential("DATABASE", "postgres://me:h7Gq2kZ9@db/x"));
    assert!(!carries_credential("DB_PASSWORD", "short"), "it is found by chance");
    assert!(!carries_credential("DATABASE", "postgres://db/x"));
}
