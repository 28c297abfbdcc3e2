//! Connections and processes that end at a commit: nothing that was acknowledged is lost, and nothing is done twice.

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use evenkeel_store::testing::PrivatePostgres;
    use evenkeel_store::{StoreError, StoreUrl};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UnixStream};

    use crate::fixture::{count_once, key, number, open, run};

    /// Place where the next connection is cut: nowhere.
    const NOWHERE: u8 = 0;
    /// The COMMIT does not reach the server.
    const BEFORE: u8 = 1;
    /// The COMMIT reaches the server, and its answer does not reach the client.
    const AFTER: u8 = 2;

    /// A relay in front of PostgreSQL's socket that cuts a connection at its COMMIT, once.
    async fn relay(postgres: &PrivatePostgres, cut: Arc<AtomicU8>) -> StoreUrl {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = postgres.url_text().split_once("host=").unwrap().1.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(format!("{folder}/.s.PGSQL.5432")).await.unwrap();
                let cut = cut.clone();
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                    let mut bytes = vec![0; 64 << 10];
                    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                        let commit = bytes[..length].windows(6).any(|six| six == b"COMMIT");
                        let place = if commit { cut.swap(NOWHERE, Ordering::SeqCst) } else { NOWHERE };
                        if place != NOWHERE {
                            answers.abort();
                            let _ = answers.await;
                            if place == AFTER {
                                to_server.write_all(&bytes[..length]).await.unwrap();
                            }
                            return;
                        }
                        if to_server.write_all(&bytes[..length]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        format!("postgres://test@127.0.0.1:{port}/ledger?sslmode=disable").parse().unwrap()
    }

    async fn n(store: &evenkeel_store::Store) -> i64 {
        number(store, "SELECT n FROM counters WHERE id = 1").await
    }

    #[tokio::test]
    async fn a_commit_that_is_cut_is_unknown_whether_or_not_it_took_effect() {
        let (postgres, cut) = (PrivatePostgres::start(), Arc::new(AtomicU8::new(NOWHERE)));
        let store = open(&relay(&postgres, cut.clone()).await).await;
        for (place, effect) in [(BEFORE, 0), (AFTER, 1)] {
            cut.store(place, Ordering::SeqCst);
            let error = run(&store, "UPDATE counters SET n = n + 1").await.unwrap_err();
            assert!(matches!(error, StoreError::Unknown(_)) && error.is_transient(), "{error}");
            // The server ends the session that it lost before it shows what came of it.
            let settled = "UPDATE counters SET n = n WHERE id = 1";
            run(&store, settled).await.unwrap();
            assert_eq!(n(&store).await, effect);
        }
    }

    #[tokio::test]
    async fn the_idempotent_path_finds_out_and_does_it_once() {
        let (postgres, cut) = (PrivatePostgres::start(), Arc::new(AtomicU8::new(NOWHERE)));
        let store = open(&relay(&postgres, cut.clone()).await).await;
        for (place, name, sum) in [(BEFORE, "before", 1), (AFTER, "after", 2)] {
            cut.store(place, Ordering::SeqCst);
            let recorded = count_once(&store, &key(name)).await.unwrap();
            assert_eq!(cut.load(Ordering::SeqCst), NOWHERE, "a connection was cut");
            assert_eq!(recorded.replayed, place == AFTER, "{name}: the log says what took effect");
            assert!(count_once(&store, &key(name)).await.unwrap().replayed);
            assert_eq!(n(&store).await, sum, "{name}");
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use evenkeel_store::{Fingerprint, OnceOutcome, StoreError, args};

    use crate::fixture::{answer, count_once, key, number, open};

    /// Not a test of its own: a process that ends in the middle of an idempotent request, at the place that `ABORT_AT` names.
    #[tokio::test]
    #[ignore = "another test runs it as a process of its own"]
    async fn process() {
        let (Ok(url), Ok(place)) = (std::env::var("ABORT_URL"), std::env::var("ABORT_AT")) else { return };
        let store = open(&url.parse().unwrap()).await;
        if place == "begun" {
            std::process::abort();
        }
        let recorded = store
            .once(&key("k"), Fingerprint::of(&[b"count"]), |tx| {
                let place = place.clone();
                Box::pin(async move {
                    tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", args![]).await?;
                    if place == "effect" {
                        std::process::abort();
                    }
                    Ok::<_, StoreError>(OnceOutcome::Commit(answer("counted")))
                })
            })
            .await
            .unwrap();
        assert!(!recorded.replayed);
        println!("acknowledged");
        std::process::abort();
    }

    #[tokio::test]
    async fn a_process_that_ends_at_any_place_of_a_request_leaves_all_or_nothing() {
        for (place, effect) in [("begun", 0), ("effect", 0), ("acknowledged", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}/x.db", folder.path().display());
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "boundaries::sqlite::process", "--ignored", "--nocapture"])
                .env("ABORT_URL", &url)
                .env("ABORT_AT", place)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            process.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(!process.wait().unwrap().success(), "{place}: it was aborted");
            assert_eq!(said.contains("acknowledged"), place == "acknowledged", "{said}");

            let store = open(&url.parse().unwrap()).await;
            assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, effect, "{place}");
            let again = count_once(&store, &key("k")).await.unwrap();
            assert_eq!(again.replayed, effect == 1, "{place}");
            assert_eq!(number(&store, "SELECT n FROM counters WHERE id = 1").await, 1, "{place}");
        }
    }
}
