//! Readiness of a PostgreSQL server. It opens its port while it still recovers, and turns away the clients that come then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// Version 3.0 of the protocol, as a client's first message names it.
const PROTOCOL: u32 = 196_608;
/// The longest beginning of an answer that is looked at; its code stands within.
const LONGEST: usize = 1024;
/// SQLSTATE `cannot_connect_now`: it starts up, recovers, or shuts down.
const NOT_NOW: &[u8] = b"57P03";
/// A client's farewell.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// Returns true if the URL is of such a server.
pub(super) fn is_meant(url: &Url) -> bool {
    ["postgres", "postgresql"].contains(&url.scheme())
}

/// Introduces itself as a client of the URL. A demand for a password, or a refusal of the client's name, comes from a
/// server that is up. Source: PostgreSQL's documentation, "Message Formats", `StartupMessage`.
pub(super) async fn takes_clients(mut connection: TcpStream, url: &Url, limit: Duration) -> bool {
    let asked = async {
        connection.write_all(&introduction(url)).await?;
        let mut answer = vec![0; LONGEST];
        let length = connection.read(&mut answer).await?;
        answer.truncate(length);
        // Who turned the client away has closed already.
        let _ = connection.write_all(&TERMINATE).await;
        std::io::Result::Ok(answer)
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => !answer.is_empty() && !answer.windows(NOT_NOW.len()).any(|piece| piece == NOT_NOW),
        _ => false,
    }
}

fn introduction(url: &Url) -> Vec<u8> {
    let user = if url.username().is_empty() { "postgres" } else { url.username() };
    let database = url.path().trim_start_matches('/');
    let mut message = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", user, "database", if database.is_empty() { user } else { database }, ""] {
        message.extend_from_slice(word.as_bytes());
        message.push(0);
    }
    // A URL is far shorter than four gigabytes.
    let length = u32::try_from(message.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &message].concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Returns true if this first answer of a server counts as accepting clients.
    async fn judged(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let length = client.read_u32().await.unwrap();
            let mut message = vec![0; length as usize - 4];
            client.read_exact(&mut message).await.unwrap();
            client.write_all(answer).await.unwrap();
            message
        });
        let url = format!("postgres://test@{address}/ledger").parse().unwrap();
        let takes = takes_clients(TcpStream::connect(address).await.unwrap(), &url, Duration::from_secs(10)).await;
        assert_eq!(server.await.unwrap(), b"\0\x03\0\0user\0test\0database\0ledger\0\0");
        takes
    }

    #[tokio::test]
    async fn a_server_that_starts_up_takes_no_clients_yet() {
        assert!(!judged(b"E\0\0\0\x1fSFATAL\0VFATAL\0C57P03\0Mnot now\0\0").await);
        assert!(!judged(b"").await);
        assert!(judged(b"R\0\0\0\x08\0\0\0\0").await, "trusted");
        assert!(judged(b"E\0\0\0\x1dSFATAL\0VFATAL\0C28P01\0Mwho\0\0").await, "refused, by a server that is up");
    }
}
