//! `[load]` of `keel.toml`: what the service is meant to hold.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use keel_input::diagnostics::Reading;
use keel_input::rate::Rate;

/// The highest rate that can be declared, in requests a second: what one machine can be expected to offer itself.
const MAX_RATE: f64 = 20_000.0;

/// The load that a service is meant to hold, and how well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests of the mix a second, as expected.
    pub rate: f64,
    /// The same at the peak; not less.
    pub peak: f64,
    /// 99 of 100 are answered within, from the time at which they were due.
    pub p99: Duration,
    /// The share of requests that may fail, from 0 to below 1.
    pub errors: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Expected requests a second.
    /// Required.
    /// Example: `rate = 50`
    rate: Spanned<Rate>,
    /// Requests a second at the peak, at least `rate`.
    /// Required.
    /// Example: `peak = 100`
    peak: Spanned<Rate>,
    /// Duration within which 99 of 100 requests are answered.
    /// Required.
    /// Example: `p99 = "500ms"`
    p99: Spanned<String>,
    /// Share of requests that may fail, from 0 to below 1.
    /// Required.
    /// Example: `errors = 0.01`
    errors: Spanned<f64>,
}

/// All four are looked at before one that is wrong ends it.
pub(super) fn read(reading: &mut Reading<'_>, table: Table) -> Option<Load> {
    let rate = reading.kept(&table.rate.span(), rate("rate", table.rate.get_ref().0));
    let peak = reading.kept(&table.peak.span(), self::rate("peak", table.peak.get_ref().0));
    let p99 = reading.kept(
        &table.p99.span(),
        keel_input::duration::parse(table.p99.get_ref()).map_err(|what| format!("`p99` = {what}")),
    );
    let errors = reading.kept(&table.errors.span(), share(*table.errors.get_ref()));
    let load = Load { rate: rate?, peak: peak?, p99: p99?, errors: errors? };
    if load.peak < load.rate {
        let what = format!("`peak` = {} is below `rate` = {}: the peak is the higher one", load.peak, load.rate);
        reading.wrong(&table.peak.span(), what);
        return None;
    }
    Some(load)
}

fn rate(field: &str, rate: f64) -> Result<f64, String> {
    // At less than one a second, a load of seconds shows nothing.
    if (1.0..=MAX_RATE).contains(&rate) {
        return Ok(rate);
    }
    Err(format!("`{field}` = {rate}: expected requests a second, from 1 to {MAX_RATE}"))
}

fn share(errors: f64) -> Result<f64, String> {
    if (0.0..1.0).contains(&errors) {
        return Ok(errors);
    }
    Err(format!("`errors` = {errors}: expected a share of all requests, from 0 to below 1, such as 0.01"))
}
