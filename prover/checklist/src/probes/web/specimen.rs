//! Servers for the probes of chapter `web`: one that guards its browsers, and the same with one flaw each.

use crate::specimen::Server;
use crate::specimen::server::{Request, Response, serve};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Errors come without the headers.
    BareErrors,
    /// Scripts in the page may run.
    UnsafeInline,
    /// The session cookie is readable by scripts.
    OpenCookie,
    /// No cookie at all.
    NoCookie,
    /// robots.txt is the page that every path gets.
    RobotsIsPage,
    /// There is no robots.txt.
    NoRobots,
    /// Takes writes from any page.
    TakesForeign,
    /// Looks at `Sec-Fetch-Site` alone, which a browser does not send to plain HTTP.
    IgnoresOrigin,
    /// Takes writes of anybody: a public form without any session.
    PublicForm,
    /// Answers forms of other pages with a conflict, as for a key that was used.
    Conflicts,
    /// Knows its forms by a token.
    Token,
    /// Answers forms of other pages with its own form again, and leads on from those of its own.
    FormAgain,
    /// Answers to writes come without the headers, while pages and 404 have them.
    BareWrites,
    /// Scripts in the page may run in browsers that are too old for the nonce beside it.
    Nonce,
    /// A well guarded cookie that holds the state of the session for everybody to read.
    ReadableCookie,
    /// Attributes of its cookie in small letters, and an end as a date.
    PlainCookie,
    /// Every rule of robots.txt is a comment.
    RobotsIsComment,
    /// robots.txt is elsewhere on the same host.
    RobotsIsElsewhere,
    /// Takes writes from any page, and lets scripts of any page send them with a session.
    LetsScripts,
}

const GUARDS: [(&str, &str); 6] = [
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

/// It guards its browsers.
pub(crate) const GOOD: Server = Server::new("web-good", |port| guard(Flaw::None, port));

/// It sets a session cookie that scripts can read and every site may send.
pub(crate) const OPEN_COOKIE: Server = Server::new("web-open-cookie", |port| guard(Flaw::OpenCookie, port));

/// Serves with one flaw.
pub(crate) fn guard(flaw: Flaw, port: u16) -> ! {
    serve(port, move |request| guarded(flaw, answer(flaw, request)))
}

fn answer(flaw: Flaw, request: &Request) -> Response {
    let page = || Response::new(200, "text/html; charset=utf-8", "<!doctype html><title>specimen</title><p>hello");
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => match flaw {
            Flaw::NoCookie | Flaw::PublicForm => page(),
            Flaw::OpenCookie => page().header("Set-Cookie", "session=abc; Path=/"),
            Flaw::ReadableCookie => {
                // {"user":"ada","admin":false}
                let state = "eyJ1c2VyIjoiYWRhIiwiYWRtaW4iOmZhbHNlfQ";
                let cookie = format!("__Host-session={state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600");
                page().header("Set-Cookie", &cookie)
            }
            Flaw::PlainCookie => {
                let end = "expires=Fri, 31 Dec 2038 23:59:59 GMT";
                page().header(
                    "Set-Cookie",
                    &format!("__Host-id=9f2c7b1e; path=/; secure; httponly; samesite=strict; {end}"),
                )
            }
            _ => {
                page().header("Set-Cookie", "__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600")
            }
        },
        ("GET", "/robots.txt") => match flaw {
            Flaw::RobotsIsPage => page(),
            Flaw::RobotsIsComment => Response::new(200, "text/plain", "# User-agent: *\n# Disallow: /private\n"),
            Flaw::RobotsIsElsewhere => Response::new(301, "text/plain", "").header("Location", "/static/robots.txt"),
            Flaw::NoRobots => missing(),
            _ => Response::new(200, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /private\n"),
        },
        ("GET", "/static/robots.txt") => Response::new(200, "text/plain", "user-agent: *\r\nallow: /\r\n"),
        ("GET", _) => missing(),
        ("POST" | "PUT", "/transfer") => transfer(flaw, request),
        ("OPTIONS", "/transfer") if flaw == Flaw::LetsScripts => Response::new(204, "text/plain", "")
            .header("Access-Control-Allow-Origin", request.header("origin").unwrap_or("*"))
            .header("Access-Control-Allow-Credentials", "true")
            .header("Access-Control-Allow-Methods", "PUT"),
        _ => Response::new(405, "text/plain", "only GET").header("Allow", "GET"),
    }
}

fn transfer(flaw: Flaw, request: &Request) -> Response {
    let other = |name, own: &str| request.header(name).is_some_and(|value| !value.starts_with(own));
    let site = other("sec-fetch-site", "same-origin");
    let origin = other("origin", "http://127.0.0.1:");
    let refuses = match flaw {
        Flaw::TakesForeign | Flaw::PublicForm | Flaw::Conflicts | Flaw::FormAgain | Flaw::LetsScripts => false,
        Flaw::IgnoresOrigin => site,
        Flaw::Token => !String::from_utf8_lossy(&request.body).contains("csrf_token=known"),
        _ => site || origin,
    };
    if flaw == Flaw::FormAgain {
        return match site || origin {
            true => Response::new(200, "text/html", "<!doctype html><title>try again</title>"),
            false => Response::new(303, "text/plain", "").header("Location", "/transfers/7"),
        };
    }
    match (refuses, flaw == Flaw::Conflicts && (site || origin)) {
        (true, _) => Response::new(403, "text/plain", "from another site"),
        (_, true) => Response::new(409, "text/plain", "sent already"),
        _ => Response::new(201, "text/plain", "done"),
    }
}

fn missing() -> Response {
    Response::new(404, "text/plain", "nothing here")
}

fn guarded(flaw: Flaw, answer: Response) -> Response {
    if flaw == Flaw::BareErrors && answer.status >= 400 || flaw == Flaw::BareWrites && answer.status == 201 {
        return answer;
    }
    GUARDS.iter().fold(answer, |answer, (name, value)| match (flaw, *name) {
        (Flaw::UnsafeInline, "Content-Security-Policy") => {
            answer.header(name, "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'")
        }
        (Flaw::Nonce, "Content-Security-Policy") => {
            let strict = "script-src 'nonce-r4nd0m' 'strict-dynamic' 'unsafe-inline' https:; object-src 'none'";
            answer.header(name, &format!("{strict}; base-uri 'none'; frame-ancestors 'self'"))
        }
        _ => answer.header(name, value),
    })
}
