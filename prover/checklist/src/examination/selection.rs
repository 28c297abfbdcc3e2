//! The attributes that are examined: ids, globs and a chapter.

use keel_catalogue::Catalogue;
use keel_input::diagnostics::near;

use crate::probe::Probe;

/// The chapter of the attributes that people attest.
const PLAN: &str = "plan";
/// The most ids that a refusal names.
const SHOWN: usize = 3;

/// The attributes to examine.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Ids and globs, in which `*` stands for any characters, such as `call.*`; everything when empty.
    pub only: Vec<String>,
    /// Only this chapter.
    pub chapter: Option<String>,
}

impl Selection {
    /// Returns true if an attribute is selected.
    pub fn takes(&self, id: &str) -> bool {
        let chapter = id.split('.').next().unwrap_or_default();
        (self.only.is_empty() || self.only.iter().any(|only| matches(only, id)))
            && self.chapter.as_deref().is_none_or(|wanted| wanted == chapter)
    }

    /// Checks that every word of `only` takes at least one attribute that a probe examines.
    ///
    /// # Errors
    /// A line for each word that takes none, with the nearest words that would.
    pub fn check(&self, probes: &[Probe]) -> Result<(), String> {
        let wrong: Vec<String> = self.only.iter().filter_map(|word| refusal(word, probes)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Returns true if the chapter of attested attributes was selected by its name.
    pub(super) fn is_plan(&self) -> bool {
        self.chapter.as_deref() == Some(PLAN)
    }
}

/// The reason why a word takes no attribute with a probe; none when it takes one.
fn refusal(word: &str, probes: &[Probe]) -> Option<String> {
    if probes.iter().any(|probe| matches(word, probe.id)) {
        return None;
    }
    let catalogue = Catalogue::embedded();
    let known: Vec<&str> = catalogue.attributes().map(|row| row.id.as_str()).filter(|id| matches(word, id)).collect();
    if !known.is_empty() {
        return Some(format!(
            "this version has no probe for {}, so nothing of it can be examined; `keel list` shows the attributes with a \
             probe, and `keel check --chapter {PLAN}` the statements that people attest",
            few(&known)
        ));
    }
    let globs: Vec<String> = catalogue.chapters.iter().map(|chapter| format!("{}.*", chapter.chapter)).collect();
    let words =
        globs.iter().map(String::as_str).filter(|_| word.contains('*')).chain(probes.iter().map(|probe| probe.id));
    let near = near(word, words);
    let hint = if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(", ")) };
    let what = if word.contains('*') { "no attribute matches" } else { "no attribute is called" };
    Some(format!("{what} {word:?}.{hint} `keel list` shows all."))
}

/// The first of many ids, with the number of the others.
fn few(ids: &[&str]) -> String {
    let (shown, rest) = ids.split_at(ids.len().min(SHOWN));
    let rest = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{rest}", shown.join(", "))
}

/// Returns true if a text matches a pattern in which `*` stands for any number of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<&str> = pattern.split('*').collect();
    // There is at least one part, also of an empty pattern.
    let last = parts.pop().unwrap_or_default();
    let Some((first, middle)) = parts.split_first() else { return text == last };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::probes;

    fn refused(word: &str) -> String {
        Selection { only: vec![word.to_owned()], chapter: None }.check(&probes::all()).unwrap_err()
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in
            [("call.*", "call.retry"), ("*", "call.retry"), ("*.retry*", "call.retry-budget"), ("c*t*y", "call.retry")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("call.*", "border.limits"),
            ("call", "call.retry"),
            ("*.retry", "call.retry-budget"),
            ("a*a", "a"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_word_that_takes_a_probe_is_accepted() {
        let only = ["call.*", "border.limits", "*"].map(str::to_owned).to_vec();
        Selection { only, chapter: None }.check(&probes::all()).unwrap();
    }

    #[test]
    fn a_word_that_takes_nothing_is_refused_with_the_nearest_words() {
        assert!(refused("border.limit").contains("Did you mean border.limits?"), "{}", refused("border.limit"));
        assert!(refused("cal.*").contains("call.*"), "{}", refused("cal.*"));
        assert!(
            refused("plan.*").contains("no probe for plan.problem, plan.win, plan.gamble and 13 more"),
            "{}",
            refused("plan.*")
        );
        assert!(refused("access.mfa").contains("no probe for access.mfa"));
    }

    #[test]
    fn all_wrong_words_are_reported_together() {
        let only = ["border.limit", "web.header", "call.*"].map(str::to_owned).to_vec();
        let told = Selection { only, chapter: None }.check(&probes::all()).unwrap_err();
        assert_eq!(told.lines().count(), 2, "{told}");
    }
}
