//! Floods of PING and SETTINGS against servers of HTTP/2 that keep every answer, and that keep none.

use keel_drill::attack::{self, AttackVerdict, Bounds, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
            tokio::spawn(serve(connection, answers));
        }
    });
    Target::at(url.parse().unwrap())
}

/// Speaks HTTP/1.1 to whoever does not begin with the preface.
async fn serve(mut connection: TcpStream, answers: Answers) -> std::io::Result<()> {
    let mut preface = [0; PREFACE];
    connection.read_exact(&mut preface).await?;
    if !preface.starts_with(b"PRI ") {
        let _ = connection.read(&mut [0; 1024]).await?;
        return connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
    }
    let (mut reader, mut writer) = connection.into_split();
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
    let target = start(answers).await;
    let attack = attack::named("h2-settings").unwrap();
    let outcome = attack::run(attack, &target, &Bounds::default()).await.unwrap();
    (outcome.verdict, outcome.reason)
}

#[tokio::test]
async fn a_server_that_keeps_each_answer_falls() {
    let (verdict, reason) = verdict(Answers::Kept).await;
    assert_eq!(verdict, AttackVerdict::Fell, "{reason}");
    assert!(reason.contains("all kept"), "{reason}");
}

#[tokio::test]
async fn a_server_that_merges_answers_holds() {
    let (verdict, reason) = verdict(Answers::Merged).await;
    assert_eq!(verdict, AttackVerdict::Held, "{reason}");
    assert!(reason.contains("not kept"), "{reason}");
}
