//! Reads the metrics of the running subject.

use keel_wire::http::{Client, Exchange, Request};

use super::exposition::Scrape;
use crate::clause::see::metrics as clause;
use crate::finding::Evidence;

/// Words in the names of histograms of latency.
pub(super) const LATENCY: [&str; 5] = ["duration", "latency", "seconds", "time", "ms"];

/// The lines that are of the format.
pub(super) async fn scrape(admin: &Client, path: &str) -> Result<(Scrape, Exchange), Evidence> {
    let exchange = admin.send(Request::get(path)).await;
    let Some(answer) = exchange.answer().filter(|answer| answer.status == 200) else {
        return Err(clause::PROMETHEUS.contradicts(format!("{path} gives no metrics")).with(&exchange));
    };
    Ok((Scrape::read(&answer.text()).0, exchange))
}
