//! Reads one `[[requests]]` of `keel.toml`, and checks it against those before it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use http::{HeaderName, Method};
use serde::Deserialize;
use toml::Spanned;

use keel_input::diagnostics::{Reading, near};
use keel_input::template;

use crate::subject::criticality::Criticality;
use crate::subject::request::{COOKIE, Expires, MAX_KEEP, Records, RequestSpec, Steps};
use crate::subject::values::url_path;

/// The names that every template knows.
const ALWAYS_KNOWN: [&str; 3] = ["key", "n", "number"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Name in reports; unique.
    /// Required.
    /// Example: `name = "open an account"`
    name: String,
    /// Method.
    /// Default: `GET`.
    /// Example: `method = "POST"`
    method: Option<Spanned<String>>,
    /// Path with query; a template.
    /// Required.
    /// Example: `path = "/v1/accounts"`
    path: Spanned<String>,
    /// Headers; values are templates.
    /// Default: none.
    /// Example: `headers = { "Idempotency-Key" = "{key}" }`
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    /// Body as JSON; its strings are templates.
    /// Default: none.
    /// Example: `json = { currency = "EUR" }`
    json: Option<Spanned<serde_json::Value>>,
    /// Body as text; a template. Not together with `json`.
    /// Default: none.
    /// Example: `body = "currency=EUR"`
    body: Option<Spanned<String>>,
    /// Expected status.
    /// Default: any status below 400.
    /// Example: `expect = 201`
    expect: Option<Spanned<u16>>,
    /// Names for values of the answer, for later requests: JSON pointers, or `cookie:NAME` for a cookie that it sets, as `NAME=VALUE`.
    /// Default: none.
    /// Example: `save = { account = "/id", session = "cookie:sid" }`
    #[serde(default)]
    save: BTreeMap<String, Spanned<String>>,
    /// Dependencies that the request reaches.
    /// Default: none.
    /// Example: `uses = ["bank"]`
    #[serde(default)]
    uses: Vec<Spanned<String>>,
    /// Dependencies of `uses` that are called only after the answer, in work that no caller waits for; their calls are not examined.
    /// Default: none.
    /// Example: `later = ["bank"]`
    #[serde(default)]
    later: Vec<Spanned<String>>,
    /// The service makes a second call beside a slow one.
    /// Default: `false`.
    /// Example: `hedged = true`
    #[serde(default)]
    hedged: bool,
    /// Path at which the created thing can be read back; a template.
    /// Default: not read back.
    /// Example: `read = "/v1/accounts/1"`
    read: Option<Spanned<String>>,
    /// Values of the answer at `read`, by JSON pointers, once the work that the request asks for is done. It needs `later` and `read`.
    /// Default: background jobs are not examined.
    /// Example: `done = { "/status" = "paid" }`
    #[serde(default)]
    done: BTreeMap<String, Spanned<serde_json::Value>>,
    /// `"plain"`: its jobs need neither priorities, schedules, an order per key nor a rate limit.
    /// Default: that is not examined, and unknown.
    /// Example: `jobs = "plain"`
    jobs: Option<Spanned<String>>,
    /// Values at JSON pointers of `json` with which the work that the request asks for could be processed: as it is written, the work becomes a dead letter, and it is no part of the mix. It needs `json`, `read` and `done`.
    /// Default: dead letters are not examined.
    /// Example: `dead = { "/destination" = "known" }`
    #[serde(default)]
    dead: BTreeMap<String, Spanned<serde_json::Value>>,
    /// The work that the request asks for takes several steps that call a dependency; it is no part of the mix. `fails`: values at JSON pointers of `json` with which a step fails for good; `undone`: values at `read` then; `effect` and `value`: path and JSON pointer of a number that each work moves once. It needs `later`, `read` and `done`.
    /// Default: steps are not examined.
    /// Example: `steps = { fails = { "/to" = "unknown" }, undone = { "/status" = "refused" }, effect = "/count", value = "/orders" }`
    steps: Option<Spanned<Steps>>,
    /// Declares that the object of the request is deleted after a time: with the variables `env`, after `keep`, of at most 30 s; it is no part of the mix. It needs `read`.
    /// Default: retention is not examined.
    /// Example: `expires = { env = { ORDER_RETENTION = "2s" }, keep = "2s" }`
    expires: Option<Spanned<ExpiresTable>>,
    /// The records that the request takes in, in the place of `{records}` in its body; it is no part of the mix. `good` and each of `bad` are templates of `{record}`, a name of its own; `head` comes first, `between` (a new line) between two; a record that was taken is found at `read`, with `admin = true` on the admin listener; `counters` names those of good and of bad records in the metrics.
    /// Default: records are not examined.
    /// Example: `records = { good = "{record},7", bad = ["{record},x"], read = "/orders/{record}", counters = ["good_total", "bad_total"] }`
    records: Option<Records>,
    /// Header that makes the request safe to repeat.
    /// Default: none.
    /// Example: `idempotent = "Idempotency-Key"`
    idempotent: Option<Spanned<String>>,
    /// The answer is a list; paging is examined.
    /// Default: `false`.
    /// Example: `list = true`
    #[serde(default)]
    list: bool,
    /// The request takes longer than its deadline, on purpose.
    /// Default: `false`.
    /// Example: `slow = true`
    #[serde(default)]
    slow: bool,
    /// Deadline of this request, where it is shorter than the service's.
    /// Default: the service's.
    /// Example: `deadline = "2s"`
    deadline: Option<Spanned<String>>,
    /// The request computes for long; it is not part of loads.
    /// Default: `false`.
    /// Example: `heavy = true`
    #[serde(default)]
    heavy: bool,
    /// The request crashes its handler or worker, on purpose.
    /// Default: `false`.
    /// Example: `crash = true`
    #[serde(default)]
    crash: bool,
    /// Class of the request under overload: `critical`, `default`, or `sheddable`, which is refused first.
    /// Default: not examined.
    /// Example: `criticality = "critical"`
    criticality: Option<Spanned<String>>,
    /// Name of the partition with capacity of its own that serves the request; a storm on it must not harm requests of others.
    /// Default: not examined.
    /// Example: `bulkhead = "search"`
    bulkhead: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiresTable {
    env: BTreeMap<String, String>,
    keep: String,
}

/// The names that a request may use.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Declared dependencies.
    pub(super) dependencies: BTreeSet<String>,
    /// The names that earlier requests save.
    saved: BTreeSet<String>,
    /// The names of earlier requests.
    requests: BTreeSet<String>,
}

