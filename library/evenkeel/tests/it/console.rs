//! The operator's pages of a running service.

use std::time::Duration;

use evenkeel::Running;
use evenkeel::client::Response as Answer;
use evenkeel::prelude::*;
use evenkeel::settings::NoSettings;
use evenkeel::url::Url;
use http::Method;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
const PAGES: [&str; 9] = ["", "/routes", "/calls", "/jobs", "/stores", "/events", "/tables", "/query", "/settings"];

type Service0 = Running<NoSettings, ()>;

async fn start(arguments: &[&str]) -> Service0 {
    let bank = |_: &_| Dependency::http(&Url::parse("http://127.0.0.1:9").unwrap());
    let service = Service::new(build_info!())
        .dependency("bank", bank)
        .routes(|_context| Router::new().route("/hello", get(async || "hello")))
        .objective(Objective::route("GET /hello").availability(99.9));
    let running = service.start(ANYWHERE.iter().chain(arguments).copied()).await.unwrap();
    running.ready().await.unwrap();
    running
}

async fn look(running: &Service0, path: &str) -> Answer {
    running.client().get(&running.admin_url(path)).send().await.unwrap()
}

fn html(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Sends the form of a lever.
async fn pull(running: &Service0, lever: &str, headers: &[(&str, &str)], form: &str) -> Answer {
    let (client, url) = (running.client(), running.admin_url(&format!("/console/levers/{lever}")));
    let call = client.call(Method::POST, &url).repeatable(false);
    let call = call.body("application/x-www-form-urlencoded", form.to_owned());
    headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await.unwrap()
}

async fn has_order(running: &Service0, words: &str) -> bool {
    html(&look(running, "/health?part=policy").await).contains(words)
}

#[tokio::test]
async fn every_page_is_whole_without_scripts_and_its_policy_allows_its_own_script_alone() {
    let running = start(&[]).await;
    running.client().get(&running.url("/hello")).send().await.unwrap();
    for path in PAGES {
        let answer = look(&running, &format!("/console{path}")).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let (text, policy) = (html(&answer), answer.headers["content-security-policy"].to_str().unwrap().to_owned());
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(text.matches("<script").count(), 1, "{path}");
        assert_eq!(text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "{path}");
        assert!(!text.contains(" style=") && !text.contains(" onclick="), "{path}");
        assert!(text.contains("<h1>") && text.contains("viewport") && text.contains("aria-current=\"page\""), "{path}");
        assert_ne!(look(&running, &format!("/console{path}")).await.headers["content-security-policy"], policy, "new");
    }
    assert!(html(&look(&running, "/console/routes").await).contains("/hello"));
    assert!(html(&look(&running, "/console/tables/http_listener").await).contains("requests in flight"));
    let question = look(&running, "/console/query?sql=SELECT%20%27%3Cb%3E%27%20AS%20x").await;
    assert!(html(&question).contains("&lt;b&gt;") && !html(&question).contains("<b>"));
    for path in ["/console/nothing", "/console/tables/nothing"] {
        assert_eq!(look(&running, path).await.status.as_u16(), 404);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_lever_acts_and_shows_and_a_refused_one_changes_nothing() {
    let running = start(&[]).await;
    const FORM: &str = "target=bank&author=ada&reason=a+drill";
    let get = look(&running, "/console/levers/trip?target=bank&author=ada&reason=a+drill").await;
    assert_eq!(get.status.as_u16(), 405);
    for (headers, form, status) in [
        (&[("origin", "http://evil.example")][..], FORM, 403),
        (&[("sec-fetch-site", "cross-site")], FORM, 403),
        (&[], "target=bank&reason=a+drill", 422),
        (&[], "target=bank&author=ada", 422),
        (&[], "target=mint&author=ada&reason=a+drill", 404),
        (&[], "author=ada&reason=a+drill", 422),
    ] {
        let answer = pull(&running, "trip", headers, form).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?} {form}");
        assert!(!has_order(&running, "a drill").await, "{headers:?} {form}");
        assert_eq!(html(&answer).contains("notice bad"), status != 403, "the page says why");
    }
    let taken = pull(&running, "trip", &[("sec-fetch-site", "same-origin")], FORM).await;
    assert_eq!((taken.status.as_u16(), taken.headers["location"].to_str().unwrap()), (303, "/console/calls?done=trip"));
    let page = html(&look(&running, "/console/calls?done=trip").await);
    assert!(page.contains("forced open") && page.contains("ada: a drill") && page.contains("Trip a breaker: done"));
    let events = html(&look(&running, "/console/events").await);
    assert!(events.contains("PUT /policies/bank/breaker: a drill"), "{events}");
    assert_eq!(pull(&running, "release", &[], FORM).await.status.as_u16(), 303);
    assert!(!has_order(&running, "a drill").await);
    assert_eq!(pull(&running, "nothing", &[], FORM).await.status.as_u16(), 404);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn with_tokens_a_form_needs_one_and_asks_for_no_author() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operators");
    std::fs::write(&path, "ada:ada-0123456789abcdef\n").unwrap();
    let running = start(&[&format!("--admin-token-file={}", path.display())]).await;
    assert!(!html(&look(&running, "/console/calls").await).contains("name=\"author\""));
    let form = "target=bank&reason=a+drill";
    let refused = pull(&running, "trip", &[], form).await;
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("www-authenticate")), (401, true));
    assert!(!has_order(&running, "a drill").await);
    let basic = ("authorization", "Basic YWRhOmFkYS0wMTIzNDU2Nzg5YWJjZGVm");
    assert_eq!(pull(&running, "trip", &[basic], form).await.status.as_u16(), 303);
    assert!(has_order(&running, "ada: a drill").await);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn settings_are_shown_with_their_origin_and_secrets_are_not() {
    #[derive(Clone, Debug, evenkeel::clap::Args)]
    struct Own {
        /// The partner's token.
        #[arg(long, env = "EVENKEEL_TEST_CONSOLE_TOKEN")]
        partner_token: String,
        /// The partner's address.
        #[arg(long, default_value = "http://ada:SECRET2@bank/")]
        partner: String,
    }
    let service = Service::new(build_info!()).settings::<Own>();
    let running = service.start(ANYWHERE.into_iter().chain(["--partner-token=SECRET1"])).await.unwrap();
    running.ready().await.unwrap();
    let answer = running.client().get(&running.admin_url("/console/settings")).send().await.unwrap();
    let page = html(&answer);
    assert!(page.contains("ADMIN_ADDR") && page.contains("command line") && page.contains("hidden"), "{page}");
    assert!(!page.contains("SECRET"), "{page}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_stream_sends_the_sections_of_its_page_and_has_a_bound_of_viewers() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let running = start(&[]).await;
    let mut viewers = Vec::new();
    for number in 0..17 {
        let mut viewer = tokio::net::TcpStream::connect(running.admin()).await.unwrap();
        let head = "GET /console/stream?page=calls HTTP/1.1\r\nhost: localhost\r\n\r\n";
        viewer.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !(text.contains("event: section") && text.contains("bank") || text.contains("HTTP/1.1 503")) {
            let mut bytes = [0; 16_384];
            let read = tokio::time::timeout(Duration::from_secs(20), viewer.read(&mut bytes)).await.unwrap().unwrap();
            assert_ne!(read, 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        assert_eq!(text.starts_with("HTTP/1.1 503"), number == 16, "{text}");
        assert!(number == 16 || text.contains("event: section") && text.contains("retry: 2000"), "{text}");
        viewers.push(viewer);
    }
    assert_eq!(look(&running, "/console/stream?page=nothing").await.status.as_u16(), 404);
    // A change is on its way to a viewer that is there.
    pull(&running, "trip", &[], "target=bank&author=ada&reason=a+drill").await;
    let mut text = String::new();
    while !text.contains("forced open") {
        let mut bytes = [0; 16_384];
        let read = tokio::time::timeout(Duration::from_secs(20), viewers[0].read(&mut bytes)).await.unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    drop(viewers);
    running.stop().await.unwrap();
}
