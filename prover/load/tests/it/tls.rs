//! Load over TLS and to Unix sockets.

use std::time::Duration;

use keel_load::profile::Profile;
use keel_load::{Outcome, Plan, Report, Watch};
use keel_wire::testing::tls::Identity;
use keel_wire::tls::Trust;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn plan(url: String, trust: Option<Trust>) -> Plan {
    let mut plan = Plan::new(url.parse().unwrap(), Profile::constant(50.0, Duration::from_millis(400)));
    plan.trust = trust;
    plan
}

async fn sent(plan: Plan) -> Report {
    keel_load::run(plan, Watch::default(), std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn load_goes_over_tls_to_a_server_that_is_trusted() {
    let identity = Identity::of("localhost");
    let url = format!("https://localhost:{}", identity.serve_answer(OK).port());
    let trust = Trust::authority(identity.authority.as_bytes()).unwrap();
    let report = sent(plan(url.clone(), Some(trust))).await;
    assert_eq!((report.sent, report.total().expected()), (20, 20), "{}", report.text());

    let stranger = Trust::authority(Identity::of("localhost").authority.as_bytes()).unwrap();
    assert_eq!(sent(plan(url.clone(), Some(stranger))).await.total().of(Outcome::Refused), 20);
    let why = plan(url, None).check().unwrap_err().to_string();
    assert!(why.contains("no authority and no pin"), "{why}");
}

#[tokio::test]
async fn load_goes_to_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while let Ok(byte) = client.read_u8().await {
                    head.push(byte);
                    if head.ends_with(b"\r\n\r\n") {
                        assert!(String::from_utf8_lossy(&head).contains("host: localhost"));
                        head.clear();
                        client.write_all(OK).await.unwrap();
                    }
                }
            });
        }
    });
    let report = sent(plan(format!("unix:{}", path.display()), None)).await;
    assert_eq!((report.sent, report.total().expected()), (20, 20), "{}", report.text());
}
