//! The commands that CI and make run, as far as their files say: which ones, and whether a failure of one fails the build.
//!
//! Files are read and nothing is run. Known are files of CI (YAML and scripts), makefiles, and the scripts of `package.json`.

mod scope;
mod shell;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use self::shell::Simple;
use super::repository;

/// The most commands that are looked at.
const MAX_COMMANDS: usize = 20_000;
/// Targets of make that people run before they ship, in a repository without CI.
const BY_HAND: [&str; 8] = ["all", "audit", "build", "check", "ci", "lint", "release", "test"];
/// Files in `.ci/` at which a run begins; others are called by them.
const BEGINS: [&str; 5] = ["run", "ci", "main", "build", "test"];

/// A command of the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The file it is in.
    pub(crate) file: PathBuf,
    /// The line as it is written.
    pub(crate) line: String,
    /// Its words: the program (or the action of a workflow) first.
    pub(crate) words: Vec<String>,
    /// Why its failure fails no build, when it does not.
    pub(crate) ignored: Option<String>,
    /// True if CI calls it; without CI, if a usual target of make does.
    pub(crate) reached: bool,
    unit: Unit,
}

/// Unit that is run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    File(PathBuf),
    Target(String),
    Script(String),
}

impl Command {
    /// Returns true if it begins with these words.
    pub(crate) fn is(&self, words: &str) -> bool {
        let mut own = self.words.iter().map(String::as_str);
        words.split(' ').enumerate().all(|(at, word)| {
            own.next().is_some_and(|own| own == word || at == 0 && own.rsplit('/').next() == Some(word))
        })
    }
}

/// The commands of a repository's build, and whether there are files of CI.
pub(crate) fn commands(root: &Path) -> (Vec<Command>, bool) {
    let mut all = Vec::new();
    let mut prerequisites = Vec::new();
    let files = repository::build_files(root);
    for (path, text) in &files {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        if name.contains("makefile") {
            make(path, text, &mut all, &mut prerequisites);
        } else if name == "package.json" {
            scripts(path, text, &mut all);
        } else if is_yaml(&name) {
            yaml(path, text, &mut all);
        } else {
            let unit = Unit::File(path.clone());
            all.extend(script(path, text, &unit));
        }
    }
    all.truncate(MAX_COMMANDS);
    let has_ci = files.iter().any(|(path, _)| repository::is_ci(path));
    reach(&mut all, &prerequisites, has_ci);
    (all, has_ci)
}

