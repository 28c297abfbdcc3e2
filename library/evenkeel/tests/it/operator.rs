//! Changes on the admin listener: who may make them, what refused ones change, and their audit.

use evenkeel::Running;
use evenkeel::client::Response as Answer;
use evenkeel::operator::Signed;
use evenkeel::prelude::*;
use evenkeel::settings::NoSettings;
use evenkeel::url::Url;
use evenkeel::vitals::Event;
use http::Method;
use serde_json::Value;

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
const ADA: &str = "ada-0123456789abcdef";
const BOB: &str = "bob-0123456789abcdef";

struct Started {
    running: Running<NoSettings, ()>,
    context: Context<NoSettings, ()>,
}

/// A service with a dependency, and an admin route of its own that changes something.
async fn start(arguments: &[&str]) -> Started {
    let bank = |_: &_| Dependency::http(&Url::parse("http://127.0.0.1:9").unwrap());
    let service = Service::new(build_info!()).dependency("bank", bank).admin_routes(|_context| {
        let drop_all = async |by: Signed| {
            by.confirm("balances")?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        };
        Router::new().route("/balances/drop", post(drop_all)).route("/plain", post(async || "changed"))
    });
    let running = service.start(ANYWHERE.iter().chain(arguments).copied()).await.unwrap();
    let context = running.ready().await.unwrap();
    Started { running, context }
}

impl Started {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (client, url) = (self.running.client(), self.running.admin_url(path));
        let call = client.call(method, &url).repeatable(false).body("application/json", body.to_owned());
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        call.send().await.unwrap()
    }

    /// Orders the breaker of the bank to open, with these headers.
    async fn trip(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(Method::PUT, "/policies/bank/breaker", headers, body).await
    }

    /// The order to the breaker of the bank: its author and reason, or nothing.
    async fn order(&self) -> String {
        let answer = self.running.client().get(&self.running.admin_url("/health?part=policy")).send().await.unwrap();
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        document["vitals"]["policy"][0]["breaker_order"].as_str().expect("a text").to_owned()
    }

    fn audited(&self) -> Vec<Event> {
        let past = self.context.registry().bus().after(0).events;
        past.iter().filter(|event| event.part == "operator").map(|event| Event::clone(event)).collect()
    }
}

const TRIP: &str = r#"{"order": "open", "author": "mallory", "reason": "the bank asked for it"}"#;

