//! The clients of the experiment, and what they got.

use std::net::Ipv4Addr;
use std::time::Duration;

use keel_wire::http::Exchange;

use crate::control::{Control, Uncontrolled};
use crate::subject::RequestSpec;

/// Of a hundred requests this many must be answered as declared.
const SERVED: usize = 95;

/// The addresses of one run: 127.(64..128).N.*, and the flood in 127.(128..192).*.*.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    net: [u8; 2],
    pub(super) busy: Ipv4Addr,
    pub(super) failing: Ipv4Addr,
    pub(super) slow: Ipv4Addr,
    /// The busy one that comes after the flood.
    pub(super) late: Ipv4Addr,
}

impl Addresses {
    /// Others for other numbers, so that a service which remembers the last run confuses nothing.
    pub(super) fn new(number: u32) -> Self {
        let [.., high, low] = number.wrapping_mul(0x9E37_79B1).rotate_left(9).to_be_bytes();
        let net = [high % 64, low];
        let special = |host| Ipv4Addr::new(127, 64 + net[0], net[1], host);
        Self { net, busy: special(201), failing: special(202), slow: special(203), late: special(204) }
    }

    pub(super) fn usual(&self, count: u8) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let net = self.net;
        (1..=count).map(move |host| Ipv4Addr::new(127, 64 + net[0], net[1], host))
    }

    pub(super) fn flood(&self, count: u16) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let net = self.net;
        (0..count).map(move |number| Ipv4Addr::new(127, 128 + net[0], (number / 250) as u8, (number % 250) as u8 + 1))
    }

    /// True for a client of the flood.
    pub(super) fn is_flood(&self, address: Ipv4Addr) -> bool {
        address.octets()[..2] == [127, 128 + self.net[0]]
    }

    /// True for any client of the experiment.
    pub(super) fn has(&self, address: Ipv4Addr) -> bool {
        self.is_flood(address) || address.octets()[..3] == [127, 64 + self.net[0], self.net[1]]
    }
}

/// Requests of clients, and their answers.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) exchanges: Vec<Exchange>,
}

impl Sent {
    /// Shows that they were answered as declared.
    pub(super) fn served(&self, spec: &RequestSpec) -> Result<Control, Uncontrolled> {
        let is_good = |exchange: &&Exchange| exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
        let (good, all) = (self.exchanges.iter().filter(is_good).count(), self.exchanges.len());
        Control::seen(
            all > 0 && good * 100 >= all * SERVED,
            "clients are served",
            format!("{good} of {all} of {} were answered as declared", spec.name),
        )
    }

    /// The median duration.
    pub(super) fn median(&self) -> Duration {
        let mut took: Vec<Duration> = self.exchanges.iter().map(|exchange| exchange.took).collect();
        took.sort_unstable();
        took.get(took.len() / 2).copied().unwrap_or_default()
    }
}
