//! A dependency that goes away and comes back: a fault proxy between the service and a stand-in for the dependency.

use evenkeel::prelude::*;
use keel_proxy::{Fault, FaultProxy};

use crate::service::started;

#[tokio::test]
async fn an_outage_of_the_stock_ends_with_the_outage() {
    let stand_in = Service::new(build_info!()).routes(|_context| Router::new().route("/stock", get(async || "7")));
    let stock = stand_in.start(["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"]).await.unwrap();
    stock.ready().await.unwrap();
    let proxy = FaultProxy::start(stock.public().to_string()).await.unwrap();
    let running = started(&format!("http://{}", proxy.address())).await;
    let asked = async || {
        let answer = running.client().get(&running.url("/stock")).send().await.unwrap();
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };

    assert_eq!(asked().await, (StatusCode::OK, "7".to_owned()));
    for fault in [Fault::Down, Fault::Hang, Fault::ServerError] {
        let name = format!("{fault:?}");
        proxy.set(fault).await;
        assert!(asked().await.0.is_server_error(), "{name}");
    }
    proxy.set(Fault::None).await;
    assert_eq!(asked().await, (StatusCode::OK, "7".to_owned()));
    running.stop().await.unwrap();
    stock.stop().await.unwrap();
}
