//! Questions in SQL to a running service: the route of the admin listener, and the subcommand.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use evenkeel::client::{Client, Response as Answer};
use evenkeel::prelude::*;
use evenkeel::url::Url;
use serde_json::{Value, json};

const ANYWHERE: [&str; 3] = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"];
const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

fn service() -> Service {
    let bank = |_: &_| Dependency::http(&Url::parse("http://127.0.0.1:9").unwrap());
    Service::new(build_info!())
        .dependency("bank", bank)
        .routes(|_context| Router::new().route("/hello", get(async || "hello")))
        .objective(Objective::route("GET /hello").availability(99.9))
}

/// Asks by GET, with this query.
async fn ask(client: &Client, mut url: Url, query: &[(&str, &str)]) -> Answer {
    url.query_pairs_mut().extend_pairs(query);
    client.get(&url).send().await.unwrap()
}

fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&answer.body)))
}

#[tokio::test]
async fn a_request_is_counted_at_once_and_every_shipped_query_is_answered() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (client, url) = (running.client(), running.admin_url("/debug/query"));
    let count = [("sql", "SELECT coalesce(sum(requests), 0) FROM http_server WHERE http_route = '/hello'")];
    assert_eq!(document(&ask(&client, url.clone(), &count).await)["rows"], json!([[0]]));
    for _ in 0..3 {
        client.get(&running.url("/hello")).send().await.unwrap();
    }
    let answer = document(&ask(&client, url.clone(), &count).await);
    assert_eq!((&answer["rows"], &answer["cut"]), (&json!([[3]]), &Value::Null));

    let list = document(&ask(&client, url.clone(), &[]).await);
    let names: Vec<&str> = list["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["slowest-routes", "noisy-clients", "stuck-requests", "open-breakers", "full-pools", "budget"],
        "there is no table of jobs"
    );
    for name in names {
        let answer = document(&ask(&client, url.clone(), &[("name", name)]).await);
        assert!(answer["rows"].is_array(), "{name}: {answer}");
    }
    let slowest = document(&ask(&client, url.clone(), &[("name", "slowest-routes")]).await);
    assert_eq!(slowest["rows"][0][0], "/hello");
    let pools = document(&ask(&client, url, &[("name", "full-pools")]).await);
    let has = |pool: &str| pools["rows"].as_array().unwrap().iter().any(|row| row[0] == pool);
    assert!(has("requests") && has("calls") && has("threads"), "{pools}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn questions_are_answered_on_the_admin_listener_alone() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    assert_eq!(ask(&client, running.url("/debug/query"), &[("sql", "SELECT 1")]).await.status.as_u16(), 404);
    assert_eq!(ask(&client, running.admin_url("/debug/query"), &[("sql", "SELECT 1")]).await.status.as_u16(), 200);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_body_of_a_post_is_a_statement_and_accept_or_format_sets_the_form() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (client, url) = (running.client(), running.admin_url("/debug/query"));
    let sql = "SELECT 1 AS one, 'a,b' AS two";
    for (accept, kind, body) in [
        ("text/csv", "text/csv; charset=utf-8", "one,two\r\n1,\"a,b\"\r\n"),
        ("application/x-ndjson", "application/x-ndjson", "{\"one\":1,\"two\":\"a,b\"}\n"),
        ("text/plain", "text/plain; charset=utf-8", "one  two\n  1  a,b\n(1 row"),
        ("*/*", "application/json", "{\"columns\":[\"one\",\"two\"],\"cut\":null,\"rows\":[[1,\"a,b\"]],"),
    ] {
        let call = client.post(&url).repeatable(false).header("accept", accept).body("text/plain", sql);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.headers["content-type"], kind);
        assert!(answer.body.starts_with(body.as_bytes()), "{}", String::from_utf8_lossy(&answer.body));
    }
    let answer = ask(&client, url.clone(), &[("sql", sql), ("format", "csv")]).await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let answer = ask(&client, url, &[("sql", ENDLESS), ("seconds", "0.05"), ("format", "csv")]).await;
    assert_eq!((answer.status.as_u16(), answer.headers["query-cut"].to_str().unwrap()), (200, "time"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn refusals_are_problem_documents_that_say_what_to_do() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (client, url) = (running.client(), running.admin_url("/debug/query"));
    let long = format!("SELECT 1{}", " ".repeat(2000));
    for (query, status, detail) in [
        ([("sql", "DELETE FROM events"), ("seconds", "1")], 403, "delete from the table events: ask with a SELECT"),
        ([("sql", "SELECT x FROM events"), ("seconds", "1")], 400, "no such column: x"),
        ([("name", "nonsense"), ("seconds", "1")], 404, "the queries are slowest-routes, "),
        ([("sql", "SELECT 1"), ("seconds", "6")], 400, "at most 5"),
        ([("sql", "SELECT 1"), ("seconds", "NaN")], 400, "at most 5"),
        ([("sql", "SELECT 1"), ("seconds", "0")], 400, "more than 0"),
        ([("sql", "SELECT 1"), ("format", "xml")], 400, "the formats are json, ndjson, csv, text"),
        ([("sql", "SELECT 1"), ("name", "budget")], 400, "send one of"),
        ([("sql", &long), ("limit", "1")], 400, "limit"),
    ] {
        let answer = ask(&client, url.clone(), &query).await;
        let problem = document(&answer);
        assert_eq!(answer.status.as_u16(), status, "{query:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    let large = client.post(&url).repeatable(false).body("text/plain", format!("SELECT 1{}", " ".repeat(70_000)));
    assert_eq!(large.send().await.unwrap().status.as_u16(), 413);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn health_is_answered_while_questions_without_an_end_take_all_turns() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (client, url) = (running.client(), running.admin_url("/debug/query"));
    let endless = || ask(&client, url.clone(), &[("sql", ENDLESS), ("seconds", "4")]);
    let health = async {
        // Until both turns are taken by the others.
        let busy = loop {
            let asked = client.post(&url).repeatable(false).body("text/plain", "SELECT 1").send().await.unwrap();
            if asked.status.as_u16() != 200 {
                break asked;
            }
        };
        let health = client.get(&running.admin_url("/health")).send().await.unwrap();
        (busy, health.status.as_u16())
    };
    let (one, other, (busy, health)) = tokio::join!(endless(), endless(), health);
    assert_eq!([&one, &other].map(|answer| document(answer)["cut"].clone()), ["time", "time"]);
    assert_eq!((busy.status.as_u16(), busy.headers["retry-after"].to_str().unwrap(), health), (429, "1", 200));
    running.stop().await.unwrap();
}

/// The exit code of the subcommand.
async fn query(admin: SocketAddr, words: &[&str]) -> String {
    let mut arguments: Vec<OsString> = vec!["test".into(), format!("--admin-addr={admin}").into(), "query".into()];
    arguments.extend(words.iter().map(OsString::from));
    let code = tokio::task::spawn_blocking(|| service().main_with(arguments)).await.unwrap();
    format!("{code:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subcommand_asks_the_running_service_and_fails_when_there_is_none() {
    let running = service().start(ANYWHERE).await.unwrap();
    running.ready().await.unwrap();
    let (good, failed) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::from(1)));
    let admin = running.admin();
    assert_eq!(query(admin, &["SELECT name, breaker FROM policy"]).await, good);
    assert_eq!(query(admin, &["full-pools", "--format=csv", "--seconds=1"]).await, good);
    assert_eq!(query(admin, &[]).await, good);
    assert_eq!(query(admin, &["DROP TABLE policy"]).await, failed);
    assert_eq!(query(admin, &["nonsense"]).await, failed);
    running.stop().await.unwrap();
    assert_eq!(query(admin, &["SELECT 1"]).await, failed);
}
