//! Compares a drill with the `keel.toml` of its subject before anything is started: requests, dependencies, processes and templates
//! that a drill names must be declared there.

use std::collections::BTreeSet;

use keel_checklist::subject::{Dependencies, Subject};
use keel_drill::experiment::plan::{At, Does, Hypothesis, Plan, Step};
use keel_input::diagnostics::near;
use keel_input::template;

/// The names that every template knows.
const ALWAYS_KNOWN: [&str; 3] = ["key", "n", "number"];

/// The names that a subject declares.
struct Declared<'s> {
    requests: BTreeSet<&'s str>,
    dependencies: BTreeSet<&'s str>,
    processes: BTreeSet<&'s str>,
    saved: BTreeSet<&'s str>,
}

/// Checks that all that the drill names is declared.
///
/// # Errors
/// A line for each name that is not, with file, line and the nearest name.
pub(super) fn check(plan: &Plan, subject: &Subject) -> Result<(), String> {
    let declared = Declared::of(subject);
    let mut wrong: Vec<(At, String)> = Vec::new();
    let mut note = |at: At, what: Option<String>| wrong.extend(what.map(|what| (at, what)));
    for name in plan.load.mix.keys() {
        note(At::Load, declared.request(name));
    }
    for name in &plan.blast_radius.dependencies {
        note(At::BlastRadius, declared.dependency(name));
    }
    for name in &plan.blast_radius.processes {
        note(At::BlastRadius, declared.process(name));
    }
    for (number, step) in plan.steps.iter().enumerate() {
        note(At::Step(number), declared.step(step));
    }
    for (number, hypothesis) in plan.hypotheses.iter().enumerate() {
        for what in declared.hypothesis(hypothesis) {
            note(At::Hypothesis(number), Some(format!("the hypothesis {:?}: {what}", hypothesis.name)));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = wrong.into_iter().map(|(at, what)| format!("{}: {what}", plan.place(at))).collect();
    Err(lines.join("\n"))
}

impl<'s> Declared<'s> {
    fn of(subject: &'s Subject) -> Self {
        let light = subject.requests.iter().filter(|spec| !spec.slow && !spec.heavy && !spec.crash);
        let dependencies = match &subject.dependencies {
            Dependencies::Declared(declared) => declared.as_slice(),
            Dependencies::Unsaid => &[],
        };
        let started = dependencies.iter().filter(|one| one.run.is_some()).map(|one| one.name.as_str());
        Self {
            requests: light.map(|spec| spec.name.as_str()).collect(),
            dependencies: dependencies.iter().map(|one| one.name.as_str()).collect(),
            processes: std::iter::once(subject.name.as_str()).chain(started).collect(),
            saved: subject.requests.iter().flat_map(|spec| spec.save.keys().map(String::as_str)).collect(),
        }
    }

    fn request(&self, name: &str) -> Option<String> {
        let rest = "in [[requests]] of keel.toml, without those that are slow, heavy or crash";
        missing("request", name, &self.requests, rest)
    }

    fn dependency(&self, name: &str) -> Option<String> {
        missing("dependency", name, &self.dependencies, "in [dependencies] of keel.toml")
    }

    fn process(&self, name: &str) -> Option<String> {
        missing("process", name, &self.processes, "by keel: the service, and the dependencies with `run`")
    }

    fn step(&self, step: &Step) -> Option<String> {
        match &step.does {
            Does::Wild { request, .. } => self.request(request),
            _ => None,
        }
    }

    fn hypothesis(&self, hypothesis: &Hypothesis) -> Vec<String> {
        let mut wrong: Vec<String> = Vec::new();
        wrong.extend(hypothesis.http.as_ref().and_then(|http| self.template(&http.path)));
        for path in hypothesis.bank.iter().flat_map(|bank| bank.accounts.values()) {
            wrong.extend(self.template(path));
        }
        let counted = hypothesis.calls.iter().map(|calls| &calls.dependency);
        let listed = hypothesis.effects.iter().map(|effects| &effects.dependency);
        wrong.extend(counted.chain(listed).filter_map(|name| self.dependency(name)));
        wrong
    }

    /// A name in braces that nothing fills.
    fn template(&self, path: &str) -> Option<String> {
        let known = |name: &str| self.saved.contains(name) || ALWAYS_KNOWN.contains(&name);
        let name = template::unknown(path, known).into_iter().next()?;
        let all: Vec<String> = self.saved.iter().chain(&ALWAYS_KNOWN).map(|name| format!("{{{name}}}")).collect();
        Some(format!("nothing fills {{{name}}} in {path:?}; known here: {}", all.join(", ")))
    }
}

/// The mistake of a name that is not among those that are declared.
fn missing(kind: &str, name: &str, declared: &BTreeSet<&str>, place: &str) -> Option<String> {
    if declared.contains(name) {
        return None;
    }
    let near = near(name, declared.iter().copied());
    let hint = near.first().map_or_else(String::new, |near| format!(" did you mean {near:?}?"));
    let known = declared.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none".to_owned() } else { known };
    Some(format!("there is no {kind} {name:?}:{hint} Declared {place}: {known}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::path::Path;

    use super::*;

    const SUBJECT: &str = r#"
        [service]
        name = "shop"
        run = "true"
        url = "http://127.0.0.1:1"
        [dependencies.bank]
        env = "BANK"
        url = "http://127.0.0.1:2"
        [[requests]]
        name = "look"
        path = "/"
        save = { id = "/id" }
    "#;
    const PLAN: &str = r#"title = "t"
description = "d"
[blast-radius]
dependencies = ["bank"]
processes = ["shop"]
load = true
[load]
rate = 10
lasts = "10s"
mix = { look = 1 }
[[step]]
name = "wild"
at = "2s"
lasts = "1s"
does = { wild = { request = "look", connections = 1 } }
[[hypothesis]]
name = "it is there"
http = { path = "/things/{id}" }
"#;

    fn told(from: &str, to: &str) -> Result<(), String> {
        assert!(PLAN.contains(from), "{from:?} is in the file");
        let subject = Subject::from_text("keel.toml", SUBJECT, Path::new("/")).unwrap();
        check(&Plan::from_text(&PLAN.replace(from, to)).unwrap(), &subject)
    }

    #[test]
    fn a_drill_that_names_what_is_declared_is_accepted() {
        told("look", "look").unwrap();
    }

    #[test]
    fn an_undeclared_name_is_reported_with_its_place_and_the_nearest_name() {
        for (from, to, words) in [
            ("mix = { look", "mix = { lok", "drill.toml:7: there is no request \"lok\": did you mean \"look\"?"),
            ("request = \"look\"", "request = \"lok\"", "drill.toml:11: there is no request \"lok\""),
            ("[\"bank\"]", "[\"bnak\"]", "drill.toml:3: there is no dependency \"bnak\": did you mean \"bank\"?"),
            ("[\"shop\"]", "[\"bank\"]", "drill.toml:3: there is no process \"bank\""),
            (
                "{id}",
                "{ids}",
                "drill.toml:16: the hypothesis \"it is there\": nothing fills {ids} in \"/things/{ids}\"; known here: {id}, {key}, {n}, {number}",
            ),
        ] {
            assert!(told(from, to).unwrap_err().starts_with(words), "{:?}", told(from, to));
        }
    }
}
