//! Reads `keel.toml` into a [`Subject`]; the form is shown in [`crate::subject`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::subject::{Dependencies, Dependency, RequestSpec, State, Subject};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Service,
    #[serde(default)]
    dependencies: Option<Declared>,
    #[serde(default)]
    requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Declared {
    Word(String),
    Table(BTreeMap<String, DependencyTable>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    name: Option<String>,
    run: String,
    url: String,
    admin: Option<String>,
    ready: Option<String>,
    health: Option<String>,
    metrics: Option<String>,
    openapi: Option<String>,
    workdir: Option<PathBuf>,
    repository: Option<PathBuf>,
    #[serde(default)]
    data: Vec<PathBuf>,
    state: Option<String>,
    deadline: Option<String>,
    start_timeout: Option<String>,
    drain_timeout: Option<String>,
    decisions: Option<PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DependencyTable {
    env: String,
    url: String,
    run: Option<String>,
    ready: Option<String>,
    #[serde(default)]
    run_env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    name: String,
    #[serde(default)]
    method: Option<String>,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<serde_json::Value>,
    body: Option<String>,
    expect: Option<u16>,
    #[serde(default)]
    save: BTreeMap<String, String>,
    #[serde(default)]
    uses: Vec<String>,
    read: Option<String>,
    idempotent: Option<String>,
    #[serde(default)]
    list: bool,
    #[serde(default)]
    slow: bool,
    #[serde(default)]
    crash: bool,
}

/// Reads and checks a subject's file. Paths in it are relative to its folder.
///
/// # Errors
/// A sentence with file, place, what is wrong and what to do.
pub fn load(path: &Path) -> Result<Subject, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    parse(&text, &folder).map_err(|error| format!("{}: {error}", path.display()))
}

/// The same from text, with paths relative to `folder`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, folder: &Path) -> Result<Subject, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let service = file.service;
    let dependencies = match file.dependencies {
        None => Dependencies::Unsaid,
        Some(Declared::Word(word)) if word == "none" => Dependencies::Declared(Vec::new()),
        Some(Declared::Word(word)) => {
            return Err(format!("dependencies = {word:?}: say \"none\", or declare each in [dependencies.NAME]"));
        }
        Some(Declared::Table(table)) => {
            Dependencies::Declared(table.into_iter().map(dependency).collect::<Result<_, _>>()?)
        }
    };
    let requests: Vec<RequestSpec> = file.requests.into_iter().map(request).collect();
    check_requests(&requests, &dependencies)?;
    let url = plain_url("service.url", &service.url)?;
    Ok(Subject {
        name: service.name.unwrap_or_else(|| name_of(&service.run)),
        run: service.run,
        admin: service.admin.as_deref().map(|admin| plain_url("service.admin", admin)).transpose()?,
        url,
        ready: service.ready,
        health: service.health,
        metrics: service.metrics,
        openapi: service.openapi,
        workdir: folder.join(service.workdir.unwrap_or_default()),
        repository: service.repository.map(|path| folder.join(path)),
        data: service.data.iter().map(|path| folder.join(path)).collect(),
        state: state(service.state.as_deref())?,
        env: service.env,
        deadline: duration("deadline", service.deadline.as_deref(), 30)?,
        start_timeout: duration("start_timeout", service.start_timeout.as_deref(), 10)?,
        drain_timeout: duration("drain_timeout", service.drain_timeout.as_deref(), 30)?,
        decisions: service.decisions.map(|path| folder.join(path)),
        dependencies,
        requests,
    })
}

/// A subject of which only a command and a URL are known.
///
/// # Errors
/// When the URL is none that keel can talk to.
pub fn from_flags(run: &str, url: &str) -> Result<Subject, String> {
    Ok(Subject {
        name: name_of(run),
        run: run.to_owned(),
        url: plain_url("--url", url)?,
        admin: None,
        ready: None,
        health: None,
        metrics: None,
        openapi: None,
        workdir: std::env::current_dir().unwrap_or_default(),
        repository: None,
        data: Vec::new(),
        state: State::Unsaid,
        env: BTreeMap::new(),
        deadline: Duration::from_secs(30),
        start_timeout: Duration::from_secs(10),
        drain_timeout: Duration::from_secs(30),
        decisions: None,
        dependencies: Dependencies::Unsaid,
        requests: Vec::new(),
    })
}

/// A URL of plain HTTP.
///
/// # Errors
/// A sentence that names the expected form.
pub fn plain_url(what: &str, text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{what} = {text:?}: {error}; expected http://HOST:PORT"))?;
    match url.scheme() {
        "http" if url.host_str().is_some() => Ok(url),
        "https" => Err(format!("{what} = {text:?}: this version talks plain HTTP; name the listener behind TLS")),
        _ => Err(format!("{what} = {text:?}: expected http://HOST:PORT")),
    }
}

