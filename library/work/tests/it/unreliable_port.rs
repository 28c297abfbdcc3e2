//! A port in front of PostgreSQL's socket that loses the answers of commits, loses commits, or stops forwarding.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use store::StoreUrl;
use store::testing::FreshDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The faults of a port.
#[derive(Default)]
pub(crate) struct Faults {
    /// Commits that are still to be cut off: every odd one after the server did it, every even one before.
    pub(crate) cut: AtomicU32,
    /// Commits that were cut off.
    pub(crate) was_cut: AtomicU32,
    /// Commits that pass between two that are cut off.
    pass: u32,
    seen: AtomicU32,
    is_stalled: AtomicBool,
    goes_on: Notify,
}

/// The end of a commit on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Commit {
    Passes,
    LosesItsAnswer,
    IsLost,
}

impl Faults {
    /// Faults that let this number of commits pass between two that are cut off.
    pub(crate) fn with_pass(pass: u32) -> Self {
        Self { pass, ..Self::default() }
    }

    fn commit(&self) -> Commit {
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        if !seen.is_multiple_of(self.pass + 1) {
            return Commit::Passes;
        }
        let less = |left: u32| left.checked_sub(1);
        let Ok(left) = self.cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) else { return Commit::Passes };
        self.was_cut.fetch_add(1, Ordering::SeqCst);
        if left % 2 == 1 { Commit::LosesItsAnswer } else { Commit::IsLost }
    }

    /// Stops forwarding on all connections, which stay open.
    pub(crate) fn stall(&self) {
        self.is_stalled.store(true, Ordering::SeqCst);
    }

    pub(crate) fn go_on(&self) {
        self.is_stalled.store(false, Ordering::SeqCst);
        self.goes_on.notify_waiters();
    }

    async fn passage(&self) {
        loop {
            let going_on = self.goes_on.notified();
            if !self.is_stalled.load(Ordering::SeqCst) {
                return;
            }
            going_on.await;
        }
    }
}

/// An unreliable port; closed when dropped.
pub(crate) struct UnreliablePort {
    pub(crate) faults: Arc<Faults>,
    pub(crate) url: StoreUrl,
    _serving: JoinSet<()>,
}

impl UnreliablePort {
    pub(crate) async fn open(database: &FreshDatabase, faults: Faults) -> Self {
        let text = database.url_text();
        let (start, folder) = text.split_once("?host=").unwrap();
        let name = start.rsplit('/').next().unwrap();
        let socket = format!("{folder}/.s.PGSQL.5432");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://test@127.0.0.1:{port}/{name}?sslmode=disable").parse().unwrap();
        let faults = Arc::new(faults);
        let mut serving = JoinSet::new();
        let shared = faults.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                connections.spawn(forward(client, server, shared.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { faults, url, _serving: serving }
    }
}

/// Forwards one connection until it ends or a commit on it is cut off.
async fn forward(client: TcpStream, server: UnixStream, faults: Arc<Faults>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        faults.passage().await;
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                faults.passage().await;
                let is_commit = asked[..length].windows(6).any(|window| window == b"COMMIT");
                let commit = if is_commit { faults.commit() } else { Commit::Passes };
                if commit == Commit::IsLost || to_server.write_all(&asked[..length]).await.is_err() {
                    return;
                }
                if commit == Commit::LosesItsAnswer {
                    // The server has done it once it answers.
                    let _ = from_server.read(&mut answered).await;
                    return;
                }
            }
            read = from_server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                faults.passage().await;
                if to_client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
