//! `access.secrets`: secrets are never in code, never logged, never on the command line.
//!
//! - **Hypothesis**: the declared repository holds no private key, no credential of a known form and no assigned password; values of
//!   declared variables that carry credentials, and credentials that were sent, appear in no output, answer or command line.
//! - **Sent**: requests with marker credentials in Authorization, Cookie and the query; the mix; GETs of the usual pages that tell too
//!   much (`TELLING`).
//! - **Decides**: any of them found. Variables count as credentials by their name, or by a password in a URL.
//! - **Blast radius**: what the mix does.
//! - **Bound in time**: some 30 exchanges, and reading at most 20,000 files of at most 1 MiB.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_wire::http::{Exchange, Request};
use url::Url;

use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

mod in_repository;
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
/// What names of variables with credentials contain, in capitals.
const NAMES: [&str; 7] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];
/// Shorter values are found by chance.
const LEAST: usize = 6;
/// How long lines may be on their way.
const LINES: Duration = Duration::from_millis(300);

/// Examines the running subject and its repository.
pub async fn examine(lab: &mut Lab) -> Finding {
    let secrets = known(lab);
    let markers = markers();
    let mut evidence = Vec::new();
    if secrets.is_empty() {
        evidence.push(Evidence::note("no declared variable carries a credential"));
    }
    let answers = ask(lab, &markers).await;
    tokio::time::sleep(LINES).await;
    let lines: Vec<String> = lab.earlier_output.iter().cloned().chain(lab.output()).map(|line| line.text).collect();
    evidence.push(printed(&lines, &secrets, &markers));
    if !secrets.is_empty() {
        evidence.push(answered(&answers, &secrets));
        evidence.push(on_command_line(lab, &secrets));
    }
    match &lab.subject.repository {
        Some(root) => evidence.push(in_repository::scan(root)),
        None => {
            evidence.push(Evidence::note("no repository is declared, so none was searched: say `repository = \".\"`"))
        }
    }
    Finding::judge(ID, "no secret is printed, answered, on the command line, or in the repository", evidence)
}

/// The credentials among the declared variables, by where they are from.
fn known(lab: &Lab) -> BTreeMap<String, String> {
    let env = lab.launch().env;
    let by_name = |name: &str| NAMES.iter().any(|word| name.to_uppercase().contains(word));
    let password = |value: &str| Url::parse(value).ok().and_then(|url| url.password().map(str::to_owned));
    let secret = |(name, value): (&String, &String)| match password(value) {
        Some(password) => Some((format!("the password in {name}"), password)),
        None => by_name(name).then(|| (name.clone(), value.clone())),
    };
    env.iter().filter_map(secret).filter(|(_, value)| value.len() >= LEAST).collect()
}

/// A marker for each place in which clients send credentials.
fn markers() -> BTreeMap<String, String> {
    let places = ["an Authorization header", "a Cookie header", "?password=", "?access_token="];
    let marker = |number: usize| format!("keelsecret{number}z{:08x}k", std::process::id());
    places.iter().enumerate().map(|(number, place)| ((*place).to_owned(), marker(number))).collect()
}

async fn ask(lab: &mut Lab, markers: &BTreeMap<String, String>) -> Vec<Exchange> {
    let marker = |place: &str| markers.get(place).map_or("", String::as_str);
    let (client, admin) = (lab.http(), lab.admin());
    let (authorization, cookie) =
        (format!("Bearer {}", marker("an Authorization header")), format!("session={}", marker("a Cookie header")));
    let query = format!("?password={}&access_token={}", marker("?password="), marker("?access_token="));
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
    answers
}

fn printed(lines: &[String], secrets: &BTreeMap<String, String>, markers: &BTreeMap<String, String>) -> Evidence {
    let found = secrets.iter().chain(markers).find(|(_, value)| lines.iter().any(|line| line.contains(value.as_str())));
    match found {
        Some((place, value)) => {
            let line = lines.iter().find(|line| line.contains(value.as_str())).cloned().unwrap_or_default();
            let hidden: String = line.replace(value.as_str(), "[the secret]").chars().take(400).collect();
            Evidence { came_back: Some(hidden), ..Evidence::saw(false, format!("it prints {place}")) }
        }
        None => {
            let places: Vec<&str> = secrets.keys().chain(markers.keys()).map(String::as_str).collect();
            Evidence::saw(true, format!("none of its {} lines holds {}", lines.len(), places.join(", ")))
        }
    }
}

fn answered(answers: &[Exchange], secrets: &BTreeMap<String, String>) -> Evidence {
    let holds =
        |exchange: &&Exchange, value: &str| exchange.answer().is_some_and(|answer| answer.text().contains(value));
    let found = secrets
        .iter()
        .find_map(|(place, value)| Some((place, answers.iter().find(|exchange| holds(exchange, value))?)));
    match found {
        // What came back is not shown: it holds the secret.
        Some((place, exchange)) => Evidence::saw(false, format!("GET {} answers with {place}", exchange.request.path)),
        None => Evidence::saw(true, format!("none of {} answers holds a declared credential", answers.len())),
    }
}

fn on_command_line(lab: &mut Lab, secrets: &BTreeMap<String, String>) -> Evidence {
    let read = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).ok();
    let lines: Vec<String> = lab
        .process()
        .pids()
        .into_iter()
        .filter_map(read)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    match secrets.iter().find(|(_, value)| lines.iter().any(|line| line.contains(value.as_str()))) {
        Some((place, _)) => {
            Evidence::saw(false, format!("{place} is on its command line, where every user of the host reads it"))
        }
        None => Evidence::saw(true, "no declared credential is on its command line"),
    }
}
