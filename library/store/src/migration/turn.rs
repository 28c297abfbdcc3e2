//! The lock of migrations: instances that start at once take turns.

use crate::{Engine, StoreError, Transaction, args};

/// The advisory lock of migrations on PostgreSQL: the first eight bytes of SHA-256("evenkeel").
const LOCK: i64 = 7_310_874_283_846_521_957;

/// Turn of this instance to migrate, or the holder of the lock.
pub(crate) enum Turn {
    /// This transaction holds the lock.
    Ours,
    /// Another session holds it: its process id and application.
    HeldBy(String),
}

/// Takes the lock of migrations if it is free. Never waits: a transaction that waits for a lock would itself hold up
/// `CREATE INDEX CONCURRENTLY`. On SQLite a transaction that writes is alone.
pub(crate) async fn take(tx: &mut Transaction, engine: Engine) -> Result<Turn, StoreError> {
    if engine == Engine::Sqlite {
        return Ok(Turn::Ours);
    }
    let row = tx.fetch_one("SELECT pg_try_advisory_xact_lock($1) AS ours", args![LOCK]).await?;
    if row.get::<bool>("ours")? {
        return Ok(Turn::Ours);
    }
    let holder: Option<(i64, String, String)> = tx
        .fetch_optional_as(
            "SELECT CAST(a.pid AS BIGINT), COALESCE(CAST(a.client_addr AS TEXT), 'local'), COALESCE(a.application_name, '') \
             FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
               AND CAST(l.classid AS BIGINT) = ($1 >> 32) AND CAST(l.objid AS BIGINT) = ($1 & 4294967295) LIMIT 1",
            args![LOCK],
        )
        .await?;
    let holder = holder.map_or_else(
        || "another session".to_owned(),
        |(pid, address, application)| session(pid, &address, &application),
    );
    Ok(Turn::HeldBy(format!("{holder} has held the lock of migrations")))
}

/// Names a session of PostgreSQL.
pub(crate) fn session(pid: i64, address: &str, application: &str) -> String {
    format!("process {pid} of PostgreSQL ({address}, application {application:?})")
}
