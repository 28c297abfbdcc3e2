//! The steps of a workflow in YAML, by its lines and their indentation: no YAML parser, enough to see what a step runs and what
//! turns it off.

use std::ops::Range;

/// Keys whose value is a command, or a list of them.
const RUNS: [&str; 7] = ["run", "script", "before_script", "after_script", "command", "commands", "bash"];

/// A step that runs something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Lines of a shell.
    pub(super) text: String,
    /// The action that it uses.
    pub(super) uses: Option<String>,
    /// Why its failure does not count.
    pub(super) ignored: Option<String>,
}

/// A line with the column of its key, and that of its dash when it begins an item of a list.
struct Line<'t> {
    column: usize,
    dash: Option<usize>,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn of(line: &'t str) -> Self {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match text.strip_prefix("- ").map(str::trim_start) {
            Some(inside) => Self { column: line.len() - inside.len(), dash: Some(indent), text: inside.trim_end() },
            None => Self { column: indent, dash: None, text: text.trim_end() },
        }
    }

    fn key(&self) -> Option<(&'t str, &'t str)> {
        let (key, value) = self.text.split_once(':')?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)).then_some((key, value.trim()))
    }

    /// The leftmost of its columns: where it ends what is deeper.
    fn begins(&self) -> usize {
        self.dash.unwrap_or(self.column)
    }
}

/// Every step of a text.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let lines: Vec<Line<'_>> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(Line::of)
        .collect();
    let mut steps = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some((key, value)) = lines[at].key() else {
            at += 1;
            continue;
        };
        let inside = deeper(&lines, at);
        if key == "uses" {
            let ignored = turned_off(&lines, at);
            steps.push(Step { text: String::new(), uses: Some(unquoted(value).to_owned()), ignored });
        } else if RUNS.contains(&key) {
            let block = value.is_empty() || value.starts_with(['|', '>']);
            let text = if block {
                let lines = lines[inside.clone()].iter().map(|line| unquoted(line.text));
                lines.collect::<Vec<_>>().join("\n")
            } else {
                unquoted(value).to_owned()
            };
            steps.push(Step { text, uses: None, ignored: turned_off(&lines, at) });
            at = inside.end.max(at + 1);
            continue;
        }
        at += 1;
    }
    steps
}

/// The lines below a key: those further to the right, and the items of a list at its own column.
fn deeper(lines: &[Line<'_>], at: usize) -> Range<usize> {
    let column = lines[at].column;
    let below = |line: &Line<'_>| line.begins() > column || line.dash == Some(column);
    let end = lines[at + 1..].iter().position(|line| !below(line)).map_or(lines.len(), |length| at + 1 + length);
    at + 1..end
}

/// The reason when a key beside it, or beside something around it, turns it off or lets it fail.
fn turned_off(lines: &[Line<'_>], at: usize) -> Option<String> {
    lines.iter().enumerate().find_map(|(other, line)| {
        let (key, value) = line.key()?;
        let value = unquoted(value).trim_start_matches("${{").trim_end_matches("}}").trim();
        let off = matches!(
            (key, value),
            ("if", "false")
                | ("continue-on-error" | "allow_failure", "true")
                | ("when", "never" | "manual")
                | ("enabled", "false")
        );
        (off && is_beside_or_around(lines, other, at)).then(|| format!("{key}: {value}"))
    })
}

/// Returns true if the key of line `other` is of the same mapping as line `at`, or of one around it.
fn is_beside_or_around(lines: &[Line<'_>], other: usize, at: usize) -> bool {
    let column = lines[other].column;
    let (from, to) = (other.min(at), other.max(at));
    lines[from + 1..=to].iter().all(|line| line.begins() >= column)
}

fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_turns_off_its_own_step_or_job_only() {
        let text = "jobs:\n  a:\n    if: false\n    steps:\n    - run: one\n  b:\n    steps:\n    - name: x\n      run: two\n    - run: three\n      \
                    continue-on-error: true\n    - run: four\n";
        let found: Vec<(String, bool)> =
            steps(text).into_iter().map(|step| (step.text, step.ignored.is_some())).collect();
        let expected = [("one", true), ("two", false), ("three", true), ("four", false)];
        assert_eq!(found, expected.map(|(text, ignored)| (text.to_owned(), ignored)));
    }

    #[test]
    fn lists_and_blocks_of_commands_are_read_whole() {
        let text = "job:\n  script:\n    - one\n    - \"two\"\n  after_script:\n  - three\nother:\n  run: |\n    four\n      five\n  x: y\n";
        let found: Vec<String> = steps(text).into_iter().map(|step| step.text).collect();
        assert_eq!(found, ["one\ntwo", "three", "four\nfive"]);
    }
}
