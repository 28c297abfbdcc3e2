//! Servers for `call.balance`: a service that spreads calls over the addresses in `DEPENDENCY_URL`, which commas separate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::probes::call::specimen::DEPENDENCY;
use crate::probes::call::specimen::protected::call_to;
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("balances", |port| balance(Way::LeastOpen, port))
        .holds("calls the instance with the fewest open calls, and leaves one that failed alone for a second"),
    Server::new("balances-in-turn", |port| balance(Way::InTurn, port))
        .falls_short("calls a failing instance in turn for ever, and hides that by calling the next one")
        .liar(),
    Server::new("balances-nothing", |port| balance(Way::First, port)).falls_short("calls the first instance alone"),
    DEPENDENCY.is_called(),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    LeastOpen,
    InTurn,
    First,
}

/// For so long one that failed is left alone.
const ALONE: Duration = Duration::from_secs(1);

struct Instance {
    address: String,
    open: usize,
    alone_until: Instant,
}

/// The instances, and the one after that which was called last.
struct Instances {
    all: Vec<Instance>,
    next: usize,
}

impl Instances {
    fn take(&mut self, way: Way) -> usize {
        let (count, next) = (self.all.len(), self.next);
        let now = Instant::now();
        let order = (0..count).map(|step| (next + step) % count);
        let chosen = match way {
            Way::First => Some(0),
            Way::InTurn => Some(next),
            Way::LeastOpen => {
                let well = order.filter(|place| self.all[*place].alone_until <= now);
                well.min_by_key(|place| self.all[*place].open)
            }
        };
        let chosen = chosen.unwrap_or(next);
        self.next = (chosen + 1) % count;
        self.all[chosen].open += 1;
        // Whoever looks whether it is well again looks alone.
        if way == Way::LeastOpen && self.all[chosen].alone_until > now - ALONE {
            self.all[chosen].alone_until = now + ALONE;
        }
        chosen
    }

    fn done(&mut self, place: usize, well: bool) {
        let now = Instant::now();
        self.all[place].open -= 1;
        self.all[place].alone_until = if well { now - 2 * ALONE } else { now + ALONE };
    }
}

fn balance(way: Way, port: u16) -> ! {
    let addresses = std::env::var("DEPENDENCY_URL").unwrap_or_default();
    let long_ago = Instant::now() - 2 * ALONE;
    let instance = |address: &str| Instance { address: address.to_owned(), open: 0, alone_until: long_ago };
    let all = addresses.split(',').map(instance).collect();
    let instances = Mutex::new(Instances { all, next: 0 });
    let with = |instances: &Mutex<Instances>| instances.lock().unwrap_or_else(PoisonError::into_inner).all.len();
    let count = with(&instances);
    serve(port, move |request| match request.path.as_str() {
        "/" => Response::new(200, "text/plain", "hello"),
        "/price" => {
            for _ in 0..count {
                let (place, address) = {
                    let mut instances = instances.lock().unwrap_or_else(PoisonError::into_inner);
                    let place = instances.take(way);
                    (place, instances.all[place].address.clone())
                };
                let answer = call_to(&address, "GET");
                instances.lock().unwrap_or_else(PoisonError::into_inner).done(place, answer.is_ok());
                if let Ok(body) = answer {
                    return Response::new(200, "application/json", body);
                }
            }
            Response::new(503, "text/plain", "no price now")
        }
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}
