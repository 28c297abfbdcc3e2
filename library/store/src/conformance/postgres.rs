//! Behaviour of PostgreSQL alone: timeouts, locks, sessions, types.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;

use super::bench::{Bench, count_up, counter, one, rows, run};
use crate::{ConstraintKind, Isolation, Migration, Migrations, Numeric, Store, StoreError, args};

pub(super) async fn the_isolation_is_what_was_asked_for(bench: Bench) {
    let store = bench.open().await;
    let shown = "SELECT current_setting('transaction_isolation')";
    for (isolation, level) in [
        (Isolation::Serializable, "serializable"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::ReadCommitted, "read committed"),
    ] {
        let told: Result<String, StoreError> =
            store.write_at(isolation, |tx| Box::pin(async move { tx.fetch_one(shown, args![]).await?.at(0) })).await;
        assert_eq!(told.unwrap(), level);
    }
    assert_eq!(one::<String>(&store, shown, args![]).await.unwrap(), "repeatable read");
}

pub(super) async fn the_bounds_of_a_transaction_are_set_in_it_and_end_with_it(bench: Bench) {
    let store = bench
        .open_with(|options| {
            options.connections = Some(1);
            options.statement_timeout = Duration::from_millis(1234);
            options.lock_timeout = Duration::from_millis(2345);
            options.idle_in_transaction_timeout = Duration::from_millis(3456);
        })
        .await;
    let sql = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), \
               current_setting('idle_in_transaction_session_timeout')";
    let set: Vec<(String, String, String)> = rows(&store, sql, args![]).await.unwrap();
    assert_eq!(set, [("1234ms".to_owned(), "2345ms".to_owned(), "3456ms".to_owned())]);
    let other = Store::open(&bench.url, crate::Options::default()).await.unwrap();
    let unset: Result<String, StoreError> = other
        .read(|tx| {
            Box::pin(async move {
                tx.fetch_one("SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout'", args![]).await?.at(0)
            })
        })
        .await;
    assert_eq!(unset.unwrap(), "0", "the session's own setting is untouched");
}

pub(super) async fn a_statement_over_its_bound_is_told_as_that_and_is_transient(bench: Bench) {
    let store = bench.open_with(|options| options.statement_timeout = Duration::from_millis(50)).await;
    let error = run(&store, "SELECT pg_sleep(20)", args![]).await.unwrap_err();
    assert!(matches!(error, StoreError::StatementTimeout(_)) && error.is_transient(), "{error:?}");
    count_up(&store).await.unwrap();
}

