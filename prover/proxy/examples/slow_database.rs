//! An integration test that slows a database down: `cargo run -p keel-proxy --example slow_database`.
//!
//! The client under test gives a query half a second. The test proves it: with a slow database the query fails in time, and
//! once the database is fast again the client works as before.
//!
//! The database here is a few lines of TCP. With a real one, give its address to `FaultProxy::start` and the proxy's address
//! to the client: `postgres://user@{proxy.address()}/name`. The proxy does not care about the protocol.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use keel_proxy::{Fault, FaultProxy};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The client under test: a query takes at most half a second.
struct Client {
    database: SocketAddr,
}

impl Client {
    const TIMEOUT: Duration = Duration::from_millis(500);

    async fn query(&self, query: &str) -> io::Result<String> {
        let asking = async {
            let mut connection = BufReader::new(TcpStream::connect(self.database).await?);
            connection.write_all(format!("{query}\n").as_bytes()).await?;
            let mut answer = String::new();
            connection.read_line(&mut answer).await?;
            if answer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(answer.trim_end().to_owned())
        };
        tokio::time::timeout(Self::TIMEOUT, asking).await?
    }
}

/// Starts the database: it answers each line with `ok: LINE`.
async fn start_database() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = BufReader::new(connection);
                let mut query = String::new();
                while connection.read_line(&mut query).await.is_ok_and(|length| length > 0) {
                    if connection.write_all(format!("ok: {query}").as_bytes()).await.is_err() {
                        return;
                    }
                    query.clear();
                }
            });
        }
    });
    Ok(address)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = start_database().await?;
    let proxy = FaultProxy::start(database.to_string()).await?;
    let client = Client { database: proxy.address() };

    // Without a fault the proxy passes everything on.
    assert_eq!(client.query("select 1").await?, "ok: select 1");
    println!("the database answers");

    // Slow: the client's own timeout must fire, and not the database's answer end the wait.
    proxy.set(Fault::Latency(Duration::from_secs(30))).await;
    let asked = Instant::now();
    let error = client.query("select 1").await.expect_err("the database is slow");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(asked.elapsed() < 4 * Client::TIMEOUT, "the client gave up after {:?}", asked.elapsed());
    println!("slow database: the client gave up after {:?}", asked.elapsed());

    // Gone: the client must be told at once.
    proxy.set(Fault::Down).await;
    let error = client.query("select 1").await.expect_err("the database is down");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    println!("database down: {error}");

    // Mended: the client must work again.
    proxy.set(Fault::None).await;
    assert_eq!(client.query("select 1").await?, "ok: select 1");
    println!("the database answers again; {} connections came through the proxy", proxy.connections());
    Ok(())
}
