//! Reads the file of a drill: every mistake with its line.

use std::path::Path;

use keel_input::diagnostics::{Mistakes, Reading};

use super::Plan;
use super::check;
use super::error::PlanError;
use super::places::{At, Places};

/// The name of a drill that was given as text.
const UNNAMED: &str = "drill.toml";

impl Plan {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no plan, or does more than its own blast radius allows: a line for each mistake.
    pub fn from_file(path: &Path) -> Result<Self, PlanError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| PlanError(format!("{name}: {error}")))?;
        Self::parse(&name, &text)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When it is no plan, or does more than its own blast radius allows.
    pub fn from_text(text: &str) -> Result<Self, PlanError> {
        Self::parse(UNNAMED, text)
    }

    /// The file and line of a part, for a mistake in it.
    pub fn place(&self, at: At) -> &str {
        self.places.told(at)
    }

    fn parse(name: &str, text: &str) -> Result<Self, PlanError> {
        let refused = |mistakes: Mistakes| PlanError(mistakes.to_string());
        let mut reading = Reading::new(name, text);
        let mut plan: Self = reading.toml().map_err(refused)?;
        plan.places = Places::of(name, &reading);
        for (at, what) in check::mistakes(&plan) {
            reading.wrong(&plan.places.span(at), what);
        }
        reading.ended(Some(plan)).map_err(refused)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const PLAN: &str = r#"title = "t"
description = "d"
[blast-radius]
dependencies = ["bank"]
[load]
rate = 10
lasts = "10s"
mix = { look = 1 }
[[step]]
name = "slow"
at = "2s"
lasts = "1500ms"
does = { slow = { dependency = "bank", by = "2s" } }
[[hypothesis]]
name = "it answers"
load = { thresholds = ["errors<=0%"] }
[[hypothesis]]
name = "it is there"
http = { path = "/" }
[[abort]]
name = "all fails"
errors = 0.9
"#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(PLAN.contains(from), "{from:?} is in the file");
        Plan::from_text(&PLAN.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_reported_with_file_line_key_and_the_nearest_word() {
        for (from, to, told) in [
            ("title =", "titel =", "drill.toml:1: unknown field `titel`: did you mean `title`?"),
            ("rate = 10", "rates = 10", "drill.toml:6: unknown field `rates`: did you mean `rate`?"),
            ("slow = {", "slwo = {", "drill.toml:13: there is no `slwo`: did you mean `slow`? Known here: slow, down"),
            ("lasts = \"10s\"", "lasts = \"10\"", "drill.toml:7: `lasts`: \"10\" is no duration"),
            ("by = \"2s\"", "by = 2", "drill.toml:13: `by`: invalid type"),
            ("rate = 10", "rate = 0", "drill.toml:5: a rate of 0"),
            ("lasts = \"1500ms\"", "lasts = \"9s\"", "drill.toml:9: the step \"slow\" ends after the load"),
            (
                "load = { thresholds",
                "command = \"true\"\nload = { thresholds",
                "drill.toml:14: the hypothesis \"it answers\" needs exactly one",
            ),
            ("errors = 0.9", "", "drill.toml:20: the abort condition \"all fails\""),
        ] {
            assert!(refusal(from, to).starts_with(told), "{}", refusal(from, to));
        }
    }

    #[test]
    fn all_mistakes_of_a_plan_are_reported_together_in_the_order_of_the_lines() {
        let text =
            PLAN.replace("rate = 10", "rate = 0").replace("dependencies = [\"bank\"]", "").replace("errors = 0.9", "");
        let told = Plan::from_text(&text).unwrap_err().to_string();
        let places: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["drill.toml:5", "drill.toml:9", "drill.toml:20"], "{told}");
    }

    #[test]
    fn parts_are_found_in_the_file() {
        let plan = Plan::from_text(PLAN).unwrap();
        for (at, place) in [
            (At::Whole, "drill.toml"),
            (At::BlastRadius, "drill.toml:3"),
            (At::Load, "drill.toml:5"),
            (At::Step(0), "drill.toml:9"),
            (At::Hypothesis(1), "drill.toml:17"),
            (At::Abort(0), "drill.toml:20"),
            (At::Abort(1), "drill.toml"),
        ] {
            assert_eq!(plan.place(at), place);
        }
    }
}
