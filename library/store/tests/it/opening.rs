//! Stores that cannot be opened say where, why, and what to do.

use evenkeel_store::{Options, Store, StoreError};

#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[tokio::test]
async fn a_store_that_cannot_be_opened_says_where_why_and_what_to_do() {
    for url in ["sqlite:/proc/nothing/x.db", "postgres://u:hunter22@127.0.0.1:1/x"] {
        let error = Store::open(&url.parse().unwrap(), Options::default()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains("cannot open") && error.contains("DATABASE_URL"), "{error}");
        assert!(!error.contains("hunter22"), "{error}");
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_database_in_memory_is_one_database_for_reads_and_writes() {
    let store = crate::fixture::open(&"sqlite::memory:".parse().unwrap()).await;
    crate::fixture::run(&store, "UPDATE counters SET n = 7").await.unwrap();
    assert_eq!(crate::fixture::number(&store, "SELECT n FROM counters").await, 7);
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
#[test]
fn the_engine_that_is_not_built_in_is_named_with_its_feature() {
    let (url, feature) =
        if cfg!(feature = "sqlite") { ("postgres://u:hunter22@h/x", "postgres") } else { ("sqlite:x", "sqlite") };
    let error = url.parse::<evenkeel_store::StoreUrl>().unwrap_err().to_string();
    assert!(error.contains(&format!("needs the feature `{feature}`")) && !error.contains("hunter22"), "{error}");
    let _ = |options: Options, store: Store, error: StoreError| (options, store, error);
}
