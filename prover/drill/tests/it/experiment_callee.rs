//! Callee of a drill: the number of calls for each request, and whether each acknowledged effect has happened
//! there once. A till takes orders and passes them on to a kitchen.

use std::collections::BTreeMap;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use http::Method;
use keel_drill::double::Double;
use keel_drill::experiment::plan::{Plan, Settings};
use keel_drill::experiment::undo::UndoLog;
use keel_drill::experiment::{DrillTarget, Judgement, Report, run};
use keel_drill::fault::Journal;
use keel_load::Kind;
use keel_proxy::FaultProxy;
use keel_wire::testing;
use url::Url;

/// Flaw of the till, for each tenth order; the others are right.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// Never passed on.
    Loses,
    /// Passed on twice, under two names.
    Doubles,
    /// Passed on twice, under one name.
    Repeats,
}

fn answered(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Cooks what it is asked for, and lists it a dish a page.
fn kitchen() -> SocketAddr {
    let dishes = Arc::new(Mutex::new(Vec::<String>::new()));
    testing::serve(move |mut connection| {
        let request = testing::read_request(&mut connection);
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut dishes = dishes.lock().unwrap();
        let body = if request.starts_with("POST") {
            dishes.push(path.trim_start_matches("/dishes/").to_owned());
            "{}".to_owned()
        } else {
            let after: usize = path.rsplit('=').next().unwrap().parse().unwrap();
            let dish = dishes.get(after).map(|name| format!("{{\"name\": \"{name}\", \"is\": \"done\"}}"));
            let next = if after + 1 < dishes.len() { (after + 1).to_string() } else { "null".to_owned() };
            format!("{{\"items\": [{}], \"next\": {next}}}", dish.unwrap_or_default())
        };
        let _ = connection.write_all(answered(&body).as_bytes());
    })
}

/// Takes an order, asks the kitchen `calls` times at most until it says yes, and goes on asking in the background: what was
/// acknowledged is made in the end.
fn till(kitchen: SocketAddr, wrong: Wrong, calls: usize) -> SocketAddr {
    let orders = Arc::new(Mutex::new(0_usize));
    testing::serve(move |mut connection| {
        if testing::read_request(&mut connection).is_empty() {
            return;
        }
        let number = {
            let mut orders = orders.lock().unwrap();
            *orders += 1;
            *orders
        };
        let is_wrong = number.is_multiple_of(10);
        let ask = |name: &str| {
            let mut answer = String::new();
            let mut stream = TcpStream::connect(kitchen).unwrap();
            let request = format!("POST /dishes/{name} HTTP/1.1\r\nHost: kitchen\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let _ = stream.read_to_string(&mut answer);
            answer.starts_with("HTTP/1.1 200")
        };
        let name = format!("order-{number}");
        let asked = match wrong {
            Wrong::Loses if is_wrong => true,
            _ => (0..calls).any(|_| ask(&name)),
        };
        match wrong {
            Wrong::Doubles if is_wrong => drop(ask(&format!("{name}-again"))),
            Wrong::Repeats if is_wrong => drop(ask(&name)),
            _ => {}
        }
        let _ = connection.write_all(answered(&format!("{{\"id\": \"{name}\"}}")).as_bytes());
        let mut made = asked;
        while !made {
            std::thread::sleep(std::time::Duration::from_millis(50));
            made = ask(&name);
        }
    })
}

struct Restaurant {
    till: SocketAddr,
    kitchen: SocketAddr,
    double: Double,
    proxy: FaultProxy,
}

impl Restaurant {
    async fn open(wrong: Wrong, calls: usize) -> Self {
        let kitchen = kitchen();
        let double = Double::start(format!("http://{kitchen}").parse().unwrap()).await.unwrap();
        let proxy = FaultProxy::start(double.address().to_string()).await.unwrap();
        Self { till: till(proxy.address(), wrong, calls), kitchen, double, proxy }
    }
}

impl DrillTarget for Restaurant {
    fn url(&self) -> Url {
        format!("http://{}", self.till).parse().unwrap()
    }

    fn admin(&self) -> Url {
        self.url()
    }

    fn request(&self, name: &str) -> Option<Kind> {
        (name == "order").then(|| Kind { method: Method::POST, ..Kind::get("order", "/") })
    }

    fn variables(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn filled(&self, path: &str) -> String {
        path.to_owned()
    }

    fn proxy(&self, dependency: &str) -> Option<&FaultProxy> {
        (dependency == "kitchen").then_some(&self.proxy)
    }

    fn double(&self, dependency: &str) -> Option<&Double> {
        (dependency == "kitchen").then_some(&self.double)
    }

    fn dependency(&self, dependency: &str) -> Option<Url> {
        (dependency == "kitchen").then(|| format!("http://{}", self.kitchen).parse().unwrap())
    }

    fn signal(&mut self, _: &str, _: i32) -> Result<(), String> {
        Ok(())
    }

    fn pid(&self, _: &str) -> Option<u32> {
        None
    }

    fn settings(&self, _: &str) -> Settings {
        Settings::new()
    }

    async fn mend(&mut self) -> Result<(), String> {
        Ok(())
    }
}

const PLAN: &str = r#"
    title = "The kitchen fails"
    description = "d"
    blast-radius = { dependencies = ["kitchen"] }
    load = { rate = 60, lasts = "2s", mix = { order = 1 }, allowed-lag = "1m" }

    [[step]]
    name = "every call fails"
    at = "500ms"
    lasts = "1s"
    does = { unavailable = "kitchen" }

    [[hypothesis]]
    name = "calls are not multiplied"
    calls = { dependency = "kitchen", phase = "before", requests = ["order"], at-most = 1.3 }

    [[hypothesis]]
    name = "nor while it fails"
    calls = { dependency = "kitchen", phase = "during", requests = ["order"], at-most = 2.5 }

    [[hypothesis]]
    name = "each order is cooked once"
    [hypothesis.effects]
    request = "order"
    id = "/id"
    dependency = "kitchen"
    list = "/dishes?after={after}"
    key = "/name"
    where = { "/is" = "done" }
    within = "5s"
"#;

async fn drilled(wrong: Wrong, calls: usize, plan: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let mut undo = UndoLog::open(folder.path()).unwrap();
    let faults = Journal::open(&folder.path().join("faults")).unwrap();
    let mut restaurant = Restaurant::open(wrong, calls).await;
    let plan = Plan::from_text(plan).unwrap();
    run(&plan, &mut restaurant, &mut undo, faults, &|_| {}, pending()).await.unwrap()
}

fn outcomes(report: &Report) -> Vec<Judgement> {
    report.findings.iter().map(|finding| finding.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_for_each_request_while_the_dependency_fails_and_before() {
    // In the background one order is asked about twenty times a second while the kitchen fails.
    let report = drilled(Wrong::Nothing, 1, PLAN).await;
    assert_eq!(outcomes(&report), [Judgement::Held, Judgement::FellShort, Judgement::Held], "{}", report.to_text());
    assert!(report.findings[0].evidence.contains("a request, at most 1.3"), "{}", report.to_text());
    let patient = PLAN.replace("at-most = 2.5", "at-most = 30");
    let report = drilled(Wrong::Nothing, 1, &patient).await;
    assert_eq!(outcomes(&report), [Judgement::Held; 3], "{}", report.to_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_is_lost_or_doubled_is_caught() {
    let plan = PLAN.replace("at-most = 2.5", "at-most = 30").replace("within = \"5s\"", "within = \"1s\"");
    for (wrong, told) in
        [(Wrong::Loses, "has not happened"), (Wrong::Doubles, "belong to no"), (Wrong::Repeats, "2 times")]
    {
        let report = drilled(wrong, 1, &plan).await;
        let effects = report.findings.last().unwrap();
        assert_eq!(effects.outcome, Judgement::FellShort, "{}", report.to_text());
        assert!(effects.evidence.contains(told), "{}", report.to_text());
    }
}

#[test]
fn a_plan_that_cannot_count_is_refused_with_the_reason() {
    for (from, to, word) in [
        ("requests = [\"order\"], at-most = 2.5", "requests = [], at-most = 2.5", "no request"),
        ("requests = [\"order\"], at-most = 2.5", "requests = [\"meal\"], at-most = 2.5", "\"meal\""),
        ("at-most = 2.5", "at-most = -1.0", "at least 0"),
        ("allowed-lag = \"1m\"", "allowed-lag = \"1m\", retries = 2", "load.retries"),
        ("id = \"/id\"", "id = \"id\"", "JSON pointer"),
    ] {
        let refusal = Plan::from_text(&PLAN.replace(from, to)).unwrap_err().to_string();
        assert!(refusal.contains(word), "{refusal}");
    }
}
