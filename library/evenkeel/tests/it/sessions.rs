//! People who sign in: the session is theirs until they sign out, and a copy of the cookie is worth nothing then.

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
