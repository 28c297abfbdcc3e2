//! `access.secrets`: secrets are never in code, never logged, never on the command line.
//!
//! - **Hypothesis**: the declared repository holds no private key, no credential of a known form and no assigned password; values of
//!   declared variables that carry credentials, and credentials that were sent or that declared requests carry, appear in no
//!   output, no file that it writes, no answer and no command line.
//! - **Sent**: requests with marker credentials in Authorization, Cookie and the query, to the usual pages that tell too much
//!   (`TELLING`) and to each declared read; the mix; GETs of the health, metrics and OpenAPI paths.
//! - **Decides**: any of them found. Variables count as credentials by their name, or by a password in a URL; members of declared
//!   bodies and arguments of the command line by their name. A service that prints nothing and holds no file open is a gap, as
//!   is one without a declared credential, and one without a repository. A literal in code that is called a password and looks
//!   random is a gap: it may be one of a test. Rotation is not examined.
//! - **Blast radius**: what the mix does.
//! - **Bound in time**: some 30 exchanges, and reading at most 20,000 files of at most 1 MiB.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_wire::http::{Exchange, Request};
use url::Url;

use self::declared::LEAST;
use crate::clause::access::secrets as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::open_files;
use crate::recipe::Printed;
use crate::recipe::Recipe;

mod declared;
mod in_repository;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "access.secrets";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Pages that tell too much where they are open, and where errors are shown.
const TELLING: [&str; 12] = [
    "/",
    "/env",
    "/.env",
    "/debug",
    "/debug/vars",
    "/config",
    "/actuator/env",
    "/info",
    "/phpinfo.php",
    "/server-status",
    "/keel-probe-nothing-is-here-41c7d20e",
    "/%00",
];
/// Parts of the names of variables with credentials, in capitals.
const NAMES: [&str; 7] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];
/// The most of a file that is read, from its end, in bytes.
const TAIL: u64 = 1 << 20;
/// Time that lines may be on their way.
const LINES: Duration = Duration::from_millis(300);

/// Examines the running subject and its repository.
pub async fn examine(lab: &mut Lab) -> Finding {
    let secrets = known(lab);
    let (markers, declared) = (markers(), declared::of(lab));
    let answers = ask(lab, &markers).await;
    tokio::time::sleep(LINES).await;
    let sent: BTreeMap<String, String> = markers.iter().chain(&declared).map(|(a, b)| (a.clone(), b.clone())).collect();
    let mut evidence = logged(lab, &secrets, &sent);
    evidence.push(on_command_line(lab, &secrets));
    if secrets.is_empty() {
        let what = "no declared variable carries a credential: declare them in [service.env]";
        evidence.extend([clause::ENVIRONMENT.gap(what), clause::NOT_LOGGED.gap(what)]);
    } else {
        evidence.push(answered(&answers, &secrets));
    }
    match &lab.subject.repository {
        Some(root) => evidence.extend(in_repository::scan(root)),
        None => evidence
            .push(clause::NOT_IN_CODE.gap("no repository is declared, so none was searched: say `repository = \".\"`")),
    }
    evidence
        .push(clause::ROTATION.gap("whether a new secret is taken without a restart was not examined by this version"));
    Finding::judge(ID, evidence)
}

/// The credentials among the declared variables, by where they are from.
fn known(lab: &Lab) -> BTreeMap<String, String> {
    let env = lab.launch().env;
    let secret = |(name, value): (&String, &String)| match password(value) {
        Some(password) => Some((format!("the password in {name}"), password)),
        None => named_as_credential(name).then(|| (name.clone(), value.clone())),
    };
    env.iter().filter_map(secret).filter(|(_, value)| value.len() >= LEAST).collect()
}

/// The password of a URL.
fn password(value: &str) -> Option<String> {
    Url::parse(value).ok()?.password().map(str::to_owned)
}

fn named_as_credential(variable: &str) -> bool {
    NAMES.iter().any(|word| variable.to_uppercase().contains(word))
}

/// Returns true if a variable of the environment carries a credential that can be searched for.
pub(crate) fn carries_credential(variable: &str, value: &str) -> bool {
    let secret = password(value).or_else(|| named_as_credential(variable).then(|| value.to_owned()));
    secret.is_some_and(|secret| secret.len() >= LEAST)
}

/// A marker for each place in which clients send credentials.
fn markers() -> BTreeMap<String, String> {
    let places = ["an Authorization header", "a Cookie header", "?password=", "?access_token="];
    let marker = |number: usize| format!("keelsecret{number}z{:08x}k", std::process::id());
    places.iter().enumerate().map(|(number, place)| ((*place).to_owned(), marker(number))).collect()
}

/// Values of Authorization and Cookie with their markers.
fn headers(markers: &BTreeMap<String, String>) -> [String; 2] {
    let marker = |place: &str| markers.get(place).map_or("", String::as_str);
    [format!("Bearer {}", marker("an Authorization header")), format!("session={}", marker("a Cookie header"))]
}

fn query(markers: &BTreeMap<String, String>) -> String {
    let marker = |place: &str| markers.get(place).map_or("", String::as_str);
    format!("?password={}&access_token={}", marker("?password="), marker("?access_token="))
}

/// Sends the markers again, to the root and with the harmless request, and looks for the one that was printed.
fn recipe(lab: &Lab, place: &str) -> Option<Recipe> {
    let markers = markers();
    let marker = markers.get(place)?.clone();
    let [authorization, cookie] = headers(&markers);
    let harmless = lab.harmless().path;
    let joint = if harmless.contains('?') { "&" } else { "?" };
    let query = query(&markers);
    let paths = [format!("/{query}"), format!("{harmless}{joint}{}", query.trim_start_matches('?'))];
    let request = |path: &String| Request::get(path).header("Authorization", &authorization).header("Cookie", &cookie);
    Some(Recipe::Output { requests: paths.iter().map(request).collect(), fault: Printed::Line(marker) })
}

