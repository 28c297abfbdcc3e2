//! A dependency that misbehaves.

use std::time::{Duration, Instant};

use evenkeel::client::misbehave::{Manner, Peer};

use crate::service::started;

#[tokio::test]
async fn a_stock_that_misbehaves_is_a_clear_error_in_time() {
    for manner in [Manner::Never, Manner::Truncated, Manner::Garbage, Manner::EarlyClose, Manner::Endless] {
        let stock = Peer::start(manner).await.unwrap();
        let running = started(stock.url().as_str()).await;
        let begin = Instant::now();
        let answer = running.client().get(&running.url("/stock")).repeatable(false).send().await.unwrap();
        assert!([502, 504].contains(&answer.status.as_u16()), "{manner:?}: {}", answer.status);
        // A call has 500 ms; the rest is room for a busy machine.
        assert!(begin.elapsed() < Duration::from_secs(5), "{manner:?}: {:?}", begin.elapsed());
        assert!(stock.requests() > 0, "{manner:?}: the stock was not asked");
        running.stop().await.unwrap();
    }
}
