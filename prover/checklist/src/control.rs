//! Controls: what is shown before an experiment counts, so that the experiment could have come out the other way.
//!
//! A request is answered as declared before it is attacked; a thing that was never made is absent before another counts as
//! read back; a load is served in peace before its refusal counts; a fault is met by a call before an answer counts as
//! given in spite of it.

use std::ops::RangeInclusive;

use keel_wire::http::Exchange;

/// A control that came out as it should. [`crate::evidence::Evidence::by`] attaches it to what it makes credible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    what: String,
}

/// A control that did not: what it should have made credible is a gap.
#[derive(Clone, Debug)]
pub struct Uncontrolled {
    /// The observation instead, with the declaration to add or change.
    pub what: String,
    /// The exchange that showed it, when there was one.
    pub exchange: Option<Box<Exchange>>,
}

impl Uncontrolled {
    /// Adds the exchange that showed it.
    #[must_use]
    pub fn shown_by(mut self, exchange: &Exchange) -> Self {
        self.exchange = Some(Box::new(exchange.clone()));
        self
    }
}

impl Control {
    /// A control of a probe's own: `what` was seen when `passed`; `otherwise` says what it means that it was not, and what to
    /// declare.
    ///
    /// # Errors
    /// With `otherwise` when it was not seen.
    pub fn seen(passed: bool, what: impl Into<String>, otherwise: impl Into<String>) -> Result<Self, Uncontrolled> {
        if passed {
            Ok(Self { what: what.into() })
        } else {
            Err(Uncontrolled { what: otherwise.into(), exchange: None })
        }
    }

    /// A declaration leaves nothing to try, and stands for the control.
    pub(crate) fn declared(declaration: &str) -> Self {
        Self { what: format!("{declaration} is declared") }
    }

    /// The request was answered with one of these statuses, before anything was done to it.
    ///
    /// # Errors
    /// With the exchange when it was not.
    pub fn answered(exchange: &Exchange, statuses: RangeInclusive<u16>) -> Result<Self, Uncontrolled> {
        let asked = format!("{} {}", exchange.request.method, exchange.request.path);
        match exchange.status().map(|status| status.as_u16()) {
            Some(status) if statuses.contains(&status) => {
                Ok(Self { what: format!("{asked} is answered {status} by itself") })
            }
            other => {
                let came = other.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
                let what =
                    format!("{asked} is answered {came} by itself: declare a request that is answered as it should be");
                Err(Uncontrolled { what, exchange: None }.shown_by(exchange))
            }
        }
    }

    /// Control that an object that was never created is absent: the exchange asked for it, and got 404 or 410.
    ///
    /// # Errors
    /// With the exchange when the answer does not say that it is absent, so that no answer says that anything is there.
    pub fn absent(exchange: &Exchange) -> Result<Self, Uncontrolled> {
        let asked = format!("{} {}", exchange.request.method, exchange.request.path);
        match exchange.status().map(|status| status.as_u16()) {
            Some(status @ (404 | 410)) => {
                Ok(Self { what: format!("{asked}, which was never made, is answered {status}") })
            }
            other => {
                let came = other.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
                let what = format!(
                    "{asked}, which was never made, is answered {came}: nothing is known to be there by its answer"
                );
                Err(Uncontrolled { what, exchange: None }.shown_by(exchange))
            }
        }
    }

    /// The same load was served in peace: of `sent` requests `served` succeeded, `least` of them (0 to 1) are enough.
    ///
    /// # Errors
    /// With the numbers when too few succeeded.
    pub fn peace(served: usize, sent: usize, least: f64) -> Result<Self, Uncontrolled> {
        let told = format!("{served} of {sent} requests succeeded in peace");
        let enough = sent > 0 && served as f64 >= least * sent as f64;
        Self::seen(enough, told.clone(), format!("{told}: the load by itself is refused, declare one that it serves"))
    }

    /// A fault was met by calls of so many bytes, as the proxy in front of the dependency counted
    /// ([`keel_proxy::FaultProxy::heard`]).
    ///
    /// # Errors
    /// When no call met it.
    pub fn fault_met(heard: u64, dependency: &str) -> Result<Self, Uncontrolled> {
        Self::seen(
            heard > 0,
            format!("{heard} bytes of calls to {dependency} met the fault"),
            format!("no call to {dependency} met the fault: say in `uses` which requests call it"),
        )
    }

    /// Returns the observation.
    pub fn what(&self) -> &str {
        &self.what
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_served_in_peace_when_enough_of_it_succeeds() {
        assert!(Control::peace(99, 100, 0.95).is_ok());
        assert!(Control::peace(17, 100, 0.95).is_err());
        assert!(Control::peace(0, 0, 0.0).is_err(), "nothing was sent");
    }

    #[test]
    fn a_fault_counts_only_when_a_call_met_it() {
        assert!(Control::fault_met(1, "rates").is_ok());
        assert!(Control::fault_met(0, "rates").unwrap_err().what.contains("no call to rates"));
    }
}
