//! Steady data: retention in batches, and invariants that name the rows of a breach.

use std::time::Duration;

use store::{Engine, args};

use super::bench::Bench;
use crate::invariant::{Invariant, Invariants, MAX_SHOWN, Verdict};
use crate::retention::{Cutoff, Retention, RetentionRule};

const DAY: Duration = Duration::from_secs(86_400);

/// Adds rows of effects whose column n is a moment in seconds, this many days ago.
async fn add_rows(bench: &Bench, rows: i64, days_ago: i64) {
    let insert = match bench.store.engine() {
        Engine::Sqlite => {
            "WITH RECURSIVE one (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM one WHERE k < $1)
             INSERT INTO effects (n, attempt) SELECT unixepoch() - $2 * 86400, k FROM one"
        }
        Engine::Postgres => {
            "INSERT INTO effects (n, attempt)
             SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) - $2 * 86400, k FROM generate_series(1, $1) AS k"
        }
    };
    let added: Result<u64, store::StoreError> =
        bench.store.write(|tx| Box::pin(async move { tx.execute(insert, args![rows, days_ago]).await })).await;
    assert_eq!(added.unwrap(), u64::try_from(rows).unwrap());
}

pub(super) async fn w18_old_rows_are_deleted_in_batches_and_young_ones_stay(bench: Bench) {
    add_rows(&bench, 25, 8).await;
    add_rows(&bench, 5, 6).await;
    let delete = "DELETE FROM effects WHERE attempt IN (SELECT attempt FROM effects WHERE n < $1 ORDER BY n, attempt LIMIT $2) AND n < $1";
    let rule = RetentionRule::new("effects", 7 * DAY, delete).cutoff(Cutoff::Seconds).batch(10);
    let retention = Retention::new(&bench.store).rule(rule);
    assert_eq!(retention.purge().await.unwrap(), 25);
    assert_eq!(bench.number("SELECT COUNT(*) FROM effects", args![]).await, 5);
    assert_eq!(retention.purge().await.unwrap(), 0);
}

pub(super) async fn an_invariant_holds_until_a_row_breaks_it_and_names_that_row(bench: Bench) {
    let invariants = Invariants::new(&bench.store)
        .declare(Invariant::new("no effect is negative", "SELECT n, attempt FROM effects WHERE n < 0 ORDER BY n"))
        .declare(Invariant::new("there is a table", "SELECT n FROM effects WHERE n > 100"));
    bench.run("INSERT INTO effects (n, attempt) VALUES (1, 1)").await;
    let verdicts = invariants.check().await.unwrap();
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Holds));
    bench.run("INSERT INTO effects (n, attempt) VALUES (-5, 2)").await;
    let verdicts = invariants.check().await.unwrap();
    let named = Verdict::Breached { rows: vec!["n=-5 attempt=2".to_owned()], has_more: false };
    assert_eq!(verdicts, [("no effect is negative", named), ("there is a table", Verdict::Holds)]);
    for _ in 0..5 {
        bench.run("INSERT INTO effects (n, attempt) SELECT n - 1, attempt FROM effects WHERE n < 0").await;
    }
    let (_, verdict) = invariants.check().await.unwrap().remove(0);
    assert!(matches!(&verdict, Verdict::Breached { rows, has_more: true } if rows.len() == MAX_SHOWN), "{verdict:?}");
    let broken = Invariants::new(&bench.store).declare(Invariant::new("no such table", "SELECT 1 FROM no_such_table"));
    assert!(broken.check().await.is_err(), "nothing is known");
}

pub(super) async fn a_row_that_is_not_as_it_was_written_is_named(bench: Bench) {
    const ROWS: &str = "SELECT name, n, flag, note, checksum FROM sealed WHERE name > $1 ORDER BY name LIMIT $2";
    let invariants = Invariants::new(&bench.store).declare(Invariant::checksums("rows are as they were written", ROWS));
    bench.run("CREATE TABLE sealed (name TEXT PRIMARY KEY, n BIGINT, flag BOOLEAN, note TEXT, checksum BIGINT)").await;
    let added: Result<(), store::StoreError> = bench
        .store
        .write(|tx| {
            Box::pin(async move {
                // More than a page.
                for n in 0..1_500 {
                    let name = format!("row {n:05}");
                    let note = (n % 2 == 0).then_some("even");
                    let sum = store::checksum(&args![&name, n, n % 3 == 0, note]);
                    let insert = "INSERT INTO sealed (name, n, flag, note, checksum) VALUES ($1, $2, $3, $4, $5)";
                    tx.execute(insert, args![&name, n, n % 3 == 0, note, sum]).await?;
                }
                tx.execute("INSERT INTO sealed (name, n) VALUES ('written before', 1)", args![]).await?;
                Ok(())
            })
        })
        .await;
    added.unwrap();
    let verdict = async || invariants.check().await.unwrap().remove(0).1;
    assert_eq!(verdict().await, Verdict::Holds);
    for (change, back) in [
        (
            "UPDATE sealed SET n = n + 1 WHERE name = 'row 01400'",
            "UPDATE sealed SET n = n - 1 WHERE name = 'row 01400'",
        ),
        (
            "UPDATE sealed SET flag = NULL WHERE name = 'row 01401'",
            "UPDATE sealed SET flag = TRUE WHERE name = 'row 01401'",
        ),
        (
            "UPDATE sealed SET note = 'odd' WHERE name = 'row 01402'",
            "UPDATE sealed SET note = 'even' WHERE name = 'row 01402'",
        ),
    ] {
        bench.run(change).await;
        let found = verdict().await;
        assert!(
            matches!(&found, Verdict::Breached { rows, has_more: false } if rows.len() == 1 && change.contains(&rows[0][5..14])),
            "{change}: {found:?}"
        );
        bench.run(back).await;
    }
    // It has the same first thousand rows at any $1.
    let same = "SELECT name, n, flag, note, checksum FROM sealed WHERE name > '' OR name > $1 ORDER BY name LIMIT $2";
    let stuck = Invariants::new(&bench.store).declare(Invariant::checksums("the query is right", same));
    let error = stuck.check().await.unwrap_err().to_string();
    assert!(error.contains("greater than $1"), "{error}");
    bench.run("UPDATE sealed SET n = -1").await;
    let found = verdict().await;
    assert!(matches!(&found, Verdict::Breached { rows, has_more: true } if rows.len() == MAX_SHOWN), "{found:?}");
}
