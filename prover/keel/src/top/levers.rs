//! The changes of the admin API that a form of `keel top` can ask for; `docs/guide/admin.md` documents each.

use http::Method;
use keel_wire::http::Request;
use serde_json::{Map, Number, Value, json};

/// A change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lever {
    pub(super) title: &'static str,
    pub(super) effect: &'static str,
    method: &'static str,
    /// `{target}` stands for the target.
    path: &'static str,
    /// A member of the body that does not vary.
    body: Option<(&'static str, &'static str)>,
    /// The member of the body for a number that the change needs.
    pub(super) number: Option<&'static str>,
    pub(super) target: &'static str,
    /// True where the target is a list of ids in the body, with commas between.
    ids: bool,
    /// True where nothing undoes it: the target has to be written twice.
    pub(super) confirm: bool,
}

const fn lever(
    title: &'static str,
    effect: &'static str,
    target: &'static str,
    method: &'static str,
    path: &'static str,
) -> Lever {
    Lever { title, effect, method, path, body: None, number: None, target, ids: false, confirm: false }
}

impl Lever {
    const fn with(self, member: &'static str, word: &'static str) -> Self {
        Self { body: Some((member, word)), ..self }
    }

    const fn number(self, member: &'static str) -> Self {
        Self { number: Some(member), ..self }
    }

    const fn of_ids(self) -> Self {
        Self { ids: true, ..self }
    }

    const fn confirmed(self) -> Self {
        Self { confirm: true, ..self }
    }
}

const BREAKER: &str = "/policies/{target}/breaker";
const POLICY: &str = "/policies/{target}";
const QUEUE: &str = "/queues/{target}/pause";

/// All of them, in the order of the list.
pub(super) const LEVERS: [Lever; 15] = [
    lever(
        "Trip a breaker",
        "All calls to the dependency are refused until it is released.",
        "dependency",
        "PUT",
        BREAKER,
    )
    .with("order", "open"),
    lever("Release a breaker", "The breaker decides again.", "dependency", "DELETE", BREAKER),
    lever(
        "Limit the rate of calls",
        "At most this many calls a second, until the next start.",
        "dependency",
        "PATCH",
        POLICY,
    )
    .number("rate"),
    lever(
        "Limit attempts",
        "At most this many attempts for a call, until the next start.",
        "dependency",
        "PATCH",
        POLICY,
    )
    .number("attempts"),
    lever("Pause a queue", "Nothing of it is claimed, on all nodes; jobs that run go on.", "queue", "PUT", QUEUE),
    lever("Resume a queue", "Its jobs are claimed again.", "queue", "DELETE", QUEUE),
    lever(
        "Limit a queue",
        "At most this many jobs at once over all nodes; 0 removes the limit.",
        "queue",
        "PATCH",
        "/queues/{target}",
    )
    .number("running"),
    lever(
        "Pause a kind of job",
        "Nothing of the kind is claimed, on all nodes.",
        "kind",
        "PUT",
        "/kinds/{target}/pause",
    ),
    lever("Resume a kind of job", "Its jobs are claimed again.", "kind", "DELETE", "/kinds/{target}/pause"),
    lever("Start jobs now", "Jobs that would start later start now.", "ids", "POST", "/jobs/retry").of_ids(),
    lever(
        "Redrive dead letters",
        "They are jobs again, with all their attempts.",
        "ids",
        "POST",
        "/dead-letters/redrive",
    )
    .of_ids(),
    lever("Cancel jobs", "Ready jobs are deleted, running ones are stopped.", "ids", "POST", "/jobs/cancel")
        .of_ids()
        .confirmed(),
    lever("Drop dead letters", "They are deleted.", "ids", "POST", "/dead-letters/drop").of_ids().confirmed(),
    lever(
        "Abandon a run",
        "A run that needs a decision is given up as it is.",
        "message id",
        "POST",
        "/runs/{target}/abandon",
    )
    .confirmed(),
    lever(
        "Release a lease",
        "Others can take it at once; the fence of the holder is needed.",
        "lease",
        "POST",
        "/leases/{target}/release",
    )
    .number("fence")
    .confirmed(),
];

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Target,
    Number,
    Reason,
    Confirm,
}

/// A form that is being filled in.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) lever: Lever,
    /// The fields of the lever, in order, with what was typed.
    pub(super) fields: Vec<(Field, String)>,
    /// The field that is typed into.
    pub(super) at: usize,
}

impl Form {
    pub(super) fn new(lever: Lever) -> Self {
        let number = lever.number.map(|_| Field::Number);
        let confirm = lever.confirm.then_some(Field::Confirm);
        let fields = [Some(Field::Target), number, Some(Field::Reason), confirm].into_iter().flatten();
        Self { lever, fields: fields.map(|field| (field, String::new())).collect(), at: 0 }
    }

    pub(super) fn label(&self, field: Field) -> String {
        match field {
            Field::Target if self.lever.ids => "ids, with commas between".to_owned(),
            Field::Target => self.lever.target.to_owned(),
            Field::Number => self.lever.number.unwrap_or_default().to_owned(),
            Field::Reason => "reason".to_owned(),
            Field::Confirm => format!("the {} again: this cannot be undone", self.lever.target),
        }
    }

