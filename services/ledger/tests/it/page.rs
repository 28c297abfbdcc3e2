//! The pages for people: they sign in, their forms do what they say, once, and nothing runs in them that is not their own.

use crate::running::{Ledger, NO_BANK};
use evenkeel::url::form_urlencoded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the place that a browser is sent to when it submits a form in a session of its own.
async fn submit(ledger: &Ledger, path: &str, fields: &[(&str, &str)], headers: &str) -> (u16, String) {
    let cookie = sign_in(ledger).await;
    let answer = send_form(ledger, path, fields, &format!("cookie: {cookie}\r\n{headers}")).await;
    (status(&answer), header(&answer, "location"))
}

/// The cookie of a new session.
async fn sign_in(ledger: &Ledger) -> String {
    let answer = send_form(ledger, "/sign-in", &[("name", "Ann")], "").await;
    assert_eq!((status(&answer), header(&answer, "location")), (303, "/".to_owned()));
    header(&answer, "set-cookie").split(';').next().unwrap().to_owned()
}

fn status(answer: &str) -> u16 {
    answer.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn header(answer: &str, name: &str) -> String {
    let line = answer.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_default().trim().to_owned()
}

/// The answer to a form.
async fn send_form(ledger: &Ledger, path: &str, fields: &[(&str, &str)], headers: &str) -> String {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: ledger.example\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n{headers}\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(ledger.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The page that a person sees who has just signed in.
async fn shown(ledger: &Ledger, path: &str) -> String {
    shown_in(ledger, path, &sign_in(ledger).await).await
}

async fn shown_in(ledger: &Ledger, path: &str, cookie: &str) -> String {
    let mut socket = TcpStream::connect(ledger.address()).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: ledger.example\r\nconnection: close\r\ncookie: {cookie}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    answer
}

#[tokio::test]
async fn a_person_who_signs_out_is_a_stranger_again_also_with_the_old_cookie() {
    let ledger = Ledger::start(NO_BANK).await;
    let account = ledger.account("account", 100).await;
    let stranger = shown_in(&ledger, "/", "other=cookie").await;
    assert!(stranger.contains("any name is accepted") && !stranger.contains(&account), "{stranger}");
    let fields = [("key", "form"), ("currency", "EUR"), ("overdraft", "0")];
    let refused = send_form(&ledger, "/accounts", &fields, "").await;
    assert_eq!((status(&refused), header(&refused, "location")), (303, "/?said=sign-in-first".to_owned()));

    let answer = send_form(&ledger, "/sign-in", &[("name", "Ann <b>")], "").await;
    let set = header(&answer, "set-cookie");
    assert!(set.starts_with("__Host-session=") && set.contains("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{set}");
    assert!(header(&answer, "cache-control").contains("no-store"), "{answer}");
    let cookie = set.split(';').next().unwrap();
    let page = shown_in(&ledger, "/", cookie).await;
    assert!(page.contains("Ann &lt;b&gt;") && page.contains(&account), "{page}");

    let left = send_form(&ledger, "/sign-out", &[], &format!("cookie: {cookie}\r\n")).await;
    assert!(header(&left, "set-cookie").contains("Max-Age=0"), "{left}");
    assert!(!shown_in(&ledger, "/", cookie).await.contains(&account));
    for name in ["", "   ", &"x".repeat(61)] {
        let answer = send_form(&ledger, "/sign-in", &[("name", name)], "").await;
        assert_eq!(header(&answer, "location"), "/?said=no-name", "{name:?}");
    }
}

#[tokio::test]
async fn entries_are_shown_with_formatted_amounts_page_by_page() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 1_000_000).await, ledger.account("to", 0).await);
    let cookie = sign_in(&ledger).await;
    let headers = format!("cookie: {cookie}\r\n");
    for number in 0..51 {
        let fields = [("key", &*format!("form-{number}")), ("from", &from), ("to", &to), ("amount", "1,234.5")];
        let moved = send_form(&ledger, "/transfers", &fields, &headers).await;
        // The overdraft ends the series.
        let expected = if number < 8 { "/?said=moved" } else { "/?said=insufficient" };
        assert_eq!(header(&moved, "location"), expected, "{number}");
    }
    for number in 0..44 {
        let fields = [("key", &*format!("small-{number}")), ("from", &from), ("to", &to), ("amount", "0.01")];
        send_form(&ledger, "/transfers", &fields, &headers).await;
    }
    let first = shown_in(&ledger, &format!("/accounts/{from}"), &cookie).await;
    assert_eq!(first.matches("<th scope=\"row\">").count(), 50, "{first}");
    assert!(first.contains("\u{2212}1,234.50") && first.contains("\u{2212}9,876.44 EUR"), "{first}");
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = shown_in(&ledger, next, &cookie).await;
    assert_eq!(second.matches("<th scope=\"row\">").count(), 2, "{second}");
    assert!(second.contains("First page") && !second.contains("Next page"), "{second}");
}

#[tokio::test]
async fn a_form_opens_an_account_and_a_repeated_form_moves_money_once() {
    let ledger = Ledger::start(NO_BANK).await;
    let to = ledger.account("to", 0).await;
    let opened =
        submit(&ledger, "/accounts", &[("key", "form-1"), ("currency", "EUR"), ("overdraft", "5.00")], "").await;
    assert_eq!(opened, (303, "/?said=opened".to_owned()));
    let accounts: serde_json::Value = ledger.get("/v1/accounts").await.json().unwrap();
    let from = accounts["items"][1]["id"].as_str().unwrap();

    let fields = [("key", "form-2"), ("from", from), ("to", &to), ("amount", "1.20")];
    for _ in 0..2 {
        let moved = submit(&ledger, "/transfers", &fields, "sec-fetch-site: same-origin\r\n").await;
        assert_eq!(moved, (303, "/?said=moved".to_owned()));
    }
    assert_eq!((ledger.balance(from).await, ledger.balance(&to).await), (-120, 120));
    assert!(shown(&ledger, "/?said=moved").await.contains("Done"));
}

#[tokio::test]
async fn a_refused_transfer_is_reported_on_the_page() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 0).await, ledger.account("to", 0).await);
    let fields = [("key", "form"), ("from", &from), ("to", &to), ("amount", "1")];
    let (status, location) = submit(&ledger, "/transfers", &fields, "").await;
    assert_eq!(status, 303);
    assert!(shown(&ledger, &location).await.contains("Nothing was moved"), "{location}");
    assert_eq!(ledger.balance(&to).await, 0);
}

