//! The public conformance suite on every engine: a test a case.

use evenkeel_store::StoreUrl;
use evenkeel_store::conformance::{CASES, find};

async fn run(name: &str, url: StoreUrl) {
    find(name).expect("the case is in the list").run(url).await;
}

macro_rules! tests {
    (every { $($every:ident :: $of_every:ident,)* } sqlite { $($sqlite:ident :: $of_sqlite:ident,)* }
     postgres { $($postgres:ident :: $of_postgres:ident,)* }) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_every() {
                super::on_sqlite(stringify!($of_every)).await;
            })*
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_sqlite() {
                super::on_sqlite(stringify!($of_sqlite)).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_every() {
                super::on_postgres(stringify!($of_every)).await;
            })*
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_postgres() {
                super::on_postgres(stringify!($of_postgres)).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod behind_pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_every() {
                super::behind_pgbouncer(stringify!($of_every)).await;
            })*
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $of_postgres() {
                super::behind_pgbouncer(stringify!($of_postgres)).await;
            })*
        }
    };
}

evenkeel_store::for_each_conformance_case!(tests);

#[cfg(feature = "sqlite")]
async fn on_sqlite(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    run(name, format!("sqlite:{}/deep/er/test.db", folder.path().display()).parse().unwrap()).await;
}

#[cfg(feature = "postgres")]
async fn on_postgres(name: &str) {
    run(name, evenkeel_store::testing::FreshDatabase::make().url()).await;
}

#[cfg(feature = "postgres")]
async fn behind_pgbouncer(name: &str) {
    run(name, evenkeel_store::testing::FreshDatabase::make().pooled_url()).await;
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[test]
fn the_suite_has_at_least_120_cases_with_names_of_their_own() {
    let names: std::collections::HashSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len());
    assert!(CASES.len() >= 120, "{} cases", CASES.len());
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
#[test]
fn the_suite_of_one_engine_has_its_cases() {
    assert!(CASES.len() >= 100, "{} cases", CASES.len());
}
