//! The dependencies of a service: each is its name.

use evenkeel::client::Endpoints;
use evenkeel::prelude::*;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

/// Two dependencies behind one gateway, of which one fails.
fn gateway() -> Service {
    Service::new(build_info!()).routes(|_context| {
        Router::new()
            .route("/payments/rates", get(async || "12"))
            .route("/fraud/score", get(async || StatusCode::INTERNAL_SERVER_ERROR))
    })
}

#[tokio::test]
async fn two_dependencies_behind_one_gateway_have_policies_of_their_own() {
    let gateway = gateway().start(ANYWHERE).await.unwrap();
    gateway.ready().await.unwrap();
    let at = |path: &str| -> Endpoints { gateway.url(path).as_str().parse().unwrap() };
    let (payments, fraud) = (at("/payments"), at("/fraud"));
    let shop = Service::new(build_info!())
        .dependency("payments", move |_| Dependency::http(payments))
        .dependency("fraud", move |_| Dependency::http(fraud));
    let shop = shop.start(ANYWHERE).await.unwrap();
    let context = shop.ready().await.unwrap();
    let client = context.client();
    for _ in 0..30 {
        let _ = client.dependency("fraud").get("/score").send().await;
        assert_eq!(client.dependency("payments").get("/rates").send().await.unwrap().body, "12");
    }
    let position = |name: &str| client.policy(name).unwrap().breaker().position();
    use evenkeel::resilience::breaker::Position;
    assert_eq!((position("payments"), position("fraud")), (Position::Closed, Position::Open));
    let error = client.dependency("farud").get("/score").send().await.unwrap_err();
    assert!(error.to_string().contains("no dependency is declared as \"farud\""), "{error}");
    assert_eq!(context.refusal(&error).status(), StatusCode::INTERNAL_SERVER_ERROR);
    shop.stop().await.unwrap();
    gateway.stop().await.unwrap();
}

#[tokio::test]
async fn dependencies_of_one_name_or_at_one_url_are_an_error_at_start() {
    for (names, urls, word) in [
        (["bank", "bank"], ["http://one", "http://two"], "declared twice"),
        (["bank", "rail"], ["http://svc:SECRET@one/a", "http://one:80/a/"], "both at http://one/a/"),
    ] {
        let [one, two] = urls.map(|url| url.parse::<Endpoints>().unwrap());
        let service = Service::new(build_info!())
            .dependency(names[0], move |_| Dependency::http(one))
            .dependency(names[1], move |_| Dependency::http(two));
        let error = service.start(ANYWHERE).await.unwrap().wait().await.unwrap_err();
        assert!(error.to_string().contains(word) && !format!("{error:?}").contains("SECRET"), "{error}");
    }
}