/// Checks a request against what stands before it, and makes its names known to the next.
pub(super) fn spec(reading: &mut Reading<'_>, request: Spanned<Request>, known: &mut Known) -> RequestSpec {
    let (whole, request) = (request.span(), request.into_inner());
    if !known.requests.insert(request.name.clone()) {
        reading
            .wrong(&whole, format!("two requests are called {:?}: reports name them, give each its own", request.name));
    }
    let method = request.method.as_ref().map_or("GET", |method| method.get_ref()).to_ascii_uppercase();
    if let Some(written) = &request.method
        && Method::from_bytes(method.as_bytes()).is_err()
    {
        reading.wrong(&written.span(), format!("{:?} is no method: expected such as GET or POST", written.get_ref()));
    }
    path(reading, &request.path, &known.saved);
    for (name, value) in &request.headers {
        header(reading, value, name);
        templates(reading, value, &known.saved);
    }
    if let Some(header_name) = &request.idempotent {
        header(reading, header_name, header_name.get_ref());
    }
    if let (Some(_), Some(body)) = (&request.json, &request.body) {
        reading.wrong(&body.span(), "it has `json` and `body`: keep one");
    }
    let mut in_body = known.saved.clone();
    in_body.extend(request.records.as_ref().map(|_| "records".to_owned()));
    if let Some(json) = &request.json {
        json_templates(reading, &json.span(), json.get_ref(), &in_body);
    }
    if let Some(body) = &request.body {
        templates(reading, body, &in_body);
    }
    if let Some(status) = request.expect.as_ref().filter(|status| !(100..600).contains(status.get_ref())) {
        reading.wrong(&status.span(), format!("{} is no status: expected such as 201", status.get_ref()));
    }
    for used in &request.uses {
        declared(reading, used, &known.dependencies);
    }
    for later in &request.later {
        if !request.uses.iter().any(|used| used.get_ref() == later.get_ref()) {
            let name = later.get_ref();
            reading.wrong(&later.span(), format!("{name:?} is not in `uses` of this request: add it there as well"));
        }
    }
    for (name, pointer) in &request.save {
        let text = pointer.get_ref();
        let is_cookie = text.strip_prefix(COOKIE).is_some_and(|name| !name.is_empty());
        if !text.is_empty() && !text.starts_with('/') && !is_cookie {
            let what = format!("{text:?} is no JSON pointer and no cookie: expected such as /id or cookie:sid");
            reading.wrong(&pointer.span(), what);
        }
        known.saved.insert(name.clone());
    }
    if let Some(read) = &request.read {
        path(reading, read, &known.saved);
    }
    for (pointer, value) in &request.done {
        if !pointer.starts_with('/') {
            reading.wrong(&value.span(), format!("`done`: {pointer:?} is no JSON pointer: expected such as /status"));
        } else if request.read.is_none() || request.later.is_empty() && request.dead.is_empty() {
            let what =
                "`done` needs `read`, where the value is, and `later`, the dependency that the work calls: add them";
            reading.wrong(&value.span(), what);
        }
    }
    work_apart(reading, &request);
    let expires = request.expires.as_ref().and_then(|table| retention(reading, table, request.read.is_some()));
    if let Some(written) = request.jobs.as_ref().filter(|word| word.get_ref() != "plain") {
        reading
            .wrong(&written.span(), format!("`jobs` = {:?}: expected \"plain\", or leave it out", written.get_ref()));
    }
    let deadline = request.deadline.as_ref().and_then(|text| {
        let read = keel_input::duration::parse(text.get_ref()).map_err(|what| format!("`deadline` = {what}"));
        reading.kept(&text.span(), read)
    });
    let criticality = request.criticality.as_ref().and_then(|written| {
        let (name, words) = (written.get_ref(), Criticality::ALL.map(Criticality::name).join(", "));
        let read =
            Criticality::named(name).ok_or_else(|| format!("{name:?} is no criticality: expected one of {words}"));
        reading.kept(&written.span(), read)
    });
    if let Some(written) = request.bulkhead.as_ref().filter(|name| name.get_ref().trim().is_empty()) {
        reading.wrong(&written.span(), "`bulkhead` has no name: expected such as \"search\", or leave it out");
    }
    RequestSpec {
        name: request.name,
        method,
        path: request.path.into_inner(),
        headers: request.headers.into_iter().map(|(name, value)| (name, value.into_inner())).collect(),
        json: request.json.map(Spanned::into_inner),
        body: request.body.map(Spanned::into_inner),
        expect: request.expect.map(Spanned::into_inner),
        save: request.save.into_iter().map(|(name, pointer)| (name, pointer.into_inner())).collect(),
        uses: request.uses.into_iter().map(Spanned::into_inner).collect(),
        later: request.later.into_iter().map(Spanned::into_inner).collect(),
        hedged: request.hedged,
        read: request.read.map(Spanned::into_inner),
        done: request.done.into_iter().map(|(pointer, value)| (pointer, value.into_inner())).collect(),
        plain_jobs: request.jobs.is_some(),
        dead: request.dead.into_iter().map(|(pointer, value)| (pointer, value.into_inner())).collect(),
        expires,
        records: request.records,
        steps: request.steps.map(Spanned::into_inner),
        idempotent: request.idempotent.map(Spanned::into_inner),
        list: request.list,
        slow: request.slow,
        deadline,
        heavy: request.heavy,
        crash: request.crash,
        criticality,
        bulkhead: request.bulkhead.map(Spanned::into_inner),
    }
}

