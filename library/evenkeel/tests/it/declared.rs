//! Served declarations: a service serves exactly its declarations, in any order of them.

use evenkeel::prelude::*;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];

#[derive(evenkeel::clap::Args, Clone, Debug)]
#[command()]
struct Own {
    /// A word.
    #[arg(long, default_value = "hello")]
    word: String,
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn settings_and_store_keep_what_was_declared_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}/kept.db", folder.path().display());
    let (ran, has_run) = tokio::sync::watch::channel(0);
    let counted = ran.clone();
    let service = Service::new(build_info!())
        .about("kept")
        .robots("kept")
        .routes(|_context| Router::new().route("/before", get(async || "before")))
        .background("before", move |_context, stop| {
            counted.send_modify(|runs| *runs += 1);
            async move { stop.requested().await }
        })
        .store(vec![Migration::both(1, "notes", "CREATE TABLE notes (text TEXT)")])
        .routes(|context| {
            let store = context.store().clone();
            let count = get(async move || {
                let rows = store.read(|tx| Box::pin(tx.fetch_all("SELECT text FROM notes", args![]))).await;
                rows.map(|rows: Vec<_>| rows.len().to_string()).map_err(|error: StoreError| problem_of(&error))
            });
            Router::new().route("/notes", count)
        })
        .admin_routes(|_context| Router::new().route("/between", get(async || "between")))
        .settings::<Own>()
        .routes(|context: &Context<Own, Store>| {
            let word = context.settings().word.clone();
            Router::new().route("/after", get(async move || word))
        });
    let arguments = ANYWHERE.into_iter().chain([database.as_str(), "--word=after"]);
    let running = service.start(arguments).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    for (path, expected) in [("/before", "before"), ("/notes", "0"), ("/after", "after"), ("/robots.txt", "kept")] {
        let answer = client.get(&running.url(path)).send().await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, expected.as_bytes()), "{path}");
    }
    let answer = client.get(&running.admin_url("/between")).send().await.unwrap();
    assert_eq!(&answer.body[..], b"between");
    assert_eq!(*has_run.borrow(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_serves_its_own_robots_openapi_and_metrics_and_has_the_defaults_else() {
    let own = |paths: &'static [&'static str]| {
        let mut routes = Router::new().route("/{anything}", get(async || "a parameter"));
        for path in paths {
            routes = routes.route(path, get(async || "own"));
        }
        routes
    };
    let service = Service::new(build_info!())
        .routes(move |_context| own(&["/robots.txt", "/openapi.json"]))
        .admin_routes(move |_context| Router::new().route("/metrics", get(async || "own")));
    #[cfg(feature = "openapi")]
    let service = service.openapi(empty_document);
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    for url in [running.url("/robots.txt"), running.url("/openapi.json"), running.admin_url("/metrics")] {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"own"[..]), "{url}");
    }
    running.stop().await.unwrap();

    // A parameter in the place of the path is no route of the service's own for it.
    let service = Service::new(build_info!()).routes(move |_context| own(&[]));
    #[cfg(feature = "openapi")]
    let service = service.openapi(empty_document);
    let running = service.start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let text = async |url: evenkeel::url::Url| {
        let answer = client.get(&url).send().await.unwrap();
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    assert!(text(running.url("/robots.txt")).await.contains("Disallow: /"));
    assert!(text(running.admin_url("/metrics")).await.contains("lifecycle_ready 1"));
    assert_eq!(text(running.url("/code")).await, "a parameter");
    #[cfg(feature = "openapi")]
    assert!(text(running.url("/openapi.json")).await.contains("\"Problem\""));
    running.stop().await.unwrap();
}

#[cfg(feature = "openapi")]
fn empty_document() -> evenkeel::utoipa::openapi::OpenApi {
    let info = evenkeel::utoipa::openapi::Info::new("empty", "1");
    evenkeel::utoipa::openapi::OpenApi::new(info, evenkeel::utoipa::openapi::Paths::new())
}

#[tokio::test]
async fn a_route_that_is_the_librarys_is_an_error_that_names_it() {
    let service =
        Service::new(build_info!()).admin_routes(|_context| Router::new().route("/livez", get(async || "own")));
    let running = service.start(ANYWHERE).await.unwrap();
    let failed = running.wait().await.unwrap_err().to_string();
    assert!(failed.contains("admin listener") && failed.contains("/livez"), "{failed}");
}
