//! A module an engine, with a test a scenario: `on_every_engine!(scenario, ...)` for functions that take a fresh database's URL.

/// Makes the tests.
macro_rules! on_every_engine {
    ($($scenario:ident),+ $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let folder = tempfile::tempdir().unwrap();
                super::$scenario(format!("sqlite:{}/deep/er/test.db", folder.path().display()).parse().unwrap()).await;
            })+
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let postgres = evenkeel_store::testing::PrivatePostgres::start();
                super::$scenario(postgres.url()).await;
            })+
        }
        #[cfg(feature = "postgres")]
        mod behind_pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                let postgres = evenkeel_store::testing::PrivatePostgres::start();
                let pooler = postgres.behind_pgbouncer();
                super::$scenario(pooler.url()).await;
            })+
        }
    };
}

pub(crate) use on_every_engine;
