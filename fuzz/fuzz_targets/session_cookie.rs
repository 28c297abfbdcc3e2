#![no_main]

use std::time::SystemTime;

use evenkeel_access::{SessionKeys, SessionRules, Sessions};
use http::{HeaderMap, HeaderValue, header};

// No bytes that a client makes up are a session.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let sessions = Sessions::new(SessionKeys::random(), SessionRules::default());
    for value in [bytes.to_vec(), [b"__Host-session=", bytes].concat()] {
        let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
        let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
        assert!(!matches!(sessions.read(&headers, SystemTime::now()), Ok(Some(_))));
    }
});
