//! Reads `keel.toml`; its form is shown in [`crate::subject`].

mod operation;
mod request;
mod service;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use toml::Spanned;
use url::Url;

use keel_input::diagnostics::{Mistakes, Reading};
use keel_input::template;

use self::request::{Known, Request};
use self::service::Service;
use super::console;
use super::dead_letters;
use super::dependency::{Dependencies, Dependency, Lever};
use super::errors;
use super::events;
use super::integrity;
use super::leader;
use super::load;
use super::operation::Operation;
use super::ops;
use super::outliers;
use super::query;
use super::request::RequestSpec;
use super::service::{DEADLINE, DRAIN_TIMEOUT, SOAK, START_TIMEOUT, STEADY, State, Subject};
use super::values::{dependency_url, fixed_path, folder, name_of, service_url, variable, without_path};

/// The names in the strings of a lever's `json`.
const LEVER_NAMES: [&str; 2] = ["author", "reason"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Service,
    dependencies: Option<Declared>,
    load: Option<load::Table>,
    ops: Option<ops::OpsTable>,
    #[serde(alias = "dead-letters")]
    dead_letters: Option<dead_letters::DeadLettersTable>,
    quarantine: Option<dead_letters::DeadLettersTable>,
    query: Option<query::QueryTable>,
    outliers: Option<outliers::OutliersTable>,
    console: Option<console::ConsoleTable>,
    errors: Option<errors::ErrorsTable>,
    events: Option<events::EventsTable>,
    integrity: Option<integrity::IntegrityTable>,
    leader: Option<leader::LeaderTable>,
    #[serde(default)]
    requests: Vec<Spanned<Request>>,
    #[serde(default)]
    soak: Soak,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Soak {
    /// Duration of the load of `prove.soak`.
    /// Default: `20s`.
    /// Example: `for = "60s"`
    #[serde(rename = "for", alias = "lasts")]
    lasts: Option<Spanned<String>>,
}

/// `dependencies = "none"`, or a table each.
enum Declared {
    None,
    Each(BTreeMap<String, DependencyTable>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DependencyTable {
    /// Environment variable that carries its address.
    /// Required.
    /// Example: `env = "BANK_URL"`
    env: Spanned<String>,
    /// Value of the variable, a template of `{url}`, `{host}` and `{port}`.
    /// Default: `{url}`.
    /// Example: `value = "{host}:{port}"`
    value: Option<String>,
    /// Further variables, with the same templates.
    /// Default: none.
    /// Example: `sets = { BANK_HOST = "{host}", BANK_PORT = "{port}" }`
    #[serde(default)]
    sets: BTreeMap<String, String>,
    /// Address of the fault proxy in front of it, for a service that cannot be given another one.
    /// Default: a free port.
    /// Example: `listen = "127.0.0.1:9400"`
    listen: Option<Spanned<String>>,
    /// Its address: `http://`, `https://`, `tcp://`, `tls://`, `postgres://`, `redis://` or `nats://`.
    /// Required.
    /// Example: `url = "http://127.0.0.1:9300"`
    url: Spanned<String>,
    /// Command that starts it in the foreground.
    /// Default: it must be running.
    /// Example: `run = "target/release/bank"`
    run: Option<String>,
    /// Path that answers 2xx once it is ready (HTTP).
    /// Default: a TCP connection.
    /// Example: `ready = "/livez"`
    ready: Option<Spanned<String>>,
    /// Value of the variable for three instances: `{1}`, `{2}`, `{3}` are HOST:PORT.
    /// Default: not examined.
    /// Example: `many = "http://{1},http://{2},http://{3}"`
    many: Option<Spanned<String>>,
    /// Value for instances behind a DNS name: `{name}`, `{port}`, and `{resolver}` as ADDRESS:PORT.
    /// Default: not examined.
    /// Example: `named = "dns+http://{name}:{port}?resolver={resolver}"`
    named: Option<Spanned<String>>,
    /// Request to `admin` that stops calls to it: `method`, `path`, `json` with `{author}` and `{reason}`.
    /// Default: not examined.
    /// Example: `trip = { method = "PUT", path = "/breakers/bank", json = { open = true, by = "{author}", why = "{reason}" } }`
    trip: Option<Spanned<Lever>>,
    /// Request to `admin` that allows calls again.
    /// Default: not examined.
    /// Example: `release = { method = "DELETE", path = "/breakers/bank" }`
    release: Option<Spanned<Lever>>,
    /// Environment variables of its `run`.
    /// Default: none.
    /// Example: `run_env = { PORT = "9300" }`
    #[serde(default, alias = "run-env")]
    run_env: BTreeMap<String, String>,
}

pub(super) fn load(path: &Path) -> Result<Subject, Mistakes> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| Mistakes::one(&name, format!("cannot be read: {error}")))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::path::absolute(folder).map_err(|error| Mistakes::one(&name, error.to_string()))?;
    parse(&name, &text, &folder)
}

pub(super) fn parse(name: &str, text: &str, folder: &Path) -> Result<Subject, Mistakes> {
    let mut reading = Reading::new(name, text);
    let file: File = reading.toml()?;
    let mut known = Known::default();
    if let Some(Declared::Each(table)) = &file.dependencies {
        known.dependencies.extend(table.keys().cloned());
    }
    let subject = service(&mut reading, file.service, folder);
    let soak = said(&mut reading, file.soak.lasts.as_ref(), "for", keel_input::duration::parse).unwrap_or(SOAK);
    let dependencies = dependencies(&mut reading, file.dependencies);
    let load = file.load.and_then(|table| load::read(&mut reading, table));
    let ops = file.ops.and_then(|table| ops::read(&mut reading, table, folder));
    let dead_letters = file.dead_letters.and_then(|table| dead_letters::read(&mut reading, table));
    let quarantine = file.quarantine.and_then(|table| dead_letters::read(&mut reading, table));
    let requests = file.requests.into_iter().map(|spec| request::spec(&mut reading, spec, &mut known));
    let (work, requests): (Vec<RequestSpec>, Vec<RequestSpec>) = requests.partition(RequestSpec::is_apart);
    let is_request = |name: &str| requests.iter().chain(&work).any(|spec| spec.name == name);
    let names: Vec<&str> = requests.iter().map(|spec| spec.name.as_str()).collect();
    let query = file.query.and_then(|table| query::read(&mut reading, table, &names));
    let outliers = file.outliers.and_then(|table| outliers::read(&mut reading, table, &names, query.as_ref()));
    let named: &[Dependency] = match &dependencies {
        Dependencies::Declared(all) => all,
        Dependencies::Unsaid => &[],
    };
    let named: Vec<&str> = named.iter().map(|dependency| dependency.name.as_str()).collect();
    let errors = file.errors.and_then(|table| errors::read(&mut reading, table, &names, &named));
    let console = file.console.and_then(|table| console::read(&mut reading, table, &names));
    let events = file.events.and_then(|table| events::read(&mut reading, table, is_request));
    let leader = file.leader.and_then(|table| leader::read(&mut reading, table, is_request));
    let integrity = file.integrity.and_then(|table| integrity::read(&mut reading, table));
    let filled = |subject| Subject {
        dependencies,
        load,
        ops,
        requests,
        work,
        dead_letters,
        quarantine,
        outliers,
        events,
        integrity,
        leader,
        query,
        errors,
        console,
        soak,
        ..subject
    };
    reading.ended(subject.map(filled))
}

fn service(reading: &mut Reading<'_>, service: Service, folder: &Path) -> Option<Subject> {
    let (operation, run) = operation::read(reading, &service);
    let url = said(reading, Some(&service.url), "url", service_url);
    let admin = said(reading, service.admin.as_ref(), "admin", service_url);
    let urls = [url.as_ref(), admin.as_ref()];
    let trust = operation::trust(reading, &service, folder, urls.into_iter().flatten());
    let mut path = |text: &Option<Spanned<String>>, field| said(reading, text.as_ref(), field, fixed_path);
    let ready = path(&service.ready, "ready");
    let health = path(&service.health, "health");
    let metrics = path(&service.metrics, "metrics");
    let openapi = path(&service.openapi, "openapi");
    let plain = said(reading, service.plain.as_ref(), "plain", plain_url);
    let mut time = |text: &Option<Spanned<String>>, field, unsaid: Duration| {
        said(reading, text.as_ref(), field, keel_input::duration::parse).unwrap_or(unsaid)
    };
    let deadline = time(&service.deadline, "deadline", DEADLINE);
    let start_timeout = time(&service.start_timeout, "start_timeout", START_TIMEOUT);
    let drain_timeout = time(&service.drain_timeout, "drain_timeout", DRAIN_TIMEOUT);
    let workdir = existing(reading, service.workdir, "workdir", folder).unwrap_or_else(|| folder.to_owned());
    let repository = existing(reading, service.repository, "repository", folder);
    let state = said(reading, service.state.as_ref(), "state", state).unwrap_or(State::Unsaid);
    if let (State::None, Some(first)) = (state, service.data.first()) {
        reading.wrong(&first.span(), "`data` names folders although `state` is \"none\": keep one of the two");
    }
    Some(Subject {
        name: service.name.unwrap_or_else(|| match &operation {
            Operation::Foreground => name_of(&run),
            Operation::Commands(_) | Operation::Attached { .. } => service.url.get_ref().clone(),
        }),
        run,
        operation,
        url: url?,
        trust: trust?,
        plain,
        renew_certificate: service.renew_certificate.map(Spanned::into_inner),
        admin,
        ready,
        health,
        metrics,
        openapi,
        workdir,
        repository,
        data: service.data.into_iter().map(|path| folder.join(path.into_inner())).collect(),
        state,
        env: service.env,
        deadline,
        start_timeout,
        drain_timeout,
        steady: STEADY,
        soak: SOAK,
        decisions: service.decisions.map(|path| folder.join(path)),
        dependencies: Dependencies::Unsaid,
        load: None,
        ops: None,
        requests: Vec::new(),
        work: Vec::new(),
        dead_letters: None,
        quarantine: None,
        query: None,
        outliers: None,
        errors: None,
        console: None,
        events: None,
        integrity: None,
        leader: None,
    })
}

/// The address of a plain listener.
fn plain_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(url),
        _ => Err(format!("{text:?}: expected such as http://127.0.0.1:8080")),
    }
}

