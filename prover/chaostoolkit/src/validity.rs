//! Validation of an experiment. All mistakes are reported before anything acts.

use std::path::{Path, PathBuf};

use super::mistake::Mistake;
use super::{document, tolerance};
use crate::value::Value;

/// Holds the file against the format.
pub(super) fn check(experiment: &Value) -> Result<(), Mistake> {
    if experiment.as_map().is_none_or(crate::value::Map::is_empty) {
        return wrong("an empty experiment is not an experiment");
    }
    for (key, what) in [("title", "experiment requires a title"), ("description", "experiment requires a description")]
    {
        if !experiment.get(key).is_some_and(Value::is_truthy) {
            return wrong(what);
        }
    }
    if experiment.list("tags").iter().any(|tag| tag.as_text().is_none_or(str::is_empty)) {
        return wrong("experiment tags must be a non-empty string");
    }
    if experiment.list("extensions").iter().any(|ext| ext.text("name").is_none_or(|name| name.trim().is_empty())) {
        return wrong("All extensions require a non-empty name");
    }
    if experiment.get("runtime").is_some_and(|runtime| runtime.get("python").is_some_and(|it| it.as_map().is_some())) {
        return wrong("runtime.python asks for a Python environment, and keel runs no Python: use process or http");
    }
    hypothesis(experiment)?;
    if experiment.some("method").is_none() {
        return wrong("an experiment requires a method, which can be empty for only checking steady state hypothesis");
    }
    for step in experiment.list("method") {
        activity(step)?;
        let named = |activity: &&Value| activity.text("name") == step.text("ref");
        if step.get("ref").is_some() && !document::known(experiment).iter().any(|known| named(&known)) {
            let name = step.text("ref").unwrap_or_default();
            return wrong(format!("referenced activity '{name}' could not be found in the experiment"));
        }
    }
    experiment.list("rollbacks").iter().try_for_each(activity)?;
    controls(experiment)
}

fn hypothesis(experiment: &Value) -> Result<(), Mistake> {
    let Some(hypothesis) = experiment.some("steady-state-hypothesis") else { return Ok(()) };
    if !hypothesis.get("title").is_some_and(Value::is_truthy) {
        return wrong("hypothesis requires a title");
    }
    for probe in hypothesis.list("probes") {
        activity(probe)?;
        let tolerance = probe.get("tolerance");
        let tolerance = tolerance.ok_or_else(|| Mistake::new("hypothesis probe must have a tolerance entry"))?;
        tolerance::check(tolerance)?;
        if tolerance.text("type") == Some("probe") {
            activity(tolerance)?;
        }
    }
    Ok(())
}

/// Checks one probe or action.
fn activity(activity: &Value) -> Result<(), Mistake> {
    if !activity.is_truthy() {
        return wrong("empty activity is no activity");
    }
    if let Some(reference) = activity.some("ref") {
        return match reference.as_text() {
            Some(name) if !name.is_empty() => Ok(()),
            _ => wrong("reference to activity must be non-empty strings"),
        };
    }
    match activity.get("type") {
        Some(kind) if kind.is_truthy() => {
            if !matches!(kind.as_text(), Some("probe" | "action")) {
                return wrong(format!("'{}' is not a supported activity type", super::python::text(kind)));
            }
        }
        _ => return wrong("an activity must have a type"),
    }
    if !activity.get("name").is_some_and(Value::is_truthy) {
        return wrong("an activity must have a name");
    }
    let provider = activity.get("provider").filter(|provider| provider.is_truthy());
    let provider = provider.ok_or_else(|| Mistake::new("an activity requires a provider"))?;
    pauses(activity)?;
    if activity.some("timeout").is_some_and(|timeout| timeout.as_number().is_none()) {
        return wrong("activity timeout must be a number");
    }
    if activity.get("background").is_some_and(|value| !matches!(value, Value::Bool(_))) {
        return wrong("activity background must be a boolean");
    }
    let name = activity.text("name").unwrap_or_default();
    match provider.text("type") {
        Some("process") => process(name, provider),
        Some("http") => http(name, provider),
        Some("python") => wrong(format!(
            "the activity '{name}' calls Python, which keel does not run: use the process provider, with python3 as its path"
        )),
        Some(other) if !other.is_empty() => wrong(format!("unknown provider type '{other}'")),
        _ => wrong("a provider must have a type"),
    }
}

fn pauses(activity: &Value) -> Result<(), Mistake> {
    for when in ["before", "after"] {
        let pause = activity.get("pauses").and_then(|pauses| pauses.text(when));
        if pause.is_some_and(|text| !(text.starts_with("${") && text.ends_with('}'))) {
            return wrong(format!(
                "activity {when} pause must be a number or a pattern to a variable from the configuration or secrets"
            ));
        }
    }
    Ok(())
}

fn process(name: &str, provider: &Value) -> Result<(), Mistake> {
    let path = provider.text("path").filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Mistake::new("a process activity must have a path"))?;
    match which(path) {
        Some(_) => Ok(()),
        None => wrong(format!("path '{path}' cannot be found, in activity '{name}'")),
    }
}

fn http(name: &str, provider: &Value) -> Result<(), Mistake> {
    let url = provider.get("url").filter(|url| url.is_truthy());
    let url = url.ok_or_else(|| Mistake::new("a HTTP activity must have a URL"))?;
    if url.as_text().is_some_and(|url| url.starts_with("https:")) {
        return wrong(format!(
            "the activity '{name}' calls {}, and keel speaks no TLS: let it call the plain listener, or use curl through \
             the process provider",
            super::python::text(url)
        ));
    }
    if provider.get("headers").is_some_and(|headers| headers.is_truthy() && headers.as_map().is_none()) {
        return wrong("a HTTP activities expect headers as a mapping");
    }
    Ok(())
}

/// Controls are Python code that keel does not run; their form is checked nonetheless.
fn controls(experiment: &Value) -> Result<(), Mistake> {
    let controls = controls_of(experiment);
    let defined = |name: Option<&str>| {
        controls.iter().any(|control| control.get("ref").is_none() && name.is_some() && control.text("name") == name)
    };
    for control in &controls {
        if control.get("ref").is_some() && !defined(control.text("ref")) {
            return wrong("Control reference '{}' declaration cannot be found");
        }
        let name = control.text("name").ok_or_else(|| Mistake::new("A control must have a `name` property"))?;
        if control.get("provider").is_none() {
            return wrong(format!("Control '{name}' must have a `provider` property"));
        }
        if control
            .get("scope")
            .is_some_and(|scope| scope.is_truthy() && !matches!(scope.as_text(), Some("before" | "after")))
        {
            return wrong(format!("Control '{name}' scope property must be 'before' or 'after' only"));
        }
    }
    Ok(())
}

/// Every control of the experiment, of its hypothesis and of its activities.
pub(super) fn controls_of(experiment: &Value) -> Vec<&Value> {
    let hypothesis = experiment.get("steady-state-hypothesis");
    let activities = document::activities(experiment);
    let levels = [Some(experiment), hypothesis].into_iter().flatten().chain(activities);
    levels.flat_map(|level| level.list("controls")).collect()
}

/// The program that a path names: itself when it has a folder, else the first of that name in `PATH`.
pub(super) fn which(path: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if path.contains('/') {
        return Some(PathBuf::from(path)).filter(runs);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder: PathBuf| Path::new(&folder).join(path)).find(runs)
}

fn wrong(what: impl Into<String>) -> Result<(), Mistake> {
    Err(Mistake::new(what))
}
