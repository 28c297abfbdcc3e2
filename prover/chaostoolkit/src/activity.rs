//! One probe or action: its pauses, its provider, its entry in the journal.

use super::failure::Failure;
use super::journal::Run;
use super::scene::Scene;
use super::seconds::{LONGEST_PAUSE, seconds};
use super::strategy::Dry;
use super::substitution::Names;
use super::{http, process, python, tolerance};
use crate::value::Value;

/// Journal entries of a phase, in the order in which activities start; background activities run beside others.
pub(super) type Entries = std::sync::Arc<std::sync::Mutex<Vec<Run>>>;

/// Carries an activity out and keeps its entry; gives the place of the entry.
///
/// # Errors
/// A description of a fatal fault; the entry is kept in this case too, without a status.
pub(super) async fn execute(scene: &Scene, activity: &Value, entries: &Entries) -> Result<usize, String> {
    let activity = match activity.some("ref") {
        Some(reference) => scene.lookup(reference.as_text().unwrap_or_default())?,
        None => activity.clone(),
    };
    let dry = scene.dry;
    let skipped = match dry {
        Some(Dry::Actions) => activity.text("type") == Some("action"),
        Some(Dry::Probes) => activity.text("type") == Some("probe"),
        Some(Dry::Activities) => true,
        Some(Dry::Pause) | None => false,
    };
    let pauses = scene.names.substitute(activity.get("pauses").unwrap_or(&Value::Null));
    let pause = async |when: &str| -> Result<(), String> {
        let Some(pause) = pauses.get(when).filter(|pause| pause.is_truthy()) else { return Ok(()) };
        let length =
            seconds(pause).ok_or_else(|| format!("a pause of {} is no number of seconds", python::text(pause)))?;
        if dry != Some(Dry::Pause) && !skipped {
            scene.tell(format!("Pausing {when} {} for {}s", name(&activity), python::text(pause)));
            tokio::time::sleep(length.min(LONGEST_PAUSE)).await;
        }
        Ok(())
    };
    pause("before").await?;
    scene.tell(format!("{}: {}", kind(&activity), name(&activity)));
    let place = {
        let mut entries = entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.push(Run::started(activity.clone()));
        entries.len() - 1
    };
    let outcome = if skipped { Ok(Value::Null) } else { run(&activity, &scene.names).await };
    let fatal = {
        let mut entries = entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = &mut entries[place];
        entry.end_now();
        match outcome {
            Ok(output) => {
                entry.output = output;
                entry.status = Some("succeeded");
                None
            }
            Err(Failure::Activity(problem)) => {
                scene.tell(format!("  failed: {problem}"));
                entry.status = Some("failed");
                entry.exception = Some(vec![format!("chaoslib.exceptions.ActivityFailed: {problem}\n")]);
                None
            }
            Err(Failure::Fatal(problem)) => Some(format!("{}: {problem}", name(&activity))),
        }
    };
    pause("after").await?;
    fatal.map_or(Ok(place), Err)
}

/// Asks the provider.
pub(super) async fn run(activity: &Value, names: &Names) -> Result<Value, Failure> {
    let provider = activity.get("provider").unwrap_or(&Value::Null);
    match provider.text("type") {
        Some("process") => process::run(provider, names).await,
        Some("http") => http::run(provider, names).await,
        other => Err(Failure::fatal(format!("there is no provider {other:?}"))),
    }
}

/// Returns true if the output of a probe is within its tolerance. A tolerance that is a probe gets the output as an argument, and
/// keeps it, as in the reference: the journal shows it.
pub(super) async fn within(allowed: &mut Value, output: &Value, names: &Names) -> Result<bool, Failure> {
    if allowed.text("type") != Some("probe") {
        let replaced = match allowed {
            Value::Text(_) => names.substitute(allowed),
            other => other.clone(),
        };
        return tolerance::allows(&replaced, output, names);
    }
    let provider = allowed.as_map_mut().and_then(|probe| probe.get_mut("provider"));
    let arguments = provider.and_then(|provider| provider.as_map_mut()?.get_mut("arguments"));
    match arguments {
        Some(Value::Map(arguments)) => arguments.set("value", output.clone()),
        _ => return Err(Failure::fatal("a tolerance that is a probe needs a mapping of arguments")),
    }
    match run(allowed, names).await {
        Ok(answer) => Ok(answer.is_truthy()),
        Err(Failure::Activity(_)) => Ok(false),
        Err(fatal) => Err(fatal),
    }
}

fn name(activity: &Value) -> &str {
    activity.text("name").unwrap_or("unnamed")
}

fn kind(activity: &Value) -> &'static str {
    if activity.text("type") == Some("action") { "Action" } else { "Probe" }
}
