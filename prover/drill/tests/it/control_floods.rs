//! Floods of PING and SETTINGS against servers of HTTP/2 that keep every answer, and that keep none.

use keel_drill::attack::{self, AttackVerdict, Bounds, Target};
use keel_wire::testing::tls::Identity;
use keel_wire::tls::Trust;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An empty frame of SETTINGS, and its acknowledgement.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const ACK: [u8; 9] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
/// The length of a frame with one setting.
const FRAME: usize = 15;
/// The length of the preface (RFC 9113, 3.4).
const PREFACE: usize = 24;

#[derive(Clone, Copy)]
enum Answers {
    /// Each is kept until it can be sent.
    Kept,
    /// One for all that came.
    Merged,
}

async fn start(answers: Answers) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (reader, writer) = connection.into_split();
            tokio::spawn(serve(reader, writer, answers));
        }
    });
    Target::at(url.parse().unwrap())
}

/// The same over TLS, offering these versions of HTTP.
async fn start_over_tls(answers: Answers, protocols: &[&str]) -> Target {
    let identity = Identity::of("localhost");
    let acceptor = TlsAcceptor::from(identity.config(protocols));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let (reader, writer) = tokio::io::split(acceptor.accept(connection).await?);
                serve(reader, writer, answers).await
            });
        }
    });
    let mut target = Target::at(url.parse().unwrap());
    target.trust = Some(Trust::authority(identity.authority.as_bytes()).unwrap());
    target
}

/// Speaks HTTP/1.1 to clients that do not begin with the preface.
async fn serve(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin + Send + 'static,
    answers: Answers,
) -> std::io::Result<()> {
    let mut preface = [0; PREFACE];
    reader.read_exact(&mut preface).await?;
    if !preface.starts_with(b"PRI ") {
        let _ = reader.read(&mut [0; 1024]).await?;
        return writer.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
    }
    writer.write_all(&SETTINGS).await?;
    // As many as there are frames: the very thing that must not be.
    let (keep, mut kept) = tokio::sync::mpsc::unbounded_channel::<usize>();
    tokio::spawn(async move {
        while let Some(mut count) = kept.recv().await {
            if matches!(answers, Answers::Merged) {
                while kept.try_recv().is_ok() {}
                count = 1;
            }
            if writer.write_all(&ACK.repeat(count)).await.is_err() {
                return;
            }
        }
    });
    let mut bytes = vec![0; 64 << 10];
    let mut over = 0;
    loop {
        let length = reader.read(&mut bytes).await?;
        if length == 0 {
            return Ok(());
        }
        // By their length alone: all but the first have one setting.
        over += length;
        let _ = keep.send(over / FRAME);
        over %= FRAME;
    }
}

async fn verdict(answers: Answers) -> (AttackVerdict, String) {
    verdict_on(&start(answers).await).await
}

async fn verdict_on(target: &Target) -> (AttackVerdict, String) {
    let attack = attack::named("h2-settings").unwrap();
    let outcome = attack::run(attack, target, &Bounds::default()).await.unwrap();
    (outcome.verdict, outcome.reason)
}

#[tokio::test]
async fn a_server_that_keeps_each_answer_falls() {
    let (verdict, reason) = verdict(Answers::Kept).await;
    assert_eq!(verdict, AttackVerdict::Fell, "{reason}");
    assert!(reason.contains("all were buffered"), "{reason}");
}

#[tokio::test]
async fn a_server_that_merges_answers_holds() {
    let (verdict, reason) = verdict(Answers::Merged).await;
    assert_eq!(verdict, AttackVerdict::Held, "{reason}");
    assert!(reason.contains("not buffered"), "{reason}");
}

#[tokio::test]
async fn http2_is_attacked_over_tls_where_it_is_spoken_there() {
    let (verdict, reason) = verdict_on(&start_over_tls(Answers::Kept, &["h2", "http/1.1"]).await).await;
    assert_eq!(verdict, AttackVerdict::Fell, "{reason}");
    let (verdict, reason) = verdict_on(&start_over_tls(Answers::Kept, &["http/1.1"]).await).await;
    assert_eq!(verdict, AttackVerdict::NotApplicable, "{reason}");
    assert!(reason.contains("does not speak HTTP/2 over TLS"), "{reason}");
}
