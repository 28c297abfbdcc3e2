//! The public conformance suite on every engine: a test a case on SQLite, and one database for all cases on PostgreSQL, because making
//! databases takes longer than the cases.

use evenkeel_work::conformance::{CASES, find};
use store::StoreUrl;

#[cfg(feature = "sqlite")]
async fn run(name: &str, url: StoreUrl) {
    find(name).expect("the case is in the list").run(url).await;
}

/// Runs all cases on one database; the last printed name is that of the case that fails.
#[cfg(feature = "postgres")]
async fn run_all(url: StoreUrl) {
    for case in CASES {
        println!("{}", case.name);
        case.run(url.clone()).await;
    }
}

macro_rules! tests {
    ($($file:ident :: $case:ident,)*) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}/test.db", folder.path().display()).parse().unwrap();
                super::run(stringify!($case), url).await;
            })*
        }
    };
}

evenkeel_work::for_each_job_case!(tests);

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_passes_every_case() {
    run_all(store::testing::FreshDatabase::make().url()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_behind_pgbouncer_passes_every_case() {
    run_all(store::testing::FreshDatabase::make().pooled_url()).await;
}

#[test]
fn the_cases_have_names_of_their_own() {
    let names: std::collections::HashSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len());
    assert!(CASES.len() >= 38, "{} cases", CASES.len());
}
