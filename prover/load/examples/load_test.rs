//! A load test with thresholds: `cargo run -p keel-load --example load_test`.
//!
//! It sends 200 requests a second for two seconds, on schedule whether the server keeps up or not, and fails when a threshold
//! is missed. Latency counts from the intended time of each request, so that a stall is charged to every request that it
//! held up.
//!
//! The server here is a few lines of TCP. With a real one, start it and put its URL into the plan; load goes to this machine
//! only.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use keel_load::profile::{Arrivals, Profile};
use keel_load::threshold::Threshold;
use keel_load::{Kind, Plan, Validity, Watch};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Starts the server under test: it answers every request with `{}` after a millisecond.
async fn start_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    Ok(address)
}

async fn serve(connection: TcpStream) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    loop {
        let (mut line, mut body) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if let Some(length) = line.strip_prefix("content-length: ") {
                body = length.trim().parse().unwrap_or(0);
            }
        }
        connection.read_exact(&mut vec![0; body]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await?;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let target = format!("http://{}", start_server().await?);

    let mut plan = Plan::new(target.parse()?, Profile::constant(200.0, Duration::from_secs(2)));
    plan.arrivals = Arrivals::Poisson;
    // The default is 10 ms; a machine on which other tests run needs more.
    plan.allowed_lag = Duration::from_millis(100);
    plan.kinds = vec![
        Kind { weight: 9, ..Kind::get("look", "/orders/{n}") },
        // An `idempotency-key` of its own goes with each.
        Kind::post("order", "/orders", &serde_json::json!({ "item": "tea", "amount": "{random}" })),
    ];
    let report = keel_load::run(plan, Watch::default(), std::future::pending()).await?;
    println!("{}", report.text());

    // A generator that fell behind measures itself: such a run proves nothing.
    if report.validity != Validity::Valid {
        return Err("the load was not sent on schedule: run this on a quieter machine".into());
    }
    let mut missed = 0;
    for threshold in ["errors<1%", "p99<250ms", "kind:order p95<200ms", "goodput>150/s"] {
        let judged = threshold.parse::<Threshold>()?.judge(&report.figures());
        println!("{} {threshold}: {}", if judged.met { "met   " } else { "MISSED" }, judged.measured);
        missed += usize::from(!judged.met);
    }
    if missed > 0 {
        return Err(format!("{missed} thresholds were missed").into());
    }
    Ok(())
}