fn token_file(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("operators");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn with_a_token_file_a_change_needs_a_token_and_its_author_is_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let path = token_file(&folder, &format!("ada:{ADA}\nbob:{BOB}\n"));
    let started = start(&[&format!("--admin-token-file={path}")]).await;
    let (bearer, basic) = (format!("Bearer {ADA}"), "Basic YWRhOmFkYS0wMTIzNDU2Nzg5YWJjZGVm");
    // As Bob, with Ada's token.
    let of_another = "Basic Ym9iOmFkYS0wMTIzNDU2Nzg5YWJjZGVm";
    for (headers, status) in [
        (&[][..], 401),
        (&[("authorization", "Bearer wrong-0123456789abcdef")], 401),
        (&[("authorization", "Bearer ")], 401),
        (&[("authorization", of_another)], 401),
        (&[("authorization", &bearer), ("origin", "http://evil.example")], 403),
        (&[("authorization", &bearer), ("sec-fetch-site", "cross-site")], 403),
        (&[("authorization", &bearer), ("sec-fetch-site", "same-site")], 403),
    ] {
        let answer = started.trip(headers, TRIP).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        assert_eq!(started.order().await, "", "{headers:?}");
    }
    assert_eq!(started.send(Method::POST, "/plain", &[], "{}").await.status.as_u16(), 401, "no Signed there");
    let unreasoned = r#"{"order": "open", "author": "ada"}"#;
    assert_eq!(started.trip(&[("authorization", &bearer)], unreasoned).await.status.as_u16(), 422);
    assert_eq!((&*started.order().await, started.audited().len()), ("", 0), "refused changes are no events");

    for (number, authorization) in [&bearer, basic].into_iter().enumerate() {
        assert_eq!(started.trip(&[("authorization", authorization)], TRIP).await.status.as_u16(), 204);
        let events = started.audited();
        let event = &events[number];
        assert_eq!((&*event.name, &*event.state), ("ada", "asks"), "the author is the token's, not the body's");
        assert_eq!(&*event.reason, "PUT /policies/bank/breaker: the bank asked for it");
    }
    assert_eq!(started.order().await, "ada: the bank asked for it");
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_ends_when_it_leaves_the_file_and_a_file_that_cannot_be_used_refuses_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = token_file(&folder, &format!("ada:{ADA}\n"));
    let started = start(&[&format!("--admin-token-file={path}")]).await;
    let as_ada = [("authorization", &*format!("Bearer {ADA}"))];
    let as_bob = [("authorization", &*format!("Bearer {BOB}"))];
    assert_eq!(started.trip(&as_ada, TRIP).await.status.as_u16(), 204);
    assert_eq!(started.trip(&as_bob, TRIP).await.status.as_u16(), 401);
    token_file(&folder, &format!("bob:{BOB}\n"));
    assert_eq!(started.trip(&as_ada, TRIP).await.status.as_u16(), 401);
    assert_eq!(started.trip(&as_bob, TRIP).await.status.as_u16(), 204);
    token_file(&folder, &format!("bob:{BOB}\nada\n"));
    let refused = started.trip(&as_bob, TRIP).await;
    assert_eq!(refused.status.as_u16(), 503);
    assert!(!String::from_utf8_lossy(&refused.body).contains(BOB));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(started.trip(&as_bob, TRIP).await.status.as_u16(), 503);
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_file_with_a_mistake_is_a_mistake_in_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = token_file(&folder, "ada:SECRET\n");
    let arguments = ANYWHERE.map(str::to_owned).into_iter().chain([format!("--admin-token-file={path}")]);
    let error = Service::new(build_info!()).start(arguments).await.err().unwrap().to_string();
    assert!(error.contains("ADMIN_TOKEN_FILE") && error.contains("line 1") && !error.contains("SECRET"), "{error}");
}

#[tokio::test]
async fn without_a_token_file_a_change_is_taken_from_this_host_alone_and_names_its_author() {
    let started = start(&[]).await;
    let nobody = r#"{"order": "open", "reason": "why"}"#;
    for (headers, body, status) in [
        (&[][..], nobody, 422),
        (&[("origin", "http://evil.example")], TRIP, 403),
        (&[("sec-fetch-site", "cross-site")], TRIP, 403),
        (&[("x-forwarded-for", "192.0.2.7")], TRIP, 403),
        (&[("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")], TRIP, 403),
    ] {
        assert_eq!(started.trip(headers, body).await.status.as_u16(), status, "{headers:?} {body}");
        assert_eq!(started.order().await, "", "{headers:?} {body}");
    }
    assert_eq!(started.trip(&[], TRIP).await.status.as_u16(), 204);
    assert_eq!(&*started.audited()[0].name, "mallory");
    started.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_get_of_a_path_of_changes_changes_nothing_and_a_dangerous_change_needs_its_target_twice() {
    let started = start(&[]).await;
    let answer = started.send(Method::GET, "/policies/bank/breaker?order=open", &[], "").await;
    assert_eq!(answer.status.as_u16(), 405);
    assert_eq!(started.order().await, "");
    for (confirm, status) in [("", 422), (r#""confirm": "balance", "#, 422), (r#""confirm": "balances", "#, 204)] {
        let body = format!(r#"{{{confirm}"author": "ada", "reason": "why"}}"#);
        let answer = started.send(Method::POST, "/balances/drop", &[], &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
    }
    started.running.stop().await.unwrap();
}
