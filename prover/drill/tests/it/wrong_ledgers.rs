//! A ledger that loses on kill, one that doubles on retry and one that reads stale are caught with every seed; the right one
//! passes with all of them.

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Method;
use keel_drill::history::{Action, Answer, Outcome, Recorder, check};
use keel_drill::process::{Launch, Process};
use keel_input::seed::Seed;
use keel_proxy::{Fault, FaultProxy};
use keel_wire::http::{Client, Request};
use rand::{Rng, RngExt};

/// The seeds of each run, and those that `make test-long` adds.
const SEEDS: Range<u64> = 0..3;
const FURTHER_SEEDS: Range<u64> = 3..10;
const CLIENTS: u64 = 3;
const TRANSFERS: u64 = 3;
const ROUNDS: u64 = 2;
/// Maximum number of repeats of a request without an answer, under the same id.
const REPEATS: u32 = 400;
/// Between two repeats.
const PAUSE: Duration = Duration::from_millis(10);
const SIGKILL: i32 = 9;

/// The built example.
fn binary() -> PathBuf {
    keel_wire::testing::example("keel-drill", env!("CARGO_MANIFEST_DIR"), "ledger")
}

/// One ledger behind a proxy, and the history of its clients.
struct Bench {
    launch: Launch,
    port: u16,
    process: Process,
    proxy: FaultProxy,
    recorder: Recorder,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn open(binary: &std::path::Path, flaw: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = keel_wire::port::ReservedPort::new().unwrap().for_this_process();
        let command = format!("'{}' {flaw} {port} '{}'", binary.display(), folder.path().display());
        let launch = Launch { command, ..Launch::default() };
        let process = Process::start(launch.clone()).unwrap();
        let proxy = FaultProxy::start(format!("127.0.0.1:{port}")).await.unwrap();
        let recorder = Recorder::new();
        for account in ["a", "b", "c"] {
            let open = Action::Open { account: account.into(), balance: 100, floor: -50 };
            recorder.invoke(0, open).unwrap().complete(Outcome::ok());
        }
        let bench = Self { launch, port, process, proxy, recorder, _folder: folder };
        bench.ready().await;
        bench
    }

    async fn ready(&self) {
        let since = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(20), "the ledger listens");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn kill_and_start_again(&mut self) {
        self.process.signal_group(SIGKILL);
        self.process.wait(Duration::from_secs(20)).await.unwrap();
        self.process = Process::start(self.launch.clone()).unwrap();
        self.ready().await;
    }

    fn client(&self) -> Client {
        Client::new(format!("http://{}", self.proxy.address()).parse().unwrap(), Duration::from_secs(10))
    }

    /// Repeated under the same id until there is an answer.
    async fn transfer(&self, process: u64, id: String, random: &mut impl Rng) {
        let from = random.random_range(0..3);
        let name = |n: usize| ["a", "b", "c"][n % 3].to_owned();
        let (from, to, amount) = (name(from), name(from + random.random_range(1..3)), random.random_range(1..10));
        let path = format!("/transfers/{id}/{from}/{to}/{amount}");
        let pending = self.recorder.invoke(process, Action::Transfer { id, from, to, amount }).unwrap();
        for _ in 0..REPEATS {
            match self
                .client()
                .send(Request::new(Method::POST, path.clone()))
                .await
                .status()
                .map(|status| status.as_u16())
            {
                Some(201) => return pending.complete(Outcome::ok()),
                Some(409) => return pending.complete(Outcome::fail("409")),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        pending.complete(Outcome::info("no answer"));
    }

    async fn read(&self, process: u64) {
        let pending = self.recorder.invoke(process, Action::Balances).unwrap();
        let exchange = self.client().send(Request::get("/balances")).await;
        let Some(answer) = exchange.answer() else { return pending.complete(Outcome::info("no answer")) };
        let text = answer.text();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let balances = lines.map(|(name, balance)| (name.to_owned(), balance.parse().unwrap())).collect();
        pending.complete(Outcome::Ok { answer: Answer::Balances(balances) });
    }

    async fn count(&self) {
        let pending = self.recorder.invoke(0, Action::Counts).unwrap();
        let exchange = self.client().send(Request::get("/transfers")).await;
        let mut counts = std::collections::BTreeMap::new();
        for id in exchange.answer().unwrap().text().lines() {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
        pending.complete(Outcome::Ok { answer: Answer::Counts(counts) });
    }
}

/// Clients side by side; a transfer whose answer is lost and that is repeated; a kill right after an acknowledgement.
async fn workload(bench: &mut Bench, seed: u64) {
    for round in 0..ROUNDS {
        let clients = (1..=CLIENTS).map(|process| {
            let bench = &*bench;
            async move {
                let mut random = Seed(seed).generator(&format!("client {process} round {round}"));
                for n in 0..TRANSFERS {
                    bench.transfer(process, format!("r{round}c{process}n{n}"), &mut random).await;
                    bench.read(process).await;
                }
            }
        });
        futures_util::future::join_all(clients).await;
        let mut random = Seed(seed).generator(&format!("alone {round}"));
        let heard = bench.proxy.heard();
        bench.proxy.set(Fault::LostAnswer).await;
        let mend = async {
            // Until the first attempt was heard, and its answer lost: the second is heard then too.
            let mut last = bench.proxy.connections();
            let first = last;
            while bench.proxy.heard() == heard || last < first + 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                last = bench.proxy.connections();
            }
            bench.proxy.set(Fault::None).await;
        };
        tokio::join!(bench.transfer(0, format!("r{round}lost"), &mut random), mend);
        bench.read(0).await;
        bench.transfer(0, format!("r{round}last"), &mut random).await;
        bench.kill_and_start_again().await;
        bench.read(0).await;
        bench.count().await;
    }
}

async fn verdict(flaw: &str, seed: u64) -> check::Verdict {
    let mut bench = Bench::open(&binary(), flaw).await;
    workload(&mut bench, seed).await;
    check::bank(&bench.recorder.history())
}

async fn passes(seeds: Range<u64>) {
    for seed in seeds {
        let verdict = verdict("none", seed).await;
        assert!(matches!(verdict, check::Verdict::Holds(_)), "seed {seed}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_ledger_passes_with_every_seed() {
    passes(SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn the_right_ledger_passes_with_every_further_seed() {
    passes(FURTHER_SEEDS).await;
}

async fn is_caught(flaw: &str, seeds: Range<u64>) {
    for seed in seeds {
        let verdict = verdict(flaw, seed).await;
        assert!(verdict.is_broken(), "seed {seed}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_loses_acknowledged_writes_on_kill_is_caught_with_every_seed() {
    is_caught("loses-on-kill", SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_ledger_that_loses_acknowledged_writes_on_kill_is_caught_with_every_further_seed() {
    is_caught("loses-on-kill", FURTHER_SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_doubles_on_retry_is_caught_with_every_seed() {
    is_caught("doubles-on-retry", SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_ledger_that_doubles_on_retry_is_caught_with_every_further_seed() {
    is_caught("doubles-on-retry", FURTHER_SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_reads_stale_is_caught_with_every_seed() {
    is_caught("reads-stale", SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_ledger_that_reads_stale_is_caught_with_every_further_seed() {
    is_caught("reads-stale", FURTHER_SEEDS).await;
}
