use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::Limits;
use crate::exchange::{Exchange, Running};
use crate::protocol::PREFACE;

type Timed = Socket<DuplexStream, ()>;

fn socket_with(limits: Limits) -> (Timed, DuplexStream, Arc<Connection>) {
    let (ours, theirs) = tokio::io::duplex(64);
    let never = supervision::StopSource::new();
    let connection = Connection::new(Arc::new(limits), Default::default(), never.listen(), never.listen());
    // A source that is gone would cut.
    std::mem::forget(never);
    let connection = Arc::new(connection);
    (Socket::new(ours, connection.clone(), Arc::new(Traffic::new("public")), ()), theirs, connection)
}

fn socket() -> (Timed, DuplexStream, Arc<Connection>) {
    socket_with(Limits::default())
}

fn request(connection: &Arc<Connection>) -> Running {
    Exchange::begin(connection.clone(), "/")
}

/// Reads until the socket fails.
async fn cut_after(socket: &mut Timed) -> Duration {
    let start = Instant::now();
    let mut sink = [0; 64];
    loop {
        match socket.read(&mut sink).await {
            Ok(0) => panic!("the peer closed"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                return start.elapsed();
            }
        }
    }
}

/// Sends a byte each second until the socket is gone.
fn drip(mut peer: DuplexStream) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while peer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_within_its_bound() {
    let (mut socket, peer, _connection) = socket();
    let dripping = drip(peer);
    assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
    drop(socket);
    dripping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_sends_a_byte_is_cut_like_a_slow_head() {
    let (mut socket, _peer, _connection) = socket();
    assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_longer_than_a_balancer_keeps_it_and_then_cut() {
    let (mut socket, _peer, connection) = socket();
    let running = request(&connection);
    running.answered(0);
    drop(running);
    socket.flush().await.unwrap();
    let after = cut_after(&mut socket).await;
    assert!(after > Duration::from_secs(60) && after < Duration::from_secs(66), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_cut_when_the_server_has_read_only_while_the_request_ran() {
    let (mut socket, _peer, connection) = socket();
    let (start, mut running, mut sink) = (Instant::now(), Some(request(&connection)), [0; 64]);
    let waiting = std::future::poll_fn(|context| {
        let mut buffer = ReadBuf::new(&mut sink);
        let read = Pin::new(&mut socket).poll_read(context, &mut buffer);
        let Some(running) = running.take() else { return read };
        running.answered(0);
        drop(running);
        assert!(Pin::new(&mut socket).poll_flush(context).is_ready());
        Poll::Pending
    });
    // Whatever wakes it late finds it overdue.
    let outcome = tokio::time::timeout(Duration::from_secs(100), waiting).await;
    assert_eq!(outcome.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_wakes_to_look_at_its_peer_once_and_at_its_end() {
    let (mut socket, _peer, connection) = socket();
    drop(request(&connection));
    socket.flush().await.unwrap();
    let (mut sink, mut polls) = ([0; 64], 0);
    let ended = {
        let mut read = std::pin::pin!(socket.read(&mut sink));
        std::future::poll_fn(|context| {
            polls += 1;
            read.as_mut().poll(context)
        })
        .await
    };
    assert!(ended.is_err());
    assert_eq!(polls, 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_http2_connection_gets_goaway_in_spite_of_its_frames_and_is_cut_if_it_stays() {
    let (mut socket, mut peer, connection) = socket();
    peer.write_all(PREFACE).await.unwrap();
    let dripping = drip(peer);
    let after = cut_after(&mut socket).await;
    assert!(connection.retires());
    assert_eq!(after.as_secs(), 65 + GOAWAY_TIMEOUT.as_secs());
    drop(socket);
    dripping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_after_the_grace() {
    let (mut socket, _peer, connection) = socket();
    let _running = request(&connection);
    let start = Instant::now();
    let error = socket.write_all(&[0; 1000]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // The buffer in between took 64 bytes.
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_took_much_and_then_stops_has_the_write_timeout() {
    let (mut socket, mut peer, connection) = socket();
    let _running = request(&connection);
    let stops = tokio::spawn(async move {
        peer.read_exact(&mut [0; 50_000]).await.unwrap();
        peer
    });
    let start = Instant::now();
    socket.write_all(&[0; 60_000]).await.unwrap_err();
    assert!((30..=31).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(stops.await.unwrap());
}

/// Sends an answer of 100 s at the minimum rate to a peer that reads so many bytes a second.
async fn read_at(rate: usize) -> io::Result<()> {
    let (mut socket, mut peer, connection) = socket();
    let _running = request(&connection);
    let reads = tokio::spawn(async move {
        let mut bytes = vec![0; rate];
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for piece in bytes.chunks_mut(32) {
                if peer.read_exact(piece).await.is_err() {
                    return;
                }
            }
        }
    });
    let outcome = socket.write_all(&[0; 24_000]).await;
    drop(socket);
    reads.await.unwrap();
    outcome
}

#[tokio::test(start_paused = true)]
async fn a_reader_at_the_minimum_rate_gets_its_answer_and_one_below_it_is_cut() {
    read_at(256).await.unwrap();
    assert_eq!(read_at(192).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_flush_ends_the_time_of_a_slow_reader() {
    let (mut socket, mut peer, connection) = socket();
    let _running = request(&connection);
    for _ in 0..10 {
        let (write, read) = (socket.write_all(&[0; 100]), async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            peer.read_exact(&mut [0; 100]).await
        });
        let (wrote, read) = tokio::join!(write, read);
        wrote.unwrap();
        read.unwrap();
        socket.flush().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_ends_the_connection_with_a_goaway_and_the_rest_is_not_read() {
    let (mut socket, mut peer, connection) = socket();
    peer.write_all(PREFACE).await.unwrap();
    let flood = tokio::spawn(async move {
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let mut sent = 0;
        while peer.write_all(&ping).await.is_ok() {
            sent += 1;
        }
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.unwrap();
        (sent, answer)
    });
    // The server's own SETTINGS are through.
    socket.flush().await.unwrap();
    let mut sink = Vec::new();
    socket.read_to_end(&mut sink).await.unwrap();
    // More of the flood changes nothing.
    assert_eq!(socket.read(&mut [0; 64]).await.unwrap(), 0);
    assert!(sink.len() <= PREFACE.len() + 1001 * 17, "{}", sink.len());
    assert!(connection.must_linger());
    drop(socket);
    let (sent, answer) = flood.await.unwrap();
    assert!((1000..1100).contains(&sent), "{sent}");
    assert_eq!(answer, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]);
}

#[tokio::test(start_paused = true)]
async fn headers_of_http2_that_never_end_are_cut_like_a_slow_head() {
    let (mut socket, mut peer, _connection) = socket();
    peer.write_all(PREFACE).await.unwrap();
    // 16 bytes of headers are announced; the rest never comes.
    peer.write_all(&[0, 0, 16, 1, 4, 0, 0, 0, 1, 0x82]).await.unwrap();
    assert_eq!(cut_after(&mut socket).await.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn bytes_from_the_peer_do_not_cut_a_connection_with_an_open_request() {
    let (mut socket, mut peer, connection) = socket();
    let running = request(&connection);
    let late = tokio::spawn(async move {
        // The first bytes of a next request, and nothing for a long time.
        peer.write_all(b"G").await.unwrap();
        tokio::time::sleep(Duration::from_secs(300)).await;
        peer.write_all(b"ET").await.unwrap();
        peer
    });
    let mut bytes = [0; 1];
    socket.read_exact(&mut bytes).await.unwrap();
    running.answered(0);
    let mut bytes = [0; 2];
    socket.read_exact(&mut bytes).await.unwrap();
    late.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_is_cut_when_no_byte_moves_and_not_before() {
    let (mut socket, mut peer, connection) = socket();
    connection.upgraded();
    let talks = tokio::spawn(async move {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(200)).await;
            peer.write_all(b"x").await.unwrap();
        }
        peer
    });
    let idle = Limits::default().upgrade_idle_timeout;
    assert_eq!(cut_after(&mut socket).await, Duration::from_secs(2000) + idle);
    drop(talks.await.unwrap());
}

/// A socket that takes bytes into a buffer of its own, as TLS does, and never gets rid of them.
struct Stuck(DuplexStream);

impl AsyncRead for Stuck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl Acknowledged for Stuck {
    fn acknowledged(&self) -> Option<u64> {
        None
    }

    fn holds_unacknowledged(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_of_what_tls_holds_is_cut_while_it_is_flushed_and_closed() {
    for closes in [false, true] {
        let (_, _peer, connection) = socket();
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut socket = Socket::new(Stuck(ours), connection, Arc::new(Traffic::new("public")), ());
        let start = Instant::now();
        socket.write_all(b"x").await.unwrap();
        let ended = if closes { socket.shutdown().await } else { socket.flush().await };
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= Limits::default().write_timeout + LOOK, "{:?}", start.elapsed());
    }
}