/// Reads a retention.
fn retention(reading: &mut Reading<'_>, table: &Spanned<ExpiresTable>, is_read: bool) -> Option<Expires> {
    if !is_read {
        reading.wrong(&table.span(), "`expires` needs `read`, which shows whether the row is there: add it");
    }
    let read = keel_input::duration::parse(&table.get_ref().keep).map_err(|what| format!("`keep` = {what}"));
    let bounded = read.and_then(|keep| match keep <= MAX_KEEP {
        true => Ok(keep),
        false => Err(format!("`keep` = {keep:?} is longer than {MAX_KEEP:?}: set variables that make it shorter")),
    });
    let keep = reading.kept(&table.span(), bounded)?;
    Some(Expires { env: table.get_ref().env.clone(), keep })
}

/// Checks a request whose work is examined by itself.
fn work_apart(reading: &mut Reading<'_>, request: &Request) {
    let lacks_end = request.read.is_none() || request.done.is_empty();
    let json = request.json.as_ref().map(Spanned::get_ref);
    let at = |reading: &mut Reading<'_>, span: &Range<usize>, name: &str, pointer: &str| {
        if json.is_none_or(|json| json.pointer(pointer).is_none()) {
            let what = format!(
                "`{name}`: {pointer:?} names no value of `json`: expected a JSON pointer to one, such as /name"
            );
            reading.wrong(span, what);
        }
    };
    for (pointer, value) in &request.dead {
        at(reading, &value.span(), "dead", pointer);
        if lacks_end {
            reading
                .wrong(&value.span(), "`dead` needs `read` and `done`, which show whether the work is done: add them");
        }
    }
    if let Some(steps) = &request.steps {
        let span = steps.span();
        for pointer in steps.get_ref().fails.keys() {
            at(reading, &span, "steps", pointer);
        }
        if lacks_end || request.later.is_empty() {
            let what = "`steps` needs `later`, the dependency that the steps call, and `read` and `done`, which show the end: add them";
            reading.wrong(&span, what);
        }
        if steps.get_ref().fails.is_empty() != steps.get_ref().undone.is_empty() {
            reading.wrong(&span, "`steps`: `fails` and `undone` go together: add the other");
        }
    }
}

