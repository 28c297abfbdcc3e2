//! A client that asks for payouts while the ledger is killed, the bank that pays them, and the check that each was paid once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel::axum;
use rail::Rail;
use serde_json::json;

use crate::bank::{GIVE_UP, Ledger, insist, open_account};

/// The most payouts of one client.
const MAX_PAYOUTS: usize = 60;
/// Between two of them.
const EVERY: Duration = Duration::from_millis(50);
/// Minor units of each.
const AMOUNT: i64 = 3;

/// The bank, in this process: it outlives the ledger.
pub(crate) struct Bank {
    rail: Rail,
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Bank {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let rail = Rail::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(axum::serve(listener, rail::routes(rail.clone())).into_future());
        Self { rail, url, _runtime: runtime }
    }
}

/// A client at work.
pub(crate) struct Payer {
    account: String,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Payer {
    /// Opens an account, and asks for one payout after the other, each key until it is acknowledged.
    pub(crate) fn start(ledger: &Ledger) -> Self {
        let (address, stop) = (ledger.public, Arc::new(AtomicBool::new(false)));
        let account = open_account(address, "payer", 1_000_000_000);
        let (from, stopped) = (account.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut payouts = Vec::new();
            while !stopped.load(Ordering::Relaxed) && payouts.len() < MAX_PAYOUTS {
                let body = json!({ "account": from, "amount": AMOUNT, "destination": "DE02" });
                let payout = insist(address, "/v1/payouts", &format!("payout-{}", payouts.len()), &body);
                payouts.push(payout["id"].as_str().unwrap().to_owned());
                std::thread::sleep(EVERY);
            }
            payouts
        });
        Self { account, stop, thread }
    }

    /// Stops the client, and checks that the bank has paid each payout once; returns their number.
    pub(crate) fn stop_and_check(self, ledger: &Ledger, bank: &Bank) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let payouts = self.thread.join().unwrap();
        let started = Instant::now();
        for payout in &payouts {
            while ledger.get(&format!("/v1/payouts/{payout}"))["status"] != "paid" {
                assert!(started.elapsed() < GIVE_UP, "the payout {payout} is not paid");
                std::thread::sleep(EVERY);
            }
        }
        let (count, sum) = (payouts.len(), AMOUNT * i64::try_from(payouts.len()).unwrap());
        let paid = bank.rail.bank.total();
        assert_eq!((paid.count, paid.amount), (count, sum.to_string()), "each payout is paid once");
        ledger.check_days(&self.account, -sum, count);
        count
    }
}
