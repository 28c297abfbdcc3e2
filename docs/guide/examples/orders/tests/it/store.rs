//! Statements and migrations, on SQLite in memory and on PostgreSQL.

use evenkeel::prelude::*;
use evenkeel::store::Options;
use evenkeel::store::testing::PrivatePostgres;

#[tokio::test]
async fn two_orders_have_two_ids_on_sqlite() {
    two_orders_have_two_ids("sqlite::memory:").await;
}

#[tokio::test]
async fn two_orders_have_two_ids_on_postgresql() {
    let postgres = PrivatePostgres::start();
    two_orders_have_two_ids(&postgres.url_text()).await;
}

async fn two_orders_have_two_ids(database: &str) {
    let store = Store::open(&database.parse().unwrap(), Options::default()).await.unwrap();
    store.migrate(&Migrations::new(orders::migrations())).await.unwrap();
    let insert = async |id: &'static str| store.write(|tx| Box::pin(orders::insert(tx, id, "pen"))).await;
    insert("o_1").await.unwrap();
    insert("o_2").await.unwrap();
    let refused = insert("o_1").await.unwrap_err();
    assert!(matches!(refused, StoreError::Constraint { .. }), "{refused}");
    store.close().await;
}
