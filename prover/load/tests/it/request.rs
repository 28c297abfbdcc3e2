//! The target and the request as the user gives them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use keel_load::profile::Profile;
use keel_load::{Kind, Outcome, Plan, Protocol, Report, Watch, page};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server on this address whose answers have these header lines; returns its port and the heads that it reads.
async fn server(address: &str, lines: String) -> Option<(u16, Arc<Mutex<Vec<String>>>)> {
    let listener = TcpListener::bind((address, 0)).await.ok()?;
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (seen, lines) = (Arc::clone(&seen), lines.clone());
            tokio::spawn(async move {
                let mut read = Vec::new();
                let mut piece = [0; 1024];
                while !read.ends_with(b"\r\n\r\n") {
                    match client.read(&mut piece).await {
                        Ok(length @ 1..) => read.extend_from_slice(&piece[..length]),
                        _ => return,
                    }
                }
                seen.lock().unwrap().push(String::from_utf8(read).unwrap());
                let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{lines}content-length: 0\r\n\r\n");
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    Some((port, heads))
}

fn plan(target: String) -> Plan {
    Plan::new(target.parse().unwrap(), Profile::constant(20.0, Duration::from_millis(250)))
}

async fn sent(plan: Plan) -> Report {
    keel_load::run(plan, Watch::default(), std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn localhost_is_reached_where_only_its_ipv6_address_is_served() {
    let Some((port, heads)) = server("::1", String::new()).await else {
        println!("this machine has no ::1: nothing is tried");
        return;
    };
    let mut plan = plan(format!("http://localhost:{port}"));
    plan.sources = 4;
    let report = sent(plan).await;
    assert_eq!(report.total().expected(), 5, "{}", report.text());
    assert!(heads.lock().unwrap()[0].contains(&format!("host: localhost:{port}\r\n")));
}

#[tokio::test]
async fn credentials_of_the_target_are_sent_and_shown_nowhere() {
    let (port, heads) = server("127.0.0.1", String::new()).await.unwrap();
    let report = sent(plan(format!("http://ann:s3cret@127.0.0.1:{port}/x"))).await;
    assert!(heads.lock().unwrap().iter().all(|head| head.contains("authorization: Basic YW5uOnMzY3JldA==\r\n")));
    for told in [report.text(), report.json().to_string(), page::page(&report, &[])] {
        assert!(!told.contains("s3cret") && told.contains(&format!("***@127.0.0.1:{port}/x")), "{told}");
    }
    let refused = plan("http://ann:s3cret@192.0.2.1/".to_owned()).check().unwrap_err().to_string();
    assert!(!refused.contains("s3cret"), "{refused}");
}

#[tokio::test]
async fn answers_with_many_headers_or_folded_ones_count() {
    for lines in ["x: y\r\n".repeat(120), "x: a\r\n b\r\n".to_owned()] {
        let (port, _) = server("127.0.0.1", lines).await.unwrap();
        let report = sent(plan(format!("http://127.0.0.1:{port}"))).await;
        assert_eq!(report.total().expected(), 5, "{}", report.text());
    }
}

#[tokio::test]
async fn an_answer_beyond_our_limits_is_broken_with_the_limit_named() {
    let (port, _) = server("127.0.0.1", "x: y\r\n".repeat(2100)).await.unwrap();
    let report = sent(plan(format!("http://127.0.0.1:{port}"))).await;
    assert_eq!(report.total().of(Outcome::Broken), 5, "{}", report.text());
    assert!(report.text().contains("2048 headers") && report.json()["broken"].to_string().contains("2048"));
}

#[tokio::test]
async fn the_users_host_is_the_authority_of_http_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut server = h2::server::handshake(client).await.unwrap();
                while let Some(Ok((request, mut respond))) = server.accept().await {
                    let authority = request.uri().authority().map(ToString::to_string);
                    told.lock().unwrap().push((authority, request.headers().contains_key("host")));
                    respond.send_response(http::Response::new(()), true).unwrap();
                }
            });
        }
    });
    let mut plan = plan(target);
    plan.kinds =
        vec![Kind { headers: vec![("Host".to_owned(), "api.shop.test".to_owned())], ..Kind::get("look", "/") }];
    plan.protocol = Protocol::Http2 { streams: 2 };
    let report = sent(plan).await;
    assert_eq!(report.total().expected(), 5, "{}", report.text());
    assert!(seen.lock().unwrap().iter().all(|seen| *seen == (Some("api.shop.test".to_owned()), false)));
}
