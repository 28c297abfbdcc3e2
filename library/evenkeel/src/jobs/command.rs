//! The subcommand `jobs`: lists jobs and dead letters, and changes them, in the database itself. The service need not run.

use std::io::Write;

use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use store::Store;
use work::JobStore;
use work::job::{JobFilter, JobState, MAX_BATCH, MAX_PAGE};

use super::documents::{dead_document, document};
use super::operation::Operation;
use crate::failed::Failed;
use crate::operator::MAX_TEXT;
use crate::settings::Refused;

/// The subcommand's name.
pub(crate) const NAME: &str = "jobs";

/// The actions, each with its targets.
const ACTIONS: [(&str, Targets); 13] = [
    ("list", Targets::None),
    ("show", Targets::Ids),
    ("retry", Targets::Ids),
    ("cancel", Targets::Ids),
    ("dead", Targets::None),
    ("show-dead", Targets::Ids),
    ("redrive", Targets::Ids),
    ("drop", Targets::Ids),
    ("paused", Targets::None),
    ("pause-queue", Targets::Name),
    ("resume-queue", Targets::Name),
    ("pause-kind", Targets::Name),
    ("resume-kind", Targets::Name),
];

/// The targets of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Targets {
    None,
    Ids,
    Name,
}

/// A request of the command line.
#[derive(Clone, Debug)]
enum Request {
    List { filter: JobFilter, after: i64 },
    Show(Vec<i64>),
    Dead { queue: Option<String>, after: i64 },
    ShowDead(Vec<i64>),
    Paused,
    Change { operation: Operation, author: String, reason: String },
}

/// Options of the subcommand.
#[derive(Clone, Debug, Default)]
pub struct JobsOptions(Option<Request>);

impl JobsOptions {
    /// The subcommand's part of the command line.
    pub(crate) fn command() -> Command {
        let text = |id: &'static str, long: &'static str, value: &'static str, help: &'static str| {
            Arg::new(id).long(long).value_name(value).help(help)
        };
        let actions =
            Arg::new("jobs.action").value_name("ACTION").required(true).value_parser(ACTIONS.map(|(name, _)| name));
        let targets =
            Arg::new("jobs.target").value_name("TARGET").num_args(0..=MAX_BATCH).action(clap::ArgAction::Append);
        let states = JobState::ALL.map(JobState::name);
        Command::new(NAME)
            .about("List, retry, cancel, redrive or pause jobs in the database, and exit")
            .arg(actions.help("The action: lists print a JSON document a line"))
            .arg(targets.help("Ids of jobs or dead letters, or the name of a queue or kind"))
            .arg(text("jobs.queue", "queue", "NAME", "List this queue only"))
            .arg(text("jobs.kind", "kind", "NAME", "List this kind only"))
            .arg(text("jobs.state", "state", "STATE", "List jobs of this state only").value_parser(states))
            .arg(
                text("jobs.after", "after", "ID", "List from this id on")
                    .value_parser(clap::value_parser!(i64))
                    .default_value("0"),
            )
            .arg(text("jobs.author", "author", "NAME", "Your name, for the log; needed by changes").env("USER"))
            .arg(text("jobs.reason", "reason", "TEXT", "The reason, for the log; needed by changes"))
    }

    /// The options that were given to the subcommand.
    ///
    /// # Errors
    /// With the option that is missing or wrong.
    pub(crate) fn take(matches: &ArgMatches) -> Result<Self, Refused> {
        request(matches).map(|request| Self(Some(request))).map_err(|message| {
            let error = Self::command().error(clap::error::ErrorKind::ValueValidation, message);
            Refused::Usage(Box::new(error))
        })
    }
}

