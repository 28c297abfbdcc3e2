//! Exchanges and controls as tests of judges need them, without a server.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use keel_wire::http::{Answer, Exchange, Failure, Request};

use crate::control::{Control, Uncontrolled};

/// A GET of `/` that is answered at once.
pub(crate) fn answered(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test names headers that exist");
        map.append(name, value.parse().expect("a test gives values that headers may have"));
    }
    let answer = Answer {
        status: StatusCode::from_u16(status).expect("a test gives a status that exists"),
        headers: map,
        body: body.as_bytes().to_vec().into(),
        body_length: body.len() as u64,
        first_byte: Duration::ZERO,
    };
    Exchange { request: Request::get("/"), outcome: Ok(answer), took: Duration::ZERO }
}

/// The same with a body of JSON.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Exchange {
    answered(status, &[("content-type", "application/json")], &body.to_string())
}

/// A GET of `/` whose connection ends without an answer.
pub(crate) fn unanswered() -> Exchange {
    let outcome = Err(Failure::Broken("the connection was closed".to_owned()));
    Exchange { request: Request::get("/"), outcome, took: Duration::ZERO }
}

/// The exchange after so long.
pub(crate) fn after(took: Duration, exchange: Exchange) -> Exchange {
    Exchange { took, ..exchange }
}

/// A control that came out as it should.
pub(crate) fn control() -> Control {
    Control::declared("a control")
}

/// A control that did not.
pub(crate) fn uncontrolled() -> Uncontrolled {
    Uncontrolled { what: "the control failed".to_owned(), exchange: None }
}
