//! Servers for the probe of jitter: a service that calls `DEPENDENCY_URL` periodically, without requests.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::probes::call::specimen::protected::call_at;
use crate::probes::call::specimen::{DEPENDENCY, GOOD, price};
use crate::specimen::server::{Response, serve};
use crate::specimen::{Server, Specimen};

#[derive(Clone, Copy)]
enum Way {
    /// Every second from the start.
    Even,
    /// At the second boundaries of the machine's clock.
    Clock,
    /// Half a second plus or minus a fifth.
    Jittered,
    /// The same, and another dependency every second from the start.
    Split,
}

const PERIOD: Duration = Duration::from_secs(1);
const JITTERED: Duration = Duration::from_millis(500);

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("periodic-jittered", |port| ask_periodically(Way::Jittered, port))
        .holds("asks every second plus or minus a fifth"),
    Server::new("periodic-even", |port| ask_periodically(Way::Even, port))
        .falls_short("asks every second from its start"),
    Server::new("periodic-split", |port| ask_periodically(Way::Split, port))
        .falls_short("asks one dependency with jitter and another every second from its start")
        .liar(),
    Server::new("periodic-clock", |port| ask_periodically(Way::Clock, port))
        .falls_short("asks when the clock begins a second"),
    GOOD.is_unknown("asks nothing by itself"),
    DEPENDENCY.is_called(),
];

fn ask_periodically(way: Way, port: u16) -> ! {
    if matches!(way, Way::Split) {
        std::thread::spawn(|| {
            for number in 0_u64.. {
                std::thread::sleep(pause(Way::Even, number));
                let _ = call_at("TAX_URL", "GET");
            }
        });
    }
    std::thread::spawn(move || {
        for number in 0_u64.. {
            std::thread::sleep(pause(way, number));
            let _ = price();
        }
    });
    serve(port, |request| match request.path.as_str() {
        "/" => Response::new(200, "text/plain", "hello"),
        "/price" => price().map_or_else(
            |why| Response::new(503, "text/plain", why),
            |body| Response::new(200, "application/json", body),
        ),
        _ => Response::new(404, "text/plain", "nothing here"),
    })
}

fn pause(way: Way, number: u64) -> Duration {
    match way {
        Way::Even => PERIOD,
        Way::Clock => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            PERIOD - Duration::from_nanos(now.subsec_nanos().into())
        }
        Way::Jittered | Way::Split => {
            let random = RandomState::new().hash_one(number) % 1000;
            JITTERED.mul_f64(0.8 + random as f64 * 0.4 / 1000.0)
        }
    }
}
