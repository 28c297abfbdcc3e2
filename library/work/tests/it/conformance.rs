//! The public conformance suite on every engine: a test a case.

use evenkeel_work::conformance::find;
use store::StoreUrl;

async fn run(name: &str, url: StoreUrl) {
    find(name).expect("the case is in the list").run(url).await;
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
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let database = store::testing::FreshDatabase::make();
                super::run(stringify!($case), database.url()).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod behind_pgbouncer {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let database = store::testing::FreshDatabase::make();
                super::run(stringify!($case), database.pooled_url()).await;
            })*
        }
    };
}

evenkeel_work::for_each_job_case!(tests);
