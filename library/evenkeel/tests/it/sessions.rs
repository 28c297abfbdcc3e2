//! People who sign in: the session is theirs until they sign out, and a copy of the cookie is worth nothing then.

use std::time::Duration;

use evenkeel::access::SessionRules;
use evenkeel::prelude::*;
use evenkeel::sessions::{PageSessions, SessionSettings, SignedIn, add_schema};

fn routes(context: &Context<SessionSettings, Store>) -> Router {
    let sessions = PageSessions::stored(context.settings(), context.store());
    let (entry, exit) = (sessions.clone(), sessions.clone());
    let sign_in = post(move || std::future::ready(entry.sign_in("ann").map(|cookie| [("set-cookie", cookie)])));
    let sign_out = post(move |SignedIn(session): SignedIn| {
        let exit = exit.clone();
        async move { exit.sign_out(&session).await.map(|removal| [("set-cookie", removal)]) }
    });
    let page = get(async |SignedIn(session): SignedIn, caller: axum_caller::Known| {
        format!("{} {}", session.subject(), caller.0)
    });
    sessions.around(Router::new().route("/", page).route("/sign-in", sign_in).route("/sign-out", sign_out))
}

/// The caller that the sessions have named.
mod axum_caller {
    use evenkeel::axum::extract::FromRequestParts;
    use evenkeel::axum::http::request::Parts;
    use evenkeel::prelude::*;

    pub(super) struct Known(pub(super) String);

    impl<S: Sync> FromRequestParts<S> for Known {
        type Rejection = StatusCode;

        async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, StatusCode> {
            let caller = head.extensions.get::<Caller>().ok_or(StatusCode::IM_A_TEAPOT)?;
            Ok(Self(caller.as_str().to_owned()))
        }
    }
}

#[tokio::test]
async fn a_session_ends_at_the_sign_out_for_every_copy_of_its_cookie_and_in_every_process() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite:{}", folder.path().join("a.db").display());
    let key = "--session-keys=a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let arguments = ["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0", &database, key];
    let service =
        || Service::new(build_info!()).settings::<SessionSettings>().store(add_schema(Vec::new())).routes(routes);
    let one = service().start(arguments).await.unwrap();
    one.ready().await.unwrap();
    let other = service().start(arguments).await.unwrap();
    other.ready().await.unwrap();

    assert_eq!(one.client().get(&one.url("/")).send().await.unwrap().status, 401);
    let signed_in = one.client().post(&one.url("/sign-in")).send().await.unwrap();
    let set = signed_in.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-session=a.") && set.contains("; Secure; HttpOnly; SameSite=Lax"), "{set}");
    let cookie = set.split(';').next().unwrap();
    for process in [&one, &other] {
        let page = process.client().get(&process.url("/")).header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.body, "ann ann", "{}", page.status);
    }
    let out = one.client().post(&one.url("/sign-out")).header("cookie", cookie).send().await.unwrap();
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    for process in [&one, &other] {
        let page = process.client().get(&process.url("/")).header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status, 401);
    }
    let twice = format!("{cookie}; {cookie}");
    let page = one.client().get(&one.url("/")).header("cookie", &twice).send().await.unwrap();
    assert_eq!(page.status, 400);
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test]
async fn a_renewed_cookie_is_in_no_answer_that_a_cache_may_keep() {
    let mut rules = SessionRules::default();
    rules.renewal = Duration::ZERO;
    let service = Service::new(build_info!()).routes(move |_context| {
        let sessions = PageSessions::in_memory(rules);
        let entry = sessions.clone();
        let sign_in = post(move || std::future::ready(entry.sign_in("ann").map(|cookie| [("set-cookie", cookie)])));
        let style = get(async || ([("cache-control", "public, max-age=60")], "p {}"));
        let eager = get(async || ([("cache-control", "public, max-age=60"), ("set-cookie", "seen=1")], "once"));
        let routes = Router::new().route("/style.css", style).route("/eager", eager).route("/sign-in", sign_in);
        sessions.around(routes.route("/", get(async || "a page")))
    });
    let running = service.start(["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"]).await.unwrap();
    running.ready().await.unwrap();
    let client = running.client();
    let signed_in = client.post(&running.url("/sign-in")).send().await.unwrap();
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let ask = async |path: &str| client.get(&running.url(path)).header("cookie", &cookie).send().await.unwrap().headers;

    let page = ask("/").await;
    assert_eq!((page.contains_key("set-cookie"), &page["cache-control"]), (true, &"no-store".parse().unwrap()));
    let style = ask("/style.css").await;
    assert_eq!(
        (style.contains_key("set-cookie"), &style["cache-control"]),
        (false, &"public, max-age=60".parse().unwrap())
    );
    assert_eq!(ask("/eager").await["cache-control"], "no-store");
    running.stop().await.unwrap();
}
