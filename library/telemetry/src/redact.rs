//! Redaction: removes secrets from logs and all other output.
//!
//! - [`is_secret_name`]: a field with such a name is never shown.
//! - [`text`]: removes credentials in known shapes from a text: userinfo in URLs (`scheme://user:password@host`, also malformed, also
//!   without a scheme), values of fields with a secret name as queries, JSON, `Debug` output, command lines and headers write them
//!   (`password=…`, `"password":"…"`, `password: Some("…")`, `--password …`), and `Bearer …`, `Basic …`.
//!
//! The rules prefer to remove too much: a removed word costs a reader a moment, a leaked password costs more.

mod names;
mod scheme;
mod urls;
mod values;

use std::borrow::Cow;

pub use names::{REDACTED, is_secret_name};

/// Returns the text without credentials. A text without any is returned as it is, without an allocation. Linear in the length of the text.
pub fn text(text: &str) -> Cow<'_, str> {
    let passes: [fn(&str) -> Option<String>; 3] =
        [urls::without_userinfo, values::without_secret_values, scheme::without_credentials];
    let mut clean = Cow::Borrowed(text);
    for pass in passes {
        if let Some(changed) = pass(&clean) {
            clean = Cow::Owned(changed);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_in_known_shapes_are_removed() {
        let cases = [
            ("cannot reach postgres://me:hunter22@db:5432/x", "cannot reach postgres://[redacted]@db:5432/x"),
            ("GET /a?password=hunter22&x=1", "GET /a?password=[redacted]&x=1"),
            ("p@ss in postgres://u:p@ss@h/d", "p@ss in postgres://[redacted]@h/d"),
            (r#"{"password":"hunter22","user":"me"}"#, r#"{"password":[redacted],"user":"me"}"#),
            (r#"Config { user: "me", password: "hunter22" }"#, r#"Config { user: "me", password: [redacted] }"#),
        ];
        for (given, shown) in cases {
            assert_eq!(text(given), shown);
        }
    }

    #[test]
    fn texts_without_credentials_are_unchanged_and_borrowed() {
        let texts = [
            "nothing here",
            "a=1 b=2",
            "2026-11-29T12:00:00Z moved 3 cents from a@b.example to c@d.example",
            "GET https://medium.example/@user/article?page=2",
            "http://127.0.0.1:8080/livez answered 200 in 3ms",
            "postgres://[::1]:5432/ledger",
            r#"{"account":"1","amount":3,"nested":{"status":"open"}}"#,
            "ghcr.io/me/app:v1@sha256:0123456789abcdef",
        ];
        for given in texts {
            assert!(matches!(text(given), Cow::Borrowed(_)), "{given} became {}", text(given));
        }
    }

    /// Every way to write a secret that this module promises to find, with `{}` where the secret stands.
    const SHAPES: [&str; 35] = [
        "postgres://u:{}@h/d",
        "http://{}@h:80/",
        "http://svc:ab/cd{}@bank",
        "http://svc:1/2{}?x#y@bank",
        "htp://svc:{}@bank, and more",
        "postgres://u:my {}@h/d",
        "postgres://u:p@1/2{}@h/d",
        "svc:{}@bank:8080",
        r#"("http", svc:{}@127.0.0.1:29300)"#,
        "dns+http://a:{}@x,b:{}@y",
        "/a?x=1&password={}&y=2",
        "/a?api_key={}",
        r#"{"password":"{}"}"#,
        r#"{"db_password" : "a\"{}"}"#,
        r#"{"token":["{}","{}"]}"#,
        r#"{"secret":{"inner":"{}"}}"#,
        r#""{\"password\":\"{}\"}""#,
        r#"Config { password: "{}" }"#,
        r#"Config { password: Some("{}"), user: "me" }"#,
        r#"Config { password: Secret { inner: "{}" } }"#,
        r#"Config { token: Token(["{}"]) }"#,
        "Config {\n    password: \"{}\",\n}",
        r#"{"authorization": "Bearer {}"}"#,
        "password: {}",
        "password = '{}'",
        "--password {}",
        "--db-password={}",
        "host=db password={} user=me",
        "PGPASSWORD={} psql",
        "Authorization: Bearer {}",
        "Authorization: Basic {}",
        "Cookie: a=1; session={}; b=2",
        "Set-Cookie: sid={}; HttpOnly",
        "bearer {}",
        "x-api-key: {}",
    ];

    proptest! {
        #[test]
        fn a_secret_never_survives_in_any_shape_or_surroundings(
            before in "\\PC{0,30}",
            after in "\\PC{0,30}",
            secret in "[a-z0-9]{12}",
        ) {
            for shape in SHAPES {
                let carried = format!("{before} {} {after}", shape.replace("{}", &secret));
                let shown = text(&carried);
                prop_assert!(!shown.contains(&secret), "{carried}\nbecame {shown}");
            }
        }
    }
}