fn request(matches: &ArgMatches) -> Result<Request, String> {
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let action = text("jobs.action").unwrap_or_default();
    let given: Vec<String> = matches.get_many("jobs.target").into_iter().flatten().cloned().collect();
    let targets = ACTIONS.into_iter().find(|(name, _)| *name == action).map_or(Targets::None, |(_, targets)| targets);
    let mut ids = Vec::new();
    match targets {
        Targets::None if !given.is_empty() => return Err(format!("`{NAME} {action}` takes no target")),
        Targets::Ids if given.is_empty() || given.len() > MAX_BATCH => {
            return Err(format!(
                "`{NAME} {action}` takes 1 to {MAX_BATCH} ids; `{NAME} list` and `{NAME} dead` print them"
            ));
        }
        Targets::Ids => {
            for id in &given {
                ids.push(id.parse::<i64>().map_err(|_| format!("{id:?} is no id: ids are whole numbers"))?);
            }
        }
        Targets::Name if given.len() != 1 => return Err(format!("`{NAME} {action}` takes one name")),
        Targets::None | Targets::Name => {}
    }
    let name = given.into_iter().next().unwrap_or_default();
    let after = matches.get_one::<i64>("jobs.after").copied().unwrap_or_default();
    let state = text("jobs.state").as_deref().and_then(JobState::of_name);
    let operation = match action.as_str() {
        "list" => {
            let filter = JobFilter { queue: text("jobs.queue"), kind: text("jobs.kind"), state };
            return Ok(Request::List { filter, after });
        }
        "show" => return Ok(Request::Show(ids)),
        "dead" => return Ok(Request::Dead { queue: text("jobs.queue"), after }),
        "show-dead" => return Ok(Request::ShowDead(ids)),
        "paused" => return Ok(Request::Paused),
        "retry" => Operation::Retry(ids),
        "cancel" => Operation::Cancel(ids),
        "redrive" => Operation::Redrive(ids),
        "drop" => Operation::Drop(ids),
        "pause-queue" => Operation::PauseQueue(name),
        "resume-queue" => Operation::ResumeQueue(name),
        "pause-kind" => Operation::PauseKind(name),
        _ => Operation::ResumeKind(name),
    };
    let (author, reason) = (text("jobs.author").unwrap_or_default(), text("jobs.reason").unwrap_or_default());
    for (option, given) in [("author", &author), ("reason", &reason)] {
        if given.trim().is_empty() || given.chars().count() > MAX_TEXT {
            return Err(format!("`{NAME} {action}` needs --{option}, of at most {MAX_TEXT} characters"));
        }
    }
    Ok(Request::Change { operation, author, reason })
}

/// Runs the subcommand: prints a JSON document a line, or the number of changed rows.
pub(crate) async fn run(store: &Store, options: JobsOptions) -> Result<(), Failed> {
    let jobs = JobStore::new(store);
    let Some(request) = options.0 else { return Ok(()) };
    match request {
        Request::List { filter, mut after } => loop {
            let page = jobs.list(&filter, after, MAX_PAGE).await?;
            page.jobs.iter().try_for_each(print)?;
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        },
        Request::Dead { queue, mut after } => loop {
            let page = jobs.dead_page(queue.as_deref(), after, MAX_PAGE).await?;
            page.iter().try_for_each(print)?;
            match page.last() {
                Some(last) if page.len() == MAX_PAGE => after = last.id,
                _ => return Ok(()),
            }
        },
        Request::Show(ids) => {
            for id in ids {
                print(&document(&jobs, id).await?)?;
            }
        }
        Request::ShowDead(ids) => {
            for id in ids {
                print(&dead_document(&jobs, id).await?)?;
            }
        }
        Request::Paused => {
            jobs.queue_limits().await?.iter().try_for_each(print)?;
            for kind in jobs.paused_kinds().await? {
                print(&serde_json::json!({ "kind": kind, "paused": true }))?;
            }
        }
        Request::Change { operation, author, reason } => {
            let changed = operation.run(&jobs, None, &author, &reason).await?;
            print(
                &serde_json::json!({ "operation": operation.name(), "changed": changed, "author": author, "reason": reason }),
            )?;
        }
    }
    Ok(())
}

/// Prints a document as one line.
fn print(document: &impl Serialize) -> Result<(), Failed> {
    let mut line = serde_json::to_string(document).map_err(std::io::Error::from)?;
    line.push('\n');
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        let arguments = line.split('|').collect::<Vec<_>>();
        let matches = JobsOptions::command()
            .mut_arg("jobs.author", |author| author.env(None::<&str>))
            .try_get_matches_from(arguments);
        request(&matches.map_err(|error| error.to_string())?)
    }

    #[test]
    fn changes_need_targets_an_author_and_a_reason() {
        for (line, expected) in [
            ("jobs|retry|--author=ada|--reason=now", "takes 1 to 500 ids"),
            ("jobs|retry|one|--author=ada|--reason=now", "is no id"),
            ("jobs|retry|1|--reason=now", "--author"),
            ("jobs|retry|1|--author=ada", "--reason"),
            ("jobs|pause-kind|--author=ada|--reason=now", "takes one name"),
            ("jobs|list|7", "takes no target"),
            ("jobs|forget", "invalid value"),
            ("jobs|list|--state=lost", "invalid value"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn targets_are_ids_or_a_name() {
        let Ok(Request::Change { operation: Operation::Redrive(ids), author, reason }) =
            read("jobs|redrive|3|4|--author=ada|--reason=the printer is back")
        else {
            panic!("it is a change")
        };
        assert_eq!((ids, author.as_str(), reason.as_str()), (vec![3, 4], "ada", "the printer is back"));
        assert!(matches!(read("jobs|list|--state=running|--after=7"), Ok(Request::List { after: 7, .. })));
    }
}