/// Returns the output of these shell lines if they only print; `None` for no line at all, which is a target without a recipe.
pub(crate) fn printed(lines: &[String]) -> Option<String> {
    let simples: Vec<Simple> = lines.iter().flat_map(|line| shell::simple(line)).collect();
    let prints = |simple: &Simple| {
        matches!(simple.words.first().map(String::as_str), Some("echo" | "printf" | "true" | ":" | "exit" | "make:"))
    };
    (!simples.is_empty() && simples.iter().all(prints))
        .then(|| simples.iter().map(|simple| simple.words.join(" ")).collect::<Vec<_>>().join("\n"))
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

fn command(path: &Path, line: &str, simple: Simple, unit: &Unit) -> Command {
    Command {
        file: path.to_owned(),
        line: line.trim().to_owned(),
        words: simple.words,
        ignored: simple.ignored,
        reached: false,
        unit: unit.clone(),
    }
}

/// The commands of a script; without `set -e` only the last one decides.
fn script(path: &Path, text: &str, unit: &Unit) -> Vec<Command> {
    let stops = text.lines().any(|line| {
        let line = line.trim();
        line.starts_with("set -") && line.split_whitespace().nth(1).is_some_and(|flags| flags.contains('e'))
            || line.starts_with("#!") && line.contains(" -e")
    });
    let lines = shell::lines(text);
    let mut all = Vec::new();
    for (line, simple) in lines {
        all.push(command(path, &line, simple, unit));
    }
    if !stops {
        let last = all.len().saturating_sub(1);
        for command in &mut all[..last] {
            command.ignored.get_or_insert_with(|| "the script goes on after a failure (no set -e)".to_owned());
        }
    }
    all
}

/// The recipes of a makefile, and which target needs which.
fn make(path: &Path, text: &str, all: &mut Vec<Command>, prerequisites: &mut Vec<(String, String)>) {
    let mut targets: Vec<String> = Vec::new();
    for line in shell::joined(text) {
        if let Some(recipe) = line.strip_prefix('\t') {
            let recipe = recipe.trim_start();
            let plain = recipe.trim_start_matches(['@', '-', '+', ' ']);
            let dashed = recipe[..recipe.len() - plain.len()].contains('-');
            let simples = shell::simple(plain);
            let last = simples.len().saturating_sub(1);
            for (at, mut simple) in simples.into_iter().enumerate() {
                if dashed {
                    simple.ignored = Some("make ignores its failure (-)".to_owned());
                } else if at < last && simple.before_semicolon {
                    simple.ignored.get_or_insert_with(|| "what follows after ; decides".to_owned());
                }
                for target in &targets {
                    all.push(command(path, &line, simple.clone(), &Unit::Target(target.clone())));
                }
            }
        } else if let Some((names, needs)) = line
            .split_once(':')
            .filter(|(names, needs)| !names.contains('=') && !names.starts_with(['#', '\t']) && !needs.starts_with('='))
        {
            targets = names.split_whitespace().map(str::to_owned).collect();
            let needs = needs.split('#').next().unwrap_or_default().split(';').next().unwrap_or_default();
            for target in targets.iter().filter(|target| !target.starts_with('.')) {
                prerequisites.extend(needs.split_whitespace().map(|need| (target.clone(), need.to_owned())));
            }
        } else if !line.trim().is_empty() && !line.starts_with(['#', ' ']) {
            targets.clear();
        }
    }
}

/// The scripts of `package.json`.
fn scripts(path: &Path, text: &str, all: &mut Vec<Command>) {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else { return };
    for (name, line) in json["scripts"].as_object().into_iter().flatten() {
        let line = line.as_str().unwrap_or_default();
        let unit = Unit::Script(name.clone());
        all.extend(shell::simple(line).into_iter().map(|simple| command(path, line, simple, &unit)));
    }
}

/// The commands of a workflow: what is after `run:`, `script:`, `uses:` and the like.
fn yaml(path: &Path, text: &str, all: &mut Vec<Command>) {
    let unit = Unit::File(path.to_owned());
    for step in scope::steps(text) {
        let mut simples = shell::lines(&step.text);
        if let Some(action) = &step.uses {
            let name = action.split('@').next().unwrap_or_default().to_owned();
            simples.push((action.clone(), Simple { words: vec![name], ..Simple::default() }));
        }
        for (line, mut simple) in simples {
            if let Some(reason) = &step.ignored {
                simple.ignored = Some(reason.clone());
            }
            all.push(command(path, &line, simple, &unit));
        }
    }
}

/// Marks what CI gets to: its own commands, and what these call.
fn reach(all: &mut [Command], prerequisites: &[(String, String)], has_ci: bool) {
    let units: BTreeSet<Unit> = all.iter().map(|command| command.unit.clone()).collect();
    let begins = |unit: &Unit| match unit {
        Unit::File(path) if has_ci => {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            repository::is_ci(path) && (!path.starts_with(".ci") || BEGINS.contains(&name.as_str()))
        }
        Unit::File(_) => true,
        Unit::Target(name) => !has_ci && BY_HAND.contains(&name.as_str()),
        Unit::Script(_) => false,
    };
    let mut next: VecDeque<Unit> = units.iter().filter(|unit| begins(unit)).cloned().collect();
    // A target without a recipe of its own is only a name for others.
    if !has_ci {
        next.extend(BY_HAND.iter().map(|name| Unit::Target((*name).to_owned())));
    }
    let mut reached = BTreeSet::new();
    while let Some(unit) = next.pop_front() {
        if !reached.insert(unit.clone()) {
            continue;
        }
        if let Unit::Target(target) = &unit {
            let needs = prerequisites.iter().filter(|(of, _)| of == target);
            next.extend(needs.map(|(_, need)| Unit::Target(need.clone())));
        }
        for command in all.iter().filter(|command| command.unit == unit) {
            next.extend(called(command, &units));
        }
    }
    for command in all {
        command.reached = reached.contains(&command.unit);
    }
}

/// Returns the units that a command calls: targets of make, scripts of a package, files.
fn called(command: &Command, units: &BTreeSet<Unit>) -> Vec<Unit> {
    let arguments = command.words.iter().skip(1).filter(|word| !word.starts_with('-') && !word.contains('='));
    if ["make", "gmake", "$(MAKE)", "${MAKE}", "$MAKE"].iter().any(|make| command.is(make)) {
        return arguments.map(|target| Unit::Target(target.clone())).collect();
    }
    if ["npm", "yarn", "pnpm", "bun"].iter().any(|manager| command.is(manager)) {
        return arguments.map(|name| Unit::Script(name.clone())).collect();
    }
    let is_called = |path: &Path| {
        command.words.iter().any(|word| Path::new(word.trim_start_matches("./").trim_matches('"')) == path)
    };
    units.iter().filter(|unit| matches!(unit, Unit::File(path) if is_called(path))).cloned().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// The words of each command of these files, whether it is reached, and why its failure is ignored.
    fn read(files: &[(&str, &str)]) -> Vec<(String, bool, bool)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (commands, _) = commands(folder.path());
        commands.iter().map(|one| (one.words.join(" "), one.reached, one.ignored.is_some())).collect()
    }

    fn has(found: &[(String, bool, bool)], words: &str, reached: bool, ignored: bool) {
        assert!(found.contains(&(words.to_owned(), reached, ignored)), "{words}: {found:#?}");
    }

    #[test]
    fn a_workflow_is_read_by_steps_with_what_turns_them_off() {
        let found = read(&[(
            ".github/workflows/ci.yml",
            "jobs:\n  a:\n    steps:\n      - run: cargo audit\n      - run: |\n          echo \"cargo deny\"\n          cargo deny check || true\n      \
             - name: x\n        continue-on-error: true\n        run: npm audit\n      - uses: actions/dependency-review-action@v4\n  \
             b:\n    if: false\n    steps:\n      - run: make audit\n  c:\n    steps:\n      - run: make test\n",
        )]);
        has(&found, "cargo audit", true, false);
        has(&found, "echo cargo deny", true, false);
        has(&found, "cargo deny check", true, true);
        has(&found, "npm audit", true, true);
        has(&found, "actions/dependency-review-action", true, false);
        has(&found, "make audit", true, true);
        has(&found, "make test", true, false);
    }

    #[test]
    fn a_target_that_ci_does_not_call_is_not_reached() {
        let makefile = "check: lint\n\tcargo test\nlint:\n\tcargo deny check\naudit:\n\tcargo audit\n";
        let found = read(&[("Makefile", makefile), (".gitlab-ci.yml", "t:\n  script:\n    - make check\n")]);
        has(&found, "cargo deny check", true, false);
        has(&found, "cargo audit", false, false);
        let found = read(&[("Makefile", makefile)]);
        has(&found, "cargo audit", true, false);
        let found = read(&[
            (".ci/run", "set -e\nexec .ci/all\n"),
            (".ci/all", "set -e\ncargo vet\nx\n"),
            (".ci/deny", "cargo audit\n"),
        ]);
        has(&found, "cargo vet", true, false);
        has(&found, "cargo audit", false, false);
    }

    #[test]
    fn make_ignores_a_dash_and_a_script_without_set_e_ignores_all_but_its_last() {
        let found =
            read(&[("Makefile", "check:\n\t-cargo deny check\n\t@cargo audit; true\n\tnpm audit && echo ok\n")]);
        has(&found, "cargo deny check", true, true);
        has(&found, "cargo audit", true, true);
        has(&found, "npm audit", true, false);
        let found = read(&[(".ci/run", "#!/bin/sh\ncargo audit\ncargo test\n")]);
        has(&found, "cargo audit", true, true);
        has(&found, "cargo test", true, false);
    }
}