pub(super) async fn a_lock_that_is_not_free_in_time_is_a_lock_timeout_error(bench: Bench) {
    let store = bench.open_with(|options| options.lock_timeout = Duration::from_millis(50)).await;
    let held: Result<(), StoreError> = store
        .write(|tx| {
            let store = store.clone();
            Box::pin(async move {
                tx.execute("LOCK TABLE counters", args![]).await?;
                let error = count_up(&store).await.unwrap_err();
                assert!(matches!(error, StoreError::Locked(_)) && error.is_transient(), "{error:?}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
}

pub(super) async fn a_row_that_is_locked_is_refused_at_once_where_that_is_asked_for(bench: Bench) {
    let store = bench.open().await;
    let held: Result<(), StoreError> = store
        .write(|tx| {
            let store = store.clone();
            Box::pin(async move {
                tx.execute("SELECT n FROM counters FOR UPDATE", args![]).await?;
                let error = run(&store, "SELECT n FROM counters FOR UPDATE NOWAIT", args![]).await.unwrap_err();
                assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
}

pub(super) async fn a_deadlock_is_run_again_and_both_commit(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO counters (id, n) VALUES (2, 0)", args![]).await.unwrap();
    let both = async |first: i64, second: i64| -> Result<(), StoreError> {
        store
            .write_at(Isolation::ReadCommitted, |tx| {
                Box::pin(async move {
                    tx.execute("UPDATE counters SET n = n + 1 WHERE id = $1", args![first]).await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    tx.execute("UPDATE counters SET n = n + 1 WHERE id = $1", args![second]).await?;
                    Ok(())
                })
            })
            .await
    };
    let (one_way, other_way) = tokio::join!(both(1, 2), both(2, 1));
    one_way.unwrap();
    other_way.unwrap();
    let sum: i64 = one(&store, "SELECT CAST(SUM(n) AS BIGINT) FROM counters", args![]).await.unwrap();
    assert_eq!(sum, 4);
}

pub(super) async fn a_session_that_is_terminated_before_the_commit_is_run_again(bench: Bench) {
    let store = bench.open().await;
    let mut first = true;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            let kill = std::mem::take(&mut first);
            let store = store.clone();
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1", args![]).await?;
                if kill {
                    let pid: i64 = tx.fetch_one("SELECT CAST(pg_backend_pid() AS BIGINT)", args![]).await?.at(0)?;
                    run(&store, "SELECT pg_terminate_backend(CAST($1 AS INT))", args![pid]).await?;
                }
                tx.execute("UPDATE counters SET n = n + 1", args![]).await?;
                Ok(())
            })
        })
        .await;
    written.unwrap();
    assert_eq!(counter(&store).await, 2, "the first attempt left nothing");
}

pub(super) async fn a_read_whose_session_is_terminated_is_run_again(bench: Bench) {
    let store = bench.open().await;
    let mut first = true;
    let read: Result<i64, StoreError> = store
        .read(|tx| {
            let kill = std::mem::take(&mut first);
            let store = store.clone();
            Box::pin(async move {
                if kill {
                    let pid: i64 = tx.fetch_one("SELECT CAST(pg_backend_pid() AS BIGINT)", args![]).await?.at(0)?;
                    run(&store, "SELECT pg_terminate_backend(CAST($1 AS INT))", args![pid]).await?;
                }
                tx.fetch_one("SELECT n FROM counters", args![]).await?.at(0)
            })
        })
        .await;
    assert_eq!(read.unwrap(), 0);
}

pub(super) async fn sessions_that_were_terminated_at_rest_are_replaced(bench: Bench) {
    let store = bench.open().await;
    futures_util::future::join_all((0..8).map(|_| counter(&store))).await;
    let others = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    one::<i64>(&store, others, args![]).await.unwrap();
    for _ in 0..20 {
        count_up(&store).await.unwrap();
    }
    assert_eq!(counter(&store).await, 20);
}

/// A session that stays in a transaction keeps old rows from being cleaned up, until its connection is used again.
pub(super) async fn a_begin_dropped_on_its_way_leaves_no_session_in_a_transaction(bench: Bench) {
    let other = bench.open().await;
    let in_transaction = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                          pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
    for polls in 1..30 {
        let store = bench.open_with(|options| options.connections = Some(1)).await;
        {
            let mut write = std::pin::pin!(count_up(&store));
            for _ in 0..polls {
                if futures_util::poll!(write.as_mut()).is_ready() {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
        }
        let since = std::time::Instant::now();
        while one::<i64>(&other, in_transaction, args![]).await.unwrap() > 0 {
            assert!(since.elapsed() < Duration::from_secs(10), "dropped after {polls} polls");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.close().await;
    }
}

pub(super) async fn a_failure_that_the_driver_hides_fails_the_commit(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 5", args![]).await?;
                let connection = tx.unchecked_postgres().unwrap();
                assert!(sqlx::query("SELECT 1 / 0").persistent(false).execute(connection).await.is_err());
                Ok(())
            })
        })
        .await;
    assert!(committed.is_err(), "PostgreSQL answers the COMMIT with ROLLBACK and no error");
    assert_eq!(counter(&store).await, 0);
}

pub(super) async fn an_excluded_row_is_told(bench: Bench) {
    let store = bench.open().await;
    let table = "CREATE TABLE spans (span INT8RANGE, CONSTRAINT apart EXCLUDE USING gist (span WITH &&))";
    run(&store, table, args![]).await.unwrap();
    run(&store, "INSERT INTO spans VALUES ('[1,5)')", args![]).await.unwrap();
    let error = run(&store, "INSERT INTO spans VALUES ('[4,9)')", args![]).await.unwrap_err();
    let told = matches!(&error, StoreError::Constraint { violation, .. }
        if violation.kind == ConstraintKind::Exclusion && violation.name == "apart");
    assert!(told, "{error:?}");
}

pub(super) async fn small_integers_short_texts_and_reals_are_read(bench: Bench) {
    let store = bench.open().await;
    let sql = "SELECT CAST(1 AS SMALLINT), CAST(2 AS INTEGER), CAST('x' AS VARCHAR(3)), CAST('y' AS CHAR(2)), \
               CAST('n' AS NAME), CAST(0.5 AS REAL), CAST(7 AS OID)";
    type Read = (i16, i32, String, String, String, f64, i64);
    let read: Vec<Read> = rows(&store, sql, args![]).await.unwrap();
    let text = |text: &str| text.to_owned();
    assert_eq!(read, [(1, 2, text("x"), text("y "), text("n"), 0.5, 7)]);
}

/// Through a pooler the driver cannot look the type up, and the error says what to write instead.
pub(super) async fn an_enum_is_read_as_text(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TYPE mood AS ENUM ('glad', 'sad')", args![]).await.unwrap();
    match one::<String>(&store, "SELECT CAST('sad' AS mood)", args![]).await {
        Ok(mood) => assert_eq!(mood, "sad"),
        Err(error) => {
            assert!(matches!(error, StoreError::Pooler(_)) && error.to_string().contains("CAST"), "{error:?}");
        }
    }
    let cast = "SELECT CAST(CAST('sad' AS mood) AS TEXT)";
    assert_eq!(one::<String>(&store, cast, args![]).await.unwrap(), "sad");
}

pub(super) async fn a_type_that_is_not_read_is_told_with_the_way_out(bench: Bench) {
    let store = bench.open().await;
    let error = one::<String>(&store, "SELECT CAST('1.2.3.4' AS INET) AS address", args![]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Column { column, .. } if column == "address"), "{error:?}");
    assert!(error.to_string().contains("INET") && error.to_string().contains("CAST"), "{error}");
    let error = one::<String>(&store, "SELECT CAST(now() AS TIMESTAMP)", args![]).await.unwrap_err().to_string();
    assert!(error.contains("TIMESTAMPTZ"), "{error}");
}

pub(super) async fn nan_and_infinite_values_are_refused_and_never_wrong(bench: Bench) {
    let store = bench.open().await;
    for sql in [
        "SELECT CAST('NaN' AS NUMERIC)",
        "SELECT CAST('Infinity' AS NUMERIC)",
        "SELECT CAST('infinity' AS TIMESTAMPTZ)",
        "SELECT CAST('-infinity' AS TIMESTAMPTZ)",
    ] {
        let error = one::<crate::Value>(&store, sql, args![]).await.unwrap_err();
        assert!(matches!(error, StoreError::Column { .. }), "{sql}: {error:?}");
    }
}

pub(super) async fn a_timestamp_is_the_same_moment_in_every_zone(bench: Bench) {
    let store = bench.open().await;
    let read: Result<i64, StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("SET LOCAL TIME ZONE 'Asia/Kathmandu'", args![]).await?;
                tx.execute("INSERT INTO kinds (id, time) VALUES (1, $1)", args![UNIX_EPOCH]).await?;
                let time: std::time::SystemTime = tx.fetch_one("SELECT time FROM kinds", args![]).await?.at(0)?;
                assert_eq!(time, UNIX_EPOCH);
                let same = "SELECT COUNT(*) FROM kinds WHERE time = '1970-01-01 05:30:00+05:30'";
                tx.fetch_one(same, args![]).await?.at(0)
            })
        })
        .await;
    assert_eq!(read.unwrap(), 1);
}

