//! The declared files of operation: alert rules, dashboards, playbooks; and the command that compares them with the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use keel_drill::process::{Exit, Launch, run_to_end};
use serde_json::Value;

use super::metrics::exposition::Scrape;
use super::promql;
use crate::control::Control;
use crate::lab::Lab;
use crate::openapi::yaml;
use crate::recipe::Recipe;
use crate::subject::{Ops, Subject};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;
/// The most files of the folder that are copied.
const MAX_FILES: usize = 1_000;
/// The longest chain of recording rules.
const MAX_CHAIN: usize = 10;
/// Time limit of the command.
const CHECK_BOUND: Duration = Duration::from_secs(60);
/// The series that Prometheus itself makes.
const OF_PROMETHEUS: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
/// The line that is added to a rule file by hand.
const BY_HAND: &str = "\n# Changed by hand.\n";
/// The name of a metric that no service has.
const MADE_UP: &str = "keel_made_up_metric_9d4c";

/// An alerting rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) expression: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    /// The time for which its expression has to hold, such as `5m`; empty for none.
    pub(super) held: String,
}

/// A recording rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) expression: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) alerts: Vec<Alert>,
    /// Recording rules by the names that they record.
    pub(super) recorded: BTreeMap<String, Vec<Recorded>>,
}

/// A query of a dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// The title of its panel.
    pub(super) panel: String,
    pub(super) expression: String,
}

/// Outcome of the command that compares the files with the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// True if it finds the files equal to those that the code generates.
    pub(super) equal: bool,
    /// True if it fails on a copy with changed rules; none where there are none.
    pub(super) notices_rules: Option<bool>,
    /// True if it fails on a copy with a changed dashboard; none where there is none.
    pub(super) notices_dashboard: Option<bool>,
}

impl Rules {
    /// Reads the declared rule files.
    ///
    /// # Errors
    /// The first file that cannot be read, and why.
    pub(super) fn read(ops: &Ops) -> Result<Self, String> {
        let mut rules = Self::default();
        for file in &ops.rules {
            let text = text(&ops.folder.join(file))?;
            rules.add(&text).map_err(|what| format!("{}: {what}", file.display()))?;
        }
        Ok(rules)
    }

    /// Adds the rules of one file.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let document = yaml::read(text)?;
        let groups = document.get("groups").and_then(Value::as_array).ok_or("it has no `groups`")?;
        for rule in groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten() {
            let expression = rule.get("expr").map(plain).ok_or("a rule has no `expr`")?;
            match (rule.get("alert"), rule.get("record")) {
                (Some(name), None) => {
                    let (labels, annotations) = (texts(rule.get("labels")), texts(rule.get("annotations")));
                    let held = rule.get("for").map(plain).unwrap_or_default();
                    self.alerts.push(Alert { name: plain(name), expression, labels, annotations, held });
                }
                (None, Some(name)) => {
                    let recorded = Recorded { expression, labels: texts(rule.get("labels")) };
                    self.recorded.entry(plain(name)).or_default().push(recorded);
                }
                _ => return Err("a rule has not just one of `alert` and `record`".to_owned()),
            }
        }
        Ok(())
    }

    /// The metrics of an expression, with those of recording rules in the place of what they record.
    pub(super) fn metrics(&self, expression: &str) -> BTreeSet<String> {
        let (mut found, mut open) = (BTreeSet::new(), promql::metrics(expression));
        let mut known = BTreeSet::new();
        for _ in 0..MAX_CHAIN {
            let mut next = BTreeSet::new();
            for name in open {
                match self.recorded.get(&name) {
                    Some(rules) if known.insert(name.clone()) => {
                        next.extend(rules.iter().flat_map(|rule| promql::metrics(&rule.expression)));
                    }
                    Some(_) => {}
                    None => drop(found.insert(name)),
                }
            }
            open = next;
        }
        found
    }
}

/// Reads the queries of the declared dashboards.
///
/// # Errors
/// The first file that cannot be read, and why.
pub(super) fn queries(ops: &Ops) -> Result<Vec<Query>, String> {
    let mut queries = Vec::new();
    for file in &ops.dashboards {
        let text = text(&ops.folder.join(file))?;
        let document: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        collect(&document, "", &mut queries);
    }
    Ok(queries)
}

/// Every `expr` below a value, with the title nearest to it.
fn collect(value: &Value, title: &str, queries: &mut Vec<Query>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, title, queries)),
        Value::Object(fields) => {
            let title = fields.get("title").and_then(Value::as_str).unwrap_or(title);
            if let Some(expression) = fields.get("expr").and_then(Value::as_str) {
                queries.push(Query { panel: title.to_owned(), expression: expression.to_owned() });
            }
            fields.values().for_each(|field| collect(field, title, queries));
        }
        _ => {}
    }
}

/// Returns true if a metric is published, or made by Prometheus itself.
pub(crate) fn is_published(name: &str, scrape: &Scrape) -> bool {
    let made = OF_PROMETHEUS.contains(&name) || name.starts_with("scrape_");
    let base = ["_bucket", "_count", "_sum", "_total"].iter().find_map(|suffix| name.strip_suffix(suffix));
    made || scrape.samples.iter().any(|sample| sample.name == name)
        || scrape.types.contains_key(name)
        || base.is_some_and(|base| scrape.types.contains_key(base))
}

