//! Servers for `call.breaker-manual`: a service that asks `DEPENDENCY_URL` for `/price`, and has a lever for that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::probes::call::specimen::{DEPENDENCY, GOOD, price};
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Calls stop, and it is seen and printed who did it and when.
    Audited,
    /// The same without a time.
    Undated,
    /// Calls stop, and the author is shown nowhere.
    Anonymous,
    /// All is said as it should be, and calls go on.
    Cosmetic,
    /// Calls stop, and do not come again.
    Stuck,
}

/// Author and time of the lever, while it is pulled.
static PULLED: Mutex<Option<(String, u64)>> = Mutex::new(None);

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("lever-audited", |port| obey(Way::Audited, port)).holds("stops calls, and tells who did it and when"),
    Server::new("lever-undated", |port| obey(Way::Undated, port)).is_unknown("tells who did it, and not when"),
    Server::new("lever-anonymous", |port| obey(Way::Anonymous, port)).falls_short("does not tell who did it"),
    Server::new("lever-cosmetic", |port| obey(Way::Cosmetic, port))
        .falls_short("says that calls are stopped, and makes them")
        .liar(),
    Server::new("lever-stuck", |port| obey(Way::Stuck, port)).falls_short("makes no call any more once it is released"),
    GOOD.is_unknown("has no lever that is declared"),
    DEPENDENCY.is_called(),
];

fn obey(way: Way, port: u16) -> ! {
    serve(port, move |request| match (request.method.as_str(), request.path.as_str()) {
        ("PUT", "/breakers/prices") => {
            let by = author(request);
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            match way {
                Way::Anonymous => println!("calls are stopped"),
                Way::Undated => println!("calls are stopped by {by}"),
                _ => println!("{at} calls are stopped by {by}"),
            }
            *pulled() = Some((by, at));
            Response::new(204, "text/plain", "")
        }
        ("DELETE", "/breakers/prices") => {
            if way != Way::Stuck {
                *pulled() = None;
            }
            Response::new(204, "text/plain", "")
        }
        (_, "/health") => Response::new(200, "application/json", health(way)),
        (_, "/price") if way != Way::Cosmetic && pulled().is_some() => Response::new(503, "text/plain", "stopped"),
        (_, "/price") => match price() {
            Ok(_) if way == Way::Cosmetic && pulled().is_some() => Response::new(503, "text/plain", "stopped"),
            Ok(body) => Response::new(200, "application/json", body),
            Err(reason) => Response::new(503, "text/plain", reason),
        },
        _ => Response::new(200, "text/plain", "hello"),
    })
}

fn health(way: Way) -> String {
    match pulled().as_ref() {
        None => r#"{"prices":"closed"}"#.to_owned(),
        Some(_) if way == Way::Anonymous => r#"{"prices":"open"}"#.to_owned(),
        Some((by, _)) if way == Way::Undated => format!(r#"{{"prices":"open","by":"{by}"}}"#),
        Some((by, at)) => format!(r#"{{"prices":"open","by":"{by}","at":{at}}}"#),
    }
}

fn author(request: &Request) -> String {
    let json: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    json["by"].as_str().unwrap_or_default().to_owned()
}

fn pulled() -> MutexGuard<'static, Option<(String, u64)>> {
    PULLED.lock().unwrap_or_else(PoisonError::into_inner)
}