#[tokio::test]
async fn a_mistyped_field_is_reported_on_the_page() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    for (to, amount) in [(&to, "0"), (&to, "1.505"), (&to, ""), (&from, "5")] {
        let fields = [("key", "form"), ("from", from.as_str()), ("to", to), ("amount", amount)];
        let (status, location) = submit(&ledger, "/transfers", &fields, "").await;
        assert_eq!(status, 303, "{amount:?}");
        assert!(shown(&ledger, &location).await.contains("Nothing was moved"), "{amount:?}: {location}");
    }
    let fields = [("key", "form"), ("currency", "euro"), ("overdraft", "0")];
    let (status, location) = submit(&ledger, "/accounts", &fields, "").await;
    assert_eq!(status, 303);
    assert!(shown(&ledger, &location).await.contains("No account was opened"), "{location}");
}

#[tokio::test]
async fn a_form_from_another_site_moves_nothing() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let fields = [("key", "form"), ("from", from.as_str()), ("to", &to), ("amount", "0.05")];
    for header in ["sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        assert_eq!(submit(&ledger, "/transfers", &fields, header).await.0, 403, "{header}");
    }
    assert_eq!(submit(&ledger, "/transfers", &fields, "origin: http://ledger.example\r\n").await.0, 303);
    assert_eq!(ledger.balance(&to).await, 5);
}

#[tokio::test]
async fn the_page_lets_nothing_run_that_is_not_its_own() {
    let ledger = Ledger::start(NO_BANK).await;
    ledger.account("account", 100).await;
    let text = shown(&ledger, "/?said=%3Cscript%3E").await;
    let policy = header(&text, "content-security-policy");
    for directive in ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    assert!(text.contains("<form") && text.contains("acc_"), "{text}");
    for never in ["<script", "style=", "<style", "onclick", "javascript:"] {
        assert!(!text.contains(never), "{never}: {text}");
    }
}

#[tokio::test]
async fn every_field_of_the_page_has_a_label() {
    let ledger = Ledger::start(NO_BANK).await;
    let text = shown(&ledger, "/").await + &shown_in(&ledger, "/", "no=session").await;
    let fields = text.matches("<input").count() + text.matches("<select").count();
    let hidden = text.matches("type=\"hidden\"").count();
    assert_eq!(text.matches("<label").count(), fields - hidden, "{text}");
}
