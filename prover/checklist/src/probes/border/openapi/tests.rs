//! `border.openapi` on its specimens.

use crate::clause::border::openapi::FROM_CODE;
use crate::probes::border::testing::things;
use crate::subject::{State, Subject};
use crate::testing::holds_but_for;
use crate::testing::{does_not_apply, examine, examine_declared, falls_short, is_unknown};

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_does_as_its_document_says() {
    let finding = examine_declared("border.openapi", "border-sound", things).await;
    holds_but_for(&finding, &[FROM_CODE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_an_operation_that_is_not_documented() {
    falls_short(
        &examine_declared("border.openapi", "border-undocumented", things).await,
        &["the request is not documented"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_500_on_a_wrong_type() {
    falls_short(&examine_declared("border.openapi", "border-fragile", things).await, &["answered 500"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_document_in_yaml_and_is_unknown_for_one_that_cannot_be_read() {
    let declare = |subject: &mut Subject| {
        things(subject);
        subject.openapi = Some("/openapi.yaml".to_owned());
    };
    holds_but_for(&examine_declared("border.openapi", "border-yaml", declare).await, &[FROM_CODE]);
    let broken = examine_declared("border.openapi", "border-broken-yaml", declare).await;
    is_unknown(&broken, "/openapi.yaml could not be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_without_a_document_only_where_there_is_an_api() {
    falls_short(&examine_declared("border.openapi", "border-no-document", things).await, &["no OpenAPI document"]);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.openapi", "border-plain", stateless).await);
    is_unknown(&examine("border.openapi", "border-plain").await, "declare");
}