fn path(reading: &mut Reading<'_>, path: &Spanned<String>, saved: &BTreeSet<String>) {
    reading.kept(&path.span(), url_path(path.get_ref()));
    templates(reading, path, saved);
}

fn header(reading: &mut Reading<'_>, place: &Spanned<String>, name: &str) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        reading.wrong(&place.span(), format!("{name:?} is no name of a header: expected such as Idempotency-Key"));
    }
    if ["content-length", "transfer-encoding"].iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
        reading.wrong(&place.span(), format!("{name} is written by keel, from the body: leave it out"));
    }
}

fn declared(reading: &mut Reading<'_>, used: &Spanned<String>, dependencies: &BTreeSet<String>) {
    let name = used.get_ref();
    if dependencies.contains(name) {
        return;
    }
    let near = near(name, dependencies.iter().map(String::as_str));
    let hint = near.first().map_or_else(String::new, |near| format!("did you mean {near:?}? Else "));
    reading.wrong(&used.span(), format!("no dependency is called {name:?}: {hint}declare it in [dependencies.{name}]"));
}

/// A name in braces that nothing saves would be sent as it is written.
fn templates(reading: &mut Reading<'_>, template: &Spanned<String>, saved: &BTreeSet<String>) {
    unfilled(reading, &template.span(), template.get_ref(), saved);
}

/// The same in every string of a JSON body, the names of its fields included.
fn json_templates(reading: &mut Reading<'_>, span: &Range<usize>, json: &serde_json::Value, saved: &BTreeSet<String>) {
    use serde_json::Value;
    match json {
        Value::String(text) => unfilled(reading, span, text, saved),
        Value::Array(items) => items.iter().for_each(|item| json_templates(reading, span, item, saved)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(name) = template::unknown(name, |_| false).first() {
                    let what = format!(
                        "{{{name}}} is the name of a field of `json`: only values are filled, use `body` instead"
                    );
                    reading.wrong(&reading.within(span, &format!("{{{name}}}")), what);
                }
                json_templates(reading, span, field, saved);
            }
        }
        _ => {}
    }
}

fn unfilled(reading: &mut Reading<'_>, span: &Range<usize>, template: &str, saved: &BTreeSet<String>) {
    let is_known = |name: &str| saved.contains(name) || ALWAYS_KNOWN.contains(&name);
    for name in template::unknown(template, is_known) {
        let known = saved.iter().map(String::as_str).chain(ALWAYS_KNOWN);
        let known: Vec<String> = known.map(|name| format!("{{{name}}}")).collect();
        reading.wrong(
            &reading.within(span, &format!("{{{name}}}")),
            format!(
                "nothing before this saves {{{name}}}; known here: {}. An earlier request saves it with `save = {{ {name} = \
                 \"/id\" }}`; text in braces that is no template has a space in it, such as {{ {name} }}",
                known.join(", ")
            ),
        );
    }
}
