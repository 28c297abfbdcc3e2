//! `web.tls` on its specimens.

use crate::finding::{Finding, Verdict};
use crate::probes::web::tls::specimen::declare;
use crate::testing::{examine, examine_declared, holds};

async fn examined(name: &str) -> Finding {
    let folder = tempfile::tempdir().expect("a folder");
    examine_declared("web.tls", name, |subject| declare(subject, folder.path())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_replaces_its_certificate_redirects_and_refuses_old_versions_holds() {
    holds(&examined("tls-sound").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_of_a_server_with_tls_is_found() {
    for (name, words) in [
        ("tls-takes-old", "TLS 1.0"),
        ("tls-serves-plain", "is answered 200"),
        ("tls-takes-plain-forms", "POST"),
        ("tls-short-hsts", "fewer than 180"),
        ("tls-bare-errors", "(404) has no Strict-Transport-Security"),
        ("tls-keeps-old", "old certificate"),
        ("tls-drops", "connections fail"),
    ] {
        let finding = examined(name).await;
        assert_eq!(finding.verdict(), Verdict::FallsShort, "{name}: {finding:#?}");
        assert!(finding.summary().contains(words), "{name}: {}", finding.summary());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_declared_plain_port_and_command_is_not_seen_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let finding = examine_declared("web.tls", "tls-sound", |subject| {
        declare(subject, folder.path());
        (subject.plain, subject.renew_certificate) = (None, None);
    });
    assert_eq!(finding.await.verdict(), Verdict::Unknown);
    assert_eq!(examine("web.tls", "web-good").await.verdict(), Verdict::Unknown);
}