fn dependency((name, table): (String, DependencyTable)) -> Result<Dependency, String> {
    let url = table.url.parse();
    let url = url.map_err(|error| {
        format!("dependencies.{name}.url = {:?}: {error}; expected http://HOST:PORT or tcp://HOST:PORT", table.url)
    })?;
    Ok(Dependency { name, env: table.env, url, run: table.run, ready: table.ready, env_of_run: table.run_env })
}

fn request(request: Request) -> RequestSpec {
    RequestSpec {
        name: request.name,
        method: request.method.unwrap_or_else(|| "GET".to_owned()),
        path: request.path,
        headers: request.headers,
        json: request.json,
        body: request.body,
        expect: request.expect,
        save: request.save,
        uses: request.uses,
        read: request.read,
        idempotent: request.idempotent,
        list: request.list,
        slow: request.slow,
        crash: request.crash,
    }
}

fn check_requests(requests: &[RequestSpec], dependencies: &Dependencies) -> Result<(), String> {
    for spec in requests {
        let name = &spec.name;
        if !spec.path.starts_with('/') {
            return Err(format!("the request {name:?}: its path {:?} must start with a slash", spec.path));
        }
        if spec.json.is_some() && spec.body.is_some() {
            return Err(format!("the request {name:?} has both json and body: keep one"));
        }
        for used in &spec.uses {
            let known = match dependencies {
                Dependencies::Declared(list) => list.iter().any(|dependency| dependency.name == *used),
                Dependencies::Unsaid => false,
            };
            if !known {
                return Err(format!(
                    "the request {name:?} uses {used:?}, which is not declared: add [dependencies.{used}]"
                ));
            }
        }
    }
    Ok(())
}

fn state(text: Option<&str>) -> Result<State, String> {
    match text {
        None => Ok(State::Unsaid),
        Some("durable") => Ok(State::Durable),
        Some("none") => Ok(State::None),
        Some(other) => Err(format!("state = {other:?}: expected \"durable\" or \"none\"")),
    }
}

/// A duration such as `500ms`, `10s` or `2m`.
///
/// # Errors
/// A sentence that names the expected form.
pub fn duration(what: &str, text: Option<&str>, default_seconds: u64) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(Duration::from_secs(default_seconds)) };
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let milliseconds = match (text[..split].parse::<u64>(), &text[split..]) {
        (Ok(number), "ms") => Some(number),
        (Ok(number), "s") => number.checked_mul(1000),
        (Ok(number), "m") => number.checked_mul(60_000),
        _ => None,
    };
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{what} = {text:?}: expected a duration such as 500ms, 10s or 2m"))
}

/// The program's name, for reports.
fn name_of(run: &str) -> String {
    let program = run.split_whitespace().find(|word| !word.contains('=')).unwrap_or(run);
    Path::new(program).file_name().map_or_else(|| program.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
[service]
run = "target/debug/ledger"
url = "http://127.0.0.1:8080"
state = "durable"
data = ["data"]
deadline = "500ms"
[dependencies.rail]
env = "RAIL_URL"
url = "http://127.0.0.1:9300"
[[requests]]
name = "pay"
method = "POST"
path = "/v1/payouts"
json = { amount = 1 }
uses = ["rail"]
"#;

    #[test]
    fn a_whole_file_is_read_with_paths_relative_to_it() {
        let subject = parse(WHOLE, Path::new("/srv")).unwrap();
        assert_eq!(
            (subject.name.as_str(), subject.state, subject.deadline),
            ("ledger", State::Durable, Duration::from_millis(500))
        );
        assert_eq!(subject.data, [PathBuf::from("/srv/data")]);
        assert_eq!(subject.requests[0].uses, ["rail"]);
    }

    #[test]
    fn every_mistake_says_where_and_what_is_expected() {
        for (from, to, words) in [
            ("run =", "rum =", "rum"),
            ("http://127.0.0.1:8080", "https://127.0.0.1", "plain HTTP"),
            ("\"durable\"", "\"some\"", "expected \"durable\" or \"none\""),
            ("500ms", "soon", "such as 500ms"),
            ("uses = [\"rail\"]", "uses = [\"bank\"]", "[dependencies.bank]"),
            ("\"/v1/payouts\"", "\"v1\"", "start with a slash"),
        ] {
            let error = parse(&WHOLE.replace(from, to), Path::new("/srv")).unwrap_err();
            assert!(error.contains(words), "{to}: {error}");
        }
    }
}