fn dependencies(reading: &mut Reading<'_>, declared: Option<Declared>) -> Dependencies {
    let table = match declared {
        None => return Dependencies::Unsaid,
        Some(Declared::None) => return Dependencies::Declared(Vec::new()),
        Some(Declared::Each(table)) => table,
    };
    let read = |(name, table): (String, DependencyTable)| {
        // All of them are looked at before one that is wrong ends it.
        let env = said(reading, Some(&table.env), "env", variable);
        let url = said(reading, Some(&table.url), "url", dependency_url);
        let ready = said(reading, table.ready.as_ref(), "ready", fixed_path);
        let many = said(reading, table.many.as_ref(), "many", |text| template(text, &["{1}", "{2}", "{3}"]));
        let named =
            said(reading, table.named.as_ref(), "named", |text| template(text, &["{name}", "{port}", "{resolver}"]));
        let listen = said(reading, table.listen.as_ref(), "listen", |text| {
            text.parse().map_err(|_| format!("{text:?}: expected ADDRESS:PORT, such as 127.0.0.1:9400"))
        });
        let trip = lever(reading, table.trip, "trip");
        let release = lever(reading, table.release, "release");
        let env_of_run = table.run_env;
        let value = table.value.or_else(|| without_path(table.url.get_ref()));
        let (sets, run) = (table.sets, table.run);
        let (env, url) = (env?, url?);
        Some(Dependency { name, env, value, sets, listen, url, run, ready, env_of_run, many, named, trip, release })
    };
    Dependencies::Declared(table.into_iter().filter_map(read).collect())
}

