//! A URL shortener with a store, a dependency and a background part.

use std::time::Duration;

use evenkeel::axum::response::Redirect;
use evenkeel::client::Response as Answer;
use evenkeel::prelude::*;
use evenkeel::{parse_duration, vitals};
use serde::Deserialize;

#[derive(clap::Args, Clone, Debug)]
struct Settings {
    /// URL of the service that rates links.
    #[arg(long, env = "RATING_URL")]
    rating_url: Url,
    /// Age at which links are deleted.
    #[arg(long, env = "LINK_TTL", default_value = "30d", value_parser = parse_duration)]
    link_ttl: Duration,
}

const LINKS: &str = "CREATE TABLE links (code TEXT PRIMARY KEY, target TEXT NOT NULL, created BIGINT NOT NULL)";

fn main() -> ExitCode {
    Service::new(build_info!())
        .about("Shortens links")
        .settings::<Settings>()
        .store(vec![Migration::both(1, "links", LINKS)])
        .dependency("rating", |settings| Dependency::http(&settings.rating_url))
        .routes(|context| {
            Router::new().route("/links", post(shorten)).route("/{code}", get(follow)).with_state(context.clone())
        })
        .every("expiry", Duration::from_secs(60), expire)
        .main()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLink {
    target: Url,
}

async fn shorten(
    State(context): State<Context<Settings, Store>>,
    new: Idempotent<NewLink>,
) -> Result<Response, Problem> {
    if is_malicious(&context, &new.body.target).await {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the target is rated as malicious"));
    }
    let work = context.store().once(&new.key, new.fingerprint, |tx| {
        let (code, target) = (vitals::new_id("l"), new.body.target.to_string());
        Box::pin(async move {
            tx.execute("INSERT INTO links VALUES ($1, $2, $3)", args![&code, target, now()]).await?;
            let answer = StoredResponse::new(201, "text/plain", code.clone()).header("location", format!("/{code}"));
            Ok::<_, StoreError>(OnceOutcome::Commit(answer))
        })
    });
    work.await.map(recorded).map_err(|error| problem_of(&error))
}

/// Asks the rating service. Without its answer a link counts as harmless.
async fn is_malicious(context: &Context<Settings, Store>, target: &Url) -> bool {
    let call = context.client().dependency("rating").get("/rate").header("x-target", target.as_str());
    let rating = call
        .total_timeout(Duration::from_millis(300))
        .send_or(async |_error| Some(Answer::new(StatusCode::OK, "ok")))
        .await;
    rating.is_ok_and(|rating| &rating.into_value().body[..] == b"bad")
}

async fn follow(
    State(context): State<Context<Settings, Store>>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let find = "SELECT target FROM links WHERE code = $1";
    let found = context.store().read(|tx| {
        let code = code.clone();
        Box::pin(async move { tx.fetch_optional_as::<(String,)>(find, args![code]).await })
    });
    match found.await.map_err(|error: StoreError| problem_of(&error))? {
        Some((target,)) => Ok(Redirect::temporary(&target).into_response()),
        None => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such link")),
    }
}

/// Deletes 500 old links, if there are so many.
async fn expire(context: Context<Settings, Store>) -> Result<(), StoreError> {
    let delete = "DELETE FROM links WHERE code IN (SELECT code FROM links WHERE created < $1 LIMIT 500)";
    let before = now() - context.settings().link_ttl.as_secs() as i64;
    context.store().write(|tx| Box::pin(tx.execute(delete, args![before]))).await.map(drop)
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
