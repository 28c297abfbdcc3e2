//! The levers of operators, and the requests to the admin API that their forms stand for.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::page::Page;

/// A lever: one change of the admin API, as a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lever {
    /// Its name, in the path of its form.
    pub name: &'static str,
    /// Its title: a verb and its object.
    pub title: &'static str,
    /// Its effect, in one sentence.
    pub effect: &'static str,
    /// The method of its request.
    pub method: &'static str,
    /// The path of its request; `{target}` stands for the target.
    pub path: &'static str,
    /// Members of its body.
    body: &'static [(&'static str, &'static str)],
    /// The path of the page with its form.
    pub(super) page: &'static str,
    pub(super) target: Target,
    /// A number that the change needs: its member of the body, and its label.
    pub(super) number: Option<(&'static str, &'static str)>,
    /// True when no other lever undoes it: the form asks for the target a second time.
    pub is_dangerous: bool,
}

/// The kind of target of a lever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A row of a table: its name, and the column of the target.
    Row(&'static str, &'static str),
    /// A name that no table lists.
    Name(&'static str),
    /// Ids of jobs or dead letters.
    Ids,
}

/// A form as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeverForm {
    /// The target: a name, or ids with commas between.
    pub target: String,
    /// The number.
    pub number: String,
    /// The author, where operators have no tokens.
    pub author: String,
    /// The reason.
    pub reason: String,
    /// The target a second time.
    pub confirm: String,
}

/// The request of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct LeverRequest {
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Value,
}

const POLICY: Target = Target::Row("policy", "name");
const QUEUE: Target = Target::Row("job_queue", "queue");
const SCHEDULE: Target = Target::Row("job_schedule", "schedule");
const SUBSCRIPTION: Target = Target::Row("subscription", "subscription");
const LEASE: Target = Target::Row("leader", "lease");
const KIND: Target = Target::Name("kind of job");
const RUN: Target = Target::Name("message id of the run");

const fn lever(
    page: &'static str,
    name: &'static str,
    title: &'static str,
    effect: &'static str,
    request: (&'static str, &'static str),
    target: Target,
) -> Lever {
    let (method, path) = request;
    Lever { name, title, effect, method, path, body: &[], page, target, number: None, is_dangerous: false }
}

impl Lever {
    const fn with(self, body: &'static [(&'static str, &'static str)]) -> Self {
        Self { body, ..self }
    }

    const fn number(self, member: &'static str, label: &'static str) -> Self {
        Self { number: Some((member, label)), ..self }
    }

    const fn dangerous(self) -> Self {
        Self { is_dangerous: true, ..self }
    }
}

const CALLS: &str = "calls";
const JOBS: &str = "jobs";
const OPEN: &[(&str, &str)] = &[("order", "open")];

/// All levers, in the order of their forms.
pub const LEVERS: [Lever; 21] = [
    lever(
        CALLS,
        "trip",
        "Trip a breaker",
        "All calls to the dependency are refused until it is released.",
        ("PUT", "/policies/{target}/breaker"),
        POLICY,
    )
    .with(OPEN),
    lever(
        CALLS,
        "release",
        "Release a breaker",
        "The breaker decides again.",
        ("DELETE", "/policies/{target}/breaker"),
        POLICY,
    ),
    lever(
        CALLS,
        "limit-calls",
        "Limit the rate of calls",
        "At most so many calls a second, until the next start.",
        ("PATCH", "/policies/{target}"),
        POLICY,
    )
    .number("rate", "Calls a second"),
    lever(
        CALLS,
        "limit-attempts",
        "Limit attempts",
        "At most so many attempts for a call, until the next start.",
        ("PATCH", "/policies/{target}"),
        POLICY,
    )
    .number("attempts", "Attempts"),
    lever(
        JOBS,
        "pause-queue",
        "Pause a queue",
        "Nothing of it is claimed, on all nodes; jobs that run go on.",
        ("PUT", "/queues/{target}/pause"),
        QUEUE,
    ),
    lever(
        JOBS,
        "resume-queue",
        "Resume a queue",
        "Its jobs are claimed again.",
        ("DELETE", "/queues/{target}/pause"),
        QUEUE,
    ),
    lever(
        JOBS,
        "limit-queue",
        "Limit a queue",
        "At most so many jobs at once over all nodes; 0 removes the limit.",
        ("PATCH", "/queues/{target}"),
        QUEUE,
    )
    .number("running", "Jobs at once"),
    lever(
        JOBS,
        "pause-kind",
        "Pause a kind of job",
        "Nothing of the kind is claimed, on all nodes.",
        ("PUT", "/kinds/{target}/pause"),
        KIND,
    ),
    lever(
        JOBS,
        "resume-kind",
        "Resume a kind of job",
        "Its jobs are claimed again.",
        ("DELETE", "/kinds/{target}/pause"),
        KIND,
    ),
    lever(
        JOBS,
        "pause-schedule",
        "Pause a schedule",
        "Its slots are missed ones.",
        ("PUT", "/schedules/{target}/pause"),
        SCHEDULE,
    ),
    lever(
        JOBS,
        "resume-schedule",
        "Resume a schedule",
        "Its slots are fired again.",
        ("DELETE", "/schedules/{target}/pause"),
        SCHEDULE,
    ),
    lever(
        JOBS,
        "retry",
        "Start jobs now",
        "Jobs that would start later start now.",
        ("POST", "/jobs/retry"),
        Target::Ids,
    ),
    lever(
        JOBS,
        "redrive",
        "Redrive dead letters",
        "They are jobs again, with all their attempts.",
        ("POST", "/dead-letters/redrive"),
        Target::Ids,
    ),
    lever(
        JOBS,
        "pause-subscription",
        "Pause a subscription",
        "It consumes nothing, on all nodes.",
        ("PUT", "/subscriptions/{target}/pause"),
        SUBSCRIPTION,
    ),
    lever(
        JOBS,
        "resume-subscription",
        "Resume a subscription",
        "It goes on from its cursor.",
        ("DELETE", "/subscriptions/{target}/pause"),
        SUBSCRIPTION,
    ),
    lever(
        JOBS,
        "resume-run",
        "Resume a run",
        "It goes on from the step at which it stopped.",
        ("POST", "/runs/{target}/resume"),
        RUN,
    ),
    lever(
        JOBS,
        "undo-run",
        "Undo a run",
        "The steps of a run that needs a decision are undone.",
        ("POST", "/runs/{target}/undo"),
        RUN,
    ),
    lever(
        JOBS,
        "cancel",
        "Cancel jobs",
        "Ready jobs are deleted, running ones are stopped.",
        ("POST", "/jobs/cancel"),
        Target::Ids,
    )
    .dangerous(),
    lever(JOBS, "drop", "Drop dead letters", "They are deleted.", ("POST", "/dead-letters/drop"), Target::Ids)
        .dangerous(),
    lever(
        JOBS,
        "abandon-run",
        "Give up a run",
        "A run that needs a decision stays as it is, for good.",
        ("POST", "/runs/{target}/abandon"),
        RUN,
    )
    .dangerous(),
    lever(
        JOBS,
        "release-lease",
        "Release a lease",
        "Others can take it at once; what its holder still writes is refused.",
        ("POST", "/leases/{target}/release"),
        LEASE,
    )
    .number("fence", "Fence, as the list of leases shows it")
    .dangerous(),
];

