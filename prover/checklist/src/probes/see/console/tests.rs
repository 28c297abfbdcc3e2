//! `see.console` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    examine_declared("see.console", name, |subject| {
        declare(name, subject);
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_of_html_or_of_json_with_a_token_holds() {
    let (good, token) = join!(examine("console-good", |_| {}), examine("console-token", |_| {}));
    holds(&good);
    holds(&token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_old_or_only_says_so_falls_short() {
    let (stale, pretends) = join!(examine("console-stale", |_| {}), examine("console-pretends", |_| {}));
    falls_short(&stale, &["by 0"]);
    falls_short(&pretends, &["no effect outside"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lever_that_others_can_pull_falls_short() {
    let (get, foreign, anybody, secretly) = join!(
        examine("console-acts-on-get", |_| {}),
        examine("console-foreign", |_| {}),
        examine("console-anybody", |_| {}),
        examine("console-refuses-and-acts", |_| {})
    );
    falls_short(&get, &["a lever acts by GET"]);
    falls_short(&foreign, &["from a page of another origin"]);
    falls_short(&anybody, &["without an identity"]);
    falls_short(&secretly, &["without an identity: it is answered 403"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_without_audit_or_that_waits_falls_short() {
    let (silent, nameless, slow) =
        join!(examine("console-silent", |_| {}), examine("console-nameless", |_| {}), examine("console-slow", |_| {}));
    falls_short(&silent, &["not in the log"]);
    falls_short(&nameless, &["not its author"]);
    falls_short(&slow, &["while the public side is busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn undeclared_parts_are_unknown() {
    let undeclared = examine("console-good", |subject| subject.console = None).await;
    assert_eq!(undeclared.verdict(), crate::finding::Verdict::Unknown, "{undeclared:#?}");
    let bare = examine("console-good", |subject| {
        let console = subject.console.as_mut().expect("it is declared");
        (console.lever, console.terminal) = (None, None);
    });
    let bare = bare.await;
    is_unknown(&bare, "declare `lever`");
    is_unknown(&bare, "declare `terminal`");
}
