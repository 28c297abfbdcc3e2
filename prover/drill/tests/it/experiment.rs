//! Drills on a small bank of the test's own: verdicts, and the undo at every end.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::Method;
use keel_drill::double::Double;
use keel_drill::experiment::plan::{Plan, Settings};
use keel_drill::experiment::undo::UndoLog;
use keel_drill::experiment::{DrillTarget, DrillVerdict, Judgement, Report, run};
use keel_drill::fault::Journal;
use keel_drill::history::{self, check};
use keel_load::Kind;
use keel_proxy::{Fault, FaultProxy};
use keel_wire::testing;
use url::Url;

/// Flaw of the bank.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// Every fifth acknowledged write is not kept.
    Loses,
    /// A key that comes again is a new write.
    Doubles,
    /// The load is told the balance before the last write.
    Stale,
}

#[derive(Default)]
struct Books {
    balance: i64,
    answers: HashMap<String, usize>,
    writes: usize,
}

/// Adds 5 for each new key; answers 503 while the file `broken` is there.
fn bank(wrong: Wrong, broken: &Path) -> SocketAddr {
    let (books, broken) = (Arc::new(Mutex::new(Books::default())), broken.to_owned());
    testing::serve(move |mut connection: TcpStream| {
        let request = testing::read_request(&mut connection);
        if request.is_empty() {
            return;
        }
        let mut books = books.lock().unwrap();
        let answer = if broken.exists() {
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else if request.starts_with("POST") {
            let key = request.lines().find_map(|line| line.strip_prefix("key: ")).unwrap().to_owned();
            let known = books.answers.get(&key).copied().filter(|_| wrong != Wrong::Doubles);
            let id = known.unwrap_or_else(|| {
                books.writes += 1;
                let id = books.writes;
                if !(wrong == Wrong::Loses && id.is_multiple_of(5)) {
                    books.balance += 5;
                    books.answers.insert(key, id);
                }
                id
            });
            answered(&format!("{{\"id\": {id}}}"))
        } else if request.starts_with("GET /metrics") {
            answered(&format!("writes_total{{kind=\"transfer\"}} {}\n", books.writes))
        } else {
            let stale = wrong == Wrong::Stale && request.contains("of-load: ");
            answered(&format!("{{\"balance\": {}}}", books.balance - if stale { 5 } else { 0 }))
        };
        let _ = connection.write_all(answer.as_bytes());
    })
}

fn answered(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

struct Bank {
    /// The drill meets the bank through a proxy, as if the bank were a dependency of itself.
    proxy: FaultProxy,
    signals: Vec<(String, i32)>,
    mended: usize,
    sleeper: Option<std::process::Child>,
}

impl Bank {
    async fn open(wrong: Wrong, broken: &Path) -> Self {
        let proxy = FaultProxy::start(bank(wrong, broken).to_string()).await.unwrap();
        Self { proxy, signals: Vec::new(), mended: 0, sleeper: None }
    }
}

impl DrillTarget for Bank {
    fn url(&self) -> Url {
        format!("http://{}", self.proxy.address()).parse().unwrap()
    }

    fn admin(&self) -> Url {
        self.url()
    }

    fn request(&self, name: &str) -> Option<Kind> {
        let headers = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        match name {
            "transfer" => {
                Some(Kind { method: Method::POST, headers: headers("key", "{key}"), ..Kind::get("transfer", "/") })
            }
            "look" => Some(Kind { headers: headers("of-load", "yes"), ..Kind::get("look", "/") }),
            _ => None,
        }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn filled(&self, path: &str) -> String {
        path.to_owned()
    }

    fn proxy(&self, dependency: &str) -> Option<&FaultProxy> {
        (dependency == "bank").then_some(&self.proxy)
    }

    fn double(&self, _: &str) -> Option<&Double> {
        None
    }

    fn dependency(&self, _: &str) -> Option<Url> {
        None
    }

    fn signal(&mut self, process: &str, signal: i32) -> Result<(), String> {
        self.signals.push((process.to_owned(), signal));
        Ok(())
    }

    fn pid(&self, process: &str) -> Option<u32> {
        self.sleeper.as_ref().filter(|_| process == "bank").map(std::process::Child::id)
    }

    fn settings(&self, _: &str) -> Settings {
        Settings::new()
    }

    async fn mend(&mut self) -> Result<(), String> {
        self.mended += 1;
        Ok(())
    }
}

/// A plan of two seconds with these steps and hypotheses.
fn plan(rest: &str) -> Plan {
    Plan::from_text(&format!(
        r#"
        title = "t"
        description = "d"
        recovery = "100ms"
        blast-radius = {{ dependencies = ["bank"], processes = ["bank"], load = true, commands = true, host = ["stop"] }}
        load = {{ rate = 100, lasts = "2s", mix = {{ transfer = 1, look = 1 }}, timeout = "5s", allowed-lag = "1m" }}
        {rest}
        "#
    ))
    .unwrap()
}

const DOWN: &str = r#"
    [[step]]
    name = "the bank is down"
    at = "500ms"
    lasts = "500ms"
    does = { down = "bank" }
"#;
const BANK: &str = r#"
    [[hypothesis]]
    name = "no cent is lost or doubled"
    [hypothesis.bank]
    accounts = { payee = "/" }
    balance = "/balance"
    moves.transfer = { to = "payee", amount = 5 }
"#;

fn faults(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("faults")).unwrap()
}

async fn drilled(plan: &Plan, bank: &mut Bank) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let mut undo = UndoLog::open(folder.path()).unwrap();
    run(plan, bank, &mut undo, faults(&folder), &|_| {}, pending()).await.unwrap()
}

fn outcomes(report: &Report) -> Vec<(&str, Judgement)> {
    report.findings.iter().map(|finding| (finding.name.as_str(), finding.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hypotheses_that_hold_are_distinguished_from_those_that_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    let plan = plan(&format!(
        r#"{DOWN}{BANK}
        [[hypothesis]]
        name = "steady before"
        load = {{ phase = "before", thresholds = ["errors<=0%"] }}
        [[hypothesis]]
        name = "nobody notices"
        load = {{ phase = "during", thresholds = ["errors<=0%"] }}
        [[hypothesis]]
        name = "it recovers"
        recovers = {{ within = "900ms" }}
        [[hypothesis]]
        name = "it counts"
        metric = {{ name = "writes_total", labels = {{ kind = "transfer" }}, min = 1 }}
        [[hypothesis]]
        name = "what fails fails soon"
        load = {{ phase = "during", thresholds = ["outcome:refused max<1m", "outcome:refused share>=50%"] }}
        [[hypothesis]]
        name = "nobody runs into a timeout"
        load = {{ thresholds = ["outcome:timeout p99<1s"] }}
        "#
    ));
    let report = drilled(&plan, &mut bank).await;
    assert_eq!(
        outcomes(&report),
        [
            ("no cent is lost or doubled", Judgement::Held),
            ("steady before", Judgement::Held),
            ("nobody notices", Judgement::FellShort),
            ("it recovers", Judgement::Held),
            ("it counts", Judgement::Held),
            ("what fails fails soon", Judgement::Held),
            ("nobody runs into a timeout", Judgement::Unknown),
        ],
        "{}",
        report.to_text()
    );
    assert_eq!(report.verdict, DrillVerdict::FellShort);
    assert_eq!((bank.proxy.fault(), bank.mended), (Fault::None, 1));
    assert!(report.findings[2].evidence.contains("refused"), "{}", report.to_text());
    assert!(matches!(check::bank(&report.history), history::check::Verdict::Holds(reads) if reads > 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_loses_or_doubles_or_reads_what_was_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [Wrong::Loses, Wrong::Doubles, Wrong::Stale] {
        let mut bank = Bank::open(wrong, &folder.path().join("broken")).await;
        let report = drilled(&plan(&format!("{DOWN}{BANK}")), &mut bank).await;
        assert_eq!(outcomes(&report), [("no cent is lost or doubled", Judgement::FellShort)], "{}", report.to_text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_remembers_keys_is_drilled_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    for drill in ["first", "second"] {
        let report = drilled(&plan(BANK), &mut bank).await;
        assert_eq!(report.verdict, DrillVerdict::Held, "{drill}: {}", report.to_text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_load_that_was_not_sent_as_planned_nothing_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    let mut plan = plan(&format!("{BANK}[[hypothesis]]\nname = \"fast\"\nload = {{ thresholds = [\"errors<=0%\"] }}"));
    // Later than this every generator is.
    plan.load.allowed_lag = std::time::Duration::from_nanos(1);
    let report = drilled(&plan, &mut bank).await;
    let found = outcomes(&report);
    assert_eq!(found[0], ("no cent is lost or doubled", Judgement::Held), "money does not depend on the pace");
    assert_eq!(found[1..], [("fast", Judgement::Unknown), ("the load was sent as planned", Judgement::Unknown)]);
    assert_eq!(report.verdict, DrillVerdict::Unknown, "{}", report.to_text());
    assert!(report.findings[2].evidence.contains("fell behind"), "{}", report.to_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_to_what_was_not_steady_before() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "").unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &broken).await;
    let steady = r#"
        [[hypothesis]]
        name = "steady before"
        load = { phase = "before", thresholds = ["errors<=0%"] }
        [[step]]
        name = "the bank is killed"
        at = "500ms"
        lasts = "500ms"
        does = { kill = "bank" }
    "#;
    let report = drilled(&plan(steady), &mut bank).await;
    assert_eq!(report.verdict, DrillVerdict::NotSteady, "{}", report.to_text());
    assert!(bank.signals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_condition_undoes_everything_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    let mut bank = Bank::open(Wrong::Nothing, &broken).await;
    let mut plan = plan(&format!(
        r#"{BANK}
        [[step]]
        name = "the bank is broken"
        at = "500ms"
        lasts = "1s"
        does = {{ command = {{ run = "touch {0}", undo = "rm {0}" }} }}
        [[step]]
        name = "and frozen"
        at = "500ms"
        lasts = "1s"
        does = {{ freeze = "bank" }}
        [[abort]]
        name = "too many fail"
        errors = 0.3
        "#,
        broken.display()
    ));
    // It would go on for a long time.
    plan.load.lasts = std::time::Duration::from_secs(300);
    plan.steps[0].lasts = std::time::Duration::from_secs(200);
    plan.steps[1].lasts = std::time::Duration::from_secs(200);
    let report = drilled(&plan, &mut bank).await;
    assert!(
        matches!(&report.verdict, DrillVerdict::Aborted(why) if why.contains("too many fail")),
        "{}",
        report.to_text()
    );
    assert!(!broken.exists());
    let begun: Vec<&str> = report.events[..2].iter().map(|event| event.what.as_str()).collect();
    assert_eq!(begun, ["the bank is broken", "and frozen"], "in the order of the file");
    assert_eq!(bank.signals, [("bank".to_owned(), 19), ("bank".to_owned(), 18)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_undoes_everything_too() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    let mut bank = Bank::open(Wrong::Nothing, &broken).await;
    let plan = plan(&format!("{DOWN}{BANK}"));
    let mut undo = UndoLog::open(folder.path()).unwrap();
    let (down, is_down) = tokio::sync::oneshot::channel::<()>();
    let down = Mutex::new(Some(down));
    let tell = move |line: &str| {
        if line.contains("the bank is down") && !line.contains("over") {
            down.lock().unwrap().take().map(|down| down.send(()));
        }
    };
    let interrupted = async { is_down.await.unwrap() };
    let report = run(&plan, &mut bank, &mut undo, faults(&folder), &tell, interrupted).await.unwrap();
    assert!(matches!(report.verdict, DrillVerdict::Aborted(_)));
    assert_eq!(bank.proxy.fault(), Fault::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_host_is_injected_and_undone() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    let sleeper = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let state = format!("grep -q '^State:.T' /proc/{}/status", sleeper.id());
    bank.sleeper = Some(sleeper);
    let plan = plan(&format!(
        r#"{BANK}
        [[step]]
        name = "a process stands still"
        at = "500ms"
        lasts = "500ms"
        does = {{ host = {{ fault = "stop", process = "bank" }} }}
        [[step]]
        name = "it does"
        at = "800ms"
        lasts = "10ms"
        does = {{ command = {{ run = "{state}", undo = "true" }} }}
        [[hypothesis]]
        name = "it goes on"
        command = "! {state}"
        "#
    ));
    let report = drilled(&plan, &mut bank).await;
    assert_eq!(report.verdict, DrillVerdict::Held, "{}", report.to_text());
    let mut sleeper = bank.sleeper.take().unwrap();
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[tokio::test]
async fn a_plan_that_the_target_cannot_serve_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    let mut unknown = plan(&format!("{DOWN}{BANK}"));
    unknown.load.mix.insert("nothing".to_owned(), 1);
    let mut undo = UndoLog::open(folder.path()).unwrap();
    let refusal = run(&unknown, &mut bank, &mut undo, faults(&folder), &|_| {}, pending()).await.unwrap_err();
    assert!(refusal.to_string().contains("\"nothing\""), "{refusal}");
    assert_eq!((bank.proxy.connections(), bank.mended), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_holds_everything_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut bank = Bank::open(Wrong::Nothing, &folder.path().join("broken")).await;
    let report = drilled(&plan(&format!("{DOWN}{BANK}")), &mut bank).await;
    let page = report.to_html();
    for part in ["<svg", "the bank is down", "no cent is lost or doubled", "held", "polyline"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["verdict"], "held");
    assert_eq!(json["load"]["intended"], 200);
    assert!(json["phases"]["during"]["kinds"]["transfer"]["outcomes"]["refused"].as_u64().unwrap() > 0);
    assert_eq!(json["spans"][0]["what"], "the bank is down");
    assert_eq!(json["events"][0]["mark"], "fault");
}