impl Lever {
    /// Returns the lever of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LEVERS.iter().find(|lever| lever.name == name)
    }

    /// The page with its form.
    pub fn page(&self) -> Page {
        Page::of_path(self.page).unwrap_or(Page::Overview)
    }

    /// Makes the request of a form.
    ///
    /// # Errors
    /// A sentence about the field that is wrong.
    pub fn request(&self, form: &LeverForm) -> Result<LeverRequest, String> {
        let target = form.target.trim();
        if target.is_empty() || target.starts_with('.') {
            return Err("say what the change is about".to_owned());
        }
        let mut body = Map::new();
        body.extend(self.body.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        let mut confirm = form.confirm.trim().to_owned();
        if self.target == Target::Ids {
            let ids: Result<Vec<i64>, _> = target.split(',').map(|id| id.trim().parse::<i64>()).collect();
            body.insert("ids".to_owned(), json!(ids.map_err(|_| "ids are whole numbers, with commas between")?));
            confirm.retain(|letter| letter != ' ');
        }
        if let Some((member, label)) = self.number {
            let number: i64 = form.number.trim().parse().map_err(|_| format!("{label}: a whole number is missing"))?;
            body.insert(member.to_owned(), json!(number));
        }
        for (name, text) in [("author", form.author.trim()), ("reason", form.reason.trim()), ("confirm", &confirm)] {
            if !text.is_empty() {
                body.insert(name.to_owned(), json!(text));
            }
        }
        let encoded = utf8_percent_encode(target, NON_ALPHANUMERIC).to_string();
        Ok(LeverRequest {
            method: self.method,
            path: self.path.replace("{target}", &encoded),
            body: Value::Object(body),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, form: &LeverForm) -> Result<LeverRequest, String> {
        Lever::named(name).unwrap().request(form)
    }

    #[test]
    fn a_form_is_the_request_of_its_lever_with_the_target_encoded() {
        let form =
            LeverForm { target: "a/b?c".into(), reason: " why ".into(), author: "ada".into(), ..LeverForm::default() };
        let made = request("trip", &form).unwrap();
        assert_eq!((made.method, made.path.as_str()), ("PUT", "/policies/a%2Fb%3Fc/breaker"));
        assert_eq!(made.body, json!({ "order": "open", "author": "ada", "reason": "why" }));
        let form = LeverForm { target: "17, 18".into(), confirm: "17, 18".into(), ..form };
        assert_eq!(request("drop", &form).unwrap().body["ids"], json!([17, 18]));
        assert_eq!(request("drop", &form).unwrap().body["confirm"], "17,18");
        let form = LeverForm { target: "night".into(), number: "7".into(), ..form };
        assert_eq!(request("release-lease", &form).unwrap().body["fence"], 7);
    }

    #[test]
    fn a_form_without_a_target_or_with_a_malformed_number_is_no_request() {
        let empty = LeverForm::default();
        assert!(request("trip", &empty).is_err());
        for target in ["..", "."] {
            assert!(request("trip", &LeverForm { target: target.into(), ..LeverForm::default() }).is_err());
        }
        let form = LeverForm { target: "1,b".into(), number: "many".into(), ..empty };
        assert!(request("drop", &form).is_err() && request("limit-calls", &form).is_err());
    }

    #[test]
    fn each_lever_is_on_a_page_that_there_is() {
        assert!(LEVERS.iter().all(|lever| Page::of_path(lever.page).is_some()));
    }

    #[test]
    fn levers_have_names_of_their_own() {
        let mut names: Vec<&str> = LEVERS.iter().map(|lever| lever.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LEVERS.len());
    }
}