/// A text that has all these places, and no others.
fn template(text: &str, places: &[&str]) -> Result<String, String> {
    let known = |name: &str| places.contains(&format!("{{{name}}}").as_str());
    if let Some(name) = template::unknown(text, known).first() {
        return Err(format!("{text:?}: nothing fills {{{name}}}; known here: {}", places.join(", ")));
    }
    match places.iter().find(|place| !text.contains(**place)) {
        None => Ok(text.to_owned()),
        Some(missing) => Err(format!("{text:?}: it has no {missing}; it needs {}", places.join(", "))),
    }
}

/// A request of an operator: only the strings of its `json` are templates.
fn lever(reading: &mut Reading<'_>, lever: Option<Spanned<Lever>>, field: &str) -> Option<Lever> {
    let lever = lever?;
    let (span, lever) = (lever.span(), lever.into_inner());
    reading.kept(&span, fixed_path(&lever.path).map_err(|what| format!("`{field}`: `path` = {what}")));
    let known = |name: &str| LEVER_NAMES.contains(&name);
    let texts = lever.json.iter().flat_map(strings);
    for name in texts.flat_map(|text| template::unknown(text, known)) {
        let what = format!("`{field}`: nothing fills {{{name}}}; known here: {{author}}, {{reason}}");
        reading.wrong(&reading.within(&span, &format!("{{{name}}}")), what);
    }
    Some(lever)
}

/// Every string in a JSON value, the names of fields left out.
fn strings(json: &serde_json::Value) -> Vec<&str> {
    match json {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn state(text: &str) -> Result<State, String> {
    match text {
        "durable" => Ok(State::Durable),
        "none" => Ok(State::None),
        other => Err(format!("{other:?}: expected \"durable\" or \"none\"")),
    }
}

/// A value that was said, when it is right.
fn said<T>(
    reading: &mut Reading<'_>,
    text: Option<&Spanned<String>>,
    field: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let text = text?;
    reading.kept(&text.span(), read(text.get_ref()).map_err(|what| format!("`{field}` = {what}")))
}

/// A folder that was said, relative to `base`.
fn existing(reading: &mut Reading<'_>, path: Option<Spanned<PathBuf>>, field: &str, base: &Path) -> Option<PathBuf> {
    let path = path?;
    let whole = base.join(path.get_ref());
    reading.kept(&path.span(), folder(&whole).map_err(|what| format!("`{field}`: {what}")))?;
    Some(whole)
}

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DeclaredVisitor)
    }
}

struct DeclaredVisitor;

impl<'de> Visitor<'de> for DeclaredVisitor {
    type Value = Declared;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("dependencies = \"none\", or a table [dependencies.NAME] for each")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Declared, E> {
        match word {
            "none" => Ok(Declared::None),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Declared, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Declared::Each)
    }
}