pub(super) async fn a_decimal_takes_the_scale_of_its_column(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE prices (price NUMERIC(6, 2))", args![]).await.unwrap();
    let price: Numeric = "12.345".parse().unwrap();
    run(&store, "INSERT INTO prices VALUES ($1)", args![price]).await.unwrap();
    assert_eq!(one::<Numeric>(&store, "SELECT price FROM prices", args![]).await.unwrap().to_string(), "12.35");
    let large: Numeric = "12345678".parse().unwrap();
    let error = run(&store, "INSERT INTO prices VALUES ($1)", args![large]).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidValue(_)), "{error:?}");
}

pub(super) async fn a_text_too_long_for_its_column_is_an_invalid_value(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE short (text VARCHAR(3))", args![]).await.unwrap();
    let error = run(&store, "INSERT INTO short VALUES ($1)", args!["four"]).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error:?}");
}

pub(super) async fn a_notice_of_the_server_is_no_error(bench: Bench) {
    let store = bench.open().await;
    run(&store, "DO $$ BEGIN RAISE NOTICE 'by the way'; RAISE WARNING 'well'; END $$", args![]).await.unwrap();
    count_up(&store).await.unwrap();
}

pub(super) async fn an_error_that_a_function_raises_is_told(bench: Bench) {
    let store = bench.open().await;
    let error = run(&store, "DO $$ BEGIN RAISE EXCEPTION 'not like this'; END $$", args![]).await.unwrap_err();
    assert!(matches!(error, StoreError::Other(_)) && error.to_string().contains("not like this"), "{error:?}");
}

