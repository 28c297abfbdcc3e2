//! Connections that a server ends in order cost no error.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keel_load::profile::Profile;
use keel_load::{Kind, Plan, Protocol, Report, Watch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// `:status 200` of HPACK's static table.
const STATUS_200: &[u8] = &[0x88];
const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;
const REFUSED_STREAM: u32 = 7;

/// Way in which a server ends a connection, or a request.
#[derive(Clone, Copy)]
enum End {
    /// GOAWAY with this code after so many requests, as nginx does: later streams are never answered.
    GoAway { after: u32, code: u32 },
    /// Every so many requests one is refused.
    Refuses { every: u32 },
    /// FIN without a word, after so many requests.
    Fin { after: u32 },
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

async fn speak(mut client: TcpStream, end: End, requests: Arc<AtomicUsize>) -> std::io::Result<()> {
    client.read_exact(&mut [0; 24]).await?;
    client.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let (mut seen, mut gone) = (0, false);
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length as usize];
        client.read_exact(&mut payload).await?;
        match head[3] {
            SETTINGS if head[4] & 1 == 0 => client.write_all(&frame(SETTINGS, 1, 0, &[])).await?,
            HEADERS if !gone => {
                seen += 1;
                requests.fetch_add(1, Ordering::Relaxed);
                if let End::Refuses { every } = end
                    && seen % every == 0
                {
                    client.write_all(&frame(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes())).await?;
                    continue;
                }
                client.write_all(&frame(HEADERS, 5, stream, STATUS_200)).await?;
                match end {
                    End::GoAway { after, code } if seen == after => {
                        let said = [stream.to_be_bytes(), code.to_be_bytes()].concat();
                        client.write_all(&frame(GOAWAY, 0, 0, &said)).await?;
                        gone = true;
                    }
                    End::Fin { after } if seen == after => return client.shutdown().await,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

async fn server(end: End) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(speak(client, end, Arc::clone(&counted)));
        }
    });
    (address, requests)
}

async fn loaded(address: SocketAddr, kind: Kind) -> Report {
    let mut plan =
        Plan::new(format!("http://{address}").parse().unwrap(), Profile::constant(400.0, Duration::from_millis(500)));
    (plan.protocol, plan.connections) = (Protocol::Http2 { streams: 20 }, 1);
    plan.kinds = vec![kind];
    keel_load::run(plan, Watch::default(), std::future::pending()).await.unwrap()
}

#[tokio::test]
async fn requests_above_the_last_stream_of_goaway_are_sent_on_another_connection() {
    let (address, requests) = server(End::GoAway { after: 7, code: NO_ERROR }).await;
    let report = loaded(address, Kind::post("pay", "/", &serde_json::json!({}))).await;
    assert_eq!((report.total().expected(), report.total().count()), (200, 200), "{}", report.text());
    assert_eq!(requests.load(Ordering::Relaxed), 200, "no request was answered twice");
}

#[tokio::test]
async fn a_goaway_that_blames_the_client_is_an_error() {
    let (address, _) = server(End::GoAway { after: 7, code: ENHANCE_YOUR_CALM }).await;
    let report = loaded(address, Kind::post("pay", "/", &serde_json::json!({}))).await;
    assert!(report.total().expected() < 200, "{}", report.text());
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    let (address, _) = server(End::Refuses { every: 5 }).await;
    let report = loaded(address, Kind::post("pay", "/", &serde_json::json!({}))).await;
    assert_eq!(report.total().expected(), 200, "{}", report.text());
}

#[tokio::test]
async fn an_http_2_connection_that_closes_between_requests_costs_no_error() {
    let (address, _) = server(End::Fin { after: 7 }).await;
    let report = loaded(address, Kind::get("look", "/")).await;
    assert_eq!(report.total().expected(), 200, "{}", report.text());
}