    fn text(&self, field: Field) -> &str {
        self.fields.iter().find(|(given, _)| *given == field).map_or("", |(_, text)| text.trim())
    }

    /// The target as the service knows it: of ids without spaces.
    fn target(&self, field: Field) -> String {
        let text = self.text(field);
        if self.lever.ids { text.replace(' ', "") } else { text.to_owned() }
    }

    /// The request of the form, by this author where operators have no tokens; or what is missing.
    pub(super) fn request(&self, author: &str, token: Option<&str>) -> Result<Request, String> {
        for (field, text) in &self.fields {
            if text.trim().is_empty() {
                return Err(format!("{} is missing", self.label(*field)));
            }
        }
        let target = self.target(Field::Target);
        if self.lever.confirm && self.target(Field::Confirm) != target {
            return Err(format!("{:?} does not repeat {target:?}", self.text(Field::Confirm)));
        }
        let mut body = Map::from_iter([("reason".to_owned(), json!(self.text(Field::Reason)))]);
        let mut set = |member: &str, value: Value| drop(body.insert(member.to_owned(), value));
        if token.is_none() {
            set("author", json!(author));
        }
        if let Some((member, word)) = self.lever.body {
            set(member, json!(word));
        }
        if let Some(member) = self.lever.number {
            let text = self.text(Field::Number);
            let number = text.parse::<Number>().map_err(|_| format!("{member}: {text:?} is not a number"))?;
            set(member, Value::Number(number));
        }
        if self.lever.ids {
            let ids = target.split(',').map(|id| id.trim().parse::<i64>()).collect::<Result<Vec<_>, _>>();
            set("ids", json!(ids.map_err(|_| format!("{target:?} are not numbers with commas between"))?));
        }
        if self.lever.confirm {
            set("confirm", json!(target));
        }
        let path = self.lever.path.replace("{target}", &encoded(&target));
        let method = Method::from_bytes(self.lever.method.as_bytes()).map_err(|error| error.to_string())?;
        let request = Request::new(method, path).json(&Value::Object(body));
        Ok(match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        })
    }
}

/// A segment of a path.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(title: &str, texts: &[&str]) -> Form {
        let mut form = Form::new(*LEVERS.iter().find(|lever| lever.title == title).unwrap());
        assert_eq!(form.fields.len(), texts.len(), "{title}");
        form.fields.iter_mut().zip(texts).for_each(|((_, field), text)| (*text).clone_into(field));
        form
    }

    fn sent(form: &Form, token: Option<&str>) -> (String, Value) {
        let request = form.request("ada", token).unwrap();
        (format!("{} {}", request.method, request.path), serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn a_change_has_its_author_and_its_reason() {
        let (line, body) = sent(&form("Trip a breaker", &["the bank/1", "it hangs"]), None);
        assert_eq!(line, "PUT /policies/the%20bank%2F1/breaker");
        assert_eq!(body, json!({"author": "ada", "reason": "it hangs", "order": "open"}));
    }

    #[test]
    fn with_a_token_it_says_who_changes_something() {
        let request = form("Limit attempts", &["rail", "1", "why not"]).request("ada", Some("secret")).unwrap();
        assert!(request.headers.contains(&("authorization".to_owned(), "Bearer secret".to_owned())));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({"attempts": 1, "reason": "why not"}));
    }

    #[test]
    fn a_change_that_cannot_be_undone_needs_its_target_twice() {
        let refused = form("Drop dead letters", &["1, 2", "spam", "1"]).request("ada", None).unwrap_err();
        assert_eq!(refused, "\"1\" does not repeat \"1,2\"");
        let (line, body) = sent(&form("Drop dead letters", &["1, 2", "spam", "1,2"]), None);
        assert_eq!(
            (line.as_str(), &body["ids"], &body["confirm"]),
            ("POST /dead-letters/drop", &json!([1, 2]), &json!("1,2"))
        );
    }

    #[test]
    fn every_change_without_a_reason_is_refused_before_it_is_sent() {
        for lever in LEVERS {
            let mut form = Form::new(lever);
            for (field, text) in &mut form.fields {
                if *field != Field::Reason {
                    *text = "1".to_owned();
                }
            }
            assert_eq!(form.request("ada", None).unwrap_err(), "reason is missing", "{}", lever.title);
            form.fields.iter_mut().for_each(|(_, text)| *text = "1".to_owned());
            form.request("ada", None).unwrap();
        }
    }

    #[test]
    fn every_change_is_one_of_the_admin_guide() {
        let guide = include_str!("../../../../docs/guide/admin.md");
        for lever in LEVERS {
            let documented = ["NAME", "ID"]
                .iter()
                .any(|word| guide.contains(&format!("`{} {}`", lever.method, lever.path.replace("{target}", word))));
            assert!(documented, "{} {}", lever.method, lever.path);
        }
    }
}