/// A savepoint is no help against a conflict: the rest of the transaction has read what is no longer so.
pub(super) async fn a_conflict_in_a_tried_statement_runs_the_whole_transaction_again(bench: Bench) {
    let store = bench.open().await;
    let mut runs = 0;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            runs += 1;
            let run = runs;
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1", args![]).await?;
                if run == 1 {
                    let conflict = "DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$";
                    let tried = tx.try_execute(conflict, args![]).await;
                    assert!(matches!(tried, Err(StoreError::Conflict(_))), "{tried:?}");
                }
                Ok(())
            })
        })
        .await;
    written.unwrap();
    assert_eq!((runs, counter(&store).await), (2, 1), "the first run left nothing, the second did it once");
}

pub(super) async fn a_conflict_that_never_ends_is_given_up_after_its_bound(bench: Bench) {
    let store = bench.open().await;
    let mut runs = 0;
    let written: Result<u64, StoreError> = store
        .write(|tx| {
            runs += 1;
            Box::pin(async move {
                tx.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$", args![]).await
            })
        })
        .await;
    let error = written.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)) && error.is_transient(), "{error:?}");
    assert_eq!(runs, crate::MAX_RETRIES + 1);
}

pub(super) async fn steps_outside_transactions_are_applied_while_others_use_the_sessions(bench: Bench) {
    let (store, busy) = (bench.bare().await, bench.bare().await);
    let table = Migration::both(1, "table", "CREATE TABLE swept (id BIGINT)");
    let vacuum = |version| Migration::both(version, "vacuum", "VACUUM swept").outside_transaction();
    let all = Migrations::new(std::iter::once(table).chain((2..=30).map(vacuum)).collect());
    let done = AtomicBool::new(false);
    let migrating = async {
        let applied = store.migrate(&all).await;
        done.store(true, Ordering::Relaxed);
        applied
    };
    let others = join_all((0..4).map(async |_| {
        while !done.load(Ordering::Relaxed) {
            one::<i64>(&busy, "SELECT 1::bigint", args![]).await.unwrap();
        }
    }));
    let (applied, _) = tokio::join!(migrating, others);
    assert_eq!(applied.unwrap(), (1..=30).collect::<Vec<i64>>());
}