/// The metrics of the service, and the control of every name that is found among them.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) scrape: Scrape,
    pub(crate) control: Control,
}

/// Reads the metrics, under the control that a name which was made up is not among them.
///
/// # Errors
/// The reason why they are not known.
pub(crate) async fn published(lab: &Lab) -> Result<Published, String> {
    let path = lab.subject.metrics.clone().unwrap_or_else(|| "/metrics".to_owned());
    let exchange = lab.admin().send(keel_wire::http::Request::get(&path)).await;
    let text = exchange.answer().filter(|answer| answer.status == 200).map(keel_wire::http::Answer::text);
    let scrape = Scrape::read(&text.unwrap_or_default()).0;
    let known = !scrape.samples.is_empty() && !is_published(MADE_UP, &scrape);
    let what = format!("{MADE_UP}, which was made up, is not among the metrics of {path}");
    let otherwise = format!("{path} has no metrics that can be read: say `metrics` in keel.toml");
    let control = Control::seen(known, what, otherwise).map_err(|failed| failed.what)?;
    Ok(Published { scrape, control })
}

/// Runs the declared command on the files, and on copies of which one file is changed.
///
/// # Errors
/// The reason why its verdict says nothing.
pub(super) async fn compare(lab: &mut Lab) -> Result<Compared, String> {
    if let Some(known) = lab.observations.get::<Result<Compared, String>>() {
        return known;
    }
    let compared = compared(lab).await;
    lab.observations.keep(compared.clone());
    compared
}

/// The declared command for a folder.
fn check_of(check: &str, folder: &Path) -> String {
    check.replace("{folder}", &quoted(folder))
}

/// A path as a word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Runs the declared command on the files as they are; none without one.
pub(super) fn check_recipe(subject: &Subject) -> Option<Recipe> {
    let ops = subject.ops.as_ref()?;
    let command = check_of(ops.check.as_ref()?, &ops.folder);
    // A recipe's command runs in the repository, this one where the service does.
    Some(Recipe::Command(match &subject.repository {
        Some(folder) if *folder != subject.workdir => format!("cd {} && ({command})", quoted(&subject.workdir)),
        _ => command,
    }))
}

async fn compared(lab: &Lab) -> Result<Compared, String> {
    let ops = lab.subject.ops.as_ref().ok_or("no files of operation are declared: say [ops] in keel.toml")?;
    let check = ops.check.as_ref().ok_or("no command compares them with the code: say `check` in [ops]")?;
    let succeeds = async |folder: &Path| {
        let launch = Launch { command: check_of(check, folder), ..lab.launch() };
        let ended =
            run_to_end(&launch, CHECK_BOUND).await.map_err(|error| format!("`check` cannot be run: {error}"))?;
        match ended.exit {
            Some(Exit::Code(0)) => Ok(true),
            // A shell's codes for a command that is not there or no program.
            Some(Exit::Code(126 | 127)) | None => {
                Err(format!("`check` did not end by itself: {}", ended.output.trim()))
            }
            Some(_) => Ok(false),
        }
    };
    let equal = succeeds(&ops.folder).await?;
    let notices = async |file: Option<&std::path::PathBuf>, change: fn(&str) -> Option<String>| {
        let Some(file) = file else { return Ok::<_, String>(None) };
        let copy = tempfile::tempdir().map_err(|error| format!("no folder for a copy: {error}"))?;
        let mut left = MAX_FILES;
        copy_folder(&ops.folder, copy.path(), &mut left)?;
        // A copy is judged as the files are, wherever it is.
        if succeeds(copy.path()).await? != equal {
            return Err("`check` finds a copy of the files to be otherwise than the files".to_owned());
        }
        let path = copy.path().join(file);
        let changed = change(&text(&path)?).ok_or_else(|| format!("{}: it cannot be changed", file.display()))?;
        std::fs::write(&path, changed).map_err(|error| error.to_string())?;
        Ok(Some(!succeeds(copy.path()).await?))
    };
    let notices_rules = notices(ops.rules.first(), |text| Some(format!("{text}{BY_HAND}"))).await?;
    let notices_dashboard =
        notices(ops.dashboards.first(), |text| Some(text.replacen('{', "{\"refresh\":\"1s\",", 1))).await?;
    Ok(Compared { equal, notices_rules, notices_dashboard })
}

fn copy_folder(from: &Path, to: &Path, left: &mut usize) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{} cannot be copied: {error}", from.display());
    for entry in from.read_dir().map_err(told)? {
        let entry = entry.map_err(told)?;
        *left = left.checked_sub(1).ok_or_else(|| format!("{} has more than {MAX_FILES} files", from.display()))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(told)?.is_dir() {
            std::fs::create_dir(&target).map_err(told)?;
            copy_folder(&path, &target, left)?;
        } else {
            std::fs::copy(&path, &target).map_err(told)?;
        }
    }
    Ok(())
}

/// A file's text.
fn text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    if length > MAX_BYTES {
        return Err(format!("{} has more than {MAX_BYTES} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let fields = value.and_then(Value::as_object).into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), plain(value))).collect()
}