async fn ask(lab: &mut Lab, markers: &BTreeMap<String, String>) -> Vec<Exchange> {
    let (client, admin) = (lab.http(), lab.admin());
    let [authorization, cookie] = headers(markers);
    let query = query(markers);
    let mut answers = Vec::new();
    for path in TELLING {
        let asked = format!("{path}{query}");
        let request = |path: &str| Request::get(path).header("Authorization", &authorization).header("Cookie", &cookie);
        answers.push(client.send(request(&asked)).await);
        if lab.subject.admin.is_some() {
            answers.push(admin.send(request(&asked)).await);
        }
    }
    let subject = &lab.subject;
    for path in [&subject.health, &subject.metrics].into_iter().flatten() {
        answers.push(admin.send(Request::get(path)).await);
    }
    if let Some(path) = &subject.openapi {
        answers.push(client.send(Request::get(path)).await);
    }
    answers.extend(lab.send_mix().await.into_iter().map(|(_, exchange)| exchange));
    // Each declared read once more, with credentials where none are declared.
    for spec in lab.mix().iter().filter(|spec| spec.only_reads()) {
        let mut request = lab.fill(spec);
        let joint = if request.path.contains('?') { '&' } else { '?' };
        request.path = format!("{}{joint}{}", request.path, query.trim_start_matches('?'));
        for (name, value) in [("Authorization", &authorization), ("Cookie", &cookie)] {
            if !request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                request = request.header(name, value);
            }
        }
        answers.push(client.send(request).await);
    }
    answers
}

/// Searches the output and the written files for secrets that must not be logged.
fn logged(lab: &mut Lab, secrets: &BTreeMap<String, String>, sent: &BTreeMap<String, String>) -> Vec<Evidence> {
    let lines: Vec<String> = lab.earlier_output.iter().cloned().chain(lab.output()).map(|line| line.text).collect();
    let pids = lab.process().pids();
    let files: BTreeSet<PathBuf> = pids.into_iter().flat_map(open_files::written_by).collect();
    let all: BTreeMap<&String, &String> = secrets.iter().chain(sent).collect();
    let hidden = |line: String| {
        let hidden = all.values().fold(line, |line, value| line.replace(value.as_str(), "[the secret]"));
        hidden.chars().take(400).collect::<String>()
    };
    let mut evidence = Vec::new();
    if let Some((place, line)) = found(&all, &lines.iter().map(String::as_str).collect::<Vec<_>>()) {
        let piece = clause::NOT_LOGGED.contradicts(format!("it prints {place}")).showing(hidden(line));
        evidence.push(recipe(lab, place).into_iter().fold(piece, Evidence::reproduced_by));
    }
    for file in &files {
        let text = tail(file);
        if let Some((place, line)) = found(&all, &text.lines().collect::<Vec<_>>()) {
            let what = format!("it writes {place} into {}", file.display());
            evidence.push(clause::NOT_LOGGED.contradicts(what).showing(hidden(line)));
        }
    }
    if !evidence.is_empty() {
        return evidence;
    }
    let places: Vec<&str> = all.keys().map(|place| place.as_str()).collect();
    let what = format!(
        "none of {} lines and of {} files that it writes holds {}",
        lines.len(),
        files.len(),
        places.join(", ")
    );
    vec![match lines.len() + files.len() {
        0 => clause::NOT_LOGGED.gap("it prints nothing and holds no file open for writing: where it logs was not seen"),
        _ => clause::NOT_LOGGED.holds(what),
    }]
}

/// The first line that holds one of these, after the place of the secret.
fn found<'v>(secrets: &BTreeMap<&'v String, &'v String>, lines: &[&str]) -> Option<(&'v str, String)> {
    secrets.iter().find_map(|(place, value)| {
        let line = lines.iter().find(|line| line.contains(value.as_str()))?;
        Some((place.as_str(), (*line).to_owned()))
    })
}

/// The end of a file, as text.
fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn answered(answers: &[Exchange], secrets: &BTreeMap<String, String>) -> Evidence {
    let holds =
        |exchange: &&Exchange, value: &str| exchange.answer().is_some_and(|answer| answer.text().contains(value));
    let found = secrets
        .iter()
        .find_map(|(place, value)| Some((place, answers.iter().find(|exchange| holds(exchange, value))?)));
    match found {
        // What came back is not shown: it holds the secret.
        Some((place, exchange)) => {
            clause::NOT_LOGGED.contradicts(format!("GET {} answers with {place}", exchange.request.path))
        }
        None => clause::NOT_LOGGED.holds(format!("none of {} answers holds a declared credential", answers.len())),
    }
}

/// Searches the command line for a known credential, or for one by its name.
fn on_command_line(lab: &mut Lab, secrets: &BTreeMap<String, String>) -> Evidence {
    let read = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).ok();
    let lines: Vec<String> = lab
        .process()
        .pids()
        .into_iter()
        .filter_map(read)
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect();
    let told = |place: &str| {
        clause::ENVIRONMENT
            .contradicts(format!("{place} is on its command line, where every user of the host reads it"))
    };
    if let Some((place, _)) = secrets.iter().find(|(_, value)| lines.iter().any(|line| line.contains(value.as_str()))) {
        return told(place);
    }
    match lines.iter().find_map(|line| declared::on_command_line(line)) {
        Some(name) => told(&format!("a value of {name}")),
        None if lines.is_empty() => clause::ENVIRONMENT.gap("its command line cannot be read"),
        None => {
            clause::ENVIRONMENT.holds(format!("no credential is on {} command lines of its processes", lines.len()))
        }
    }
}
